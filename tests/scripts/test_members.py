"""scripts/members.py: macro-F1 is scikit-learn's, and a lead over oneself is nothing."""

from __future__ import annotations

import members
import numpy as np
import pytest
from sklearn.metrics import f1_score


def test_macro_f1_is_that_of_scikit_learn_with_the_weights_as_sample_weights() -> None:
    source = np.random.default_rng(0)
    labels, predicted = source.integers(0, 3, (2, 200))
    weights = source.gamma(1.0, size=(4, 200))
    expected = [f1_score(labels, predicted, average="macro", sample_weight=row) for row in weights]
    assert members.macro_f1(labels, predicted, weights) == pytest.approx(expected)


def test_a_lead_over_equal_answers_is_nothing_and_over_worse_ones_lies_above_it() -> None:
    source = np.random.default_rng(1)
    labels = source.integers(0, 3, 500)
    good = np.where(source.random(500) < 0.95, labels, 0)
    bad = np.where(source.random(500) < 0.6, labels, 0)
    found = members.compared(labels, {"good": good, "same": good.copy(), "bad": bad})
    same, worse = found["same"], found["bad"]
    assert same["lead"] == same["lead_low"] == same["lead_high"] == 0
    assert 0 < worse["lead_low"] < worse["lead"] < worse["lead_high"]
    assert found["good"]["low"] < found["good"]["value"] < found["good"]["high"]


def test_answers_without_an_error_have_an_interval_all_the_same() -> None:
    labels = np.arange(60) % 3
    found = members.compared(labels, {"right": labels, "too": labels.copy()})
    assert found["right"]["value"] == 1.0
    assert 0.9 < found["right"]["low"] < 1.0
