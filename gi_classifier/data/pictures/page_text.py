"""The text of a page from its lines: in reading order, wrapped lines joined, slips corrected.

In: lines with their boxes. Out: a text, and the character of the page behind each of its own.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np

from gi_classifier.data.pictures.page import Character, Correction, Line
from gi_classifier.data.pictures.reading_order import Row, given_order, reading_order, wrapped

_SLIPS = Path(__file__).with_name("slips.txt")
# Behind these a line is over, however long; with these one begins: a number, a field of a form.
_ENDS = tuple("。；！？：;!?:")
_BEGINS = re.compile(
    r"\s*([（(]?[0-9一二三四五六七八九十]{1,3}[.、．)）](?!\d)|[①-⑳]|[^，。；、：:]{1,8}[：:])"
)
# Surer than this, a slip is what stands there.
_SURE = 0.9
Characters = tuple[Character | None, ...]


def text_of(
    lines: list[Line], angle: float, *, paper: float | None = None
) -> tuple[str, Characters, tuple[Correction, ...]]:
    """Join lines, which are put into reading order in place.

    Parameters
    ----------
    lines : list of Line
    angle : float
        Degrees to turn them clockwise so that they are level.
    paper : float, optional
        Of lines that a page holds as text, and stand in reading order: the page's width.
    """
    if not lines:
        return "", (), ()
    boxes = _level(lines, angle)
    if paper is None:
        order = reading_order(boxes)
        goes_on = wrapped(boxes, order)
    elif _upright(lines):
        order = given_order(boxes)
        goes_on = wrapped(boxes, order, paper)
    else:
        # Of a page on its side no line is known to be wrapped.
        order, goes_on = [Row([place], 0) for place in range(len(lines))], [False] * len(lines)
    rows = [row.places for row in order]
    text, characters = "", []
    for row, full in zip(rows, goes_on, strict=True):
        here = lines[row[0]].text
        joined = full and text[-1:] not in _ENDS and not _BEGINS.match(here)
        before = _between(text, here) if joined else "\n" if text else ""
        for place in row:
            text += before + lines[place].text
            characters += [None] * len(before) + _spread(lines[place])
            before = "  "
    lines[:] = [lines[place] for row in rows for place in row]
    corrected, corrections = _corrected(text, characters)
    return corrected, tuple(characters), corrections


def _upright(lines: Sequence[Line]) -> bool:
    """Whether most lines run to the right."""
    ends = [(c[0].box[0], c[-1].box[0]) for line in lines if len(c := line.characters) > 1]
    right = sum(b[0] - a[0] > abs(b[1] - a[1]) for a, b in ends)
    return 2 * right >= len(ends)


def _between(text: str, following: str) -> str:
    """Two words of Latin letters are not one."""
    latin = text[-1:].isascii() and text[-1:].isalnum() and following[:1].isascii()
    return " " if latin and following[:1].isalpha() else ""


def _spread(line: Line) -> list[Character | None]:
    waiting = iter(line.characters)
    return [None if c.isspace() else next(waiting) for c in line.text]


def _level(lines: Sequence[Line], angle: float) -> np.ndarray:
    """Boxes (n, 4) of the lines, turned so that they are level: left, top, right, bottom."""
    corners = np.array([line.box for line in lines])
    turn = np.radians(angle)
    # On a page y grows downwards: this turns clockwise.
    matrix = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    centre = corners.mean(axis=1) @ matrix.T
    wide = np.linalg.norm(corners[:, 1] - corners[:, 0], axis=1)
    high = np.linalg.norm(corners[:, 3] - corners[:, 0], axis=1)
    half = np.stack([wide, high], axis=1) / 2
    return np.concatenate([centre - half, centre + half], axis=1)


@cache
def slips() -> dict[str, str]:
    """What the recogniser makes of terms, which no text says, and the terms."""
    rows = [line.split() for line in _SLIPS.read_text("utf-8").splitlines()]
    return {row[0]: row[1] for row in rows if row and not row[0].startswith("#")}


def _corrected(
    text: str, characters: Sequence[Character | None]
) -> tuple[str, tuple[Correction, ...]]:
    """Put terms in the place of their slips, where the characters that differ were unsure."""
    found = []
    for slip, term in slips().items():
        start = text.find(slip)
        while start >= 0:
            differ = [i for i in range(len(slip)) if slip[i] != term[i]]
            behind = [characters[start + i] for i in differ]
            if all(c is not None and c.confidence < _SURE for c in behind):
                text = text[:start] + term + text[start + len(slip) :]
                found.append(Correction(start, slip, term))
            start = text.find(slip, start + 1)
    return text, tuple(sorted(found))
