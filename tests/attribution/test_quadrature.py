from __future__ import annotations

from math import factorial

import numpy as np
import pytest

from gi_classifier.attribution.quadrature import RULES, quadrature, refined
from gi_classifier.errors import SettingsError

COUNTS = [1, 2, 3, 5, 18, 54, 300]


def degree(rule: str, steps: int) -> int:
    """The highest degree of polynomials that a rule integrates exactly."""
    return {"gauss-legendre": 2 * steps - 1, "riemann": 0}.get(rule, 1)


def textbook_error(rule: str, steps: int) -> float:
    """By how much a rule misses the integral over [0, 1] of x to the next higher degree."""
    if rule == "gauss-legendre":
        return -(factorial(steps) ** 4) / ((2 * steps + 1) * factorial(2 * steps) ** 2)
    if rule == "riemann":
        return 1 / (2 * steps)
    if rule == "trapezoid" and steps > 1:
        return 1 / (6 * (steps - 1) ** 2)
    return -1 / (12 * steps**2)


@pytest.mark.parametrize("steps", COUNTS)
@pytest.mark.parametrize("rule", RULES)
def test_points_rise_within_the_path_and_positive_weights_sum_to_one(rule: str, steps: int) -> None:
    points, weights = quadrature(rule, steps)
    assert points.shape == weights.shape == (steps,)
    assert points.dtype == weights.dtype == np.float64
    assert points.min() >= 0
    assert points.max() <= 1
    assert (np.diff(points) > 0).all()
    assert (weights > 0).all()
    assert weights.sum() == pytest.approx(1, abs=1e-13)


@pytest.mark.parametrize("steps", COUNTS[:5])
@pytest.mark.parametrize("rule", RULES)
def test_polynomials_up_to_the_rules_degree_are_exact(rule: str, steps: int) -> None:
    points, weights = quadrature(rule, steps)
    for power in range(degree(rule, steps) + 1):
        assert weights @ points**power == pytest.approx(1 / (power + 1), abs=1e-13), power


@pytest.mark.parametrize("steps", [1, 2, 3, 4, 5, 6])
@pytest.mark.parametrize("rule", RULES)
def test_the_next_degree_is_missed_by_what_the_textbook_says(rule: str, steps: int) -> None:
    points, weights = quadrature(rule, steps)
    power = degree(rule, steps) + 1
    missed = weights @ points**power - 1 / (power + 1)
    assert missed == pytest.approx(textbook_error(rule, steps), rel=1e-6)


@pytest.mark.parametrize("steps", COUNTS[:5])
@pytest.mark.parametrize("rule", RULES)
def test_growing_gives_the_finer_rules_integral(rule: str, steps: int) -> None:
    points, weights = quadrature(rule, steps)
    sofar = weights @ np.exp(3 * points)
    for _ in range(2):
        steps, points, weights, kept = refined(rule, steps)
        sofar = kept * sofar + weights @ np.exp(3 * points)
        whole = quadrature(rule, steps)
        assert sofar == pytest.approx(whole[1] @ np.exp(3 * whole[0]), rel=1e-13)


def test_growing_midpoints_takes_no_point_twice() -> None:
    taken = [quadrature("midpoint", 4)[0]]
    steps = 4
    for _ in range(3):
        steps, points, _, _ = refined("midpoint", steps)
        taken.append(points)
    every = np.sort(np.concatenate(taken))
    assert steps == len(every) == 4 * 27
    np.testing.assert_allclose(every, quadrature("midpoint", steps)[0], atol=1e-15)


def test_a_rule_cannot_be_changed_by_its_user() -> None:
    points, weights = quadrature("midpoint", 3)
    for array in (points, weights):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


@pytest.mark.parametrize("steps", [0, -3, 2.5, "18", True])
def test_all_that_is_wrong_is_named_at_once(steps: object) -> None:
    with pytest.raises(SettingsError) as caught:
        quadrature("simpson", steps)  # type: ignore[arg-type]
    assert "one of midpoint, gauss-legendre, riemann, trapezoid. Received: 'simpson'" in str(
        caught.value
    )
    assert f"steps must be an integer of at least 1. Received: {steps!r}" in str(caught.value)
