"""Checks of options, in one wording, with NumPy's numbers accepted like Python's.

In: a name and what was given for it. Out: what is wrong with it as a sentence, or None; whoever
asks collects the sentences and raises once.
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Collection
from typing import Any, TypeGuard

import numpy as np


def is_integer(value: Any) -> TypeGuard[int]:
    """Whether a value is an integer, Python's or NumPy's; a bool is none."""
    return isinstance(value, numbers.Integral) and not isinstance(value, (bool, np.bool_))


def is_number(value: Any) -> TypeGuard[float]:
    """Whether a value is a finite real number; a bool is none."""
    real = isinstance(value, numbers.Real) and not isinstance(value, (bool, np.bool_))
    return real and math.isfinite(value)


def integer_problem(name: str, value: Any, least: int) -> str | None:
    """Say what is wrong unless a value is an integer of at least ``least``."""
    if is_integer(value) and value >= least:
        return None
    return f"{name} must be an integer of at least {least}. Received: {value!r}"


def range_problem(
    name: str,
    value: Any,
    low: float,
    high: float,
    *,
    open_low: bool = False,
    open_high: bool = False,
) -> str | None:
    """Say what is wrong unless a value lies between two, an open end left out."""
    if is_number(value):
        above = value > low if open_low else value >= low
        below = value < high if open_high else value <= high
        if above and below:
            return None
    span = f"{'(' if open_low else '['}{low:g}, {high:g}{')' if open_high else ']'}"
    return f"{name} must be a number in {span}. Received: {value!r}"


def choice_problem(name: str, value: Any, choices: Collection[str]) -> str | None:
    """Say what is wrong unless a value is one of some words."""
    if isinstance(value, str) and value in choices:
        return None
    return f"{name} must be one of {', '.join(choices)}. Received: {value!r}"
