"""Class priors: what share of records has each label, and what follows where that has changed.

In: probabilities (n, classes) of a model and the prior it was trained under. Out: probabilities
under another prior, or the prior of unlabelled records, both after Saerens, Latinne and
Decaestecker, "Adjusting the outputs of a classifier to new a priori probabilities" (2002). They
hold where the records of each class are as they were in training, only more or fewer of them, and
where the probabilities are calibrated.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gi_classifier.decisions.mixture_shares import likeliest_shares
from gi_classifier.errors import ModelError, SettingsError
from gi_classifier.metrics.calibration import check_predictions
from gi_classifier.metrics.measures import RESAMPLES, resample_counts
from gi_classifier.model.directory import ModelDirectory
from gi_classifier.option_checks import integer_problem, is_number, range_problem

TOLERANCE = 1e-8
MAX_ITERATIONS = 10_000
# A bound of an interval needs fewer digits than the estimate.
_INTERVAL_TOLERANCE = 1e-6
# Below the smoothing's floor a probability says no more than that it is small.
_LEAST_UNSMOOTHED = 1e-4
# How far a prior's sum may be from 1, as in `check_predictions`.
_ROUNDING = 1e-3


def check_prior(
    prior: Sequence[float] | np.ndarray,
    classes: int,
    name: str = "prior",
    *,
    positive: bool = False,
) -> np.ndarray:
    """Return a prior as an array whose sum is 1.

    Parameters
    ----------
    prior : sequence of float, shape (classes,)
        A share for each class; the sum may be off by 0.001.
    classes : int
    name : str
        What a message calls it.
    positive : bool
        Whether no class may have 0.

    Returns
    -------
    ndarray of float64, shape (classes,)

    Raises
    ------
    SettingsError
        Not so many numbers, one is below 0 or unknown, or the sum is not 1.
    """
    try:
        found = np.asarray(prior, dtype=float)
    except (TypeError, ValueError):
        found = np.array(np.nan)
    total = found.sum()
    least = np.finfo(float).tiny if positive else 0.0
    # Written so that NaN fails.
    if found.shape != (classes,) or not ((found >= least).all() and abs(total - 1) <= _ROUNDING):
        bound = "above 0" if positive else "0 or more"
        raise SettingsError(
            f"{name} must be {classes} numbers, one for each class, {bound}, whose sum is 1. "
            f"Received: {prior!r}"
        )
    return np.asarray(found / total)


def _check_probabilities(probabilities: np.ndarray) -> np.ndarray:
    """Probabilities (n, classes) as float64; no row at all is fine."""
    found = np.asarray(probabilities, dtype=float)
    if found.ndim != 2 or len(found):
        check_predictions(found, np.zeros(found.shape[:1], dtype=int))
    return found


def reweight(
    probabilities: np.ndarray,
    training_prior: Sequence[float] | np.ndarray,
    prior: Sequence[float] | np.ndarray,
) -> np.ndarray:
    """Probabilities as they would be under another prior (Saerens et al. 2002, equation 2.4).

    Each class's probability is multiplied by its prior over its training prior, and each row
    divided by its sum. A probability of exactly 0 or 1 stays what it is. A row whose whole
    probability is on classes that the prior rules out says nothing about the others: it becomes
    the prior.

    Parameters
    ----------
    probabilities : ndarray, shape (n, classes)
        Rows sum to 1; n may be 0.
    training_prior : sequence of float, shape (classes,)
        Above 0, sum 1: the prior that the probabilities hold under.
    prior : sequence of float, shape (classes,)
        0 or more, sum 1.

    Returns
    -------
    ndarray of float64, shape (n, classes)
        Rows sum to 1.

    Raises
    ------
    RecordsError
        The probabilities are of another shape, or some rows are no probabilities.
    SettingsError
        A prior does not fit.
    """
    found = _check_probabilities(probabilities)
    before = check_prior(training_prior, found.shape[1], "training_prior", positive=True)
    after = check_prior(prior, found.shape[1])
    scaled = found * (after / before)
    mass = scaled.sum(axis=1, keepdims=True)
    return np.asarray(np.where(mass > 0, scaled / np.where(mass > 0, mass, 1.0), after))


def _ready(
    probabilities: np.ndarray,
    training_prior: Sequence[float] | np.ndarray,
    tolerance: float,
    max_iterations: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Check everything; return ratios (n, classes) and the training prior."""
    found = np.asarray(probabilities, dtype=float)
    # Without a record there is nothing to estimate from.
    check_predictions(found, np.zeros(found.shape[:1], dtype=int))
    before = check_prior(training_prior, found.shape[1], "training_prior", positive=True)
    problems = [
        range_problem("tolerance", tolerance, 0, 1, open_low=True, open_high=True),
        integer_problem("max_iterations", max_iterations, 1),
    ]
    if problems := [problem for problem in problems if problem]:
        raise SettingsError("A prior cannot be estimated so:", problems)
    # A row's own factor does not matter, and its largest ratio as 1 can't overflow.
    ratios = found / found.max(axis=1, keepdims=True) / before
    return ratios / ratios.max(axis=1, keepdims=True), before


