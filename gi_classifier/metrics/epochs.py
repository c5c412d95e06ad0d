"""What each class's predictions are worth after an epoch of training, for the history.

In: labels (n,), probabilities (n, classes). Out: a flat dict, a number for each measure and class.
"""

from __future__ import annotations

import numpy as np

from gi_classifier.metrics.calibration import check_predictions
from gi_classifier.metrics.measures import confusions, label_scores, ranking_scores


def class_metrics(labels: np.ndarray, probabilities: np.ndarray) -> dict[str, float]:
    """Measure each class against the rest.

    Parameters
    ----------
    labels : ndarray of int, shape (n,)
    probabilities : ndarray, shape (n, classes)
        The predicted label is the one of the largest probability.

    Returns
    -------
    dict of str to float
        NAME_LABEL, such as ``recall_1``, for NAME among ``brier_score`` (mean squared difference
        of the class's probability and its truth, 0…1, Brier 1950), ``average_precision`` (PR AUC
        as a sum of steps; NaN for a class without a record), ``precision`` and ``recall`` (0 where
        nothing was predicted or true), and the whole numbers ``true_positives``,
        ``false_positives``, ``true_negatives`` and ``false_negatives``.

    Raises
    ------
    RecordsError, LabelError
        As :func:`~gi_classifier.metrics.calibration.check_predictions`.
    """
    check_predictions(probabilities, labels)
    records, classes = probabilities.shape
    once = np.ones((1, records))
    confusion = confusions(labels, probabilities.argmax(axis=1), classes, once)
    scores = label_scores(confusion)
    found: dict[str, float] = {}
    for label in range(classes):
        positive = labels == label
        _, average_precision = ranking_scores(positive, probabilities[:, label], once)
        hits = int(confusion[0, label, label])
        stated, support = int(confusion[0, :, label].sum()), int(positive.sum())
        values = {
            "brier_score": float(((probabilities[:, label] - positive) ** 2).mean()),
            "average_precision": float(average_precision[0]),
            "precision": float(scores["precision"][0, label]),
            "recall": float(scores["recall"][0, label]),
            "true_positives": hits,
            "false_positives": stated - hits,
            "true_negatives": records - stated - support + hits,
            "false_negatives": support - hits,
        }
        found |= {f"{name}_{label}": value for name, value in values.items()}
    return found
