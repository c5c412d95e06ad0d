"""What a page looks like from afar: numbers that take a few milliseconds, without reading a word.

In: pixels (height, width, 3), RGB. Out: float64 (:data:`FEATURES`,), the same for a page on its
side as for one that stands, but for which end is up.
"""

from __future__ import annotations

import numpy as np

from gi_classifier.data.pictures.page_quality import ink_of

# Pixels of the longer side of what is looked at; a line of print is two or three of them high.
_LONGEST_SIDE = 400
# Parts of the page, down and across, of each of which ink and gradients are measured.
_DOWN, _ACROSS, _ANGLES = 6, 4, 8
_PERCENTILES = (5, 25, 50, 75, 95)
# A rule or a frame goes on for so much of the picture's shorter side.
_RULE = 0.15
_QUALITY, _COLOUR, _LAYOUT = 3 + len(_PERCENTILES), 4, 12
FEATURES = _QUALITY + _COLOUR + _LAYOUT + _DOWN * _ACROSS + _ANGLES * 7


def page_features(pixels: np.ndarray) -> np.ndarray:
    """Measure a page: quality, colours, rules and lines, ink by place, directions of edges.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (height, width, 3)

    Returns
    -------
    ndarray of float64, shape (FEATURES,)
    """
    small = _scaled_down(pixels)
    grey = small @ np.array([0.299, 0.587, 0.114], dtype=np.float32)
    ink = ink_of(grey)
    if _stripes(ink.mean(axis=0)) > _stripes(ink.mean(axis=1)):
        # Lines of print run down: it lies on its side.
        small, grey, ink = (np.ascontiguousarray(np.rot90(each)) for each in (small, grey, ink))
    down, across = np.gradient(grey)
    steep = np.hypot(down, across)
    return np.concatenate(
        [
            _quality(grey, ink, steep),
            _colours(small),
            _layout(ink),
            _by_place(ink, _DOWN, _ACROSS).ravel(),
            _directions(down, across, steep),
        ]
    ).astype(np.float64)


def _scaled_down(pixels: np.ndarray) -> np.ndarray:
    """The picture in 0…1, its longer side exactly so long, so that all measures compare."""
    import cv2

    height, width = pixels.shape[:2]
    scale = _LONGEST_SIDE / max(height, width)
    # No side vanishes, not even of a strip of paper.
    size = (max(_DOWN * 2, round(width * scale)), max(_DOWN * 2, round(height * scale)))
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    small = cv2.resize(np.ascontiguousarray(pixels), size, interpolation=way)
    return np.asarray(small, dtype=np.float32) / 255


def _stripes(profile: np.ndarray) -> float:
    """How much a profile of ink jumps from one line of pixels to the next."""
    return float(np.abs(np.diff(profile)).mean())


def _quality(grey: np.ndarray, ink: np.ndarray, steep: np.ndarray) -> np.ndarray:
    return np.array(
        [np.percentile(steep, 99), steep.mean(), ink.mean(), *np.percentile(grey, _PERCENTILES)]
    )


def _colours(small: np.ndarray) -> np.ndarray:
    """How colourful it is; shares of red, as an endoscope shows, of blue, and of dark pixels."""
    red, green, blue = np.ascontiguousarray(np.moveaxis(small, 2, 0))
    brightest = np.maximum(np.maximum(red, green), blue)
    spread = brightest - np.minimum(np.minimum(red, green), blue)
    return np.array(
        [
            spread.mean(),
            ((red > green + 0.15) & (red > blue + 0.15)).mean(),
            (blue > red + 0.1).mean(),
            (brightest < 0.25).mean(),
        ]
    )


def _layout(ink: np.ndarray) -> np.ndarray:
    """Rules across and down, and how lines of print follow each other."""
    import cv2

    height, width = ink.shape
    length = max(3, round(_RULE * min(height, width)))
    bits = ink.astype(np.uint8)
    across = cv2.morphologyEx(bits, cv2.MORPH_OPEN, np.ones((1, length), np.uint8))
    down = cv2.morphologyEx(bits, cv2.MORPH_OPEN, np.ones((length, 1), np.uint8))
    rows, columns = ink.mean(axis=1), ink.mean(axis=0)
    inked = rows > 0.01
    begins = np.flatnonzero(np.diff(inked.astype(np.int8)) == 1)
    beside = np.flatnonzero(columns > 0.01)
    edges = (beside[0], beside[-1]) if len(beside) else (0, 0)
    return np.array(
        [
            across.mean() * 10,
            down.mean() * 10,
            (across.max(axis=1) > 0).mean(),
            (down.max(axis=0) > 0).mean(),
            _stripes(rows),
            _stripes(columns),
            rows.std(),
            columns.std(),
            inked.mean(),
            len(begins) / 50,
            (edges[1] - edges[0]) / width,
            width / height,
        ]
    )


def _by_place(values: np.ndarray, down: int, across: int) -> np.ndarray:
    """The mean of each part (down, across) of a picture (height, width)."""
    rows = np.linspace(0, values.shape[0], down + 1).astype(int)[:-1]
    columns = np.linspace(0, values.shape[1], across + 1).astype(int)[:-1]
    sums = np.add.reduceat(values.astype(float), rows, axis=0)
    sums = np.add.reduceat(sums, columns, axis=1)
    high, wide = np.diff([*rows, values.shape[0]]), np.diff([*columns, values.shape[1]])
    return np.asarray(sums / np.outer(high, wide))


def _directions(down: np.ndarray, across: np.ndarray, steep: np.ndarray) -> np.ndarray:
    """Histograms of the gradient's direction, weighed by its size (Dalal & Triggs 2005).

    Of the page, each a share of all; and of six parts of it, a share of each part's.
    """
    height, width = steep.shape
    angles = np.arctan2(down, across) % np.pi
    bins = np.minimum((angles * (_ANGLES / np.pi)).astype(int), _ANGLES - 1)
    part = np.arange(height)[:, None] * 3 // height * 2 + np.arange(width) * 2 // width
    found = np.bincount(
        (part * _ANGLES + bins).ravel(), weights=steep.ravel(), minlength=6 * _ANGLES
    )
    parts = found.reshape(6, _ANGLES) / steep.size
    shares = parts / (parts.sum(axis=1, keepdims=True) + 1e-3)
    whole = parts.sum(axis=0)
    return np.concatenate([whole / (whole.sum() + 1e-3), shares.ravel()])