def estimate_prior(
    probabilities: np.ndarray,
    training_prior: Sequence[float] | np.ndarray,
    *,
    tolerance: float = TOLERANCE,
    max_iterations: int = MAX_ITERATIONS,
) -> np.ndarray:
    """Estimate the prior of unlabelled records by maximum likelihood.

    The likeliest prior for these probabilities (Saerens et al. 2002, equation 2.9): that which is
    the mean of the records re-weighted by it. The likelihood has a single height;
    :mod:`gi_classifier.decisions.mixture_shares` finds it. Of a single record, or of records that
    are all alike, the likeliest prior is one class alone.

    Parameters
    ----------
    probabilities : ndarray, shape (n, classes)
        Rows sum to 1; n is 1 or more. Calibrated: surer than right, and the estimate is too close
        to the share of predicted labels; less sure than right, and it goes beyond.
    training_prior : sequence of float, shape (classes,)
        Above 0, sum 1.
    tolerance : float
        Largest change of a share at which it ends, in (0, 1).
    max_iterations : int
        Where they do not suffice, a ConvergenceWarning of scikit-learn is given.

    Returns
    -------
    ndarray of float64, shape (classes,)
        Sums to 1. A class that has probability 0 in every record gets 0.

    Raises
    ------
    RecordsError
        There is no record, or some rows are no probabilities.
    SettingsError
        The training prior, the tolerance or the number of iterations does not fit.
    """
    ratios, before = _ready(probabilities, training_prior, tolerance, max_iterations)
    counts = np.ones((1, len(ratios)))
    return np.asarray(likeliest_shares(ratios, counts, before, tolerance, max_iterations)[0])


