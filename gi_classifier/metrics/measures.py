"""Measures of predicted labels and probabilities, with 95% intervals.

In: labels (n,), probabilities (n, classes). Out: plain dicts, ready for JSON.

Intervals of accuracy, precision and recall are exact. Those of the others are the 2.5th and 97.5th
percentile over resamples of the records, as :mod:`gi_classifier.metrics.intervals` draws them. A
resample is a row of weights, how often each record counts, so that all of them are measured at
once.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from gi_classifier.metrics.calibration import BINS, assign_bins, check_predictions
from gi_classifier.metrics.intervals import (
    imagined_records,
    posterior_weights,
    proportion_interval,
)

RESAMPLES = 1000
# Numbers in one block of resamples, to bound the memory.
_BLOCK = 4_000_000
# A right label of probability 0 costs -log of it, not infinity.
_LEAST_MASS = 1e-12
# Resampling adds gaps between probability and truth of its own.
_NO_INTERVAL = ("expected_calibration_error",)

# Of places of records, their labels and their weights (resamples, n): each measure, its first axis
# the resamples.
_Scores = Callable[[np.ndarray, np.ndarray, np.ndarray], dict[str, np.ndarray]]


def resample_counts(
    records: int, resamples: int = RESAMPLES, seed: int = 0
) -> Iterator[np.ndarray]:
    """Draw records with replacement, ``resamples`` times.

    Parameters
    ----------
    records, resamples, seed : int

    Yields
    ------
    ndarray of float, shape (some resamples, records)
        How often each record was drawn; a row sums to ``records``.
    """
    source = np.random.default_rng(seed)
    step = max(1, _BLOCK // records)
    for start in range(0, resamples, step):
        block = np.empty((min(step, resamples - start), records))
        for row in block:
            row[:] = np.bincount(source.integers(0, records, records), minlength=records)
        yield block


def confusions(
    labels: np.ndarray, predicted: np.ndarray, classes: int, counts: np.ndarray
) -> np.ndarray:
    """Confusion matrix of each resample.

    Parameters
    ----------
    labels, predicted : ndarray of int, shape (n,)
    classes : int
    counts : ndarray, shape (resamples, n)

    Returns
    -------
    ndarray, shape (resamples, classes, classes)
        Rows truth, columns prediction.
    """
    from scipy.sparse import csr_array

    places = (np.arange(len(labels)), labels * classes + predicted)
    cells = csr_array((np.ones(len(labels)), places), shape=(len(labels), classes**2))
    found: np.ndarray = (counts @ cells).reshape(-1, classes, classes)
    return found


def label_scores(confusion: np.ndarray) -> dict[str, np.ndarray]:
    """Scores of the predicted labels.

    Parameters
    ----------
    confusion : ndarray, shape (resamples, classes, classes)

    Returns
    -------
    dict of ndarray
        ``precision``, ``recall`` and ``f1``, shape (resamples, classes), 0 where nothing was
        predicted or true; ``accuracy``, ``macro_f1`` and ``weighted_f1``, shape (resamples,).
        The macro-F1 is over the classes that occur in truth or prediction, as scikit-learn's is.
    """
    right = np.diagonal(confusion, axis1=1, axis2=2)
    support, stated = confusion.sum(axis=2), confusion.sum(axis=1)
    f1 = _ratio(2 * right, support + stated)
    total = support.sum(axis=1)
    return {
        "accuracy": right.sum(axis=1) / total,
        "macro_f1": _mean_of_defined(np.where(support + stated > 0, f1, np.nan)),
        "weighted_f1": (f1 * support).sum(axis=1) / total,
        "precision": _ratio(right, stated),
        "recall": _ratio(right, support),
        "f1": f1,
    }


def ranking_scores(
    positive: np.ndarray, scores: np.ndarray, counts: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Area under the ROC curve and average precision of one class against the rest.

    Parameters
    ----------
    positive : ndarray of bool, shape (n,)
    scores : ndarray, shape (n,)
        The higher, the more likely positive; equal ones are taken together.
    counts : ndarray, shape (resamples, n)

    Returns
    -------
    roc_auc, average_precision : ndarray, shape (resamples,)
        In 0…1. NaN in a draw without a positive record; the area also without a negative one.
    """
    order = np.argsort(scores)
    starts = np.flatnonzero(np.concatenate([[True], np.diff(scores[order]) != 0]))
    ordered = counts[:, order]
    hits = np.add.reduceat(ordered * positive[order], starts, axis=1)
    everything = np.add.reduceat(ordered, starts, axis=1)
    misses = everything - hits
    positives, negatives = hits.sum(axis=1), misses.sum(axis=1)
    below = misses.cumsum(axis=1) - misses / 2
    hits_from, all_from = (part[:, ::-1].cumsum(axis=1)[:, ::-1] for part in (hits, everything))
    precision = _ratio(hits_from, all_from)
    with np.errstate(invalid="ignore"):
        return (
            (hits * below).sum(axis=1) / (positives * negatives),
            (hits * precision).sum(axis=1) / positives,
        )


