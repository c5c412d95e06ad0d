from __future__ import annotations

import numpy as np
import pytest
from pictures import drawn

from gi_classifier.plots.novelty import novelty_figure

SOURCE = np.random.default_rng(0)
USUAL = SOURCE.uniform(0, 1, 400)


@pytest.mark.parametrize(
    "novel", [np.ones(3), 1 - 10 ** SOURCE.uniform(-7, -2, 30), np.zeros(0), USUAL]
)
def test_scores_up_to_certainty_are_drawn_without_a_warning(novel: np.ndarray) -> None:
    sets = {"records 记录": {"a": USUAL}, "others 其他 $x^": {"b": novel}}
    assert drawn(novelty_figure, sets, 0.98).shape[1] == 1100


def test_no_part_of_the_axis_stays_empty_that_no_score_reaches() -> None:
    pixels = drawn(novelty_figure, {"records 记录": {"a": USUAL}}, 0.98)
    panel = pixels[40:230, 120:1030].min(axis=2) < 0.9
    assert all(part.any() for part in np.array_split(panel, 8, axis=1))
