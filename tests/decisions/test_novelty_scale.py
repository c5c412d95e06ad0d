from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gi_classifier.decisions.novelty import THRESHOLD
from gi_classifier.decisions.novelty_scale import at_length, fit_length_scale, knots_of, share_below


def test_at_each_length_the_usual_score_becomes_nought() -> None:
    source = np.random.default_rng(2)
    lengths = source.integers(3, 300, 4000)
    usual = 5 - np.log(lengths)
    scores = usual + source.normal(0, 1 / np.log(lengths))
    found = at_length(scores, lengths, fit_length_scale(scores, lengths))
    short = lengths < 30
    assert abs(found[short].mean()) < 0.1
    assert abs(found[~short].mean()) < 0.1
    assert np.corrcoef(found, np.log(lengths))[0, 1] == pytest.approx(0, abs=0.05)


def test_lengths_never_seen_count_as_the_nearest() -> None:
    lengths = np.arange(10, 90)
    scale = fit_length_scale(np.sqrt(lengths), lengths)
    ends = at_length(np.array([3.0, 3.0]), np.array([10, 89]), scale)
    np.testing.assert_allclose(at_length(np.array([3.0, 3.0]), np.array([1, 9999]), scale), ends)


@pytest.mark.parametrize("count", [1, 2, 50])
def test_equal_scores_at_one_length_are_not_unusual(count: int) -> None:
    scores, lengths = np.full(count, 2.0), np.full(count, 13)
    found = at_length(scores, lengths, fit_length_scale(scores, lengths))
    np.testing.assert_allclose(found, 0, atol=1e-6)


@given(st.lists(st.floats(-50, 50), min_size=1, max_size=60), st.lists(st.floats(-99, 99)))
def test_shares_lie_in_the_unit_interval_and_rise(values: list[float], wanted: list[float]) -> None:
    knots = np.quantile(values, np.linspace(0, 0.99, 100))
    found = share_below(np.sort(wanted), knots)
    assert ((found >= 0) & (found <= 1)).all()
    assert (np.diff(found) >= -1e-12).all()


def test_shares_are_those_of_the_validation_records() -> None:
    values = np.random.default_rng(3).normal(size=5000)
    knots = np.quantile(values, np.linspace(0, 0.99, 100))
    wanted = np.quantile(values, [0.1, 0.5, 0.98])
    np.testing.assert_allclose(share_below(wanted, knots), [0.1, 0.5, 0.98], atol=2e-3)
    assert np.mean(share_below(values, knots) > THRESHOLD) == pytest.approx(0.02, abs=1e-3)


@pytest.mark.parametrize("count", [5, 10, 20, 50, 200, 2000])
def test_few_validation_records_do_not_make_new_ones_novel(count: int) -> None:
    source = np.random.default_rng(0)
    shares = [
        np.mean(share_below(source.standard_normal(500), knots_of(known)) > THRESHOLD)
        for known in source.standard_normal((300, count))
    ]
    # Of a tail that falls faster than the exponential one, less than the 2% are rejected.
    assert 0 < np.mean(shares) < (0.035 if count < 20 else 0.025)


def test_one_validation_record_has_a_scale() -> None:
    found = share_below(np.array([0.0, 1.0, 2.0]), knots_of(np.array([1.0])))
    assert (np.diff(found) >= 0).all()
    assert ((found >= 0) & (found <= 1)).all()


def test_beyond_all_validation_records_the_order_is_kept() -> None:
    knots = np.linspace(-2, 2, 100)
    found = share_below(np.array([2.0, 2.1, 3, 5]), knots)
    assert (np.diff(found) > 0).all()
    assert found[-1] < 1


def test_a_record_like_all_others_is_not_novel() -> None:
    found = share_below(np.array([1.0, 1.0, 1.5]), np.full(100, 1.0))
    assert (found[:2] <= THRESHOLD).all()
    assert found[2] > THRESHOLD
