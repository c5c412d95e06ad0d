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

from gi_classifier.errors import SettingsError


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


def seed_from(random_state: Any) -> int:
    """The seed that an estimator's ``random_state`` stands for.

    Parameters
    ----------
    random_state : int, RandomState, Generator or None
        An integer of at least 0 is the seed; None draws one from NumPy's global state, and a
        source of NumPy's one from itself, as scikit-learn has it.

    Raises
    ------
    SettingsError
        It is none of these.
    """
    if random_state is None:
        return int(np.random.randint(2**31 - 1))
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(2**31 - 1))
    if isinstance(random_state, np.random.Generator):
        return int(random_state.integers(2**31 - 1))
    if is_integer(random_state) and 0 <= random_state < 2**32:
        return int(random_state)
    raise SettingsError(
        "random_state must be an integer in [0, 2**32), None, or a RandomState or Generator of "
        f"NumPy. Received: {random_state!r}"
    )
