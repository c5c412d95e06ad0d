from __future__ import annotations

import io
import warnings

import numpy as np
import pytest

from gi_classifier.decisions.abstention import abstain_at, risk_coverage
from gi_classifier.decisions.policies import POLICIES, compare_policies
from gi_classifier.plots.decisions import risk_coverage_figure, thresholds_figure


@pytest.mark.slow
@pytest.mark.parametrize("count", [1, 200])
def test_pictures_are_drawn_without_a_warning_on_a_single_record_too(count: int) -> None:
    from matplotlib.image import imread

    source = np.random.default_rng(1)
    scores = source.random(200)
    validation = source.random(200) < scores, scores
    test = validation[0][:count], scores[:count]
    curves = {
        "validation": vars(risk_coverage(scores, ~validation[0])),
        "test": vars(risk_coverage(scores[:count], ~test[0])),
    }
    chosen = {"validation": abstain_at(scores, ~validation[0], 0.5)}
    chosen["test"] = abstain_at(scores[:count], ~test[0], 0.5)
    found = compare_policies([*POLICIES, "precision>=1"], validation, test)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for content in (
            thresholds_figure(found, validation, test, "1 upper 上消化道 $x$"),
            risk_coverage_figure(curves, chosen, 0.1),
            risk_coverage_figure(curves, None, 0.1),
        ):
            pixels = imread(io.BytesIO(content), format="png")[..., :3].mean(axis=2)
            assert pixels.min() < 0.5 < pixels.max()
