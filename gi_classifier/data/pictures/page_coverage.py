"""How much of what looks like text on a picture stands in the lines that were read.

In: pixels (height, width, 3) and lines. Out: a share, 0…1. Where a reader loses most of a page, it
may be sure of the rest: only the picture tells what is missing.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gi_classifier.data.pictures.page import Line
from gi_classifier.data.pictures.page_quality import grey_of

# Below it, too much of a page was not read to say what stands there.
LEAST_COVERAGE = 0.8
_LONGEST_SIDE = 1000
# Ink is so much darker than what surrounds it, within so many pixels; it stands on paper, which is
# at least so bright, of the brightest parts.
_DARKER, _AROUND, _PAPER = 0.1, 31, 0.35
# Height of a character where no line tells, and its bounds, in pixels of the scaled picture.
_HEIGHT, _LOWEST, _HIGHEST = 14.0, 8.0, 40.0
# A character, or a part of one, is so many times as high or wide, at least so dense, and has so
# many neighbours within so many heights.
_SMALLEST, _LARGEST, _DENSE = 0.3, 2.0, 0.1
_NEIGHBOURS, _NEAR = 2, 1.6


def coverage_note(coverage: float) -> str:
    """What to say where too little was read, in both languages; "" where enough was."""
    if coverage >= LEAST_COVERAGE:
        return ""
    return f"Of what looks like text, {1 - coverage:.0%} was not read 疑似文字未识别的比例"


def coverage_of(pixels: np.ndarray, lines: Sequence[Line]) -> float:
    """Share of the ink in characters, or what looks like such, that stands in lines; 1 of none.

    It is 1 too where lines have no place: those of a PDF's own text on a page that is turned.
    """
    import cv2

    if lines and all(line.box[0] == line.box[2] for line in lines):
        return 1.0
    grey = grey_of(pixels, _LONGEST_SIDE)
    scale = max(grey.shape) / max(pixels.shape[:2])
    text = _text_like(grey, _height(lines, scale))
    read = np.zeros(grey.shape, dtype=np.uint8)
    for line in lines:
        cv2.fillPoly(read, [np.round(np.array(line.box) * scale).astype(np.int32)], (1,))
    # Boxes end close to their characters.
    read = cv2.dilate(read, np.ones((5, 5), dtype=np.uint8))
    return float((text & (read > 0)).sum() / text.sum()) if text.any() else 1.0


def _height(lines: Sequence[Line], scale: float) -> float:
    """Of a character, in pixels of the scaled picture."""
    if not lines:
        return _HEIGHT
    sides = [np.subtract(line.box[3], line.box[0]) for line in lines]
    return float(np.clip(np.median(np.linalg.norm(sides, axis=1)) * scale, _LOWEST, _HIGHEST))


def _text_like(grey: np.ndarray, height: float) -> np.ndarray:
    """Where ink has the size and the neighbours of characters: bool (height, width)."""
    import cv2
    from scipy.spatial import cKDTree

    # Grain is no ink.
    smooth = cv2.GaussianBlur(grey, (0, 0), 0.7)
    around = cv2.blur(smooth, (_AROUND, _AROUND))
    paper = around >= _PAPER * np.percentile(around, 95)
    ink = ((smooth < around * (1 - _DARKER)) & paper).astype(np.uint8)
    _, owners, parts, centres = cv2.connectedComponentsWithStats(ink, connectivity=8)
    wide, high, area = (parts[:, place] for place in (2, 3, 4))
    longer = np.maximum(wide, high)
    kept = (longer >= _SMALLEST * height) & (longer <= _LARGEST * height)
    kept &= (np.minimum(wide, high) >= 2) & (area >= _DENSE * wide * high)
    # The first is what is no ink.
    kept[0] = False
    if kept.any():
        near = cKDTree(centres[kept])
        found = near.query_ball_point(centres[kept], _NEAR * height, return_length=True)
        kept[kept] = found > _NEIGHBOURS
    return np.asarray(kept[owners])
