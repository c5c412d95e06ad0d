"""How good a picture of a page is to read, from the picture alone.

In: pixels (height, width, 3). Out: a :class:`~gi_classifier.data.pictures.page.Quality`.
"""

from __future__ import annotations

import numpy as np

from gi_classifier.data.pictures.page import Quality

_LONGEST_SIDE = 1000


def grey_of(pixels: np.ndarray, longest: int) -> np.ndarray:
    """Brightness (height, width) in 0…1, scaled down so that no side is longer."""
    import cv2

    grey = cv2.cvtColor(np.ascontiguousarray(pixels), cv2.COLOR_RGB2GRAY)
    scale = longest / max(grey.shape)
    if scale < 1:
        size = (max(1, round(grey.shape[1] * scale)), max(1, round(grey.shape[0] * scale)))
        grey = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
    return np.asarray(grey, dtype=np.float32) / 255


def ink_of(grey: np.ndarray) -> np.ndarray:
    """Where a picture is darker than its surroundings: bool (height, width)."""
    import cv2

    around = cv2.blur(grey, (31, 31))
    return np.asarray(grey < around - 0.08)


def quality_of(pixels: np.ndarray) -> Quality:
    """Measure a picture."""
    grey = grey_of(pixels, _LONGEST_SIDE)
    # Of a single pixel there is no gradient.
    wide = np.pad(grey, [(0, int(side == 1)) for side in grey.shape], mode="edge")
    down, across = np.gradient(wide)
    steep = np.percentile(np.hypot(down, across), 99)
    low, middle, high = np.percentile(grey, [5, 50, 95])
    return Quality(
        round(float(steep), 4),
        round(float(high - low), 4),
        round(float(middle), 4),
        round(float(ink_of(grey).mean()), 4),
    )
