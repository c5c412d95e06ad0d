from __future__ import annotations

import sys
from collections.abc import Sequence

import numpy as np
import pytest
from faithfulness_measures import (
    MEASURES,
    PERCENTS,
    leave_one_out,
    measure,
    ranking,
    removed_count,
    window_model,
    without,
)
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit

from gi_classifier.errors import InputError
from gi_classifier.model.gradient import log_odds
from gi_classifier.model.predictor import Predictor

CLS, SEP, MASK = 2, 3, 4
VALUES = np.random.default_rng(7).normal(0, 1, 40)
# [CLS] and [SEP] count for something, [MASK] for nothing.
VALUES[[CLS, SEP, MASK]] = 0.3, -0.2, 0.0


def linear(rows: Sequence[np.ndarray], labels: np.ndarray) -> np.ndarray:
    """Log-odds are the sum of the tokens' values, with the other sign for label 0."""
    signs = np.where(labels == 1, 1, -1)
    return signs * np.array([VALUES[row].sum() for row in rows])


def window(*ids: int) -> np.ndarray:
    return np.array([CLS, *ids, SEP], dtype=np.int32)


@pytest.mark.parametrize("replacement", [None, MASK])
def test_measures_are_those_worked_out_by_hand(
    replacement: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = np.array([0.5, -1.0, 2.0, 0.0, 1.0])
    ids, special = np.arange(10, 15), 0.1
    table = VALUES.copy()
    table[ids] = values
    monkeypatch.setattr(sys.modules[__name__], "VALUES", table)
    whole = special + 2.5
    # Of 5 tokens, 5, 10 and 20% are one token (the 2.0), 50% are two (2.0 and 1.0).
    rest = np.array([0.5, 0.5, 0.5, -0.5]) + special
    alone = np.array([2.0, 2.0, 2.0, 3.0]) + special
    row, label = [window(*ids)], np.array([1])
    drops = leave_one_out(linear, row, label, replacement)
    np.testing.assert_allclose(drops[0], values, atol=1e-12)
    found = measure(linear, row, label, [values], drops, replacement=replacement)
    assert tuple(found) == MEASURES
    assert found["comprehensiveness"][0] == pytest.approx(expit(whole) - expit(rest).mean())
    assert found["sufficiency"][0] == pytest.approx(expit(whole) - expit(alone).mean())
    dropped = np.log(expit(whole)) - np.log(expit(rest)).mean()
    assert found["log_odds"][0] == pytest.approx(dropped)
    assert found["agreement"][0] == pytest.approx(1)


def test_exact_scores_agree_with_leave_one_out_and_negated_ones_disagree() -> None:
    rows = [window(*range(10, 22)), window(*range(15, 22))]
    labels = np.array([1, 0])
    exact = [VALUES[10:22], -VALUES[15:22]]
    drops = leave_one_out(linear, rows, labels)
    for scores, expected in ((exact, 1), ([-values for values in exact], -1)):
        found = measure(linear, rows, labels, scores, drops)
        np.testing.assert_allclose(found["agreement"], expected)


def test_equal_scores_have_no_agreement_and_the_first_tokens_go_first() -> None:
    rows, labels = [window(*range(10, 16))], np.array([1])
    drops = leave_one_out(linear, rows, labels)
    found = measure(linear, rows, labels, [np.ones(6)], drops, percents=(50,))
    assert np.isnan(found["agreement"][0])
    first = measure(linear, rows, labels, [np.arange(6, 0, -1)], drops, percents=(50,))
    for name in MEASURES[:3]:
        assert found[name] == first[name]


@given(st.integers(5, 40), st.integers(0, 2**32 - 1))
def test_no_ranking_is_more_comprehensive_than_the_exact_one(count: int, seed: int) -> None:
    source = np.random.default_rng(seed)
    ids = source.integers(5, 40, count)
    rows, labels = [window(*ids)], np.array([1])
    drops = leave_one_out(linear, rows, labels)
    exact = measure(linear, rows, labels, [VALUES[ids]], drops)
    other = measure(linear, rows, labels, [source.normal(size=count)], drops)
    for name, sign in (("comprehensiveness", 1), ("sufficiency", -1), ("log_odds", 1)):
        assert sign * exact[name][0] >= sign * other[name][0] - 1e-12


def test_windows_are_measured_alike_alone_and_together() -> None:
    source = np.random.default_rng(1)
    rows = [window(*source.integers(5, 40, count)) for count in (5, 30, 9)]
    labels, scores = np.array([1, 0, 1]), [source.normal(size=len(row) - 2) for row in rows]
    drops = leave_one_out(linear, rows, labels)
    together = measure(linear, rows, labels, scores, drops)
    for i in range(3):
        one = slice(i, i + 1)
        alone = measure(linear, rows[one], labels[one], scores[one], drops[one])
        for name in MEASURES:
            np.testing.assert_allclose(alone[name][0], together[name][i])


@pytest.mark.parametrize(
    ("tokens", "expected"), [(1, [1, 1, 1, 1]), (5, [1, 1, 1, 2]), (40, [2, 4, 8, 20])]
)
def test_shares_are_rounded_down_to_one_token_at_least(tokens: int, expected: list[int]) -> None:
    assert [removed_count(tokens, percent) for percent in PERCENTS] == expected


def test_ranking_is_by_signed_score_and_by_position_among_equals() -> None:
    assert ranking(np.array([1.0, -5.0, 2.0, 1.0])).tolist() == [2, 0, 3, 1]


def test_removing_leaves_special_tokens_and_the_window_itself_alone() -> None:
    row = window(10, 11, 12)
    assert without(row, np.array([0, 2])).tolist() == [CLS, 11, SEP]
    assert without(row, np.array([0, 2]), MASK).tolist() == [CLS, MASK, 11, MASK, SEP]
    assert without(row, np.array([0, 1, 2])).tolist() == [CLS, SEP]
    assert row.tolist() == [CLS, 10, 11, 12, SEP]


@pytest.mark.parametrize(
    ("scores", "message"),
    [
        ([np.ones(4), np.ones(3)], r"window 1: scores of shape \(3,\) for 5 tokens"),
        ([np.ones(4), np.array([1, 2, 3, np.nan, 5])], "window 1: scores that are not finite"),
        ([np.ones(4)], r"Received: 2 windows, \{'labels': 2, 'scores': 1, 'drops': 2\}"),
    ],
)
def test_scores_that_fit_no_token_are_refused(scores: list[np.ndarray], message: str) -> None:
    rows, labels = [window(*range(10, 14)), window(*range(10, 15))], np.array([1, 1])
    drops = leave_one_out(linear, rows, labels)
    with pytest.raises(InputError, match=message):
        measure(linear, rows, labels, scores, drops)


def test_scores_of_no_window_are_refused() -> None:
    with pytest.raises(InputError, match="at least one window"):
        measure(linear, [], np.array([], dtype=int), [], [])


class CountingEngine:
    """Logits from a row's sum, and how many rows were read."""

    def __init__(self) -> None:
        self.rows = 0

    def run(self, ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        self.rows += len(ids)
        total = ids.sum(axis=1).astype(np.float32)
        return np.stack([total, -total, total / 2], axis=1), ids


def test_equal_windows_are_computed_once_whatever_their_label(vocabulary, settings) -> None:  # type: ignore[no-untyped-def]
    engine = CountingEngine()
    model = window_model(Predictor(engine, vocabulary, settings), batch_tokens=8)
    rows = [window(5), window(6, 7, 8, 9, 10), window(5), window(5)]
    labels = np.array([0, 1, 2, 0])
    found = model(rows, labels)
    assert engine.rows == 2
    sums = np.array([row.sum() for row in rows], dtype=np.float32)
    expected = log_odds(np.stack([sums, -sums, sums / 2], axis=1), labels)
    np.testing.assert_allclose(found, expected)
