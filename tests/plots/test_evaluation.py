from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pictures import drawn

from gi_classifier.metrics.calibration import reliability
from gi_classifier.metrics.measures import measure
from gi_classifier.plots.evaluation import evaluation_figure


def measured(labels: np.ndarray, shares: np.ndarray) -> dict[str, Any]:
    found = reliability(shares, labels)
    rows = [
        {
            "above": found.edges[place],
            "up_to": found.edges[place + 1],
            "records": int(found.records[place]),
            "confidence": found.confidence[place],
            "accuracy": found.accuracy[place],
        }
        for place in np.flatnonzero(found.records)
    ]
    return {**measure(labels, shares, resamples=20), "reliability": rows}


def picture(classes: int, names: list[str], absent: int = 0, sharpness: float = 1.0) -> np.ndarray:
    source = np.random.default_rng(classes)
    labels = source.integers(0, classes - absent, 60)
    shares = source.dirichlet([1] * classes, 60)
    shares[np.arange(60), labels] += sharpness - 1
    shares /= shares.sum(axis=1, keepdims=True)
    models = {"this model": shares, "a rule of 规则 $x^": np.eye(classes)[labels]}
    tables = {title: measured(labels, part) for title, part in models.items()}
    return drawn(evaluation_figure, tables, names, labels, shares)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("classes", "names", "absent"),
    [
        (2, ["no", "yes"], 0),
        (3, ["neither 均非", "upper 上消化道", "lower 下消化道"], 1),
        (2, ["$x^$", "_"], 1),
        (14, [f"class {i}" for i in range(14)], 0),
    ],
)
def test_picture_has_something_in_it_and_draws_without_a_warning(
    classes: int, names: list[str], absent: int
) -> None:
    pixels = picture(classes, names, absent)
    assert pixels.shape[0] > 500
    # Every one of the six parts of the picture has dark and light pixels.
    for half in np.array_split(pixels.mean(axis=2), 2):
        for part in np.array_split(half, 3, axis=1):
            assert part.min() < 0.5 < part.max()


@pytest.mark.slow
def test_a_perfect_model_is_drawn() -> None:
    assert picture(3, ["a", "b", "c"], sharpness=1e6).shape[1] > 1000
