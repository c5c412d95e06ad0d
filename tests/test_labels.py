from __future__ import annotations

import json

import pytest

from gi_classifier.labels import Label, names_for


def test_labels_are_the_reference_s_integers() -> None:
    assert [Label.NEITHER, Label.UPPER, Label.LOWER] == [0, 1, 2]
    assert json.dumps(Label.UPPER) == "1"


def test_each_label_has_its_chinese_name() -> None:
    assert [label.chinese for label in Label] == ["均非", "上消化道", "下消化道"]
    assert Label(2).title == "lower 下消化道"


@pytest.mark.parametrize(
    ("count", "given", "wanted"),
    [
        (3, None, tuple(label.title for label in Label)),
        (2, None, ("0", "1")),
        (4, None, ("0", "1", "2", "3")),
        (2, ("否", "是"), ("否", "是")),
        (3, ("a", "b", "c"), ("a", "b", "c")),
    ],
)
def test_names_are_the_given_ones_or_defaults(
    count: int, given: tuple[str, ...] | None, wanted: tuple[str, ...]
) -> None:
    assert names_for(count, given) == wanted
