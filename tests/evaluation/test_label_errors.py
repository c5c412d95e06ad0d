from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from samples import made_up_records

from gi_classifier.errors import RecordsError, SettingsError
from gi_classifier.evaluation.label_errors import (
    confident_joint,
    find_label_errors,
    judgeable,
    label_probabilities,
    linear_embeddings,
    mean_recall,
    out_of_fold,
)


def ninety() -> tuple[np.ndarray, np.ndarray]:
    """Noisy probabilities (90, 3), and labels of which the first 12 are wrong."""
    source = np.random.default_rng(3)
    truth = np.arange(90) % 3
    labels = truth.copy()
    labels[:12] = (labels[:12] + 1 + np.arange(12) % 2) % 3
    found = source.dirichlet(np.ones(3), 90) + 1.5 * np.eye(3)[truth] * source.random((90, 1))
    return found / found.sum(axis=1, keepdims=True), labels


def test_flags_and_their_order_are_those_of_cleanlab() -> None:
    # cleanlab 2.9.0: find_label_issues(labels, probabilities, filter_by="prune_by_class",
    # return_indices_ranked_by="normalized_margin") and compute_confident_joint(calibrate=True).
    # fmt: off
    order = [2, 28, 44, 83, 5, 58, 11, 6, 17, 77, 0, 49, 10, 4, 76, 38, 16, 9, 60, 40, 88, 8, 32, 7]
    # fmt: on
    probabilities, labels = ninety()
    found = find_label_errors(probabilities, labels)
    assert found.order.tolist() == order
    assert sorted(order) == np.flatnonzero(found.flagged).tolist()
    # Theirs is rounded to whole records.
    np.testing.assert_allclose(found.joint, [[25, 2, 3], [3, 19, 8], [4, 5, 21]], atol=0.6)


def test_joint_by_hand() -> None:
    # Thresholds: 0.6 for class 0 (0.9, 0.8, 0.1), 0.7 for class 1 (0.9, 0.5).
    probabilities = np.array([[0.9, 0.1], [0.8, 0.2], [0.1, 0.9], [0.1, 0.9], [0.5, 0.5]])
    labels = np.array([0, 0, 0, 1, 1])
    np.testing.assert_allclose(confident_joint(probabilities, labels), [[2, 1], [0, 2]])
    found = find_label_errors(probabilities, labels)
    assert found.order.tolist() == [2]
    assert found.margin[2] == pytest.approx(-0.8)
    assert found.estimated_share == pytest.approx(0.2)


@settings(deadline=None)
@given(st.integers(2, 6), st.integers(0, 2**32 - 1))
def test_joint_keeps_the_counts_of_given_labels(classes: int, seed: int) -> None:
    source = np.random.default_rng(seed)
    labels = np.concatenate([np.arange(classes), source.integers(0, classes, 30)])
    probabilities = source.dirichlet(np.ones(classes), len(labels))
    joint = confident_joint(probabilities, labels)
    np.testing.assert_allclose(joint.sum(axis=1), np.bincount(labels), atol=1e-9)
    found = find_label_errors(probabilities, labels)
    assert not (found.flagged & (probabilities.argmax(axis=1) == labels)).any()
    assert (np.diff(found.margin[found.order]) >= 0).all()


def test_sure_and_right_probabilities_doubt_nothing() -> None:
    labels = np.array([0, 0, 1, 1, 2])
    found = find_label_errors(np.eye(3)[labels], labels)
    assert found.informed
    assert not found.flagged.any()
    assert found.estimated_share == 0


def test_constant_probabilities_doubt_nothing_and_say_so() -> None:
    labels = np.array([0] * 8 + [1] * 2)
    found = find_label_errors(np.tile([0.8, 0.2], (10, 1)), labels)
    assert not found.informed
    assert not found.flagged.any()


