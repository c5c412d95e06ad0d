"""Leave the doubtful records to a person: what that costs, and a guarantee for the rest.

In: the confidence (n,) of each record's answer, its largest probability, and whether it is wrong
(n,). Out: the risk-coverage curve, and the least confidence to answer at such that errors stay
rare. A record is answered where its confidence is at or above ``min_confidence``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gi_classifier.errors import RecordsError, SettingsError
from gi_classifier.metrics.calibration import check_predictions
from gi_classifier.metrics.intervals import proportion_interval
from gi_classifier.option_checks import is_number, range_problem

# Coverages that the guarantee is tried at: 1/20, 2/20 … 1. More are finer, and each stricter.
TRIALS = 20


def answers(probabilities: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Confidence of each answer, and whether it is wrong.

    Parameters
    ----------
    probabilities : ndarray, shape (n, classes)
        Rows sum to 1.
    labels : ndarray of int, shape (n,)

    Returns
    -------
    confidence : ndarray, shape (n,)
        The largest probability.
    wrong : ndarray of bool, shape (n,)
        Whether the label of the largest probability is not the true one.

    Raises
    ------
    RecordsError, LabelError
        As :func:`~gi_classifier.metrics.calibration.check_predictions`.
    """
    check_predictions(probabilities, labels)
    return probabilities.max(axis=1), probabilities.argmax(axis=1) != labels


