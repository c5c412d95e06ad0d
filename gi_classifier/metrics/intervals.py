"""Exact confidence intervals of proportions.

In: counts. Out: bounds in 0…1.
"""

from __future__ import annotations


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
