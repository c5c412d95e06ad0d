"""Lines in the order in which people read them."""

from __future__ import annotations

import numpy as np

from gi_classifier.data.pictures.reading_order import given_order, reading_order, wrapped


def box(left: float, top: float, width: float, height: float = 20) -> list[float]:
    return [left, top, left + width, top + height]


def order(boxes: list[list[float]]) -> list[list[int]]:
    return [row.places for row in reading_order(np.array(boxes, dtype=float))]


def test_no_line_has_no_order() -> None:
    assert reading_order(np.zeros((0, 4))) == []


def test_cells_of_a_form_are_read_row_by_row() -> None:
    boxes = [box(x, y, 90) for y in (200, 100, 0) for x in (400, 200, 0)]
    assert order(boxes) == [[8, 7, 6], [5, 4, 3], [2, 1, 0]]


def test_a_form_of_two_short_columns_is_read_row_by_row() -> None:
    boxes = [box(x, y, 110) for y in (0, 40, 80, 120) for x in (0, 300)]
    assert order(boxes) == [[0, 1], [2, 3], [4, 5], [6, 7]]


def test_running_text_in_two_columns_is_read_column_by_column() -> None:
    left = [box(0, y, 400) for y in (100, 130, 160, 190)]
    right = [box(450, y, 400) for y in (104, 134, 164, 194)]
    title, foot = box(200, 20, 400), box(0, 300, 500)
    assert order([title, *left, *right, foot]) == [[i] for i in range(10)]


def test_notes_beside_running_text_do_not_stand_in_its_sentences() -> None:
    text = [box(0, 30 * number, width) for number, width in enumerate((80, 400, 120, 80, 400))]
    notes = [box(450, y, 50) for y in (10, 62, 110)]
    assert order([*text, *notes]) == [[i] for i in range(8)]


def test_rows_that_slant_stay_together() -> None:
    boxes = [box(x, y + 0.04 * x, 90) for y in (0, 40) for x in (0, 200, 400, 600)]
    assert order(boxes) == [[0, 1, 2, 3], [4, 5, 6, 7]]


def test_a_full_line_goes_on_in_the_next_and_a_short_one_ends() -> None:
    boxes = np.array([box(40, 0, 760), box(0, 30, 800), box(0, 60, 300), box(40, 90, 500)], float)
    assert wrapped(boxes, reading_order(boxes)) == [False, True, True, False]


def test_the_longest_of_short_lines_is_not_wrapped() -> None:
    boxes = np.array([box(0, 0, 300), box(0, 30, 500), box(0, 60, 400)], float)
    assert wrapped(boxes, reading_order(boxes)) == [False, False, False]


def test_of_lines_on_paper_one_at_the_margin_goes_on_and_none_of_its_left_part() -> None:
    boxes = np.array([box(0, 0, 700), box(0, 30, 120)], float)
    order = reading_order(boxes)
    assert wrapped(boxes, order) == [False, False]
    assert wrapped(boxes, order, 800) == [False, True]
    boxes = np.array([box(0, 0, 300), box(0, 30, 290), box(0, 60, 295)], float)
    order = reading_order(boxes)
    assert wrapped(boxes, order) == [False, True, True]
    assert wrapped(boxes, order, 800) == [False, False, False]


def test_boxes_in_a_given_order_keep_it_and_cells_side_by_side_are_one_row() -> None:
    boxes = np.array([box(0, 60, 90), box(0, 0, 90), box(300, 2, 90), box(0, 30, 90)], float)
    assert [row.places for row in given_order(boxes)] == [[0], [1, 2], [3]]
