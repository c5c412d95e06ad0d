from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pictures import drawn

from gi_classifier.plots.inspection import inspection_figure

NAMES = {0: "neither 均非", 1: "upper 上消化道", 2: "lower 下消化道 $x^"}
SOURCE = np.random.default_rng(0)


def arrays(count: int, classes: int = 3, *, labelled: bool = True) -> dict[str, Any]:
    return {
        "lengths": SOURCE.integers(1, 300, count),
        "labels": np.arange(count) % classes if labelled else None,
        "flagged": np.arange(count) == 1,
        "projection": SOURCE.normal(size=(count, 2)),
        "explained_variance": (0.5, 0.25),
    }


@pytest.mark.slow
@pytest.mark.parametrize(
    "found",
    [
        arrays(120),
        arrays(30, labelled=False),
        arrays(1),
        {**arrays(12, 1), "lengths": np.full(12, 2), "projection": np.zeros((12, 2))},
        arrays(12, 12),
        arrays(10_050),
    ],
    ids=["flagged", "no labels", "one record", "one text", "more labels than colours", "many"],
)
def test_everything_that_can_be_inspected_can_be_drawn_without_a_warning(
    found: dict[str, Any],
) -> None:
    height, width, _ = drawn(inspection_figure, **found, names=NAMES).shape
    assert width > height


def test_without_embeddings_there_is_no_map() -> None:
    height, width, _ = drawn(inspection_figure, np.arange(1, 31), np.arange(30) % 3, NAMES).shape
    assert width < height
