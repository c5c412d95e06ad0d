"""Points and weights of numerical integration over [0, 1], and how they grow.

In: a rule and a number of points. Out: two float64 arrays; the weights sum to 1.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Literal, get_args

import numpy as np

from gi_classifier.errors import SettingsError
from gi_classifier.option_checks import choice_problem, integer_problem

Rule = Literal["centred", "midpoint", "gauss-legendre", "riemann", "trapezoid"]
RULES: tuple[str, ...] = get_args(Rule)
# How far "centred" draws midpoints in, in [0, 1); chosen on data/val.txt.
_PULL = 0.35


@lru_cache
def quadrature(rule: Rule, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Return points and weights.

    Parameters
    ----------
    rule : {"centred", "midpoint", "gauss-legendre", "riemann", "trapezoid"}
        Gauss-Legendre is exact on polynomials of degree 2 * ``steps`` - 1, the midpoints of equal
        intervals and the trapezoid (two points at least) on straight lines, "riemann", the right
        end of each interval, on constants. "centred" is the midpoint rule after the change of
        variable x = t + 0.35 sin(2 pi t) / (2 pi), which puts points closer in the middle of the
        path; exact on straight lines as well. One point is the midpoint for all but "riemann".
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
    problems = [choice_problem("rule", rule, RULES), integer_problem("steps", steps, 1)]
    if problems := [problem for problem in problems if problem]:
        raise SettingsError("This path cannot be integrated:", problems)
    if rule in ("centred", "midpoint") or (rule == "trapezoid" and steps == 1):
        points, weights = (np.arange(steps) + 0.5) / steps, np.full(steps, 1 / steps)
        if rule == "centred" and steps > 1:
            angles = 2 * np.pi * points
            points = points + _PULL * np.sin(angles) / (2 * np.pi)
            weights = weights * (1 + _PULL * np.cos(angles))
    elif rule == "gauss-legendre":
        points, weights = np.polynomial.legendre.leggauss(steps)
        points, weights = (points + 1) / 2, weights / 2
    elif rule == "riemann":
        points, weights = np.arange(1, steps + 1) / steps, np.full(steps, 1 / steps)
    else:
        points, weights = np.linspace(0, 1, steps), np.full(steps, 1 / (steps - 1))
        weights[[0, -1]] /= 2
    for array in (points, weights):
        array.flags.writeable = False
    return points, weights


def refined(rule: Rule, steps: int) -> tuple[int, np.ndarray, np.ndarray, float]:
    """Return the next finer rule, and what of the integral so far it keeps.

    Midpoints, centred or not, grow threefold, and every old one is a new one; a single one and
    the other rules begin anew with twice the points.

    Returns
    -------
    steps : int
        Points of the finer rule.
    points, weights : ndarray of float64
        Those still to be taken.
    kept : float
        Factor of the integral so far: it is to be added to that of the new points.
    """
    if rule not in ("centred", "midpoint") or steps == 1:
        return 2 * steps, *quadrature(rule, 2 * steps), 0.0
    points, weights = quadrature(rule, 3 * steps)
    new = np.arange(3 * steps) % 3 != 1
    return 3 * steps, points[new], weights[new], 1 / 3
