"""Precision, recall, F1, accuracy and confusion of predicted labels, by scikit-learn.

In: labels (n,), probabilities (n, classes). Out: plain dicts, ready for JSON.
"""

from __future__ import annotations

from typing import Any

import numpy as np


def macro_f1_interval(
    labels: np.ndarray, predicted: np.ndarray, classes: int, *, draws: int = 1000, seed: int = 0
) -> tuple[float, float]:
    """Bootstrap 95% interval of macro-F1: percentiles over resampled records (Efron 1979).

    Parameters
    ----------
    labels, predicted : ndarray of int, shape (n,)
    classes : int
    draws, seed : int

    Returns
    -------
    low, high : float
        In 0…1.
    """
    source = np.random.default_rng(seed)
    cells = labels * classes + predicted
    scores = np.empty(draws)
    for draw in range(draws):
        sample = cells[source.integers(0, len(cells), len(cells))]
        confusion = np.bincount(sample, minlength=classes**2).reshape(classes, classes)
        both = confusion.sum(axis=0) + confusion.sum(axis=1)
        scores[draw] = (2 * confusion.diagonal() / np.maximum(both, 1)).mean()
    low, high = np.quantile(scores, (0.025, 0.975))
    return float(low), float(high)


def measure(labels: np.ndarray, probabilities: np.ndarray) -> dict[str, Any]:
    """Measure predictions against the truth.

    Parameters
    ----------
    labels : ndarray of int, shape (n,)
    probabilities : ndarray, shape (n, classes)
        The predicted label is the one of the largest probability.

    Returns
    -------
    dict
        ``records``, ``accuracy``, ``macro_f1`` with its bootstrap 95% interval
        ``macro_f1_interval``, and ``weighted_f1``, in 0…1, ``log_loss``,
        ``confusion`` (rows truth, columns prediction) and ``classes``: precision, recall, f1 and
        support of each. A measure of a class that never occurs is 0.
    """
    from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

    classes = np.arange(probabilities.shape[1])
    predicted = probabilities.argmax(axis=1)
    columns = precision_recall_fscore_support(labels, predicted, labels=classes, zero_division=0)
    precision, recall, f1, support = columns
    mass = probabilities[np.arange(len(labels)), labels]
    return {
        "records": len(labels),
        "accuracy": float((predicted == labels).mean()),
        "macro_f1": float(f1.mean()),
        "macro_f1_interval": list(macro_f1_interval(labels, predicted, len(classes))),
        "weighted_f1": float(f1 @ support / support.sum()),
        "log_loss": float(-np.log(np.maximum(mass, 1e-12)).mean()),
        "confusion": confusion_matrix(labels, predicted, labels=classes).tolist(),
        "classes": [
            {
                "label": int(label),
                "precision": float(precision[label]),
                "recall": float(recall[label]),
                "f1": float(f1[label]),
                "support": int(support[label]),
            }
            for label in classes
        ],
    }
