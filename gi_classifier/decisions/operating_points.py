"""What a threshold does to records of one class and of the rest.

In: which records are of the class (n,), and their scores (n,). Out: operating points, and all
distinct scores as thresholds. A record passes where its score is at or above the threshold, so
equal scores pass together.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from gi_classifier.errors import RecordsError, SettingsError
from gi_classifier.metrics.intervals import proportion_interval
from gi_classifier.option_checks import is_number


@dataclass(frozen=True)
class OperatingPoint:
    """What one threshold does to some records.

    Attributes
    ----------
    threshold : float
    tp, fp, tn, fn : int
        Records of the class that pass, of the rest that pass, of the rest that don't, of the
        class that don't.
    """

    threshold: float
    tp: int
    fp: int
    tn: int
    fn: int

    @property
    def records(self) -> int:
        """All of them."""
        return self.tp + self.fp + self.tn + self.fn

    @property
    def tpr(self) -> float | None:
        """True positive rate, or recall: share of the class that passes; None without any."""
        return _ratio(self.tp, self.tp + self.fn)

    @property
    def fpr(self) -> float | None:
        """False positive rate: share of the rest that passes; None without any."""
        return _ratio(self.fp, self.fp + self.tn)

    @property
    def precision_before(self) -> float | None:
        """Share of the class among all records, the prevalence."""
        return _ratio(self.tp + self.fn, self.records)

    @property
    def precision_after(self) -> float | None:
        """Share of the class among those that pass; None where none does."""
        return _ratio(self.tp, self.tp + self.fp)

    @property
    def share(self) -> float | None:
        """Share of the records that passes."""
        return _ratio(self.tp + self.fp, self.records)

    @property
    def work_saved(self) -> float | None:
        """Precision after over precision before: how many times less work a record found takes.

        Of the work that is done on each record that passes. None where one of them is undefined.
        """
        if self.precision_after is None or not self.precision_before:
            return None
        return self.precision_after / self.precision_before

    def to_dict(self) -> dict[str, Any]:
        """Everything above, and 95% intervals of TPR and precision, ready for JSON."""
        return {
            "threshold": self.threshold,
            "records": self.records,
            "tp": self.tp,
            "fp": self.fp,
            "tn": self.tn,
            "fn": self.fn,
            "tpr": self.tpr,
            "tpr_interval": proportion_interval(self.tp, self.tp + self.fn),
            "fpr": self.fpr,
            "precision_before": self.precision_before,
            "precision_after": self.precision_after,
            "precision_after_interval": proportion_interval(self.tp, self.tp + self.fp),
            "share": self.share,
            "work_saved": self.work_saved,
        }


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None


@dataclass(frozen=True)
class Candidates:
    """The distinct scores as thresholds, falling; before them "none passes", at infinity.

    Attributes
    ----------
    thresholds : ndarray, shape (m + 1,)
    tp, fp : ndarray of int, shape (m + 1,)
        Records of the class, and of the rest, that pass each.
    positives, negatives : int
    """

    thresholds: np.ndarray
    tp: np.ndarray
    fp: np.ndarray
    positives: int
    negatives: int

    @property
    def tpr(self) -> np.ndarray:
        """True positive rate of each."""
        return self.tp / self.positives

    @property
    def fpr(self) -> np.ndarray:
        """False positive rate of each."""
        return self.fp / self.negatives

    @property
    def precision(self) -> np.ndarray:
        """Precision of each; NaN where none passes."""
        with np.errstate(invalid="ignore"):
            precision: np.ndarray = self.tp / (self.tp + self.fp)
        return precision


def candidates(positive: np.ndarray, scores: np.ndarray) -> Candidates:
    """Count what passes each distinct score.

    Parameters
    ----------
    positive : ndarray of bool, shape (n,)
        Whether each record is of the class.
    scores : ndarray, shape (n,)
        Finite; the higher, the more likely of the class.

    Raises
    ------
    RecordsError
        There is no record of the class or none of the rest, the shapes do not match, or a score
        is not finite.
    """
    positive, scores = _checked(positive, scores)
    positives = int(positive.sum())
    if positives in (0, len(positive)):
        raise RecordsError(
            "A threshold needs records of the class and of the rest, for validation and for test. "
            f"Received: {positives} of the class and {len(positive) - positives} others"
        )
    distinct, places = np.unique(scores, return_inverse=True)
    thresholds = np.concatenate([[np.inf], distinct[::-1]])
    tp, fp = (
        np.concatenate([[0], np.bincount(places[part], minlength=len(distinct))[::-1].cumsum()])
        for part in (positive, ~positive)
    )
    return Candidates(thresholds, tp, fp, positives, len(positive) - positives)


def _checked(positive: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    positive, scores = np.asarray(positive), np.asarray(scores, dtype=np.float64)
    if positive.ndim != 1 or positive.shape != scores.shape:
        raise RecordsError(
            "Records of the class and scores must both be (n,). "
            f"Received: {positive.shape} and {scores.shape}"
        )
    if positive.dtype != bool:
        raise RecordsError(
            "Whether a record is of the class is True or False, as labels == 1 gives. "
            f"Received: an array of {positive.dtype}"
        )
    if not len(positive):
        raise RecordsError("No record to measure. Give one or more.")
    if strange := np.flatnonzero(~np.isfinite(scores)).tolist():
        raise RecordsError(
            "Scores must be finite. Received:", [f"row {i}: {scores[i]}" for i in strange]
        )
    return positive, scores


def at_threshold(positive: np.ndarray, scores: np.ndarray, threshold: float) -> OperatingPoint:
    """Say what a given threshold does.

    Parameters
    ----------
    positive : ndarray of bool, shape (n,)
        One class only is fine here: what is undefined then is None.
    scores : ndarray, shape (n,)
    threshold : float
        A record passes where its score is at or above it.

    Raises
    ------
    RecordsError
        There is no record, the shapes do not match, or a score is not finite.
    SettingsError
        The threshold is not a finite number.
    """
    positive, scores = _checked(positive, scores)
    if not is_number(threshold):
        raise SettingsError(f"threshold must be a finite number. Received: {threshold!r}")
    passes = scores >= threshold
    tp, fp = int((passes & positive).sum()), int((passes & ~positive).sum())
    positives = int(positive.sum())
    return OperatingPoint(float(threshold), tp, fp, len(positive) - positives - fp, positives - tp)
