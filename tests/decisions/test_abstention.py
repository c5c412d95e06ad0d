from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import beta, binom
from sklearn.metrics import accuracy_score

from gi_classifier.decisions.abstention import (
    TRIALS,
    abstain_at,
    answers,
    guaranteed_confidence,
    least_answered,
    risk_coverage,
    risk_table,
)
from gi_classifier.errors import RecordsError, SettingsError

confidence = st.one_of(st.sampled_from([0.0, 0.5, 0.9, 1.0]), st.floats(0, 1))
rows = st.lists(st.tuples(confidence, st.booleans()), min_size=1, max_size=25)


def arrays(pairs: list[tuple[float, bool]]) -> tuple[np.ndarray, np.ndarray]:
    return np.array([c for c, _ in pairs]), np.array([w for _, w in pairs])


@settings(max_examples=60, deadline=None)
@given(rows)
def test_the_risk_is_one_minus_scikit_learns_accuracy_of_the_answered(
    pairs: list[tuple[float, bool]],
) -> None:
    scores, wrong = arrays(pairs)
    curve = risk_coverage(scores, wrong)
    own = []
    for least in scores:
        kept = scores >= least
        own.append(1 - accuracy_score(np.zeros(kept.sum()), wrong[kept]))
        place = list(curve.min_confidence).index(least)
        assert curve.coverage[place] == pytest.approx(kept.mean(), abs=1e-9)
        assert curve.risk[place] == pytest.approx(own[-1], abs=1e-9)
    # Geifman et al. 2019: the mean of the risks at every record's own confidence.
    assert curve.area == pytest.approx(np.mean(own), abs=1e-9)


def test_the_area_of_a_random_order_is_the_error_and_of_a_perfect_one_is_less() -> None:
    wrong = np.array([False] * 8 + [True] * 2)
    assert risk_coverage(np.full(10, 0.7), wrong).area == pytest.approx(0.2)
    assert risk_coverage(np.linspace(1, 0, 10), wrong).area == pytest.approx((1 / 9 + 0.2) / 10)


def test_the_table_answers_the_least_share_that_reaches_the_one_asked_for() -> None:
    scores, wrong = np.array([0.9, 0.8, 0.8, 0.5]), np.array([False, True, False, True])
    found = risk_table(scores, wrong, [0.1, 0.25, 0.3, 0.75, 1.0])
    assert [row["answered"] for row in found] == [1, 1, 3, 3, 4]
    assert [row["errors"] for row in found] == [0, 0, 1, 1, 2]
    assert found[-1]["min_confidence"] == 0.5


def test_a_share_reached_but_for_rounding_is_reached() -> None:
    scores = np.linspace(0, 1, 10)
    (row,) = risk_table(scores, np.zeros(10, bool), [0.1 + 0.2])
    assert row["answered"] == 3


def test_a_least_confidence_above_all_answers_none() -> None:
    row = abstain_at(np.array([0.5]), np.array([True]), 0.6)
    assert (row["answered"], row["coverage"]) == (0, 0)
    assert row["error"] is row["error_interval"] is None
    json.dumps(row, allow_nan=False)


def test_answers_are_the_largest_probability_and_whether_it_is_wrong() -> None:
    shares = np.array([[0.2, 0.8], [0.6, 0.4], [0.5, 0.5]])
    scores, wrong = answers(shares, np.array([1, 1, 0]))
    assert scores.tolist() == [0.8, 0.6, 0.5]
    assert wrong.tolist() == [False, True, False]
    with pytest.raises(RecordsError, match="No record to measure"):
        answers(np.zeros((0, 2)), np.zeros(0, int))


def test_records_that_are_all_right_are_all_answered_if_they_are_enough() -> None:
    enough = least_answered(0.05, 0.1)
    assert (1 - 0.05) ** enough <= 0.1 / TRIALS < (1 - 0.05) ** (enough - 1)
    for count, expected in ((enough, 0.0), (enough - 1, None)):
        found = guaranteed_confidence(np.full(count, 0.9), np.zeros(count, bool), 0.05, 0.1)
        assert found == expected


def test_the_upper_bound_of_clopper_and_pearson_is_at_most_alpha_where_it_answers() -> None:
    source = np.random.default_rng(3)
    scores = source.random(3000)
    wrong = source.random(3000) < (1 - scores) ** 2
    least = guaranteed_confidence(scores, wrong, 0.1, 0.1)
    assert least is not None
    row = abstain_at(scores, wrong, least)
    bound = beta.ppf(1 - 0.1 / TRIALS, row["errors"] + 1, row["answered"] - row["errors"])
    assert bound <= 0.1
    # One trial further, it is not.
    further = np.sort(scores)[::-1][: round((row["coverage"] + 1 / TRIALS) * 3000)]
    errors = int(wrong[scores >= further[-1]].sum())
    assert beta.ppf(1 - 0.1 / TRIALS, errors + 1, len(further) - errors) > 0.1


