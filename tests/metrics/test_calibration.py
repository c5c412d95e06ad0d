from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import softmax
from sklearn.metrics import log_loss

from gi_classifier.errors import LabelError, RecordsError, SettingsError
from gi_classifier.metrics.calibration import (
    apply_temperature,
    assign_bins,
    expected_calibration_error,
    fit_temperature,
    reliability,
)

FOUR = np.array([[0.9, 0.1], [0.8, 0.2], [0.7, 0.3], [0.2, 0.8]])


def draw(seed: int, sharpness: float = 1.0, n: int = 4000) -> tuple[np.ndarray, np.ndarray]:
    """Labels drawn from a softmax, and the softmax of ``sharpness`` times its logits."""
    source = np.random.default_rng(seed)
    logits = source.normal(size=(n, 3)) * 2
    chances = softmax(logits, axis=1).cumsum(axis=1)
    labels = (source.random((n, 1)) > chances).sum(axis=1).clip(0, 2)
    return softmax(sharpness * logits, axis=1), labels


def test_calibration_error_of_four_records_worked_by_hand() -> None:
    # Two bins: all four in the upper one, stated 0.8, right 3 in 4.
    labels = np.array([0, 0, 1, 1])
    assert expected_calibration_error(FOUR, labels, bins=2) == pytest.approx(0.05)
    # Ten bins: (0.6, 0.7] stated 0.7, wrong; (0.7, 0.8] stated 0.8, right twice; (0.8, 0.9] right.
    expected = (0.7 + 2 * 0.2 + 0.1) / 4
    assert expected_calibration_error(FOUR, labels, bins=10) == pytest.approx(expected)


def test_reliability_counts_every_record_and_leaves_empty_bins_unknown() -> None:
    found = reliability(FOUR, np.array([0, 0, 1, 1]), bins=4)
    assert found.edges.tolist() == [0, 0.25, 0.5, 0.75, 1]
    assert found.records.tolist() == [0, 0, 1, 3]
    np.testing.assert_allclose(found.accuracy, [np.nan, np.nan, 0, 1])
    np.testing.assert_allclose(found.confidence, [np.nan, np.nan, 0.7, 2.5 / 3])


def test_bins_are_open_below_and_closed_above() -> None:
    confidence = np.array([0, 0.25, 0.250001, 0.5, 1])
    assert assign_bins(confidence, 4).tolist() == [0, 0, 1, 1, 3]


def test_labels_drawn_from_the_probabilities_are_calibrated_and_sharpened_ones_are_not() -> None:
    assert expected_calibration_error(*draw(1)) < 0.02
    assert expected_calibration_error(*draw(1, sharpness=3)) > 0.1


@pytest.mark.parametrize("temperature", [0.4, 1.0, 3.0])
def test_fitting_finds_the_temperature_that_spoiled_the_probabilities(temperature: float) -> None:
    # Labels follow softmax(logits); the model states softmax(T * logits), so T mends it.
    probabilities, labels = draw(2, sharpness=temperature)
    assert fit_temperature(probabilities, labels) == pytest.approx(temperature, rel=0.1)


def test_fitted_temperature_has_the_least_log_loss_of_a_grid() -> None:
    probabilities, labels = draw(3, sharpness=2.5, n=300)
    fitted = fit_temperature(probabilities, labels)
    grid = np.geomspace(0.1, 10, 200)
    # Platt's targets: a doubt of 1 / (n + 2), shared by the classes.
    targets = np.eye(3)[labels] * (1 - 1 / 302) + 1 / 302 / 3
    losses = [
        -(targets * np.log(apply_temperature(probabilities, t))).sum(axis=1).mean()
        for t in (*grid, fitted)
    ]
    assert losses[-1] <= min(losses[:-1]) + 1e-12
    assert log_loss(labels, apply_temperature(probabilities, fitted)) < log_loss(
        labels, probabilities
    )


