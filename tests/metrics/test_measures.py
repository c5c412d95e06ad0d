from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import beta
from sklearn import metrics

from gi_classifier.errors import LabelError
from gi_classifier.metrics import measures as own
from gi_classifier.metrics.calibration import expected_calibration_error
from gi_classifier.metrics.intervals import imagined_records, posterior_weights
from gi_classifier.metrics.measures import measure, measure_labels, resample_counts

WHOLE = (
    "accuracy",
    "macro_f1",
    "weighted_f1",
    "roc_auc",
    "average_precision",
    "brier_score",
    "expected_calibration_error",
    "log_loss",
)
EACH = ("precision", "recall", "f1", "roc_auc", "average_precision")


def by_scikit_learn(labels: np.ndarray, probabilities: np.ndarray) -> dict[str, float]:
    """The same measures, of labels among which every class occurs, one by one."""
    predicted, classes = probabilities.argmax(axis=1), np.arange(probabilities.shape[1])
    truth = np.eye(len(classes))[labels]
    each = {
        "precision": metrics.precision_score(labels, predicted, average=None, zero_division=0),
        "recall": metrics.recall_score(labels, predicted, average=None),
        "f1": metrics.f1_score(labels, predicted, average=None),
        "roc_auc": [metrics.roc_auc_score(truth[:, c], probabilities[:, c]) for c in classes],
        "average_precision": [
            metrics.average_precision_score(truth[:, c], probabilities[:, c]) for c in classes
        ],
    }
    return {
        "accuracy": metrics.accuracy_score(labels, predicted),
        "macro_f1": metrics.f1_score(labels, predicted, average="macro"),
        "weighted_f1": metrics.f1_score(labels, predicted, average="weighted"),
        "roc_auc": np.mean(each["roc_auc"]),
        "average_precision": np.mean(each["average_precision"]),
        "brier_score": len(classes) * metrics.mean_squared_error(truth, probabilities),
        "expected_calibration_error": expected_calibration_error(probabilities, labels),
        "log_loss": metrics.log_loss(labels, probabilities),
        **{f"{name} of {c}": values[c] for name, values in each.items() for c in classes},
    }


def flat(found: dict[str, object]) -> dict[str, object]:
    """The same names, from all that was measured."""
    rows = found["classes"]
    each = {f"{n} of {row['label']}": row[n] for row in rows for n in EACH}
    return {**{name: found[name] for name in WHOLE}, **each}


@pytest.fixture
def drawn() -> tuple[np.ndarray, np.ndarray]:
    source = np.random.default_rng(4)
    labels = source.integers(0, 3, 200)
    probabilities = source.dirichlet([1, 1, 1], 200)
    probabilities[np.arange(100), labels[:100]] += 2
    return labels, probabilities / probabilities.sum(axis=1, keepdims=True)


