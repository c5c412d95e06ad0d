"""Intervals that hold for few records too: exact ones of proportions, and a Bayesian bootstrap.

In: counts, or labels of records. Out: bounds, or weights of the records to measure with.

Where a good model makes no error in the records at hand, an ordinary bootstrap draws none either,
and its interval is a point. So each resample weighs the records at random (Rubin 1981, "The
Bayesian bootstrap"), and beside them, with the weight of one record together, imagined records:
those at hand with another label. This is the posterior of a Dirichlet process (Ferguson 1973)
whose prior says, with the weight of one record, that any label may be another. How often such
intervals hold is measured by scripts/interval_coverage.py, see docs/evaluate.md.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

# The imagined records' weight together, in records.
PRIOR_WEIGHT = 1.0
# Imagined records, at most: of many, a sample says the same.
_MOST_IMAGINED = 300
# Numbers in one block of weights, to bound the memory.
_BLOCK = 4_000_000


def proportion_interval(part: int, whole: int, level: float = 0.95) -> list[float] | None:
    """Exact interval of a proportion (Clopper and Pearson 1934).

    Parameters
    ----------
    part, whole : int
    level : float
        Its confidence, in 0…1.

    Returns
    -------
    [low, high] or None
        In 0…1; None of nothing.
    """
    from scipy.stats import binomtest

    if not whole:
        return None
    low, high = binomtest(part, whole).proportion_ci(level, method="exact")
    return [float(low), float(high)]


def proportion_at_most(part: int, whole: int, confidence: float = 0.95) -> float:
    """Exact one-sided upper bound of a proportion (Clopper and Pearson 1934).

    Parameters
    ----------
    part, whole : int
    confidence : float
        In 0.5…1.

    Returns
    -------
    float
        In 0…1; 1 of nothing.
    """
    # Each side of a two-sided interval is exceeded in half of what it leaves.
    interval = proportion_interval(part, whole, 2 * confidence - 1)
    return interval[1] if interval else 1.0


def imagined_records(
    labels: np.ndarray, occurring: np.ndarray, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Records at hand with another label than they have.

    Parameters
    ----------
    labels : ndarray of int, shape (n,)
    occurring : ndarray of int
        The labels that may be meant.
    seed : int
        Draws 300 of them where there are more.

    Returns
    -------
    rows, others : ndarray of int, shape (imagined,)
        The record's place, and its other label. Empty where a single label occurs.
    """
    rows, places = np.nonzero(labels[:, None] != occurring[None])
    kept = np.random.default_rng(seed).permutation(len(rows))[:_MOST_IMAGINED]
    return rows[kept], occurring[places[kept]]


def posterior_weights(
    records: int, imagined: int, resamples: int, seed: int = 0
) -> Iterator[np.ndarray]:
    """Weigh records and imagined records at random, ``resamples`` times.

    Parameters
    ----------
    records, imagined, resamples, seed : int

    Yields
    ------
    ndarray of float, shape (some resamples, records + imagined)
        The records' weights, and behind them those of the imagined; a row sums to ``records``.
    """
    source = np.random.default_rng(seed)
    shapes = np.concatenate([np.ones(records), np.full(imagined, PRIOR_WEIGHT / max(imagined, 1))])
    step = max(1, _BLOCK // len(shapes))
    for start in range(0, resamples, step):
        block = source.standard_gamma(shapes, (min(step, resamples - start), len(shapes)))
        yield block * (records / block.sum(axis=1, keepdims=True))
