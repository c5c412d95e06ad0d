"""Reads a picture back, for tests that draw one."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np


def drawn(figure: Callable[..., bytes], *arguments: Any, **options: Any) -> np.ndarray:
    """Draw a picture in which every glyph is known, and return its pixels, (height, width, 3)."""
    from matplotlib.image import imread

    with warnings.catch_warnings():
        # A missing glyph is a warning, too.
        warnings.simplefilter("error")
        content = figure(*arguments, **options)
    return np.asarray(imread(io.BytesIO(content), format="png"))[..., :3]