@st.composite
def predictions(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Labels among which every class occurs, and coarse probabilities, so that many are equal."""
    classes = draw(st.integers(2, 4))
    rest = draw(st.lists(st.integers(0, classes - 1), max_size=25))
    labels = np.array([*range(classes), *rest])
    row = st.lists(st.integers(1, 5), min_size=classes, max_size=classes)
    parts = np.array(draw(st.lists(row, min_size=len(labels), max_size=len(labels))))
    return labels, parts / parts.sum(axis=1, keepdims=True)


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(predictions())
def test_measures_are_those_of_scikit_learn(drawn: tuple[np.ndarray, np.ndarray]) -> None:
    found = flat(measure(*drawn, resamples=2))
    assert found == pytest.approx(by_scikit_learn(*drawn), abs=1e-12)


def test_intervals_are_those_of_measures_on_weighted_records(
    drawn: tuple[np.ndarray, np.ndarray],
) -> None:
    labels, probabilities = drawn
    predicted = probabilities.argmax(axis=1)
    found = measure(labels, probabilities, resamples=40, seed=7)
    rows, others = imagined_records(labels, np.arange(3), 7)
    everything, truths = np.concatenate([np.arange(200), rows]), np.concatenate([labels, others])
    (weights,) = posterior_weights(200, len(rows), 40, 7)
    shares = np.eye(3)[truths]
    drawn_again: dict[str, list[float]] = {name: [] for name in ("macro_f1", "roc_auc", "log_loss")}
    for weight in weights:
        options = {"sample_weight": weight}
        drawn_again["macro_f1"].append(
            metrics.f1_score(truths, predicted[everything], average="macro", **options)
        )
        drawn_again["roc_auc"].append(
            metrics.roc_auc_score(shares, probabilities[everything], average="macro", **options)
        )
        drawn_again["log_loss"].append(
            metrics.log_loss(truths, probabilities[everything], **options)
        )
    for name, values in drawn_again.items():
        low, high = np.quantile(values, (0.025, 0.975))
        expected = [min(low, found[name]), max(high, found[name])]
        np.testing.assert_allclose(found[f"{name}_interval"], expected, atol=1e-12, err_msg=name)
    assert found["expected_calibration_error_interval"] is None


def test_accuracy_precision_recall_and_counts_have_exact_intervals(
    drawn: tuple[np.ndarray, np.ndarray],
) -> None:
    labels, probabilities = drawn
    found = measure(labels, probabilities, resamples=3)

    def exact(part: int, whole: int) -> list[float]:
        # The quantiles of beta distributions, where no bound is 0 or 1.
        return [
            beta.ppf(0.025, part, whole - part + 1),
            beta.ppf(0.975, part + 1, whole - part),
        ]

    confusion = metrics.confusion_matrix(labels, probabilities.argmax(axis=1))
    assert found["confusion"] == confusion.tolist()
    assert found["accuracy_interval"] == pytest.approx(exact(np.trace(confusion), 200))
    for label, row in enumerate(found["classes"]):
        hits = confusion[label, label]
        assert row["recall_interval"] == pytest.approx(exact(hits, confusion[label].sum()))
        assert row["precision_interval"] == pytest.approx(exact(hits, confusion[:, label].sum()))
        low, high = (part[label][label] for part in found["confusion_interval"])
        assert [low / 200, high / 200] == pytest.approx(exact(hits, 200))


def test_records_that_are_all_right_leave_room_for_errors() -> None:
    labels = np.arange(60) % 3
    shares = np.full((60, 3), 0.05)
    shares[np.arange(60), labels] = 0.9
    found = measure(labels, shares)
    # 1 - 0.025 ** (1 / 60) is what 60 of 60 leaves.
    assert found["accuracy_interval"] == pytest.approx([0.9404, 1], abs=1e-4)
    for name in ("macro_f1", "weighted_f1", "roc_auc", "average_precision"):
        low, high = found[f"{name}_interval"]
        assert found[name] == high == 1
        assert 0.8 < low < 0.97, name
    assert found["log_loss"] == found["log_loss_interval"][0] < found["log_loss_interval"][1]
    group = measure_labels(labels, labels, 5)
    assert group["accuracy_interval"] == found["accuracy_interval"]
    assert 0.9 < group["macro_f1_interval"][0] < 0.96


def test_where_one_label_occurs_only_the_accuracy_has_an_interval() -> None:
    found = measure_labels(np.ones(9, dtype=int), np.ones(9, dtype=int), 3, resamples=5)
    assert (found["macro_f1"], found["macro_f1_interval"]) == (1, None)
    assert found["accuracy_interval"] == pytest.approx([0.025 ** (1 / 9), 1])


def test_brier_score_is_summed_over_classes() -> None:
    # A sure error is 1 off in two classes; a sure hit in none.
    found = measure(np.array([0, 0]), np.array([[0.0, 1, 0], [1, 0, 0]]), resamples=5)
    assert found["brier_score"] == 1


def test_class_without_records_has_no_curves_and_the_mean_is_of_the_others(
    recwarn: pytest.WarningsRecorder,
) -> None:
    labels = np.array([0, 1, 0, 1, 0])
    shares = np.array([[6, 3, 1], [3, 6, 1], [4, 5, 1], [1, 8, 1], [5, 3, 2]]) / 10
    found = measure(labels, shares, resamples=50)
    absent = found["classes"][2]
    assert absent["support"] == absent["recall"] == absent["f1"] == 0
    for name in ("roc_auc", "average_precision"):
        assert absent[name] is None
        assert absent[f"{name}_interval"] is None
        others = [row[name] for row in found["classes"][:2]]
        assert found[name] == pytest.approx(np.mean(others))
    assert found["macro_f1"] == pytest.approx(
        metrics.f1_score(labels, shares.argmax(1), average="macro")
    )
    json.dumps(found, allow_nan=False)
    assert not recwarn.list


def test_records_of_one_class_leave_the_areas_undefined() -> None:
    found = measure(np.array([1, 1]), np.array([[0.4, 0.6], [0.7, 0.3]]), resamples=20)
    assert found["roc_auc"] is None
    assert found["roc_auc_interval"] is None
    assert found["classes"][1]["average_precision"] == 1
    assert found["average_precision"] == 1
    json.dumps(found, allow_nan=False)


def test_macro_f1_of_a_group_is_over_the_classes_that_occur_in_it() -> None:
    labels, predicted = np.array([0, 0, 1]), np.array([0, 0, 1])
    assert measure_labels(labels, predicted, 3, resamples=5)["macro_f1"] == 1
    # Predicted once, label 2 occurs, and counts as 0.
    predicted = np.array([0, 2, 1])
    found = measure_labels(labels, predicted, 4, resamples=5)
    assert found["macro_f1"] == pytest.approx((2 / 3 + 1 + 0) / 3)
    assert found["accuracy"] == pytest.approx(2 / 3)
    assert found["records"] == 3


def test_resamples_do_not_depend_on_the_size_of_a_block(monkeypatch: pytest.MonkeyPatch) -> None:
    (whole,) = resample_counts(30, 20, seed=3)
    monkeypatch.setattr(own, "_BLOCK", 100)
    blocks = list(resample_counts(30, 20, seed=3))
    assert len(blocks) == 7
    np.testing.assert_array_equal(np.concatenate(blocks), whole)
    assert (whole.sum(axis=1) == 30).all()


def test_labels_beyond_the_probabilities_are_refused() -> None:
    with pytest.raises(LabelError, match=r"Labels must lie in 0…1. Received: 0…2"):
        measure(np.array([0, 2]), np.array([[0.5, 0.5], [0.5, 0.5]]))