def _checked(confidence: np.ndarray, wrong: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    confidence, wrong = np.asarray(confidence, dtype=np.float64), np.asarray(wrong)
    if confidence.ndim != 1 or wrong.shape != confidence.shape or wrong.dtype != bool:
        raise RecordsError(
            "Confidences must be numbers (n,), and whether each is wrong bool (n,). "
            f"Received: {confidence.shape}, and {wrong.dtype} {wrong.shape}"
        )
    if not len(confidence):
        raise RecordsError("No record to measure. Give one or more.")
    # Written so that NaN fails; rows of float32 may sum to a little more than 1.
    strange = np.flatnonzero(~((confidence >= 0) & (confidence <= 1.001))).tolist()
    if strange:
        raise RecordsError(
            "Confidences must lie in 0…1. Received:", [f"row {i}: {confidence[i]}" for i in strange]
        )
    return np.minimum(confidence, 1.0), wrong


@dataclass(frozen=True)
class RiskCoverage:
    """Error among the answered against the share that is answered (El-Yaniv and Wiener 2010).

    Attributes
    ----------
    min_confidence : ndarray, shape (m,)
        The distinct confidences, falling.
    coverage : ndarray, shape (m,)
        Share of the records that is answered at each, rising to 1.
    risk : ndarray, shape (m,)
        Share of the answered that is wrong, 0…1.
    area : float
        Under the curve (AURC, Geifman et al. 2019): the mean over records of the risk at their
        own confidence, 0…1; less is better.
    """

    min_confidence: np.ndarray
    coverage: np.ndarray
    risk: np.ndarray
    area: float

    def at(self, coverage: float) -> int:
        """Place of the least coverage that reaches this one, in 0…1."""
        # A share such as 0.7 may lie a rounding error above the one that it means.
        place = int(np.searchsorted(self.coverage, coverage - 1e-12))
        return min(place, len(self.coverage) - 1)


def risk_coverage(confidence: np.ndarray, wrong: np.ndarray) -> RiskCoverage:
    """Measure the error among the answered at every distinct confidence.

    Parameters
    ----------
    confidence : ndarray, shape (n,)
        In 0…1; equal ones are answered together.
    wrong : ndarray of bool, shape (n,)

    Raises
    ------
    RecordsError
        There is no record, the shapes do not match, or a confidence is out of range.
    """
    confidence, wrong = _checked(confidence, wrong)
    distinct, places = np.unique(confidence, return_inverse=True)
    size = np.bincount(places)[::-1]
    answered = size.cumsum()
    risk = np.cumsum(np.bincount(places, weights=wrong)[::-1]) / answered
    area = float(size @ risk / len(wrong))
    return RiskCoverage(distinct[::-1], answered / len(wrong), risk, area)


def abstain_at(confidence: np.ndarray, wrong: np.ndarray, min_confidence: float) -> dict[str, Any]:
    """Say what a given least confidence does.

    Parameters
    ----------
    confidence : ndarray, shape (n,)
    wrong : ndarray of bool, shape (n,)
    min_confidence : float
        In 0…1, or just above.

    Returns
    -------
    dict
        ``min_confidence``, ``records``, ``answered``, ``errors``; ``coverage``, the share
        answered; ``error``, the share of the answered that is wrong, None where none is
        answered; and the exact 95% intervals ``coverage_interval`` and ``error_interval``.

    Raises
    ------
    RecordsError
        As :func:`risk_coverage`.
    SettingsError
        ``min_confidence`` is no finite number.
    """
    confidence, wrong = _checked(confidence, wrong)
    if not is_number(min_confidence):
        raise SettingsError(f"min_confidence must be a number. Received: {min_confidence!r}")
    passes = confidence >= min_confidence
    answered, errors = int(passes.sum()), int((passes & wrong).sum())
    return {
        "min_confidence": float(min_confidence),
        "records": len(wrong),
        "answered": answered,
        "errors": errors,
        "coverage": answered / len(wrong),
        "coverage_interval": proportion_interval(answered, len(wrong)),
        "error": errors / answered if answered else None,
        "error_interval": proportion_interval(errors, answered),
    }


def risk_table(
    confidence: np.ndarray, wrong: np.ndarray, coverages: Sequence[float]
) -> list[dict[str, Any]]:
    """What :func:`abstain_at` gives at the least coverage that reaches each of these, in 0…1.

    Raises
    ------
    RecordsError
        As :func:`risk_coverage`.
    """
    curve = risk_coverage(confidence, wrong)
    places = [curve.at(coverage) for coverage in coverages]
    return [abstain_at(confidence, wrong, float(curve.min_confidence[i])) for i in places]


def check_levels(alpha: float, delta: float) -> None:
    """Raise unless both lie strictly between 0 and 1.

    Raises
    ------
    SettingsError
        Naming each that does not.
    """
    problems = [
        range_problem(name, value, 0, 1, open_low=True, open_high=True)
        for name, value in (("alpha", alpha), ("delta", delta))
    ]
    if problems := [problem for problem in problems if problem]:
        raise SettingsError("There is no such guarantee:", problems)


def least_answered(alpha: float, delta: float) -> int:
    """Fewest answered records, all of them right, that can give the guarantee.

    Raises
    ------
    SettingsError
        As :func:`check_levels`.
    """
    check_levels(alpha, delta)
    return math.ceil(math.log(delta / TRIALS) / math.log1p(-alpha))


def guaranteed_confidence(
    confidence: np.ndarray, wrong: np.ndarray, alpha: float, delta: float
) -> float | None:
    """Find the least confidence to answer at, for a guaranteed error among the answered.

    Learn then Test (Angelopoulos et al. 2021) with Bonferroni's correction. At each of 20
    coverages, fixed before, the hypothesis "more than alpha of the answered are wrong" is tested
    by the binomial tail (the upper bound of Clopper and Pearson 1934) at level delta / 20; of the
    thresholds at which it is rejected, the one of the largest coverage is returned. The threshold
    lies just above a record's confidence, and given that, the records above it are independent
    draws of their kind: so each test is exact though its threshold is an order statistic, with
    ties too, and whether or not the error falls as the confidence rises.

    With probability 1 - delta over the records given, at most alpha of the future records that
    are answered will be wrong. This assumes that given and future records are independent draws
    from one source, and that the model never saw them.

    Parameters
    ----------
    confidence : ndarray, shape (n,)
        In 0…1.
    wrong : ndarray of bool, shape (n,)
    alpha : float
        Largest error among the answered, between 0 and 1.
    delta : float
        Probability at most that the guarantee fails, between 0 and 1.

    Returns
    -------
    float or None
        ``min_confidence``: 0 answers all. None where no threshold gives the guarantee.

    Raises
    ------
    SettingsError
        As :func:`check_levels`.
    RecordsError
        As :func:`risk_coverage`.
    """
    from scipy.stats import binom

    check_levels(alpha, delta)
    confidence, wrong = _checked(confidence, wrong)
    falling = np.sort(confidence)[::-1]
    for trial in range(TRIALS, 0, -1):
        wanted = len(falling) * trial // TRIALS
        threshold = 0.0 if trial == TRIALS else float(np.nextafter(falling[wanted], np.inf))
        passes = confidence >= threshold
        if binom.cdf(int(wrong[passes].sum()), int(passes.sum()), alpha) <= delta / TRIALS:
            return threshold
    return None
