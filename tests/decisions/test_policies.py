from __future__ import annotations

import json
import re

import numpy as np
import pytest
from cut_records import Split, both_classes, made
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import confusion_matrix, fbeta_score, precision_recall_curve, roc_curve

from gi_classifier.decisions.operating_points import OperatingPoint, at_threshold
from gi_classifier.decisions.policies import (
    FORMS,
    POLICIES,
    choose,
    compare_policies,
    parse_policy,
)
from gi_classifier.errors import RecordsError, SettingsError


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(both_classes(), st.sampled_from([0.5, 1, 2, 3.7]))
def test_f_beta_chooses_the_largest_that_scikit_learn_finds(data: Split, beta: float) -> None:
    positive, scores = data
    point = choose(f"f{beta}", positive, scores).point
    values = [fbeta_score(positive, scores >= t, beta=beta, zero_division=0) for t in scores]
    assert point
    reached = fbeta_score(positive, scores >= point.threshold, beta=beta, zero_division=0)
    assert reached == pytest.approx(max(values), abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(both_classes())
def test_rates_are_weighed_as_the_policys_name_says(data: Split) -> None:
    # Without the place where nothing passes.
    fpr, tpr, _ = (part[1:] for part in roc_curve(*data, drop_intermediate=False))
    for name, gain, loss in (("youden", 1, 1), ("2tpr-fpr", 2, 1), ("tpr-2fpr", 1, 2)):
        choice = choose(name, *data)
        best = (gain * tpr - loss * fpr).max()
        if choice.point is None:
            assert best < 1e-9
            assert choice.reason == "to pass no record is better than any threshold"
        else:
            reached = gain * (choice.point.tpr or 0) - loss * (choice.point.fpr or 0)
            assert reached == pytest.approx(best, abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(both_classes(), st.sampled_from([0.5, 0.8, 1.0]))
def test_a_level_is_reached_at_the_least_price_or_the_choice_says_why_not(
    data: Split, level: float
) -> None:
    fpr, tpr, _ = (part[1:] for part in roc_curve(*data, drop_intermediate=False))
    point = choose(f"tpr>={level}", *data).point
    assert point
    assert (point.tpr or 0) >= level
    assert point.fpr == pytest.approx(fpr[tpr >= level].min(), abs=1e-9)
    precision, recall, _ = (part for part in precision_recall_curve(*data))
    choice, reached = choose(f"precision>={level}", *data), precision[:-1] >= level
    if choice.point:
        assert (choice.point.precision_after or 0) >= level
        assert choice.point.tpr == pytest.approx(recall[:-1][reached].max(), abs=1e-9)
    else:
        assert not reached.any()
        assert choice.reason == (
            f"no threshold meets it; the highest precision is {precision[:-1].max():.4f}"
        )
    highest = choose("max-precision", *data).point
    assert highest
    assert highest.precision_after == pytest.approx(precision[:-1].max(), abs=1e-9)


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(both_classes(), *[st.integers(-3, 3)] * 2, *[st.integers(1, 9)] * 2)
def test_a_cost_matrix_chooses_the_least_cost(
    data: Split, tp: int, tn: int, more_fn: int, more_fp: int
) -> None:
    positive, scores = data
    cost = np.array([[tn, tn + more_fp], [tp + more_fn, tp]])

    def total(threshold: float) -> float:
        return float((confusion_matrix(positive, scores >= threshold) * cost).sum())

    least = min(map(total, scores))
    choice = choose(f"cost:tp={tp},tn={tn},fp={cost[0, 1]},fn={cost[1, 0]}", positive, scores)
    if choice.point:
        assert total(choice.point.threshold) == pytest.approx(least)
    else:
        assert total(2.0) < least


@settings(max_examples=60, deadline=None)
@given(both_classes(), st.sampled_from(POLICIES), st.randoms(use_true_random=False))
def test_the_order_of_the_records_does_not_matter(data: Split, policy: str, random: object) -> None:
    order = np.random.default_rng(random.randrange(99)).permutation(len(data[0]))  # type: ignore[attr-defined]
    assert choose(policy, *data) == choose(policy, data[0][order], data[1][order])


def test_of_equally_good_thresholds_the_one_that_passes_more_of_the_class_is_chosen() -> None:
    # TPR - FPR is 0.5 at 0.9, at 0.6 and at 0.4; precision is 1 at 0.9 and at 0.8.
    data = made("++-+-+--", [0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2])
    point = choose("youden", *data).point
    assert point
    assert (point.threshold, point.tp, point.fp) == (0.4, 4, 2)
    point = choose("max-precision", *data).point
    assert point
    assert (point.threshold, point.tp, point.fp) == (0.8, 2, 0)
    # At no more cost in FPR, a level of TPR is passed by.
    point = choose("tpr>=0.25", *data).point
    assert point
    assert point.threshold == 0.8
    # And of those that pass all of the class, the highest.
    point = choose("precision>=0.1", *data).point
    assert point
    assert point.threshold == 0.4


def test_a_level_is_reached_exactly_in_spite_of_rounding() -> None:
    # 19 of 20 is 0.95, and 3 of 10 is 0.3.
    data = made("+" * 19 + "-+", [0.9] * 19 + [0.5, 0.1])
    point = choose("tpr>=0.95", *data).point
    assert point
    assert point.threshold == 0.9
    point = choose("precision>=0.3", *made("+++-------", [1.0] * 10)).point
    assert point
    assert point.precision_after == 0.3


def test_equal_scores_pass_together() -> None:
    data = made("+-+-", [0.5] * 4)
    for policy in ("youden", "f1", "tpr>=0.95", "max-precision"):
        point = choose(policy, *data).point
        assert point == OperatingPoint(0.5, 2, 2, 0, 0)
        assert point.work_saved == 1.0
    assert choose("precision>=0.6", *data).reason == (
        "no threshold meets it; the highest precision is 0.5000"
    )


def test_a_perfect_score_is_cut_between_the_classes() -> None:
    data = made("++--", [1.0, 1.0, 0.0, 0.0])
    for policy in set(POLICIES):
        point = choose(policy, *data).point
        assert point
        assert (point.tp, point.fp) == (2, 0)
        assert point.work_saved == 2.0


def test_what_a_dear_false_positive_forbids_is_said() -> None:
    data = made("+-+-", [0.1, 0.9, 0.2, 0.8])
    for policy in ("tpr-2fpr", "cost:fp=10,fn=1"):
        choice = choose(policy, *data)
        assert choice.point is None
        assert choice.reason == "to pass no record is better than any threshold"
    # With a threshold that is as good as none, it is that one.
    assert choose("tpr-fpr", *data).point == OperatingPoint(0.1, 2, 2, 0, 0)


def test_a_given_threshold_is_measured_on_one_class_or_one_record() -> None:
    point = at_threshold(np.array([False]), np.array([0.3]), 0.04)
    assert (point.tpr, point.fpr, point.precision_before, point.work_saved) == (None, 1, 0, None)
    assert point.to_dict()["tpr_interval"] is None
    point = at_threshold(np.array([True, True]), np.array([0.3, 0.04]), 0.04)
    assert (point.tpr, point.fpr, point.precision_after, point.work_saved) == (1, None, 1, 1)
    assert choose("threshold=0.04", np.array([True]), np.array([0.3])).point
    json.dumps(point.to_dict(), allow_nan=False)


def test_policies_are_chosen_on_validation_and_checked_on_test() -> None:
    validation = made("++--", [0.9, 0.8, 0.4, 0.1])
    test = made("++--", [0.9, 0.5, 0.85, 0.1])
    row, unmet = compare_policies(["youden", "precision>=1"], validation, test)
    assert row["policy"] == "youden"
    assert row["validation"]["tpr"] == 1.0
    assert row["test"]["threshold"] == row["validation"]["threshold"] == 0.8
    assert (row["test"]["tp"], row["test"]["fp"], row["test"]["fn"]) == (1, 1, 1)
    assert unmet["reason"] is None
    (unmet,) = compare_policies(["precision>=1"], (validation[0], 1 - validation[1]), test)
    assert unmet["validation"] is unmet["test"] is None
    assert "highest precision is 0.5000" in unmet["reason"]


@pytest.mark.parametrize(
    ("name", "canonical"),
    [
        ("Youden", "youden"),
        (" TPR >= 0.9 ", "tpr>=0.9"),
        ("precision≥.98", "precision>=.98"),
        ("F2", "f2"),
        ("3tpr-0.5fpr", "3tpr-0.5fpr"),
        ("cost: fp=1, fn=10", "cost:fp=1,fn=10"),
        ("threshold=-0.001", "threshold=-0.001"),
    ],
)
def test_a_policys_name_is_read_whatever_its_case_and_spaces(name: str, canonical: str) -> None:
    assert parse_policy(name).name == canonical


@pytest.mark.parametrize(
    "name", ["", "tpr", "best", "f", "fx", "tpr>=x", "cost:", "cost:fp=1;fn=2", "threshold=nan"]
)
def test_an_unknown_policy_names_all_forms(name: str) -> None:
    with pytest.raises(SettingsError, match=re.escape(f"No such policy: {name!r}")) as caught:
        parse_policy(name)
    assert all(form in str(caught.value) for form in FORMS)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("tpr>=0", r"must lie in \(0, 1\]. Received: 'tpr>=0'"),
        ("precision>=1.01", r"must lie in \(0, 1\]"),
        ("f0", "beta of F-beta must be above 0"),
        ("cost:fn=1", "needs fp=COST and fn=COST. Received: 'cost:fn=1'"),
        ("cost:fp=0,fn=1", "must cost more than the right one"),
        ("cost:fp=1,fn=1,tp=2", "must cost more than the right one"),
    ],
)
def test_a_number_out_of_range_is_an_error(name: str, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        parse_policy(name)


@pytest.mark.parametrize(
    ("positive", "scores", "message"),
    [
        (np.array([], bool), np.array([]), "No record to measure"),
        (np.array([True, True]), np.array([0.1, 0.2]), "Received: 2 of the class and 0 others"),
        (np.array([False]), np.array([0.1]), "Received: 0 of the class and 1 others"),
        (np.array([True, False]), np.array([0.1]), r"Received: \(2,\) and \(1,\)"),
        (np.array([1, 0]), np.array([0.1, 0.2]), "an array of int64"),
        (np.array([True, False]), np.array([np.nan, np.inf]), "(?s)row 0: nan.*row 1: inf"),
    ],
)
def test_records_that_cannot_be_cut_are_an_error(
    positive: np.ndarray, scores: np.ndarray, message: str
) -> None:
    with pytest.raises(RecordsError, match=message):
        choose("youden", positive, scores)


@pytest.mark.parametrize(
    ("decimal", "whole"),
    [
        ("cost:fp=0.1,fn=0.3", "cost:fp=1,fn=3"),
        ("cost:fp=.7,fn=2.1,tp=-.7,tn=0.", "cost:fp=1,fn=3,tp=-1,tn=0"),
        ("0.1tpr-0.3fpr", "tpr-3fpr"),
        ("0.3tpr-0.1fpr", "3tpr-fpr"),
    ],
)
def test_decimals_choose_what_whole_numbers_in_the_same_proportion_choose(
    decimal: str, whole: str
) -> None:
    data = made("--+--", [0.9, 0.1, 0.7, 0.9, 1.0])
    assert choose(decimal, *data).point == choose(whole, *data).point
    assert choose("cost:fp=0.1,fn=0.3", *data).point == OperatingPoint(0.7, 1, 3, 1, 0)


@settings(max_examples=200, deadline=None)
@given(both_classes(), *[st.integers(1, 30)] * 2)
def test_costs_in_tenths_choose_as_costs_in_whole_numbers(data: Split, fp: int, fn: int) -> None:
    tenths = choose(f"cost:fp={fp / 10},fn={fn / 10}", *data)
    whole = choose(f"cost:fp={fp},fn={fn}", *data)
    assert (tenths.point, tenths.reason) == (whole.point, whole.reason)
    tenths = choose(f"{fp / 10}tpr-{fn / 10}fpr", *data)
    whole = choose(f"{fp}tpr-{fn}fpr", *data)
    assert (tenths.point, tenths.reason) == (whole.point, whole.reason)


def test_numbers_too_fine_for_floating_point_are_told_apart() -> None:
    data = made("+-", [0.9, 0.1])
    assert choose("cost:fp=1.00000000000000000001,fn=1,tn=1", *data).point
    with pytest.raises(SettingsError, match="must cost more than the right one"):
        choose("cost:fp=1,fn=1,tn=1.00000000000000000001", *data)
    # Of three records two are 2/3, which is below 0.66666666666666666667.
    data = made("+++-", [0.9, 0.9, 0.1, 0.1])
    found = choose("tpr>=0.66666666666666666667", *data).point
    assert found
    assert found.threshold == 0.1
