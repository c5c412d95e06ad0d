"""The order in which lines of a page are read, and which of them are one line wrapped.

In: boxes (n, 4) of upright lines: left, top, right, bottom. Out: rows of places, each with a mark
of the column it stands in. Pure functions; sizes are measured in heights of a line.
"""

from __future__ import annotations

import itertools
from typing import NamedTuple

import numpy as np

# Two boxes stand in one row where their centres are this near, in heights of the lower one.
_SAME_ROW = 0.5
# A gutter between columns is at least so wide; running text, so wide at least; so many rows.
_GUTTER, _RUNNING, _LEAST_ROWS = 0.8, 9.0, 3
# A wrapped line ends this near to its column's right edge, and the next begins as near to the left.
_NEAR_END, _NEAR_START = 2.0, 1.5
# Shares of a page's width: text that ends left of the first is no paragraph, beyond the second one.
_PARAGRAPH, _MARGIN = 0.6, 0.8


class Row(NamedTuple):
    """Places of boxes side by side, from left to right; rows of one column share its number."""

    places: list[int]
    column: int


def reading_order(boxes: np.ndarray) -> list[Row]:
    """Rows from top to bottom; where text runs in columns, the left column first.

    A table or a form, whose cells are short, is read row by row.
    """
    if not len(boxes):
        return []
    height = float(np.median(boxes[:, 3] - boxes[:, 1]))
    rows = _rows(boxes)
    found: list[Row] = []
    column, begin = 0, 0
    while begin < len(rows):
        end, sides = _columns_from(boxes, rows, begin, height)
        if not sides:
            found.append(Row(rows[begin], 0))
            begin += 1
            continue
        for side in sides:
            column += 1
            found += [Row(row, column) for row in _rows(boxes, side)]
        begin = end
    return found


def given_order(boxes: np.ndarray) -> list[Row]:
    """Rows of boxes that stand in reading order already: those side by side are one."""
    columns = {place: row.column for row in reading_order(boxes) for place in row.places}
    found: list[Row] = []
    for place, (left, top, _, bottom) in enumerate(boxes.tolist()):
        if found:
            _, above, right, below = boxes[found[-1].places[-1]].tolist()
            apart = abs(above + below - top - bottom) / 2
            if left >= right and apart <= _SAME_ROW * min(below - above, bottom - top):
                found[-1].places.append(place)
                continue
        found.append(Row([place], columns[place]))
    return found


def _rows(boxes: np.ndarray, places: list[int] | None = None) -> list[list[int]]:
    chosen = np.arange(len(boxes)) if places is None else np.array(places)
    middle = (boxes[:, 1] + boxes[:, 3]) / 2
    height = boxes[:, 3] - boxes[:, 1]
    rows: list[list[int]] = []
    for place in chosen[np.argsort(middle[chosen], kind="stable")].tolist():
        for row in reversed(rows[-4:]):
            # The nearest in the row: a slanting row goes on from there.
            near = min(row, key=lambda other: abs(boxes[other, 0] - boxes[place, 0]))
            apart = abs(middle[near] - middle[place]) > _SAME_ROW * min(height[near], height[place])
            overlap = any(
                min(boxes[o, 2], boxes[place, 2]) - max(boxes[o, 0], boxes[place, 0])
                > 0.5 * height[place]
                for o in row
            )
            if not apart and not overlap:
                row.append(place)
                break
        else:
            rows.append([place])
    rows.sort(key=lambda row: float(np.mean(middle[row])))
    return [sorted(row, key=lambda place: float(boxes[place, 0])) for row in rows]


def _columns_from(
    boxes: np.ndarray, rows: list[list[int]], begin: int, height: float
) -> tuple[int, list[list[int]]]:
    """The end of the longest block of rows with one gutter through all, and what is beside it.

    Where there is no such block: the end of one row, and nothing.
    """
    low, high = -np.inf, np.inf
    end, last = begin, begin
    gap: tuple[float, float] | None = None
    for index in range(begin, len(rows)):
        row = rows[index]
        if len(row) > 2:
            break
        if len(row) == 2:
            left, right = float(boxes[row[0], 2]), float(boxes[row[1], 0])
            if max(low, left) + _GUTTER * height > min(high, right):
                break
            low, high = max(low, left), min(high, right)
            gap = (low, high)
            last = index + 1
        else:
            only = row[0]
            if (
                gap is not None
                and boxes[only, 0] < gap[0] - height < gap[1] + height < boxes[only, 2]
            ):
                break
            if boxes[only, 2] <= high - _GUTTER * height / 2:
                low = max(low, float(boxes[only, 2]))
            elif boxes[only, 0] >= low + _GUTTER * height / 2:
                high = min(high, float(boxes[only, 0]))
            else:
                break
            if high - low < _GUTTER * height:
                break
            gap = (low, high) if gap is not None else None
            last = index + 1
        end = last
    if gap is None:
        return begin + 1, []
    inside = [place for row in rows[begin:end] for place in row]
    gutter = (gap[0] + gap[1]) / 2
    sides = [
        [p for p in inside if boxes[p, 2] <= gutter],
        [p for p in inside if boxes[p, 2] > gutter],
    ]
    if any(len(side) < _LEAST_ROWS for side in sides):
        return begin + 1, []
    # A quarter of the lines at least is long: headings and ends of paragraphs are short.
    widths = [float(np.percentile(boxes[side, 2] - boxes[side, 0], 75)) for side in sides]
    if max(widths) < _RUNNING * height:
        return begin + 1, []
    return end, sides


def wrapped(boxes: np.ndarray, rows: list[Row], paper: float | None = None) -> list[bool]:
    """Of each row, whether it goes on from the one before it as if that line had not ended.

    Parameters
    ----------
    boxes : ndarray, shape (n, 4)
    rows : list of Row
    paper : float, optional
        The page's width, where it stands upright. Then lines that all end in its left part are
        short ones of their own, but in columns, and one at its right margin is full.
    """
    found = [False] * len(rows)
    for column in {row.column for row in rows}:
        indices = [i for i, row in enumerate(rows) if row.column == column]
        inside = [place for i in indices for place in rows[i].places]
        left, right = float(boxes[inside, 0].min()), float(boxes[inside, 2].max())
        if paper and not column and right < _PARAGRAPH * paper:
            continue
        full = sum(_reaches(boxes[place], right) for place in inside)
        for before, here in itertools.pairwise(indices):
            if here != before + 1 or len(rows[before].places) + len(rows[here].places) > 2:
                continue
            last, first = boxes[rows[before].places[-1]], boxes[rows[here].places[0]]
            height = max(last[3] - last[1], first[3] - first[1])
            found[here] = bool(
                _reaches(last, right)
                # The longest of short lines reaches the edge too.
                and (
                    full > 1
                    or first[0] < last[0] - height
                    or (paper is not None and last[2] > _MARGIN * paper)
                )
                and first[0] < last[0] + _NEAR_START * height
                and first[0] < left + (_NEAR_START + _RUNNING) * height
                and first[1] - last[3] < 1.5 * height
            )
    return found


def _reaches(box: np.ndarray, right: float) -> bool:
    return bool(box[2] > right - _NEAR_END * (box[3] - box[1]))