def probability_scores(
    labels: np.ndarray, probabilities: np.ndarray, counts: np.ndarray
) -> dict[str, np.ndarray]:
    """Scores of the probabilities.

    Parameters
    ----------
    labels : ndarray of int, shape (n,)
    probabilities : ndarray, shape (n, classes)
    counts : ndarray, shape (resamples, n)

    Returns
    -------
    dict of ndarray
        ``class_roc_auc`` and ``class_average_precision``, shape (resamples, classes), one class
        against the rest, NaN where undefined; all others of shape (resamples,):
        ``roc_auc`` and ``average_precision``, the means of the defined classes;
        ``brier_score``, the mean over records of the sum over classes of squared differences
        between probability and truth, in 0…2 (Brier 1950);
        ``expected_calibration_error``, top label, 15 equal-width bins, in 0…1 (Guo et al. 2017);
        ``log_loss``, 0 or more, a probability below 1e-12 taken as 1e-12.
    """
    records, classes = probabilities.shape
    total = counts.sum(axis=1)
    ranked = [ranking_scores(labels == c, probabilities[:, c], counts) for c in range(classes)]
    areas, precisions = (np.stack(part, axis=1) for part in zip(*ranked, strict=True))
    truth = np.eye(classes)[labels]
    top = probabilities.max(axis=1)
    gaps = np.zeros((records, BINS))
    gaps[np.arange(records), assign_bins(top, BINS)] = top - (
        probabilities.argmax(axis=1) == labels
    )
    mass = np.maximum(probabilities[np.arange(records), labels], _LEAST_MASS)
    return {
        "roc_auc": _mean_of_defined(areas),
        "average_precision": _mean_of_defined(precisions),
        "brier_score": counts @ ((probabilities - truth) ** 2).sum(axis=1) / total,
        "expected_calibration_error": abs(counts @ gaps).sum(axis=1) / total,
        "log_loss": counts @ -np.log(mass) / total,
        "class_roc_auc": areas,
        "class_average_precision": precisions,
    }


def _ratio(parts: np.ndarray, wholes: np.ndarray) -> np.ndarray:
    """Each part over its whole, 0 where that is 0."""
    return np.asarray(np.divide(parts, wholes, out=np.zeros(np.shape(parts)), where=wholes > 0))


def _mean_of_defined(values: np.ndarray) -> np.ndarray:
    """Mean over the classes, the NaN ones left out; NaN where all are."""
    with np.errstate(invalid="ignore"):
        mean: np.ndarray = np.nansum(values, axis=1) / (~np.isnan(values)).sum(axis=1)
    return mean


