from __future__ import annotations

import pytest

from gi_classifier.data.cells import (
    Cell,
    as_text,
    further_problem,
    is_blank,
    is_nothing,
    label_text_problem,
    read_label,
    text_problem,
)

NAMES = ("neither 均非", "upper 上消化道", "lower 下消化道")


@pytest.mark.parametrize(
    ("cell", "number"),
    [
        (1, 1),
        (2.0, 2),
        (" 1 ", 1),
        ("2.0", 2),
        ("02", 2),
        ("２", 2),
        ("１．０", 1),
        ("上消化道", 1),
        ("Lower", 2),
        ("0", 0),
        (Cell("number", "1.00", "1"), 1),
        (Cell("number", "001", "1"), 1),
    ],
)
def test_labels_are_numbers_or_names(cell: object, number: int) -> None:
    assert read_label(cell, 3, NAMES) == (number, None)


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        (None, "the label is missing"),
        ("nan", "the label is missing"),
        (float("nan"), "the label is missing"),
        ("1.5", "not an integer from 0 up or one of neither 均非, .*: a number"),
        ("胃镜", "not an integer .*: 2 characters"),
        (True, "not an integer .*: 4 characters"),
        (3, r"the label is out of range 0…2"),
        (Cell("error", "#N/A", problem="the error #N/A"), "the label is the error #N/A"),
        (Cell("date", "2024-05-01"), "not an integer .*: 10 characters"),
    ],
)
def test_what_is_no_label_is_said_without_its_text(cell: object, message: str) -> None:
    number, problem = read_label(cell, 3, NAMES)
    assert number == 0
    with pytest.raises(ValueError, match=message):
        raise ValueError(problem)


def test_cells_as_text_and_what_is_wrong_with_them() -> None:
    assert [as_text(x) for x in (None, float("nan"), 3, " 胃 ", {"a": [1]}, Cell("date", "d"))] == [
        *("", "", "3", "胃", '{"a": [1]}', "d")
    ]
    assert [is_nothing(x) for x in (None, "", " \u200b", float("nan"), "nan", "无", 0)] == [
        *([True] * 4),
        *([False] * 3),
    ]
    assert [is_blank(x) for x in ("nan", "无", "胃", 0)] == [True, True, False, False]
    assert text_problem("胃") is None
    assert text_problem(5) == "not text but int"
    lost = Cell("formula", "", problem="a formula without a stored value")
    assert text_problem(lost) == "the text is a formula without a stored value"
    assert further_problem("id", lost) == "column 'id' is a formula without a stored value"
    assert further_problem("id", Cell("error", "#N/A", problem="the error #N/A")) is None
    assert label_text_problem("心内科") is None
    assert label_text_problem(" ") == "the label is missing"
