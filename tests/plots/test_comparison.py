from __future__ import annotations

from typing import Any

import pytest
from pictures import drawn

from gi_classifier.plots.comparison import compare_figure


def row(name: str, family: str, features: str, f1: float, spread: float) -> dict[str, Any]:
    interval = [f1 - spread, f1 + spread] if spread else None
    return {
        "title": name,
        "family": family,
        "family_title": f"{family} 一族",
        "features": features,
        "f1": f1,
        "f1_interval": interval,
    }


ROWS = [
    row("kNN, k = 3", "knn", "embedding", 0.97, 0.01),
    row("logistic L2 $x^", "logistic", "tfidf", 0.93, 0.02),
    row("keyword rule", "rule", "text", 0.4, 0.0),
]


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("label", [None, 1])
def test_one_model_or_several_are_drawn_without_a_warning(count: int, label: int | None) -> None:
    verdict = {"text": "A linear model is enough. " * 12, "text_zh": "线性模型已经足够。" * 30}
    table = {"models": ROWS[:count], "label": label, "folds": 3, "verdicts": [verdict]}
    table["classes"] = [{"label": 1, "name": "心内科"}]
    pixels = drawn(compare_figure, table)
    # Nothing touches the picture's edges: no axis or text is cut.
    for edge in (pixels[:, 0], pixels[:, -1], pixels[0], pixels[-1]):
        assert edge.min() == 1


def test_a_model_that_is_always_right_has_an_axis_all_the_same() -> None:
    table = {"models": [row("a", "knn", "text", 1.0, 0)], "label": None, "folds": 2, "verdicts": []}
    assert drawn(compare_figure, table).shape[1] > 1000