@pytest.mark.parametrize(
    ("probabilities", "labels", "message"),
    [
        (np.ones((2, 1)), [0, 0], r"two classes or more.*\[2\]"),
        (np.full((2, 2), 0.5), [0, 0], r"a record of each.*\[2, 0\]"),
        (np.zeros((0, 2)), [], "No record"),
        (np.full((2, 2), 0.4), [0, 1], "sum to 1"),
    ],
)
def test_bad_input_is_one_clear_error(
    probabilities: np.ndarray, labels: list[int], message: str
) -> None:
    with pytest.raises(RecordsError, match=message):
        find_label_errors(probabilities, np.array(labels, dtype=int))


def test_out_of_fold_is_that_of_scikit_learn() -> None:
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict

    source = np.random.default_rng(0)
    features, labels, groups = source.normal(size=(90, 4)), np.arange(90) % 3, np.arange(90) // 2
    folds = StratifiedGroupKFold(5, shuffle=True, random_state=7)
    expected = cross_val_predict(
        LogisticRegression(), features, labels, groups=groups, cv=folds, method="predict_proba"
    )
    found = out_of_fold(LogisticRegression(), features, labels, groups, seed=7)
    np.testing.assert_allclose(found, expected, atol=1e-9)


def test_a_near_duplicate_never_tells_the_label_of_its_twin() -> None:
    from sklearn.neighbors import KNeighborsClassifier

    source = np.random.default_rng(0)
    half, labels = source.normal(size=(200, 3)), source.integers(0, 2, 200)
    features, labels, groups = np.repeat(half, 2, 0), np.repeat(labels, 2), np.repeat(range(200), 2)
    apart = out_of_fold(KNeighborsClassifier(1), features, labels, groups)
    leaking = out_of_fold(KNeighborsClassifier(1), features, labels, np.arange(400))
    assert (leaking.argmax(axis=1) == labels).mean() > 0.8
    assert (apart.argmax(axis=1) == labels).mean() < 0.65


def test_labels_of_too_few_groups_are_not_judged() -> None:
    labels = np.array([0] * 5 + [1] * 5 + [2] * 5)
    groups = np.array([*range(10), 10, 10, 11, 12, 13])
    assert judgeable(labels, groups).tolist() == [True] * 10 + [False] * 5
    assert not judgeable(labels[:5], groups[:5]).any()
    with pytest.raises(RecordsError, match="at least 5 records that are not near-duplicates"):
        out_of_fold(linear_embeddings(), np.zeros((15, 2)), labels, groups)
    with pytest.raises(SettingsError, match="at least 2. Received: 1"):
        out_of_fold(linear_embeddings(), np.zeros((15, 2)), labels, groups, folds=1)


def test_embeddings_have_no_say_on_records_that_the_encoder_knows() -> None:
    texts, labels = zip(*made_up_records(60), strict=True)
    truth, groups = np.array(labels), np.arange(60)
    embeddings = np.eye(3)[truth] + np.random.default_rng(0).normal(0, 0.1, (60, 3))
    known = np.arange(60) < 30
    alone, none = label_probabilities(texts, truth, groups)
    both, where = label_probabilities(texts, truth, groups, embeddings=embeddings, trained=known)
    assert not none.any()
    assert where.tolist() == (~known).tolist()
    np.testing.assert_array_equal(alone[known], both[known])
    assert (both[~known, truth[~known]] > alone[~known, truth[~known]]).mean() > 0.9
    # Too few that it does not know.
    known = np.arange(60) < 55
    again, where = label_probabilities(texts, truth, groups, embeddings=embeddings, trained=known)
    assert not where.any()
    np.testing.assert_array_equal(again, alone)


def test_equal_embeddings_are_no_error() -> None:
    texts, labels = zip(*made_up_records(60), strict=True)
    found, _ = label_probabilities(
        texts, np.array(labels), np.arange(60), embeddings=np.ones((60, 4), dtype=np.float32)
    )
    np.testing.assert_allclose(found.sum(axis=1), 1)


def test_mean_recall_counts_every_class_alike() -> None:
    labels, predicted = np.array([0] * 8 + [1] * 2), np.zeros(10, dtype=int)
    assert mean_recall(predicted, labels, 2) == 0.5
