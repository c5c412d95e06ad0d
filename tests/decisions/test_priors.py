from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from samples import made_up_records, write_pairs
from scipy.optimize import minimize_scalar
from scipy.special import softmax
from sklearn.exceptions import ConvergenceWarning

from gi_classifier import train
from gi_classifier.decisions.priors import (
    check_prior,
    estimate_prior,
    prior_interval,
    reweight,
    training_prior,
    unsmoothed,
    without_label_smoothing,
)
from gi_classifier.errors import ModelError, RecordsError, SettingsError
from gi_classifier.files import to_json
from gi_classifier.model.directory import SETTINGS, ModelDirectory, load
from gi_classifier.model.predictor import Predictor
from gi_classifier.settings import Settings
from gi_classifier.training.weighting import class_weights

TRAINING = np.array([0.5, 0.3, 0.2])
EXACT = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])


def gaussians(prior: np.ndarray, count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Labels drawn by a prior, and their exact posterior under TRAINING.

    Class c's records are normal around 2c with deviation 1, so the posterior is known.
    """
    source = np.random.default_rng(seed)
    labels = source.choice(3, count, p=prior)
    x = source.normal(2 * labels, 1.0)
    logits = -((x[:, None] - 2 * np.arange(3)) ** 2) / 2
    return labels, softmax(logits + np.log(TRAINING), axis=1)


simplex = st.lists(st.floats(0.01, 1), min_size=3, max_size=3).map(
    lambda values: np.array(values) / sum(values)
)
rows = st.lists(simplex, min_size=1, max_size=8).map(np.stack)


def test_two_classes_reweighted_by_hand() -> None:
    # Odds of 3 to 1 times (0.2 / 0.5) / (0.8 / 0.5) are 3 to 4.
    found = reweight(np.array([[0.75, 0.25]]), [0.5, 0.5], [0.2, 0.8])
    np.testing.assert_allclose(found, [[3 / 7, 4 / 7]], rtol=1e-12)


@hypothesis_settings(deadline=None)
@given(rows, simplex, simplex)
def test_reweighting_there_and_back_changes_nothing(
    probabilities: np.ndarray, before: np.ndarray, after: np.ndarray
) -> None:
    changed = reweight(probabilities, before, after)
    np.testing.assert_allclose(changed.sum(axis=1), 1, rtol=1e-12)
    np.testing.assert_allclose(reweight(changed, after, before), probabilities, atol=1e-12)
    np.testing.assert_allclose(reweight(probabilities, before, before), probabilities, atol=1e-12)


def test_reweighting_gives_the_exact_posterior_under_the_other_prior() -> None:
    other = np.array([0.05, 0.05, 0.9])
    _, probabilities = gaussians(other, 200, 0)
    expected = probabilities * other / TRAINING
    expected /= expected.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(reweight(probabilities, TRAINING, other), expected, rtol=1e-12)


def test_probabilities_of_exactly_0_and_1_stay() -> None:
    np.testing.assert_array_equal(reweight(EXACT, TRAINING, [0.1, 0.1, 0.8]), EXACT)


def test_row_on_ruled_out_classes_becomes_the_prior() -> None:
    found = reweight(EXACT, TRAINING, [0.0, 0.25, 0.75])
    np.testing.assert_array_equal(found[0], [0, 0.25, 0.75])
    np.testing.assert_array_equal(found[1:], EXACT[1:])


def test_no_record_is_reweighted_to_no_record() -> None:
    assert reweight(np.zeros((0, 3)), TRAINING, TRAINING).shape == (0, 3)


def test_rounded_prior_is_rescaled() -> None:
    np.testing.assert_allclose(check_prior([0.333, 0.333, 0.333], 3), 1 / 3)


PRIORS: dict[str, Any] = {
    "sum": [0.5, 0.5, 0.5],
    "negative": [1.2, -0.1, -0.1],
    "unknown": [np.nan, 0.5, 0.5],
    "infinite": [np.inf, 0.5, 0.5],
    "too few": [0.5, 0.5],
    "a number": 0.5,
    "text": "upper",
    "a text among them": [0.5, "x", 0.5],
    "no number": None,
    "all zero": [0, 0, 0],
    "two dimensions": [[0.5, 0.3, 0.2]],
    "ragged": [[0.5], 0.3, 0.2],
}


@pytest.mark.parametrize("prior", PRIORS.values(), ids=PRIORS)
def test_bad_prior_is_named_and_shown(prior: Any) -> None:
    good = np.full((2, 3), 1 / 3)
    with pytest.raises(SettingsError, match=r"^prior must be 3 numbers.*0 or more.*Received: "):
        reweight(good, TRAINING, prior)
    for function in (lambda: reweight(good, prior, TRAINING), lambda: estimate_prior(good, prior)):
        with pytest.raises(SettingsError, match=r"^training_prior must be 3 .* above 0"):
            function()


def test_training_prior_of_0_is_refused_since_nothing_was_learnt_of_the_class() -> None:
    with pytest.raises(SettingsError, match="training_prior must be 3 numbers.*above 0"):
        reweight(EXACT, [0.5, 0.5, 0.0], TRAINING)


BAD_ROWS = {
    "unknown": (np.array([[np.nan, 0.5, 0.5]]), "1 other rows, the first is row 0"),
    "sum": (np.array([[0.2, 0.3, 0.5], [0.9, 0.9, 0.9]]), "the first is row 1"),
    "negative": (np.array([[1.5, -0.5, 0.0]]), "0 or more and sum to 1"),
    "one dimension": (np.array([0.2, 0.3, 0.5]), r"must be \(n, classes\)"),
    "a number": (np.array(0.5), r"must be \(n, classes\)"),
}


@pytest.mark.parametrize(("probabilities", "message"), BAD_ROWS.values(), ids=BAD_ROWS)
def test_rows_that_are_no_probabilities_are_refused(
    probabilities: np.ndarray, message: str
) -> None:
    functions: list[Callable[[], Any]] = [
        lambda: reweight(probabilities, TRAINING, TRAINING),
        lambda: estimate_prior(probabilities, TRAINING),
        lambda: prior_interval(probabilities, TRAINING, resamples=2),
        lambda: without_label_smoothing(probabilities, 0.1),
    ]
    for function in functions:
        with pytest.raises(RecordsError, match=message):
            function()


def test_nothing_is_estimated_from_no_record() -> None:
    for function in (estimate_prior, prior_interval):
        with pytest.raises(RecordsError, match="No record"):
            function(np.zeros((0, 3)), TRAINING)


@pytest.mark.parametrize("prior", [[0.05, 0.9, 0.05], [0.5, 0.3, 0.2], [0.0, 0.02, 0.98]])
def test_estimate_finds_the_prior_that_records_were_drawn_by(prior: list[float]) -> None:
    _, probabilities = gaussians(np.array(prior), 20_000, 1)
    found = estimate_prior(probabilities, TRAINING)
    assert found.sum() == pytest.approx(1, abs=1e-12)
    np.testing.assert_allclose(found, prior, atol=0.012)


def test_estimate_has_the_largest_likelihood() -> None:
    _, probabilities = gaussians(np.array([0.2, 0.8, 0.0]), 300, 2)
    two = probabilities[:, :2] / probabilities[:, :2].sum(axis=1, keepdims=True)
    before = TRAINING[:2] / TRAINING[:2].sum()

    def loss(share: float) -> float:
        return float(-np.log((two / before) @ [share, 1 - share]).sum())

    best = minimize_scalar(loss, bounds=(0, 1), method="bounded", options={"xatol": 1e-10}).x
    assert estimate_prior(two, before, tolerance=1e-12)[0] == pytest.approx(best, abs=1e-6)


@pytest.mark.slow
@hypothesis_settings(max_examples=50, deadline=None)
@given(rows, simplex)
def test_estimate_is_the_mean_of_the_records_reweighted_by_it(
    probabilities: np.ndarray, before: np.ndarray
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        found = estimate_prior(probabilities, before, tolerance=1e-10, max_iterations=2000)
    mean = reweight(probabilities, before, found).mean(axis=0)
    np.testing.assert_allclose(mean, found, atol=1e-4)


def test_of_exact_probabilities_the_estimate_is_their_share() -> None:
    np.testing.assert_allclose(estimate_prior(EXACT, TRAINING), [0.25, 0.5, 0.25], atol=1e-12)
    no_last = EXACT[:3]
    assert estimate_prior(no_last, TRAINING)[2] == 0


def test_of_a_single_record_the_estimate_is_its_likeliest_class() -> None:
    # Under the training prior class 0 leads, but class 2 gains most over it.
    found = estimate_prior(np.array([[0.45, 0.2, 0.35]]), TRAINING)
    np.testing.assert_allclose(found, [0, 0, 1], atol=1e-6)
    interval = prior_interval(np.array([[0.45, 0.2, 0.35]]), TRAINING, resamples=5)
    np.testing.assert_allclose(interval, [[0, 0, 1]] * 2, atol=1e-4)


def test_records_that_say_nothing_leave_the_training_prior() -> None:
    np.testing.assert_allclose(estimate_prior(np.tile(TRAINING, (9, 1)), TRAINING), TRAINING)


def test_too_few_iterations_are_warned_of() -> None:
    _, probabilities = gaussians(TRAINING, 50, 3)
    with pytest.warns(ConvergenceWarning, match="After 1 iterations the prior still moves"):
        estimate_prior(probabilities, TRAINING, max_iterations=1)


@pytest.mark.slow
def test_an_absent_class_takes_no_more_steps_than_others() -> None:
    _, probabilities = gaussians(np.array([0.0, 0.7, 0.3]), 5000, 4)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = estimate_prior(probabilities, TRAINING, tolerance=1e-12, max_iterations=30)
        assert found[0] < 0.01
        # What expectation-maximisation arrives at in the end.
        prior = TRAINING
        for _ in range(2_000):
            prior = reweight(probabilities, TRAINING, prior).mean(axis=0)
    np.testing.assert_allclose(found, prior, atol=1e-3)


@hypothesis_settings(max_examples=50, deadline=None)
@given(rows, st.integers(0, 99))
def test_the_estimate_is_likelier_than_any_other_prior(
    probabilities: np.ndarray, seed: int
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        found = estimate_prior(probabilities, TRAINING, tolerance=1e-12, max_iterations=200)
    others = np.random.default_rng(seed).dirichlet(np.ones(3), 20)
    with np.errstate(divide="ignore"):
        height, *heights = (
            np.log((probabilities / TRAINING) @ prior).sum() for prior in (found, *others)
        )
    assert height >= max(heights) - 1e-6


def test_bad_options_are_named_at_once() -> None:
    with pytest.raises(SettingsError, match=r"tolerance must(.|\n)*max_iterations must"):
        estimate_prior(EXACT, TRAINING, tolerance=0, max_iterations=0)
    with pytest.raises(SettingsError, match="resamples must be an integer.*Received: 0"):
        prior_interval(EXACT, TRAINING, resamples=0)


@pytest.mark.slow
def test_interval_encloses_the_truth_about_as_often_as_it_says() -> None:
    truth, inside = np.array([0.1, 0.6, 0.3]), 0
    for seed in range(40):
        _, probabilities = gaussians(truth, 400, seed)
        low, high = prior_interval(probabilities, TRAINING, resamples=200, seed=seed)
        inside += int(low[1] <= truth[1] <= high[1])
    assert inside >= 33


def test_interval_of_resamples_that_lack_a_class_has_no_gap() -> None:
    with np.errstate(all="raise"):
        interval = prior_interval(EXACT, TRAINING, resamples=200)
    assert np.isfinite(interval).all()
    assert interval[0].tolist() == [0, 0, 0]
    repeated = prior_interval(EXACT, TRAINING, resamples=200)
    np.testing.assert_array_equal(interval, repeated)


@hypothesis_settings(deadline=None)
@given(rows, st.floats(0, 0.5), st.floats(0.3, 3))
def test_smoothing_and_temperature_are_undone(
    probabilities: np.ndarray, smoothing: float, temperature: float
) -> None:
    smooth = (1 - smoothing) * probabilities + smoothing / 3
    spoiled = softmax(np.log(smooth) / temperature, axis=1)
    found = without_label_smoothing(spoiled, smoothing, temperature)
    np.testing.assert_allclose(found, probabilities, atol=1e-9)


def test_unsmoothed_probabilities_of_0_have_a_floor_and_keep_the_label() -> None:
    found = without_label_smoothing(EXACT, 0.3)
    assert ((found.min(axis=1) > 5e-5) & (found.min(axis=1) <= 1e-4)).all()
    np.testing.assert_allclose(found.sum(axis=1), 1)
    np.testing.assert_array_equal(found.argmax(axis=1), EXACT.argmax(axis=1))
    np.testing.assert_array_equal(without_label_smoothing(EXACT, 0), EXACT)
    assert without_label_smoothing(np.zeros((0, 3)), 0.1).shape == (0, 3)


def test_smoothing_that_cannot_be_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"label_smoothing must(.|\n)*temperature must"):
        without_label_smoothing(EXACT, 1.0, 0.0)


def directory(metadata: dict[str, Any], **changes: Any) -> ModelDirectory:
    return ModelDirectory({SETTINGS: to_json(Settings(**changes).to_dict())}, metadata)


COUNTS = {"training": {"records": {"train": [50, 30, 20]}, "temperature": 2.0}}


def test_the_prior_of_fused_answers_is_the_share_of_the_validation_records(trained: Path) -> None:
    counts = load(trained).metadata["training"]["records"]["val"]
    np.testing.assert_allclose(training_prior(load(trained)), np.array(counts) / sum(counts))


@pytest.mark.parametrize("weights", [None, "balanced", (1.0, 2.0, 3.0)])
def test_answers_on_the_validation_records_have_on_average_the_prior_that_they_hold_under(
    tmp_path: Path, weights: Any
) -> None:
    records = made_up_records(300)
    parts = {label: [text for text, own in records if own == label] for label in range(3)}
    train_rows = [(text, label) for label in parts for text in parts[label][: 60 >> label]]
    val_rows = [(text, label) for label in parts for text in parts[label][60 : 70 + 10 * label]]
    files = {
        "train": write_pairs(tmp_path / "train.tsv", train_rows),
        "val": write_pairs(tmp_path / "val.tsv", val_rows),
        "test": write_pairs(tmp_path / "test.tsv", records[-3:]),
    }
    settings = Settings(class_weight=weights, use="linear")
    model = train(files, tmp_path / "model", settings=settings, use="linear")
    shares = Predictor.from_directory(model).predict_proba([text for text, _ in val_rows])
    own = class_weights(settings, np.array([label for _, label in train_rows]))
    each = np.ones(len(val_rows)) if own is None else own[[label for _, label in val_rows]]
    np.testing.assert_allclose(np.average(shares, 0, each), training_prior(model), atol=0.02)


def test_training_prior_is_weighted_as_the_loss_was() -> None:
    np.testing.assert_allclose(training_prior(directory(COUNTS)), TRAINING)
    np.testing.assert_allclose(training_prior(directory(COUNTS, class_weight="balanced")), 1 / 3)
    found = training_prior(directory(COUNTS, class_weight=(1.0, 1.0, 5.0)))
    np.testing.assert_allclose(found, np.array([50, 30, 100]) / 180)


@pytest.mark.parametrize(
    "metadata",
    [
        {},
        {"training": None},
        {"training": {}},
        {"training": {"records": {"train": [1, 2]}}},
        {"training": {"records": {"train": "many"}}},
        {"training": {"records": {"train": [1, 2, True]}}},
    ],
)
def test_unknown_training_prior_is_a_model_error(metadata: dict[str, Any]) -> None:
    with pytest.raises(ModelError, match="does not say how many training records"):
        training_prior(directory(metadata))


def test_fused_answers_whose_validation_records_lack_a_label_have_no_prior(trained: Path) -> None:
    found = load(trained)
    records = {"train": [5, 5, 5], "val": [5, 0, 5]}
    lacking = ModelDirectory(found.files, {"training": {"records": records}})
    with pytest.raises(ModelError, match=r"no validation record of some labels(.|\n)*label 1"):
        training_prior(lacking)


def test_labels_without_a_training_record_are_named() -> None:
    metadata = {"training": {"records": {"train": [0, 9, 0]}}}
    with pytest.raises(
        ModelError, match=r"no training record of some labels(.|\n)*label 0\n.*label 2"
    ):
        training_prior(directory(metadata))


def test_a_model_s_own_smoothing_and_temperature_are_undone() -> None:
    smooth = dataclasses.asdict(Settings(label_smoothing=0.2))
    np.testing.assert_array_equal(
        unsmoothed(EXACT, directory(COUNTS, **smooth)), without_label_smoothing(EXACT, 0.2, 2.0)
    )
    for plain in (directory(COUNTS), directory({}, **smooth)):
        np.testing.assert_array_equal(unsmoothed(EXACT, plain), EXACT)
