"""Points and weights of numerical integration over [0, 1].

In: a rule and a number of points. Out: two float64 arrays; the weights sum to 1.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Literal, get_args

import numpy as np

from gi_classifier.errors import SettingsError

Rule = Literal["gauss-legendre", "riemann", "trapezoid"]
RULES: tuple[str, ...] = get_args(Rule)


@lru_cache
def quadrature(rule: Rule, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Return points and weights.

    Parameters
    ----------
    rule : {"gauss-legendre", "riemann", "trapezoid"}
        Gauss-Legendre is exact on polynomials of degree 2 * ``steps`` - 1. "riemann" takes the
        right end of each interval, as the reference did; it is exact on constants. The trapezoid
        is exact on straight lines from two points on; one point is the midpoint.
    steps : int
        Number of points, 1 or more.

    Returns
    -------
    points, weights : ndarray of float64, shape (steps,)
        Read-only. Points rise within [0, 1]; weights are positive and sum to 1.

    Raises
    ------
    SettingsError
        No such rule, or ``steps`` below 1.
    """
    problems = []
    if rule not in RULES:
        problems.append(f"rule must be one of {', '.join(RULES)}. Received: {rule!r}")
    if isinstance(steps, bool) or not isinstance(steps, int) or steps < 1:
        problems.append(f"steps must be an integer of at least 1. Received: {steps!r}")
    if problems:
        raise SettingsError("This path cannot be integrated:", problems)
    if rule == "gauss-legendre":
        points, weights = np.polynomial.legendre.leggauss(steps)
        points, weights = (points + 1) / 2, weights / 2
    elif rule == "riemann":
        points, weights = np.arange(1, steps + 1) / steps, np.full(steps, 1 / steps)
    elif steps == 1:
        points, weights = np.array([0.5]), np.ones(1)
    else:
        points, weights = np.linspace(0, 1, steps), np.full(steps, 1 / (steps - 1))
        weights[[0, -1]] /= 2
    for array in (points, weights):
        array.flags.writeable = False
    return points, weights
