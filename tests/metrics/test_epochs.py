from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import (
    average_precision_score,
    brier_score_loss,
    multilabel_confusion_matrix,
    precision_recall_fscore_support,
)

from gi_classifier.errors import RecordsError
from gi_classifier.metrics.epochs import class_metrics


@pytest.mark.slow
@settings(deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 40), st.integers(2, 4))
def test_every_measure_agrees_with_scikit_learn(seed: int, records: int, classes: int) -> None:
    source = np.random.default_rng(seed)
    labels = source.integers(0, classes, records)
    # Rounded, so that some are equal.
    probabilities = source.dirichlet(np.ones(classes), records).round(1) + 0.05
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    found = class_metrics(labels, probabilities)
    predicted, every = probabilities.argmax(axis=1), list(range(classes))
    confusion = multilabel_confusion_matrix(labels, predicted, labels=every)
    precision, recall, _, _ = precision_recall_fscore_support(
        labels, predicted, labels=every, zero_division=0
    )
    for label in every:
        (tn, fp), (fn, tp) = confusion[label]
        positive, scores = labels == label, probabilities[:, label]
        counts = ("true_negatives", "false_positives", "false_negatives", "true_positives")
        assert [found[f"{name}_{label}"] for name in counts] == [tn, fp, fn, tp]
        assert found[f"precision_{label}"] == pytest.approx(precision[label], abs=1e-9)
        assert found[f"recall_{label}"] == pytest.approx(recall[label], abs=1e-9)
        brier = brier_score_loss(positive, scores, pos_label=True)
        assert found[f"brier_score_{label}"] == pytest.approx(brier, abs=1e-9)
        average = average_precision_score(positive, scores) if positive.any() else np.nan
        assert found[f"average_precision_{label}"] == pytest.approx(average, abs=1e-9, nan_ok=True)


def test_probabilities_of_exactly_0_and_1_are_measured() -> None:
    found = class_metrics(np.array([0, 1]), np.array([[1.0, 0.0], [1.0, 0.0]]))
    assert (found["brier_score_1"], found["average_precision_1"], found["recall_1"]) == (
        0.5,
        0.5,
        0,
    )
    assert (found["false_negatives_1"], found["true_negatives_1"]) == (1, 1)


def test_no_record_is_refused() -> None:
    with pytest.raises(RecordsError, match="No record to measure"):
        class_metrics(np.zeros(0, dtype=int), np.zeros((0, 3)))
