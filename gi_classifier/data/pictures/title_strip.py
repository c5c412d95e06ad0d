"""The lines at the head of a page, likeliest title first, read no further than somebody asks.

In: a picture that was opened. Out: what its lines say, one after the other. Lines are looked for
in the strip at the page's head alone, on few pixels: a fraction of what reading the page takes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from gi_classifier.data.pictures.page import Picture
from gi_classifier.data.pictures.page_reading import crop, from_top_left, scaled, turn_of
from gi_classifier.data.pictures.recogniser import Recogniser, recogniser

# Of the page's longer side: pixels that lines are read from, and that they are looked for in.
_READ, _DETECTED = 1760, 800
# Share of the page from its head on.
_STRIP = 0.3
# So many lines are read at most, so many at once; a title is so many times as long as high.
_MOST, _AT_ONCE, _LONG = 8, 2, 2.0
# With fewer lines, or lines that do not agree which way is up, other ends are looked at as well.
_FEW = 3


class _Strip(NamedTuple):
    """The head of a page: its pixels, corners of lines (n, 4, 2), and how it should be turned."""

    pixels: np.ndarray
    corners: np.ndarray
    turn: int
    unsure: bool


def title_lines(picture: Picture) -> Iterator[str]:
    """What the lines at a page's head say, the likeliest title first; at most a few.

    Of a PDF with text of its own nothing is recognised. A page that lies on its side or on its
    head is turned first.

    Yields
    ------
    str
        A line, as it was read; not "".

    Raises
    ------
    MissingExtraError
        The extra ``ocr`` is not installed.
    """
    if picture.layer is not None:
        boxes = np.array([line.box for line in picture.layer])
        inside = np.flatnonzero(boxes[:, 0, 1] < _STRIP * picture.pixels.shape[0])
        for place in inside[likeliest(boxes[inside])][:_MOST].tolist():
            yield picture.layer[place].text
        return
    reader = recogniser()
    page, _ = scaled(picture.pixels, _READ)
    strip = _strip_of(reader, page)
    if strip.turn:
        page = _turned(page, strip.turn)
        strip = _strip_of(reader, page)
    yield from _read(reader, strip)
    any_line = bool(len(strip.corners))
    for turn in (180, 90, 270):
        # A sheet without print shows no line at either end; a page on its side shows a few.
        if not strip.unsure or (turn != 180 and not any_line):
            return
        strip = _strip_of(reader, _turned(page, turn))
        any_line = any_line or bool(len(strip.corners))
        yield from _read(reader, strip)


def _strip_of(reader: Recogniser, page: np.ndarray) -> _Strip:
    top = page[: max(1, round(page.shape[0] * _STRIP))]
    wanted = _DETECTED * max(top.shape[:2]) / max(page.shape[:2])
    small, scale = scaled(top, round(wanted))
    corners = from_top_left(reader.lines(small) / scale)
    turn, upside = turn_of(reader, top, corners)
    unsure = len(corners) < _FEW or abs(upside) < min(len(corners), 12) / 2
    return _Strip(top, corners, turn, unsure)


def _turned(pixels: np.ndarray, degrees: int) -> np.ndarray:
    """Clockwise."""
    return np.ascontiguousarray(np.rot90(pixels, -degrees // 90))


def _read(reader: Recogniser, strip: _Strip) -> Iterator[str]:
    chosen = strip.corners[likeliest(strip.corners)][:_MOST]
    for begin in range(0, len(chosen), _AT_ONCE):
        part = chosen[begin : begin + _AT_ONCE]
        for line in reader.read([crop(strip.pixels, quad) for quad in part]):
            if line.text.strip():
                yield line.text


def likeliest(corners: np.ndarray) -> np.ndarray:
    """Places of lines (n, 4, 2), the likeliest title first: far up and high, and no single word."""
    if not len(corners):
        return np.zeros(0, dtype=int)
    wide = np.linalg.norm(corners[:, 1] - corners[:, 0], axis=1)
    high = np.linalg.norm(corners[:, 3] - corners[:, 0], axis=1)
    by_height = np.argsort(np.argsort(-high, kind="stable"), kind="stable")
    by_place = np.argsort(np.argsort(corners[:, :, 1].mean(axis=1), kind="stable"), kind="stable")
    order = np.argsort(by_height + 2 * by_place, kind="stable")
    long = wide > _LONG * high
    return np.concatenate([order[long[order]], order[~long[order]]])
