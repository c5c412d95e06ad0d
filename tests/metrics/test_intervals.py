from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import beta, kstest

from gi_classifier.metrics import intervals as own
from gi_classifier.metrics.intervals import (
    imagined_records,
    posterior_weights,
    proportion_at_most,
    proportion_interval,
)


def test_interval_of_a_proportion_is_clopper_and_pearsons() -> None:
    # With no success in n, the upper bound is 1 - (0.025)^(1/n).
    assert proportion_interval(0, 10) == pytest.approx([0, 1 - 0.025**0.1])
    assert proportion_interval(10, 10) == pytest.approx([0.025**0.1, 1])
    assert proportion_interval(0, 0) is None


def test_the_upper_bound_of_a_proportion_is_exact_and_one_sided() -> None:
    assert proportion_at_most(0, 600) == pytest.approx(1 - 0.05 ** (1 / 600))
    assert proportion_at_most(3, 600, 0.9) == pytest.approx(beta.ppf(0.9, 4, 597))
    assert proportion_at_most(3, 3) == proportion_at_most(0, 0) == 1.0


def test_imagined_records_are_those_at_hand_with_each_other_label() -> None:
    rows, others = imagined_records(np.array([0, 2, 2]), np.array([0, 2]))
    assert sorted(zip(rows.tolist(), others.tolist(), strict=True)) == [(0, 2), (1, 0), (2, 0)]
    rows, others = imagined_records(np.array([1, 1]), np.array([1]))
    assert len(rows) == len(others) == 0


def test_of_many_imagined_records_a_sample_is_drawn() -> None:
    labels = np.arange(3000) % 3
    rows, others = imagined_records(labels, np.arange(3), seed=1)
    assert len(rows) == 300
    assert (labels[rows] != others).all()
    assert len(np.unique(rows * 3 + others)) == 300


def test_weights_of_records_are_those_of_a_dirichlet_process() -> None:
    weights = np.concatenate(list(posterior_weights(20, 40, 4000, seed=2)))
    np.testing.assert_allclose(weights.sum(axis=1), 20)
    # A share of part of the records is beta distributed; the imagined count as one record.
    assert kstest(weights[:, :5].sum(axis=1) / 20, beta(5, 16).cdf).pvalue > 0.01
    assert kstest(weights[:, 20:].sum(axis=1) / 20, beta(1, 20).cdf).pvalue > 0.01
    assert weights[:, 20:].mean(axis=1).mean() == pytest.approx(20 / 21 / 40, rel=0.1)


def test_weights_do_not_depend_on_the_size_of_a_block(monkeypatch: pytest.MonkeyPatch) -> None:
    (whole,) = posterior_weights(30, 5, 20, seed=3)
    monkeypatch.setattr(own, "_BLOCK", 100)
    blocks = list(posterior_weights(30, 5, 20, seed=3))
    assert len(blocks) == 10
    np.testing.assert_array_equal(np.concatenate(blocks), whole)


def test_without_imagined_records_all_weight_is_the_records() -> None:
    (weights,) = posterior_weights(6, 0, 3)
    assert weights.shape == (3, 6)