def prior_interval(
    probabilities: np.ndarray,
    training_prior: Sequence[float] | np.ndarray,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> np.ndarray:
    """Bootstrap 95% interval of :func:`estimate_prior`: records are drawn again, percentiles taken.

    It says how far the estimate would differ with other records of the same kind (Efron 1979),
    not how far a model that is badly calibrated leads it astray.

    Parameters
    ----------
    probabilities : ndarray, shape (n, classes)
    training_prior : sequence of float, shape (classes,)
    resamples, seed : int

    Returns
    -------
    ndarray of float64, shape (2, classes)
        Lower and upper bounds. Of a single record both are the estimate.

    Raises
    ------
    RecordsError, SettingsError
        As :func:`estimate_prior`; ``resamples`` is below 1.
    """
    if problem := integer_problem("resamples", resamples, 1):
        raise SettingsError(problem)
    tolerance, limit = _INTERVAL_TOLERANCE, MAX_ITERATIONS
    ratios, before = _ready(probabilities, training_prior, tolerance, limit)
    whole = likeliest_shares(ratios, np.ones((1, len(ratios))), before, tolerance, limit)[0]
    # Near the end already, but where no record may be without a likelihood.
    start = 0.99 * whole + 0.01 * before
    drawn = [
        likeliest_shares(ratios, counts, start, tolerance, limit, first=0)
        for counts in resample_counts(len(ratios), resamples, seed)
    ]
    return np.asarray(np.quantile(np.concatenate(drawn), (0.025, 0.975), axis=0))


def without_label_smoothing(
    probabilities: np.ndarray, label_smoothing: float, temperature: float = 1.0
) -> np.ndarray:
    """Probabilities as they would be, had the model been trained without label smoothing.

    Label smoothing s teaches q = (1 - s) p + s / classes for a record of probability p, so that no
    class falls below s / classes and a prior far from the training prior outweighs every record.
    This undoes the temperature first, then solves for p.

    Parameters
    ----------
    probabilities : ndarray, shape (n, classes)
        Rows sum to 1; n may be 0.
    label_smoothing : float
        In [0, 1); at 0 the probabilities come back at temperature 1.
    temperature : float
        What the logits were divided by after training, above 0.

    Returns
    -------
    ndarray of float64, shape (n, classes)
        Rows sum to 1. A p below 1e-4 counts as 1e-4, unless smoothing is 0.

    Raises
    ------
    RecordsError
        The probabilities are of another shape, or some rows are no probabilities.
    SettingsError
        The smoothing or the temperature is out of range.
    """
    problems = [
        range_problem("label_smoothing", label_smoothing, 0, 1, open_high=True),
        range_problem("temperature", temperature, 0, np.inf, open_low=True, open_high=True),
    ]
    if problems := [problem for problem in problems if problem]:
        raise SettingsError("Label smoothing cannot be undone so:", problems)
    found = _check_probabilities(probabilities)
    if not len(found):
        return found
    smooth = (found / found.max(axis=1, keepdims=True)) ** temperature
    smooth /= smooth.sum(axis=1, keepdims=True)
    if not label_smoothing:
        return np.asarray(smooth)
    plain = (smooth - label_smoothing / found.shape[1]) / (1 - label_smoothing)
    plain = np.maximum(plain, _LEAST_UNSMOOTHED)
    return np.asarray(plain / plain.sum(axis=1, keepdims=True))


def unsmoothed(probabilities: np.ndarray, directory: ModelDirectory) -> np.ndarray:
    """A model's probabilities, fit to be re-weighted: :func:`without_label_smoothing` of its own.

    Parameters
    ----------
    probabilities : ndarray, shape (n, classes)
        By the model of ``directory``.
    directory : ModelDirectory

    Returns
    -------
    ndarray of float64, shape (n, classes)
        Unchanged where the model was trained without label smoothing, or outside this library,
        or where its members were fused, which calibrates anew.
    """
    training = directory.metadata.get("training") or {}
    plain = not directory.settings.label_smoothing or directory.linear is not None
    if plain or "temperature" not in training:
        return _check_probabilities(probabilities)
    return without_label_smoothing(
        probabilities, directory.settings.label_smoothing, training["temperature"]
    )


def training_prior(directory: ModelDirectory) -> np.ndarray:
    """The prior that a model's probabilities hold under.

    Of a model with a linear member, which has constants fitted on the validation records for every
    answer, their shares; of ALBERT alone those of its training records. With ``class_weight`` each
    share is weighted, since what was fitted saw it so; "balanced" makes those of the training
    records equal. Pieces of unlabelled text that a teacher labelled are not counted, though the
    loss saw them too.

    Parameters
    ----------
    directory : ModelDirectory

    Returns
    -------
    ndarray of float64, shape (classes,)
        Above 0, sum 1.

    Raises
    ------
    ModelError
        The model directory does not say how many records of each label it was fitted on, as of
        a converted model, or some label had none.
    """
    settings = directory.settings
    shares = _records(directory, "train")
    weights = np.ones_like(shares)
    if settings.class_weight == "balanced":
        weights = 1 / shares
    elif settings.class_weight is not None:
        weights = np.array(settings.class_weight)
    if directory.linear is not None:
        shares = _records(directory, "val")
    return np.asarray(weights * shares / (weights @ shares))


def _records(directory: ModelDirectory, split: str) -> np.ndarray:
    """The records of each label that a manifest says a split had: float64 (classes,), above 0."""
    called = {"train": "training", "val": "validation"}[split]
    try:
        counts: Any = directory.metadata["training"]["records"][split]
    except (KeyError, TypeError):
        counts = None
    fine = isinstance(counts, list) and all(map(is_number, counts))
    if not fine or len(counts) != directory.settings.num_classes:
        raise ModelError(
            f"The model directory does not say how many {called} records each label had, so its "
            "training prior is unknown, as of every converted model. Train with this library, or "
            f"go on training. Received: {counts if fine else None!r}"
        )
    missing = [f"label {label}" for label, count in enumerate(counts) if not count > 0]
    if missing:
        raise ModelError(
            f"The model's last training had no {called} record of some labels, {counts} in all, so "
            "what a probability of theirs holds under is unknown. Train on records of each:",
            missing,
        )
    return np.array(counts, dtype=float)
