from __future__ import annotations

import numpy as np

from gi_classifier.decisions.novelty import THRESHOLD
from gi_classifier.plots.novelty import novelty_figure


def test_the_picture_is_a_png_whatever_the_scores() -> None:
    sets = {
        "records 记录": {"test 测试集": np.array([0.0, 0.5, 0.99]), "none": np.zeros(0)},
        "far $x$": {"one": np.array([1.0])},
    }
    assert novelty_figure(sets, THRESHOLD).startswith(b"\x89PNG")
