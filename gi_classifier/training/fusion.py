"""Fit how much each member counts, by likelihood on validation records.

In: both members' log-odds and the labels. Out: a :class:`~gi_classifier.model.fusion.Fusion`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax

from gi_classifier.model.fusion import Fusion
from gi_classifier.settings import Use

# Records that the prior is worth, so that a few that are all right leave the weights finite.
_PRIOR_RECORDS = 1.0


def fit_fusion(
    albert: np.ndarray | None,
    linear: np.ndarray | None,
    labels: Sequence[int] | np.ndarray,
    class_weights: np.ndarray | None = None,
) -> Fusion:
    """Fit weights of at least 0 and a constant for each label.

    Parameters
    ----------
    albert, linear : ndarray of float64, shape (records, classes), or None
        Log-odds of the members; None for one that has no part.
    labels : sequence of int, shape (records,)
    class_weights : ndarray, shape (classes,), optional
        How much a record of each label weighs.

    Notes
    -----
    Multinomial likelihood with a weak normal prior on weights and constants (Platt scaling of
    several scores; Guo and others 2017), minimised by L-BFGS-B.
    """
    parts = [part for part in (albert, linear) if part is not None]
    stacked, wanted = np.stack(parts), np.asarray(labels, dtype=int)
    count, records, classes = stacked.shape
    rows = np.arange(records)
    weighing = np.ones(records) if class_weights is None else class_weights[wanted]

    def loss(values: np.ndarray) -> tuple[float, np.ndarray]:
        weights, constants = values[:count], values[count:]
        scores = np.tensordot(weights, stacked, 1) + constants
        wrong = softmax(scores, axis=1)
        value = (
            -weighing @ log_softmax(scores, axis=1)[rows, wanted]
            + _PRIOR_RECORDS * values @ values / 2
        )
        wrong[rows, wanted] -= 1
        wrong *= weighing[:, None]
        slope = np.concatenate([np.tensordot(stacked, wrong, 2), wrong.sum(axis=0)])
        return float(value), slope + _PRIOR_RECORDS * values

    start = np.concatenate([np.full(count, 1 / count), np.zeros(classes)])
    bounds = [(0, None)] * count + [(None, None)] * classes
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds).x
    weights = iter(found[:count].tolist())
    return Fusion(
        albert=0.0 if albert is None else next(weights),
        linear=0.0 if linear is None else next(weights),
        constants=tuple(found[count:].tolist()),
    )


def fit_fusions(
    albert: np.ndarray | None,
    linear: np.ndarray | None,
    labels: Sequence[int] | np.ndarray,
    class_weights: np.ndarray | None = None,
) -> dict[str, Fusion]:
    """Fit each use of the members that there are."""
    members: dict[Use, tuple[np.ndarray | None, np.ndarray | None]] = {
        "both": (albert, linear),
        "albert": (albert, None),
        "linear": (None, linear),
    }
    return {
        use: fit_fusion(*given, labels, class_weights)
        for use, given in members.items()
        if all(part is not None for part in given if use == "both")
        and any(part is not None for part in given)
    }
