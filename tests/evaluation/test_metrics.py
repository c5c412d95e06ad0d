from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics

from gi_classifier.evaluation.metrics import macro_f1_interval, measure


@pytest.fixture
def drawn() -> tuple[np.ndarray, np.ndarray]:
    source = np.random.default_rng(4)
    labels = source.integers(0, 3, 200)
    probabilities = source.dirichlet([1, 1, 1], 200)
    probabilities[np.arange(100), labels[:100]] += 2
    return labels, probabilities / probabilities.sum(axis=1, keepdims=True)


def test_measures_are_those_of_scikit_learn(drawn: tuple[np.ndarray, np.ndarray]) -> None:
    labels, probabilities = drawn
    found, predicted = measure(labels, probabilities), probabilities.argmax(axis=1)
    assert found["accuracy"] == pytest.approx(metrics.accuracy_score(labels, predicted))
    for average in ("macro", "weighted"):
        expected = metrics.f1_score(labels, predicted, average=average)
        assert found[f"{average}_f1"] == pytest.approx(expected, abs=1e-12)
    assert found["log_loss"] == pytest.approx(metrics.log_loss(labels, probabilities), abs=1e-9)
    assert found["confusion"] == metrics.confusion_matrix(labels, predicted).tolist()
    recalls = metrics.recall_score(labels, predicted, average=None)
    assert [row["recall"] for row in found["classes"]] == pytest.approx(recalls.tolist())


def test_interval_is_that_of_resampled_f1_scores(drawn: tuple[np.ndarray, np.ndarray]) -> None:
    labels, probabilities = drawn
    predicted = probabilities.argmax(axis=1)
    source = np.random.default_rng(0)
    scores = []
    for _ in range(50):
        rows = source.integers(0, 200, 200)
        scores.append(metrics.f1_score(labels[rows], predicted[rows], average="macro"))
    expected = np.quantile(scores, (0.025, 0.975))
    found = macro_f1_interval(labels, predicted, 3, draws=50, seed=0)
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_class_that_never_occurs_counts_as_zero() -> None:
    found = measure(np.array([0, 1]), np.array([[1, 0, 0], [0, 1, 0.0]]))
    assert found["classes"][2] == {
        "label": 2,
        "precision": 0,
        "recall": 0,
        "f1": 0,
        "support": 0,
    }
    assert found["macro_f1"] == pytest.approx(2 / 3)
