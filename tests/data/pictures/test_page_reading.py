"""Pages, recognised: small ones here; drawn reports with their error rates when fonts are there."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from made_pictures import LINES, file_of, printed
from PIL import Image
from tools import FONTS, needs

from gi_classifier import predict, read_image
from gi_classifier.data.pictures.page_reading import from_top_left, turned_corners

pytestmark = pytest.mark.slow


def test_a_page_is_read_with_the_place_of_every_character() -> None:
    page = read_image(file_of(printed()))
    assert page.text.splitlines() == list(LINES)
    assert page.recognised
    assert (page.orientation, page.number, page.of) == (0, 1, 1)
    assert abs(page.skew) < 1
    assert page.confidence > 0.9
    assert page.coverage > 0.95
    assert len(page.characters) == len(page.text)
    for number, text in enumerate(LINES):
        start = page.text.index(text)
        for place in (0, len(text) // 2, len(text) - 1):
            box = np.array(page.characters[start + place].box)
            # Each letter is 28 pixels wide, from 40 on.
            assert abs(box[:, 0].mean() - (40 + 28 * (place + 0.5))) < 14
            assert abs(box[:, 1].mean() - (30 + 56 * number + 20)) < 14


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_turned_page_is_read_upright_and_its_boxes_are_the_pictures(turns: int) -> None:
    image = printed().rotate(90 * turns, expand=True)
    page = read_image(file_of(image))
    assert page.text.splitlines() == list(LINES)
    # Turned anticlockwise, it is to be turned clockwise.
    assert page.orientation == 90 * turns
    first = np.array(page.characters[0].box).mean(axis=0)
    upright = np.array([54.0, 50.0])
    for _ in range(turns):
        upright = np.array([upright[1], (560 if _ % 2 == 0 else printed().height) - upright[0]])
    assert np.abs(first - upright).max() < 16


@pytest.mark.parametrize("turn", [0, 90])
@pytest.mark.parametrize("askew", [-10, 10])
@pytest.mark.parametrize("length", [30, 60, 900])
def test_corners_begin_where_the_picture_has_them_however_the_detector_gives_them(
    turn: int, askew: int, length: int
) -> None:
    # What stands upright here, long or short, runs to the right or down in the picture.
    angle = np.radians(turn + askew)
    size = np.array([length, 24.0])
    box = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * size / 2
    matrix = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    box = box @ matrix + 1000
    expected = np.roll(box, 1, axis=0) if turn == 90 else box
    given = np.stack([np.roll(box, places, axis=0) for places in range(4)])
    np.testing.assert_allclose(from_top_left(given), np.stack([expected] * 4))


def test_no_corners_are_no_corners() -> None:
    assert from_top_left(np.zeros((0, 4, 2))).shape == (0, 4, 2)


@pytest.mark.parametrize("degrees", [-9, 6])
def test_a_page_askew_is_read(degrees: int) -> None:
    image = printed().rotate(
        degrees, expand=True, fillcolor="white", resample=Image.Resampling.BICUBIC
    )
    page = read_image(file_of(image))
    assert page.text.splitlines() == list(LINES)
    assert abs(page.skew + degrees) < 1.5


def test_a_page_without_text_is_empty() -> None:
    page = read_image(file_of(Image.new("RGB", (400, 300), "white")))
    assert page.text == ""
    assert page.lines == page.characters == ()
    assert page.confidence == 0


def test_corners_begin_where_the_line_does_once_turned() -> None:
    corners = np.array([[[0, 0], [9, 0], [9, 5], [0, 5]]])
    assert turned_corners(corners, 180)[0, 0].tolist() == [9, 5]
    assert turned_corners(corners, 90)[0, 0].tolist() == [0, 5]
    assert turned_corners(corners, 270)[0, 0].tolist() == [9, 0]


# Of labels, the least share that is right, as was promised; of a bad photo nothing was.
RIGHT = {"clean": 0.97, "scan": 0.95}


def right_labels(numbers: Iterable[int]) -> dict[str, float]:
    """By level, the share of drawn pages with a record whose label is right."""
    from make_pages import encoded, page

    right: dict[str, list[bool]] = {level: [] for level in (*RIGHT, "photo")}
    for drawn in map(page, numbers):
        if drawn.label is not None:
            text = read_image(encoded(drawn)[1]).text
            right[drawn.level].append(bool(text) and predict(text) == drawn.label)
    return {level: float(np.mean(right[level])) for level in RIGHT}


@needs(*FONTS)
@pytest.mark.slow
def test_of_forty_drawn_pages_one_label_of_a_scan_is_wrong() -> None:
    # Every kind, layout and level; the scan is page 238: docs/pictures.md.
    found = right_labels(range(0, 280, 7))
    assert found["clean"] >= RIGHT["clean"], found
    assert found["scan"] > 0.9, found


@needs(*FONTS)
@pytest.mark.long
def test_all_drawn_reports_are_labelled_as_often_rightly_as_promised() -> None:
    found = right_labels(n for n in range(300) if n // 50 % 3 != 2)
    assert all(found[level] >= least for level, least in RIGHT.items()), found


SAMPLE = Path(__file__).resolve().parents[3] / "data" / "pages"


def sample() -> list[dict[str, str]]:
    with (SAMPLE / "pages.csv").open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("size", [(1, 1), (1, 90), (90, 1)])
def test_a_picture_of_a_pixel_or_a_row_of_them_says_nothing(size: tuple[int, int]) -> None:
    assert read_image(file_of(Image.new("RGB", size, "white"))).text == ""


def test_the_sample_of_pages_is_small_and_its_table_names_its_files() -> None:
    files = {path.name: path.stat().st_size for path in SAMPLE.iterdir()}
    assert {row["file"] for row in sample()} == set(files) - {"pages.csv"}
    assert sum(files.values()) < 3_000_000


@pytest.mark.parametrize("number", ["000", "051"])
def test_a_page_of_the_sample_is_read(number: str) -> None:
    from pages_study import error_rate

    (row,) = (row for row in sample() if row["file"].startswith(number))
    assert error_rate(read_image(SAMPLE / row["file"]).text, row["text"]) < 0.05