def test_an_asked_for_error_that_no_threshold_keeps_gives_none() -> None:
    source = np.random.default_rng(0)
    assert guaranteed_confidence(source.random(500), source.random(500) < 0.3, 0.1, 0.1) is None
    assert guaranteed_confidence(np.array([0.9]), np.array([False]), 0.1, 0.1) is None


def test_equal_confidences_are_answered_together_or_not_at_all() -> None:
    scores = np.repeat([1.0, 0.4], [600, 400])
    wrong = np.arange(1000) >= 600
    least = guaranteed_confidence(scores, wrong, 0.05, 0.1)
    assert least is not None
    assert 0.4 < least <= 1.0
    assert guaranteed_confidence(np.full(1000, 1.0), wrong, 0.05, 0.1) is None


# How often an answer of a confidence is wrong, and the true error above a threshold, for
# confidences that are uniform on 0…1.
WORLDS = {
    # Just above alpha everywhere: any answer breaks the guarantee.
    "flat": (lambda c: np.full_like(c, 0.101), lambda t: 0.101),
    # Falls with confidence, as hoped for.
    "falling": (lambda c: 0.5 * (1 - c) ** 3, lambda t: 0.125 * (1 - t) ** 3),
    # The surest tenth is wrong most of the time.
    "surest are wrong": (
        lambda c: np.where(c > 0.9, 0.8, 0.0),
        lambda t: 0.8 * (1 - max(t, 0.9)) / (1 - t),
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", WORLDS)
@pytest.mark.parametrize("ties", [False, True])
def test_over_many_draws_the_true_error_exceeds_alpha_in_at_most_delta_of_them(
    name: str, ties: bool
) -> None:
    rate, true_error = WORLDS[name]
    alpha, delta, draws = 0.1, 0.2, 600
    source = np.random.default_rng(7)
    broken = answered = 0
    for _ in range(draws):
        scores = source.random(400)
        wrong = source.random(400) < rate(scores)
        if ties:
            scores = np.floor(scores * 10) / 10
        least = guaranteed_confidence(scores, wrong, alpha, delta)
        if least is None:
            continue
        answered += 1
        # Just above a cell's confidence, the next cell is the first that is answered.
        edge = (np.floor(least * 10 + 1e-9) + 1) / 10 if ties and least else least
        broken += true_error(edge) > alpha
    assert broken <= binom.ppf(0.999, draws, delta)
    # So that it is no guarantee by never answering.
    assert answered > draws / 2 or name != "falling"


@pytest.mark.parametrize(
    ("alpha", "delta", "message"),
    [
        (0.0, 0.1, r"alpha must be a number in \(0, 1\). Received: 0.0"),
        (1.0, 2.0, r"(?s)alpha must be.*delta must be"),
        (float("nan"), 0.1, "alpha must be"),
        (True, 0.1, "alpha must be"),
    ],
)
def test_a_guarantee_that_cannot_be_is_an_error(alpha: float, delta: float, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        guaranteed_confidence(np.array([0.5]), np.array([False]), alpha, delta)


@pytest.mark.parametrize(
    ("scores", "wrong", "message"),
    [
        (np.array([]), np.array([], bool), "No record to measure"),
        (np.array([0.5]), np.array([0]), r"int64 \(1,\)"),
        (np.array([0.5]), np.array([True, False]), r"bool \(2,\)"),
        (np.array([0.5, 1.2, np.nan]), np.zeros(3, bool), "(?s)row 1: 1.2.*row 2: nan"),
    ],
)
def test_answers_that_cannot_be_measured_are_an_error(
    scores: np.ndarray, wrong: np.ndarray, message: str
) -> None:
    for measured in (
        lambda: risk_coverage(scores, wrong),
        lambda: abstain_at(scores, wrong, 0.5),
        lambda: guaranteed_confidence(scores, wrong, 0.1, 0.1),
    ):
        with pytest.raises(RecordsError, match=message):
            measured()
    with pytest.raises(SettingsError, match="min_confidence must be a number. Received: nan"):
        abstain_at(np.array([0.5]), np.array([True]), float("nan"))
