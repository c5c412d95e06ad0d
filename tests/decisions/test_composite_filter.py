from __future__ import annotations

import itertools

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix, roc_curve

from gi_classifier.decisions.composite_filter import each_by_itself, jointly
from gi_classifier.decisions.policies import parse_policy
from gi_classifier.errors import RecordsError

SIGNS = np.array([1.0, -1.0, 1.0])
POLICY = parse_policy("tpr>=0.9")


def made(rows: int = 200, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Whether rows are valid, and scores: a good one, one of which low is good, and noise."""
    random = np.random.default_rng(seed)
    valid = random.random(rows) < 0.4
    scores = random.normal(size=(rows, 3)) + np.outer(valid, [2.0, -1.0, 0.0])
    return valid, np.round(scores, 1)


def test_each_threshold_wastes_as_little_as_scikit_learns_curve_allows() -> None:
    valid, scores = made()
    found, _ = each_by_itself(POLICY, valid, scores, SIGNS)
    assert found is not None
    for place, sign in enumerate(SIGNS):
        signed = scores[:, place] * sign
        fpr, tpr, _ = roc_curve(valid, signed, drop_intermediate=False)
        passes = signed >= found.thresholds[place]
        assert passes[valid].mean() >= 0.9
        assert passes[~valid].mean() == pytest.approx(min(fpr[tpr >= 0.9]))
        # In its own units a low score passes at or below its threshold.
        stated = found.stated()[place]
        own = scores[:, place] <= stated if sign < 0 else scores[:, place] >= stated
        np.testing.assert_array_equal(own, passes)


def test_a_row_passes_where_every_normalised_score_is_0_or_above() -> None:
    valid, scores = made()
    found, _ = each_by_itself(POLICY, valid, scores, SIGNS)
    assert found is not None
    normalised = found.normalised(scores)
    np.testing.assert_array_equal((normalised >= 0).all(axis=1), found.passes(scores))
    np.testing.assert_allclose(normalised.std(axis=0), 1)


@pytest.mark.parametrize("policy", ["tpr>=0.9", "youden", "f1", "cost:fp=1,fn=10"])
def test_the_point_that_is_chosen_jointly_is_what_passes(policy: str) -> None:
    valid, scores = made()
    found, choice = jointly(parse_policy(policy), valid, scores, SIGNS)
    assert found is not None
    assert choice.point is not None
    (tn, fp), (fn, tp) = confusion_matrix(valid, found.passes(scores))
    point = choice.point
    assert (point.tp, point.fp, point.tn, point.fn) == (tp, fp, tn, fn)


def test_jointly_no_valid_rows_are_spent_on_a_score_that_tells_nothing() -> None:
    valid, scores = made(1000)
    found, choice = jointly(POLICY, valid, scores, SIGNS)
    each, _ = each_by_itself(POLICY, valid, scores, SIGNS)
    assert found is not None
    assert each is not None
    assert choice.point is not None
    assert choice.point.tpr is not None
    assert choice.point.tpr >= 0.9
    assert each.passes(scores)[valid].mean() < 0.9
    noise = scores[:, 2]
    assert (noise[valid] >= found.thresholds[2]).mean() > 0.97


def test_jointly_is_best_where_scores_are_independent() -> None:
    # Every pair of levels stands there as often as the two counts' product.
    counts = {True: ([1, 4, 15, 20], [2, 8, 10, 20]), False: ([20, 10, 7, 3], [16, 4, 12, 8])}
    rows = [
        (valid, i, j)
        for valid, (one, two) in counts.items()
        for i, j in itertools.product(range(4), range(4))
        for _ in range(one[i] * two[j])
    ]
    valid, scores = np.array([row[0] for row in rows]), np.array([row[1:] for row in rows], float)
    signs = np.ones(2)
    rates = {
        cut: tuple((scores[part] >= cut).all(axis=1).mean() for part in (valid, ~valid))
        for cut in itertools.product(range(4), range(4))
    }
    points = set()
    for level in np.arange(0.99, 0.3, -0.01):
        _, choice = jointly(parse_policy(f"tpr>={level:.2f}"), valid, scores, signs)
        assert choice.point is not None
        points.add((choice.point.tpr, choice.point.fpr))
    assert len(points) > 4
    # Nothing that passes as many valid rows passes fewer others.
    for reached, wasted in points:
        best = min(fpr for tpr, fpr in rates.values() if tpr >= reached)
        assert wasted == pytest.approx(best), (reached, wasted)


def test_of_one_score_jointly_chooses_as_by_itself() -> None:
    valid, scores = made()
    one, two = (
        choose_by(POLICY, valid, scores[:, :1], SIGNS[:1])[0]
        for choose_by in (each_by_itself, jointly)
    )
    assert one is not None
    assert two is not None
    assert one.thresholds == two.thresholds


def test_scores_that_are_all_the_same_pass() -> None:
    valid = np.array([True, False, True])
    found, _ = jointly(POLICY, valid, np.full((3, 2), 0.1), np.ones(2))
    assert found is not None
    assert found.passes(np.full((1, 2), 0.1)).all()
    assert np.isfinite(found.normalised(np.full((1, 2), 0.2))).all()


def test_a_named_threshold_is_in_the_scores_own_units_and_jointly_none_is_chosen() -> None:
    valid, scores = made()
    policy = parse_policy("threshold=0.5")
    found, _ = each_by_itself(policy, valid, scores, SIGNS)
    assert found is not None
    assert found.stated().tolist() == [0.5, 0.5, 0.5]
    expected = (scores[:, 0] >= 0.5) & (scores[:, 1] <= 0.5) & (scores[:, 2] >= 0.5)
    np.testing.assert_array_equal(found.passes(scores), expected)
    none, choice = jointly(policy, valid, scores, SIGNS)
    assert none is None
    assert choice.reason == "it names a threshold, and chooses none"


def test_a_score_that_no_threshold_fits_leaves_no_filter() -> None:
    valid, scores = made()
    found, choices = each_by_itself(parse_policy("precision>=1"), valid, scores, SIGNS)
    assert found is None
    assert [choice.point is None for choice in choices] == [False, False, True]
    assert "the highest precision is" in str(choices[2].reason)


def test_rows_of_one_kind_are_refused() -> None:
    with pytest.raises(RecordsError, match="0 of the class and 3 others"):
        jointly(POLICY, np.zeros(3, dtype=bool), np.ones((3, 1)), np.ones(1))
