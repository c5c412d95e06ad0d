from __future__ import annotations

from math import factorial

import numpy as np
import pytest

from gi_classifier.attribution.quadrature import RULES, Rule, quadrature, refined
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
@pytest.mark.parametrize("rule", [rule for rule in RULES if rule != "centred"])
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


@pytest.mark.parametrize("rule", ["centred", "midpoint"])
def test_growing_midpoints_takes_no_point_twice(rule: Rule) -> None:
    taken = [quadrature(rule, 4)[0]]
    steps = 4
    for _ in range(3):
        steps, points, _, _ = refined(rule, steps)
        taken.append(points)
    every = np.sort(np.concatenate(taken))
    assert steps == len(every) == 4 * 27
    np.testing.assert_allclose(every, quadrature(rule, steps)[0], atol=1e-15)


def test_centred_points_are_closer_in_the_middle_and_mirrored() -> None:
    points, weights = quadrature("centred", 20)
    np.testing.assert_allclose(points + points[::-1], 1, atol=1e-15)
    np.testing.assert_allclose(weights, weights[::-1], atol=1e-15)
    gaps = np.diff(points)
    assert (np.diff(gaps[:10]) < 0).all()
    assert gaps[9] < 0.7 / 20 < 1.3 / 20 < gaps[0]


@pytest.mark.parametrize("steps", [5, 20, 60])
def test_a_centred_weight_is_the_stretch_of_path_around_its_point(steps: int) -> None:
    points, weights = quadrature("centred", steps)
    # Of so many points, those three apart bound the stretch of the one between.
    finer = quadrature("centred", 3001 * steps)[0].reshape(steps, 3001)
    stretches = np.diff(np.concatenate([[0], (finer[1:, 0] + finer[:-1, -1]) / 2, [1]]))
    np.testing.assert_allclose(weights, stretches, rtol=0.5 / steps)
    np.testing.assert_allclose(points, finer[:, 1500], atol=1e-15)


@pytest.mark.parametrize("steps", [8, 12, 20])
def test_centred_points_see_more_of_a_rise_in_the_middle_of_the_path(steps: int) -> None:
    errors = {}
    for rule in ("centred", "midpoint", "gauss-legendre"):
        points, weights = quadrature(rule, steps)
        # The slope of a logistic rise at 0.45: its integral is the rise itself.
        slope = 1 / np.cosh((points - 0.45) / 0.07) ** 2
        errors[rule] = abs(weights @ slope / 0.07 - np.tanh(0.55 / 0.07) - np.tanh(0.45 / 0.07))
    assert errors["centred"] < 0.5 * min(errors["midpoint"], errors["gauss-legendre"])


def test_a_rule_cannot_be_changed_by_its_user() -> None:
    points, weights = quadrature("midpoint", 3)
    for array in (points, weights):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


@pytest.mark.parametrize("steps", [0, -3, 2.5, "18", True])
def test_all_that_is_wrong_is_named_at_once(steps: object) -> None:
    with pytest.raises(SettingsError) as caught:
        quadrature("simpson", steps)  # type: ignore[arg-type]
    rules = "centred, midpoint, gauss-legendre, riemann, trapezoid"
    assert f"rule must be one of {rules}. Received: 'simpson'" in str(caught.value)
    assert f"steps must be an integer of at least 1. Received: {steps!r}" in str(caught.value)
