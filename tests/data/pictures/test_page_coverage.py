"""How much of a page's text was read: all, half, none; pictures and grain are no text."""

from __future__ import annotations

import numpy as np
import pytest
from made_pictures import LINES, printed

from gi_classifier.data.pictures.page import Line
from gi_classifier.data.pictures.page_coverage import coverage_note, coverage_of

# As it is printed: each letter 28 pixels wide from 40 on, a line every 56 pixels.
READ = [
    Line(
        text,
        (
            (36.0, 26.0 + 56 * row),
            (44.0 + 28 * len(text), 26.0 + 56 * row),
            (44.0 + 28 * len(text), 74.0 + 56 * row),
            (36.0, 74.0 + 56 * row),
        ),
        (),
    )
    for row, text in enumerate(LINES)
]
PAGE = np.array(printed())


@pytest.mark.parametrize("darkness", [1.0, 0.4])
def test_a_page_that_was_read_is_covered_and_lost_lines_are_missed(darkness: float) -> None:
    page = (PAGE * darkness).astype(np.uint8)
    assert coverage_of(page, READ) > 0.98
    for kept in range(len(READ)):
        share = sum(map(len, LINES[:kept])) / sum(map(len, LINES))
        assert coverage_of(page, READ[:kept]) == pytest.approx(share, abs=0.12)


def test_grain_a_frame_and_a_dark_picture_are_no_text() -> None:
    random = np.random.default_rng(0)
    page = np.pad(PAGE, ((0, 300), (0, 0), (0, 0)), constant_values=255).astype(float)
    page[-6:], page[:, :4] = 0, 0
    page[-280:-20, 100:400] = random.normal(60, 25, (260, 300, 1))
    page = np.clip(page + random.normal(0, 6, page.shape), 0, 255).astype(np.uint8)
    assert coverage_of(page, READ) > 0.95


def test_a_page_without_text_lacks_none() -> None:
    assert coverage_of(np.full((200, 300, 3), 255, dtype=np.uint8), []) == 1.0


def test_lines_without_a_place_cover_the_page() -> None:
    assert coverage_of(PAGE, [Line(LINES[0], ((0.0, 0.0),) * 4, ())]) == 1.0


def test_what_is_missing_is_said_where_it_is_much() -> None:
    assert coverage_note(0.8) == ""
    assert "40% was not read" in coverage_note(0.6)
