"""Whether a probability of 0.9 is right nine times in ten, and the temperature that mends it.

In: probabilities (n, classes), labels (n,). Out: numbers and arrays. Guo et al. 2017, "On
Calibration of Modern Neural Networks", https://arxiv.org/abs/1706.04599.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from gi_classifier.errors import LabelError, RecordsError, SettingsError
from gi_classifier.option_checks import integer_problem, range_problem

BINS = 15
# Where a model knows nothing, the best temperature has no end.
LEAST_TEMPERATURE, GREATEST_TEMPERATURE = 0.05, 20.0
# A float32 softmax gives 0 below it; the logarithm needs a number.
_FLOOR = float(np.finfo(np.float32).tiny)


@dataclass(frozen=True)
class Reliability:
    """A reliability diagram: records by the probability of their predicted label.

    Attributes
    ----------
    edges : ndarray, shape (bins + 1,)
        From 0 to 1; bin b holds probabilities above ``edges[b]``, up to ``edges[b + 1]``.
    records : ndarray of int, shape (bins,)
    confidence : ndarray, shape (bins,)
        Mean probability of the predicted label, 0…1; NaN in an empty bin.
    accuracy : ndarray, shape (bins,)
        Share of records whose predicted label is right, 0…1; NaN in an empty bin.
    """

    edges: np.ndarray
    records: np.ndarray
    confidence: np.ndarray
    accuracy: np.ndarray


def check_predictions(probabilities: np.ndarray, labels: np.ndarray) -> None:
    """Raise unless there is one row of probabilities, summing to 1, for each label.

    Parameters
    ----------
    probabilities : ndarray, shape (n, classes)
    labels : ndarray of int, shape (n,)

    Raises
    ------
    RecordsError
        There is no record, the shapes do not match, or a row holds a negative or unknown number
        or does not sum to 1 (within 0.001).
    LabelError
        A label is no class.
    """
    if probabilities.ndim != 2 or labels.shape != probabilities.shape[:1]:
        raise RecordsError(
            "Probabilities must be (n, classes) and labels (n,). "
            f"Received: {probabilities.shape} and {labels.shape}"
        )
    if not len(labels):
        raise RecordsError("No record to measure. Give one or more.")
    if not np.issubdtype(labels.dtype, np.integer):
        raise LabelError(f"Labels must be integers. Received: an array of {labels.dtype}")
    classes = probabilities.shape[1]
    if labels.min() < 0 or labels.max() >= classes:
        raise LabelError(
            f"Labels must lie in 0…{classes - 1}. Received: {labels.min()}…{labels.max()}"
        )
    # Written so that NaN fails.
    fine = (probabilities >= 0).all(axis=1) & (abs(probabilities.sum(axis=1) - 1) <= 1e-3)
    if not fine.all():
        raise RecordsError(
            "Each row of probabilities must be 0 or more and sum to 1. "
            f"Received: {int((~fine).sum())} other rows, the first is row {int(np.argmin(fine))}"
        )


def assign_bins(confidence: np.ndarray, bins: int) -> np.ndarray:
    """Number of the equal-width bin, open below and closed above, of each probability.

    Parameters
    ----------
    confidence : ndarray, shape (n,)
        In 0…1; 0 itself counts to the first bin.
    bins : int

    Returns
    -------
    ndarray of int, shape (n,)
        In 0…bins - 1.

    Raises
    ------
    SettingsError
        ``bins`` is below 1.
    """
    if problem := integer_problem("bins", bins, 1):
        raise SettingsError(problem)
    return np.searchsorted(np.linspace(0, 1, bins + 1)[1:-1], confidence, side="left")


def reliability(probabilities: np.ndarray, labels: np.ndarray, bins: int = BINS) -> Reliability:
    """Compare stated and true accuracy, bin by bin.

    Parameters
    ----------
    probabilities : ndarray, shape (n, classes)
        The predicted label is the one of the largest probability.
    labels : ndarray of int, shape (n,)
    bins : int
        Equal-width bins over 0…1.

    Raises
    ------
    RecordsError, LabelError
        As :func:`check_predictions`.
    SettingsError
        ``bins`` is below 1.
    """
    check_predictions(probabilities, labels)
    confidence = probabilities.max(axis=1)
    places = assign_bins(confidence, bins)
    right = probabilities.argmax(axis=1) == labels
    records = np.bincount(places, minlength=bins)
    sums = (np.bincount(places, weights=part, minlength=bins) for part in (confidence, right))
    with np.errstate(invalid="ignore"):
        mean_confidence, accuracy = (part / records for part in sums)
    return Reliability(np.linspace(0, 1, bins + 1), records, mean_confidence, accuracy)


def expected_calibration_error(
    probabilities: np.ndarray, labels: np.ndarray, bins: int = BINS
) -> float:
    """Mean gap between stated and true accuracy over the bins, weighted by their records.

    It is the top-label error of Guo et al. 2017: only the predicted label's probability counts.

    Parameters
    ----------
    probabilities : ndarray, shape (n, classes)
    labels : ndarray of int, shape (n,)
    bins : int

    Returns
    -------
    float
        In 0…1; 0 is calibrated.

    Raises
    ------
    RecordsError, LabelError, SettingsError
        As :func:`reliability`.
    """
    found = reliability(probabilities, labels, bins)
    gaps = np.nan_to_num(abs(found.accuracy - found.confidence))
    return float(gaps @ found.records / len(labels))


def apply_temperature(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """Soften (T > 1) or sharpen (T < 1) probabilities: softmax(log p / T) (Guo et al. 2017).

    The order of a row's probabilities stays, and so does the predicted label.

    Parameters
    ----------
    probabilities : ndarray, shape (n, classes)
        Rows sum to 1.
    temperature : float
        T, above 0; 1 changes nothing.

    Returns
    -------
    ndarray of float64, shape (n, classes)
        Rows sum to 1.

    Raises
    ------
    SettingsError
        The temperature is not a finite number above 0.
    """
    from scipy.special import softmax

    if problem := range_problem(
        "temperature", temperature, 0, math.inf, open_low=True, open_high=True
    ):
        raise SettingsError(problem)
    softened: np.ndarray = softmax(_logarithms(probabilities) / temperature, axis=1)
    return softened


def fit_temperature(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Find the temperature of the least log loss on held-out records (Guo et al. 2017).

    A bounded scalar search on log T. The log loss is convex in 1/T, so there is one minimum. As in
    Platt 1999, a true label has the mass 1 - 1/(n + 2), or n records that are all right would ask
    for certainty.

    Parameters
    ----------
    probabilities : ndarray, shape (n, classes)
        Of records that were not trained on.
    labels : ndarray of int, shape (n,)

    Returns
    -------
    float
        T in 0.05…20, for :func:`apply_temperature`.

    Raises
    ------
    RecordsError, LabelError
        As :func:`check_predictions`.
    """
    from scipy.optimize import minimize_scalar
    from scipy.special import log_softmax

    check_predictions(probabilities, labels)
    logarithms, rows = _logarithms(probabilities), np.arange(len(labels))
    doubt = 1 / (len(labels) + 2)

    def loss(log_temperature: float) -> float:
        scaled = log_softmax(logarithms / np.exp(log_temperature), axis=1)
        return float(-((1 - doubt) * scaled[rows, labels] + doubt * scaled.mean(axis=1)).mean())

    bounds = (np.log(LEAST_TEMPERATURE), np.log(GREATEST_TEMPERATURE))
    found = minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-6})
    return float(np.exp(found.x))


def _logarithms(probabilities: np.ndarray) -> np.ndarray:
    return np.log(np.maximum(np.asarray(probabilities, dtype=np.float64), _FLOOR))
