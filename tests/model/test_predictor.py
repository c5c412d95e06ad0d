"""Two members' answers."""

from __future__ import annotations

import numpy as np
import pytest
from random_models import random_directory
from samples import CHARACTERS
from scipy.special import logit, softmax

from gi_classifier.errors import ModelError, SettingsError
from gi_classifier.model.directory import FUSION, LINEAR, ModelDirectory
from gi_classifier.model.engine import log_odds
from gi_classifier.model.fusion import Fusion, to_file
from gi_classifier.model.predictor import Predictor
from gi_classifier.training.linear import fit_linear

pytestmark = pytest.mark.slow  # models are built

TEXTS = ["胃窦黏膜充血", "结肠息肉切除术后，便血", "胃窦黏膜充血", "肺"]
FUSIONS = {
    "both": Fusion(0.3, 0.7, (0.1, 0.0, -0.1)),
    "albert": Fusion(0.8, 0.0, (0.0, 0.1, 0.0)),
    "linear": Fusion(0.0, 1.1, (0.0, 0.0, 0.2)),
}


@pytest.fixture(scope="module")
def alone(config, vocabulary, settings) -> ModelDirectory:  # type: ignore[no-untyped-def]
    return random_directory(config, vocabulary, settings)[1]


@pytest.fixture(scope="module")
def fused(alone: ModelDirectory) -> ModelDirectory:
    words = [CHARACTERS[i : i + 3] for i in range(0, 39, 3)]
    linear = fit_linear([a + b for a in words for b in words], [i % 3 for i in range(169)], 3)
    files = {**alone.files, LINEAR: linear.to_npz(), FUSION: to_file(FUSIONS)}
    return ModelDirectory(files, alone.metadata)


def test_scores_are_the_weighted_sum_of_the_members_log_odds(fused: ModelDirectory) -> None:
    predictor = Predictor.from_directory(fused)
    assert fused.linear is not None
    albert = log_odds(predictor.read(TEXTS).logits)
    expected = 0.3 * albert + 0.7 * fused.linear.decision_function(TEXTS) + [0.1, 0.0, -0.1]
    np.testing.assert_allclose(predictor.decision_function(TEXTS), expected, atol=1e-9)
    np.testing.assert_allclose(
        predictor.predict_proba(TEXTS), softmax(expected, axis=1), atol=1e-12
    )


def test_each_member_answers_alone_where_asked(fused: ModelDirectory) -> None:
    predictor = Predictor.from_directory(fused, use="linear")
    assert fused.linear is not None
    expected = 1.1 * fused.linear.decision_function(TEXTS) + [0.0, 0.0, 0.2]
    np.testing.assert_allclose(predictor.decision_function(TEXTS), expected)
    predictor = Predictor.from_directory(fused, use="albert")
    expected = 0.8 * log_odds(predictor.read(TEXTS).logits) + [0.0, 0.1, 0.0]
    np.testing.assert_allclose(predictor.decision_function(TEXTS), expected, atol=1e-9)


def test_without_a_linear_member_albert_answers_alone(alone: ModelDirectory) -> None:
    predictor = Predictor.from_directory(alone)
    chances = softmax(predictor.read(TEXTS).logits.astype(float), axis=1)
    np.testing.assert_allclose(predictor.predict_proba(TEXTS), chances, atol=1e-7)
    np.testing.assert_allclose(predictor.decision_function(TEXTS), logit(chances), atol=1e-5)
    for use in ("both", "linear"):
        with pytest.raises(SettingsError, match="no linear member: an earlier version"):
            Predictor.from_directory(alone, use=use)


def test_members_without_a_weight_leave_the_constants(fused: ModelDirectory) -> None:
    fusions = {**FUSIONS, "both": Fusion(0.0, 0.0, (0.1, 0.0, -0.1))}
    files = {**fused.files, FUSION: to_file(fusions)}
    found = Predictor.from_directory(ModelDirectory(files, fused.metadata)).decision_function(TEXTS)
    np.testing.assert_array_equal(found, [[0.1, 0.0, -0.1]] * len(TEXTS))


def test_an_unknown_use_is_named(fused: ModelDirectory) -> None:
    with pytest.raises(SettingsError, match="use must be one of both, albert, linear.*'bert'"):
        Predictor.from_directory(fused, use="bert")  # type: ignore[arg-type]


def test_the_digest_holds_both_members_and_the_encoders_albert_alone(
    alone: ModelDirectory, fused: ModelDirectory
) -> None:
    assert alone.digest == alone.encoder_digest == fused.encoder_digest
    other = ModelDirectory({**fused.files, FUSION: fused.files[FUSION] + b"\n"}, fused.metadata)
    assert len({alone.digest, fused.digest, other.digest}) == 3


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        (LINEAR, b"", "linear.npz cannot be used"),
        (FUSION, b"{}", "fusion.json cannot be used: it says nothing of both"),
        (FUSION, b"[", "fusion.json cannot be used"),
    ],
)
def test_damaged_members_are_named(
    fused: ModelDirectory, name: str, content: bytes, said: str
) -> None:
    with pytest.raises(ModelError, match=said):
        Predictor.from_directory(ModelDirectory({**fused.files, name: content}, fused.metadata))


def test_no_texts_have_no_scores(fused: ModelDirectory) -> None:
    assert Predictor.from_directory(fused).decision_function([]).shape == (0, 3)
    assert Predictor.from_directory(fused).embed([]).shape == (0, 8)


def test_log_odds_are_exact_where_a_probability_is_nearly_1() -> None:
    found = log_odds(np.array([[50.0, 0.0, 0.0], [0.0, 0.0, 0.0]], dtype=np.float32))
    np.testing.assert_allclose(found[0], [50 - np.log(2), -50, -50], atol=1e-9)
    np.testing.assert_allclose(found[1], np.full(3, -np.log(2)))