def test_records_that_are_all_right_do_not_ask_for_certainty() -> None:
    right = np.tile([[0.9, 0.1], [0.2, 0.8]], (500, 1))
    temperature = fit_temperature(right, np.tile([0, 1], 500))
    assert 0.1 < temperature < 0.5
    # Of two records it learns next to nothing.
    assert fit_temperature(right[:2], np.array([0, 1])) == pytest.approx(1, abs=0.1)


def test_records_that_are_all_wrong_are_as_doubtful_as_the_bound_allows() -> None:
    wrong = np.array([[0.9, 0.1], [0.2, 0.8]])
    assert fit_temperature(wrong, np.array([1, 0])) == pytest.approx(20, rel=1e-3)


def test_a_right_label_of_probability_zero_does_not_break_the_fit() -> None:
    probabilities = np.array([[1.0, 0.0], [0.9, 0.1], [0.3, 0.7]])
    assert 0.05 < fit_temperature(probabilities, np.array([1, 0, 1])) <= 20


rows = st.lists(st.floats(1e-6, 1), min_size=3, max_size=3)


@settings(max_examples=100, deadline=None)
@given(st.lists(rows, min_size=1, max_size=20), st.floats(0.05, 20))
def test_temperature_keeps_the_order_and_is_undone_by_its_inverse(
    drawn: list[list[float]], temperature: float
) -> None:
    probabilities = np.array(drawn) / np.sum(drawn, axis=1, keepdims=True)
    found = apply_temperature(probabilities, temperature)
    np.testing.assert_allclose(found.sum(axis=1), 1)
    top = probabilities.argmax(axis=1)[:, None]
    assert (np.take_along_axis(found, top, axis=1)[:, 0] == found.max(axis=1)).all()
    if temperature >= 1:
        # Sharpening may underflow to 0, which nothing brings back.
        back = apply_temperature(found, 1 / temperature)
        np.testing.assert_allclose(back, probabilities, rtol=1e-6)


def test_higher_temperature_is_less_sure() -> None:
    tops = [apply_temperature(FOUR, t).max(axis=1) for t in (0.5, 1, 2)]
    np.testing.assert_allclose(tops[1], FOUR.max(axis=1))
    assert (tops[0] > tops[1]).all()
    assert (tops[1] > tops[2]).all()


@pytest.mark.parametrize(
    ("probabilities", "labels", "message"),
    [
        (np.ones(3), [0], r"must be \(n, classes\) and labels \(n,\). Received: \(3,\) and \(1,\)"),
        (FOUR, [0, 1], r"Received: \(4, 2\) and \(2,\)"),
        (FOUR, [0, 1, 2, 0], r"Labels must lie in 0…1. Received: 0…2"),
        (FOUR, [0, 1, -1, 0], r"Labels must lie in 0…1. Received: -1…1"),
        (FOUR, [0.0, 1, 1, 0], "Labels must be integers. Received: an array of float64"),
        (FOUR[:0], np.zeros(0, dtype=int), "No record to measure"),
        (FOUR * 2, [0, 1, 1, 0], "Received: 4 other rows, the first is row 0"),
        (np.array([[0.5, 0.5], [np.nan, 1]]), [0, 1], "1 other rows, the first is row 1"),
        (np.array([[0.5, 0.5], [-0.1, 1.1]]), [0, 1], "1 other rows, the first is row 1"),
    ],
)
def test_what_cannot_be_measured_is_refused(
    probabilities: np.ndarray, labels: list[int], message: str
) -> None:
    for function in (expected_calibration_error, fit_temperature, reliability):
        error = LabelError if message.startswith("Labels") else RecordsError
        with pytest.raises(error, match=message):
            function(probabilities, np.array(labels))


def test_bins_and_temperatures_out_of_range_are_refused() -> None:
    with pytest.raises(SettingsError, match="bins must be an integer of at least 1. Received: 0"):
        expected_calibration_error(FOUR, np.array([0, 0, 1, 1]), bins=0)
    for temperature in (0, -1, np.nan, np.inf):
        with pytest.raises(SettingsError, match=r"temperature must be a number in \(0, inf\)"):
            apply_temperature(FOUR, temperature)
