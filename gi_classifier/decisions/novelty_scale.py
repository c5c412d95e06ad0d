"""How unusual a score is: among records of like length, and as a share of validation records.

In: scores (n,) and lengths in tokens (n,). Out: deviations from what is usual at a length, and
shares in 0…1.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

# Shares of the validation records at which the scale is stored; beyond the last it is exponential.
KNOTS = 100
_LEVELS = np.linspace(0, 0.99, KNOTS)
_TINY = 1e-12
# Deviations below it are rounding.
_ROUNDING = 1e-6


def fit_length_scale(scores: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Learn what score is usual at a length, since the mean of few tokens varies more.

    Parameters
    ----------
    scores : ndarray, shape (n,)
    lengths : ndarray of int, shape (n,)
        Tokens, at least 1.

    Returns
    -------
    ndarray of float64, shape (9,)
        Least and greatest log length; four coefficients of the score and two of its mean
        deviation, as polynomials in log length, highest first; the least deviation. Of lower
        degree where the records have few different lengths.
    """
    x = np.log(lengths)
    kinds = len(np.unique(lengths))
    location = np.polyfit(x, scores, min(3, kinds // 8))
    deviation = np.abs(scores - np.polyval(location, x))
    spread = np.polyfit(x, deviation, min(1, kinds // 8))
    floor = max(0.1 * deviation.mean(), _ROUNDING)
    padded = [np.pad(part, (size - len(part), 0)) for part, size in ((location, 4), (spread, 2))]
    return np.concatenate([[x.min(), x.max()], *padded, [floor]])


def at_length(scores: np.ndarray, lengths: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Deviations from the score usual at a length, by :func:`fit_length_scale`: (n,).

    Lengths beyond those of the records it was fitted on count as the nearest of them.
    """
    x = np.clip(np.log(lengths), scale[0], scale[1])
    spread = np.maximum(np.polyval(scale[6:8], x), scale[8])
    return np.asarray((scores - np.polyval(scale[2:6], x)) / spread)


def knots_of(totals: np.ndarray) -> np.ndarray:
    """Quantiles of the validation records' totals, for :func:`share_below`: float64 (100,).

    The largest of n records is taken for the level n / (n + 1), as in conformal prediction; what
    fewer than 99 records leave open above it is filled with the same exponential tail.

    Parameters
    ----------
    totals : ndarray, shape (n,)
        Of validation records, one or more.
    """
    count = len(totals)
    top = count / (count + 1)
    knots = np.quantile(totals, np.minimum(_LEVELS / top, 1))
    spread = max(knots.max() - np.quantile(totals, 0.5), _TINY)
    rate = np.log(max(0.5 / (1 - top), 2)) / spread
    return np.asarray(knots + np.log(np.maximum((1 - top) / (1 - _LEVELS), 1)) / rate)


def share_below(totals: np.ndarray, knots: np.ndarray) -> np.ndarray:
    """Share of validation records that are less novel: float64 (n,) in 0…1, rising with totals.

    Beyond the last knot the share above falls off exponentially, as fast as from the median to
    that knot (the tail of a peaks-over-threshold model, Smith 1987, with one parameter), so that
    what is beyond every validation record keeps its order.

    Parameters
    ----------
    totals : ndarray, shape (n,)
    knots : ndarray, shape (100,)
        Quantiles of the validation records' totals, from 0 to 0.99.
    """
    # Of equal knots the first: a record like all others is not novel.
    distinct, first = np.unique(knots, return_index=True)
    inside = np.interp(totals, distinct, _LEVELS[first], left=0.0)
    last = 1 - _LEVELS[-1]
    rate = np.log(0.5 / last) / max(knots[-1] - np.interp(0.5, _LEVELS, knots), _TINY)
    beyond = np.maximum(totals - knots[-1], 0)
    return np.asarray(np.where(beyond > 0, 1 - last * np.exp(-rate * beyond), inside))


def total(parts: Sequence[np.ndarray], lengths: np.ndarray, scales: np.ndarray) -> np.ndarray:
    """Sum of the parts' deviations from what is usual at a length: (n,)."""
    found = [at_length(part, lengths, scale) for part, scale in zip(parts, scales, strict=True)]
    return np.asarray(np.sum(found, axis=0))
