from __future__ import annotations

import numpy as np
import pytest
from cut_records import Split, both_classes, score
from hypothesis import given, settings
from sklearn.metrics import (
    confusion_matrix,
    precision_recall_curve,
    precision_score,
    recall_score,
    roc_curve,
)

from gi_classifier.decisions.operating_points import at_threshold, candidates
from gi_classifier.errors import SettingsError


@settings(max_examples=60, deadline=None)
@given(both_classes())
def test_candidates_have_scikit_learns_roc_curve(data: Split) -> None:
    found = candidates(*data)
    fpr, tpr, thresholds = roc_curve(*data, drop_intermediate=False)
    np.testing.assert_array_equal(found.thresholds, thresholds)
    np.testing.assert_allclose(found.tpr, tpr, atol=1e-9)
    np.testing.assert_allclose(found.fpr, fpr, atol=1e-9)


@settings(max_examples=60, deadline=None)
@given(both_classes())
def test_candidates_have_scikit_learns_precision_recall_curve(data: Split) -> None:
    found = candidates(*data)
    precision, recall, thresholds = precision_recall_curve(*data)
    np.testing.assert_array_equal(found.thresholds[:0:-1], thresholds)
    np.testing.assert_allclose(found.precision[:0:-1], precision[:-1], atol=1e-9)
    np.testing.assert_allclose(found.tpr[:0:-1], recall[:-1], atol=1e-9)


@settings(max_examples=60, deadline=None)
@given(both_classes(), score)
def test_a_given_threshold_has_scikit_learns_confusion_and_rates(
    data: Split, threshold: float
) -> None:
    positive, scores = data
    passes = scores >= threshold
    point = at_threshold(positive, scores, threshold)
    matrix = confusion_matrix(positive, passes, labels=[False, True])
    assert [[point.tn, point.fp], [point.fn, point.tp]] == matrix.tolist()
    assert point.tpr == pytest.approx(recall_score(positive, passes), abs=1e-9)
    assert point.precision_before == pytest.approx(positive.mean(), abs=1e-9)
    assert point.share == pytest.approx(passes.mean(), abs=1e-9)
    if passes.any():
        precision = precision_score(positive, passes)
        assert point.precision_after == pytest.approx(precision, abs=1e-9)
        assert point.work_saved == pytest.approx(precision / positive.mean(), abs=1e-9)
    else:
        assert point.precision_after is None
        assert point.work_saved is None


@pytest.mark.parametrize("threshold", [np.nan, np.inf, True])
def test_a_threshold_that_is_no_number_is_an_error(threshold: float) -> None:
    with pytest.raises(SettingsError, match="threshold must be a finite number. Received: "):
        at_threshold(np.array([True]), np.array([0.5]), threshold)
