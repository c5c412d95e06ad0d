"""Explaining the answer that two members give."""

from __future__ import annotations

import numpy as np
import pytest
from random_models import random_directory
from samples import CHARACTERS

from gi_classifier.attribution.integrated_gradients import Explainer
from gi_classifier.model.directory import FUSION, LINEAR, ModelDirectory
from gi_classifier.model.fusion import Fusion, to_file
from gi_classifier.training.linear import fit_linear

TEXTS = [
    "胃窦黏膜充血。结肠息肉切除术后，便血",
    "肺",
    "骨折 ℃。",
    "\u0301",
    "胃窦黏膜充血糜烂，结肠息肉。" * 8,
]


@pytest.fixture(scope="module")
def directory(config, vocabulary, settings) -> ModelDirectory:  # type: ignore[no-untyped-def]
    _, found = random_directory(config, vocabulary, settings)
    words = [CHARACTERS[i : i + 3] for i in range(0, 39, 3)]
    linear = fit_linear([a + b for a in words for b in words], [i % 3 for i in range(169)], 3)
    fusions = {
        "both": Fusion(0.3, 0.7, (0.1, 0.0, -0.1)),
        "albert": Fusion(0.8, 0.0, (0.0, 0.1, 0.0)),
        "linear": Fusion(0.0, 1.1, (0.0, 0.0, 0.2)),
    }
    files = {**found.files, LINEAR: linear.to_npz(), FUSION: to_file(fusions)}
    return ModelDirectory(files, found.metadata)


@pytest.mark.parametrize("use", ["both", "albert", "linear"])
def test_both_parts_add_up_to_the_score(directory: ModelDirectory, use: str) -> None:
    explainer = Explainer(directory, use=use)  # type: ignore[arg-type]
    scores = explainer.predictor.decision_function(TEXTS)
    chances = explainer.predictor.predict_proba(TEXTS)
    for label in (None, 0, 2):
        for row, found in enumerate(explainer.explain(TEXTS, label, max_steps=5000)):
            if label is None:
                assert found.label == scores[row].argmax() == chances[row].argmax()
            assert found.score == pytest.approx(scores[row, found.label], abs=1e-5)
            assert found.probability == pytest.approx(chances[row, found.label], abs=1e-5)
            np.testing.assert_allclose(found.albert + found.linear, found.scores, atol=1e-12)
            change = found.score - found.baseline_score
            total = found.scores.sum() + found.special
            assert total == pytest.approx(change, rel=0.011, abs=2e-5)
            assert found.error <= 0.01


def test_a_member_without_a_part_has_no_scores(directory: ModelDirectory) -> None:
    [albert] = Explainer(directory, use="albert").explain(TEXTS[:1], 1)
    assert not albert.linear.any()
    assert albert.albert.any()
    [linear] = Explainer(directory, use="linear").explain(TEXTS[:1], 1)
    assert not linear.albert.any()
    assert linear.linear.any()
    assert linear.special == 0
    assert linear.error < 1e-9


def test_the_linear_part_is_that_members_contributions(directory: ModelDirectory) -> None:
    [found] = Explainer(directory).explain(["胃窦 黏膜"], 1)
    assert directory.linear is not None
    scores, _ = directory.linear.contributions("胃窦 黏膜")
    assert len(found.tokens) == 4
    expected = 0.7 * scores[:, 1]
    # The space counts with the token before it.
    np.testing.assert_allclose(
        found.linear, [expected[0], expected[1] + expected[2], expected[3], expected[4]]
    )