def _bootstrapped(
    scores: _Scores, labels: np.ndarray, predicted: np.ndarray, resamples: int, seed: int
) -> dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Each score on the records as they are, and the bounds of its interval.

    The bounds are NaN where the score is undefined, where it has no interval, and where a single
    label occurs: then nothing tells how often another would.
    """
    records = np.arange(len(labels))
    whole = scores(records, labels, np.ones((1, len(labels))))
    occurring = np.unique(np.concatenate([labels, predicted]))
    rows, others = imagined_records(labels, occurring, seed)
    everything, truths = np.concatenate([records, rows]), np.concatenate([labels, others])
    blocks = [
        scores(everything, truths, block)
        for block in posterior_weights(len(labels), len(rows), resamples, seed)
    ]
    found = {}
    for name, (value,) in whole.items():
        drawn = np.concatenate([block[name] for block in blocks])
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "All-NaN", RuntimeWarning)
            low, high = np.nanquantile(drawn, (0.025, 0.975), axis=0)
        unknown = np.isnan(value) | (name in _NO_INTERVAL) | (len(rows) == 0)
        low, high = (
            np.where(unknown, np.nan, bound)
            for bound in (np.minimum(low, value), np.maximum(high, value))
        )
        found[name] = (value, low, high)
    return found


def _plain(value: Any) -> Any:
    """Turn arrays into lists and NaN, which JSON lacks, into None."""
    if np.ndim(value):
        return [_plain(part) for part in value]
    return None if np.isnan(value) else float(value)


def _entry(name: str, value: Any, low: Any, high: Any) -> dict[str, Any]:
    bounds = None if np.isnan(low) else [float(low), float(high)]
    return {name: _plain(value), f"{name}_interval": bounds}


def measure(
    labels: np.ndarray, probabilities: np.ndarray, *, resamples: int = RESAMPLES, seed: int = 0
) -> dict[str, Any]:
    """Measure predictions against the truth, with 95% intervals.

    Parameters
    ----------
    labels : ndarray of int, shape (n,)
    probabilities : ndarray, shape (n, classes)
        The predicted label is the one of the largest probability.
    resamples, seed : int

    Returns
    -------
    dict
        ``records``; ``accuracy``, ``macro_f1``, ``weighted_f1``, ``roc_auc``,
        ``average_precision``, ``brier_score``, ``expected_calibration_error`` and ``log_loss``
        as in :func:`label_scores` and :func:`probability_scores`; ``confusion`` (rows truth,
        columns prediction); ``classes``: label, support, precision, recall, f1, roc_auc,
        average_precision. Beside each NAME but the records and supports stands NAME_interval,
        [low, high]; that of the confusion is a pair of matrices. What is undefined is None, and
        so is the interval of the calibration error: resampling adds gaps of its own to it.

    Raises
    ------
    RecordsError, LabelError
        As :func:`~gi_classifier.metrics.calibration.check_predictions`.
    """
    check_predictions(probabilities, labels)
    classes, predicted = probabilities.shape[1], probabilities.argmax(axis=1)

    def scores(rows: np.ndarray, truths: np.ndarray, counts: np.ndarray) -> dict[str, np.ndarray]:
        found = label_scores(confusions(truths, predicted[rows], classes, counts))
        return {**found, **probability_scores(truths, probabilities[rows], counts)}

    once = np.ones((1, len(labels)))
    confusion = confusions(labels, predicted, classes, once)[0].astype(int)
    table: dict[str, Any] = {"records": len(labels)}
    rows = [
        {"label": label, "support": int(support)}
        for label, support in enumerate(confusion.sum(axis=1))
    ]
    for name, (value, low, high) in _bootstrapped(
        scores, labels, predicted, resamples, seed
    ).items():
        if np.ndim(value) == 0:
            table |= _entry(name, value, low, high)
            continue
        for row, *parts in zip(rows, value, low, high, strict=True):
            row |= _entry(name.removeprefix("class_"), *parts)
    return _with_exact_intervals({**table, "classes": rows}, confusion)


def _with_exact_intervals(table: dict[str, Any], confusion: np.ndarray) -> dict[str, Any]:
    """Put exact intervals into the place of resampled ones, where there are some."""
    records, right = int(confusion.sum()), np.diagonal(confusion)
    table["accuracy_interval"] = proportion_interval(int(right.sum()), records)
    wholes = {"precision": confusion.sum(axis=0), "recall": confusion.sum(axis=1)}
    for row in table["classes"]:
        for name, whole in wholes.items():
            label = row["label"]
            row[f"{name}_interval"] = proportion_interval(int(right[label]), int(whole[label]))
    cells = [proportion_interval(int(cell), records) or [0.0, 0.0] for cell in confusion.flat]
    bounds = records * np.array(cells).T.reshape(2, *confusion.shape)
    return {
        **table,
        "confusion": confusion.tolist(),
        "confusion_interval": bounds.tolist(),
        "classes": table.pop("classes"),
    }


def measure_labels(
    labels: np.ndarray,
    predicted: np.ndarray,
    classes: int,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> dict[str, Any]:
    """Measure the predicted labels of a group of records, which may lack some classes.

    Parameters
    ----------
    labels, predicted : ndarray of int, shape (n,)
        One record or more.
    classes : int
    resamples, seed : int

    Returns
    -------
    dict
        ``records``, ``macro_f1`` over the classes that occur in truth or prediction here,
        ``accuracy``, and their intervals ``macro_f1_interval`` (None where a single label
        occurs) and ``accuracy_interval``.
    """

    def scores(rows: np.ndarray, truths: np.ndarray, counts: np.ndarray) -> dict[str, np.ndarray]:
        found = label_scores(confusions(truths, predicted[rows], classes, counts))
        return {name: found[name] for name in ("macro_f1", "accuracy")}

    table: dict[str, Any] = {"records": len(labels)}
    for name, entry in _bootstrapped(scores, labels, predicted, resamples, seed).items():
        table |= _entry(name, *entry)
    right = int((labels == predicted).sum())
    return {**table, "accuracy_interval": proportion_interval(right, len(labels))}
