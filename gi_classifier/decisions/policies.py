"""Policies: rules that choose a threshold for one class, and what each choice saves.

In: which records are of the class (n,), and their scores (n,). Out: the operating point that a
policy chooses on validation records, and what it is on test records.

Of equally good thresholds, the one that passes more of the class is chosen, then the one that
passes fewer of the rest. Goodness is computed in whole numbers and fractions, a decimal in a
policy's name taken as it is written, so that equally good means equal on any machine.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np

from gi_classifier.decisions.operating_points import (
    Candidates,
    OperatingPoint,
    at_threshold,
    candidates,
)
from gi_classifier.errors import SettingsError

# Records to choose on, and records to check on.
SPLITS = ("validation", "test")
# Every form of a policy's name, and what it chooses.
FORMS = {
    "youden": "the largest TPR - FPR (Youden 1950)",
    "ATPR-BFPR": "the largest A * TPR - B * FPR, as in 2tpr-fpr or tpr-2fpr",
    "tpr>=LEVEL": "the smallest FPR of those with this TPR",
    "precision>=LEVEL": "the largest TPR of those with this precision",
    "max-precision": "the largest precision",
    "fBETA": "the largest F-beta, as in f1, f2 or f0.5 (van Rijsbergen 1979)",
    "cost:fp=COST,fn=COST": "the least cost; tp=COST and tn=COST too, 0 without (Elkan 2001)",
    "threshold=NUMBER": "this threshold",
}
POLICIES = (
    "youden",
    "2tpr-fpr",
    "tpr-2fpr",
    "tpr>=0.95",
    "precision>=0.98",
    "max-precision",
    "f0.5",
    "f1",
    "f2",
    "cost:fp=1,fn=10",
    "threshold=0.5",
)
_NUMBER = r"(?:\d+\.?\d*|\.\d+)"


# How good each candidate is, as exact numbers (m + 1,); -inf where the policy forbids it.
Rule = Callable[[Candidates], np.ndarray]


@dataclass(frozen=True)
class Policy:
    """A rule that chooses a threshold; :func:`parse_policy` makes it.

    Attributes
    ----------
    name : str
    rule : callable or float
        Of :class:`~gi_classifier.decisions.operating_points.Candidates`: how good each is, -inf
        where the policy forbids it. Or the threshold itself.
    """

    name: str
    rule: Rule | float = field(repr=False)


@dataclass(frozen=True)
class Choice:
    """What a policy chose.

    Attributes
    ----------
    policy : str
    point : OperatingPoint or None
        None where no threshold meets the policy.
    reason : str or None
        Why not, then.
    """

    policy: str
    point: OperatingPoint | None
    reason: str | None = None


def parse_policy(name: str) -> Policy:
    """Read a policy's name, in one of :data:`FORMS`; case and spaces do not matter.

    Raises
    ------
    SettingsError
        It is none, naming all forms, or a number in it is out of range.
    """
    text = re.sub(r"\s", "", name).lower().replace("≥", ">=")
    if text == "youden":
        return Policy(text, _weighted(Fraction(1), Fraction(1)))
    if text == "max-precision":
        return Policy(text, lambda c: _where(c.tp + c.fp > 0, _precisions(c)))
    if found := re.fullmatch(f"({_NUMBER})?tpr-({_NUMBER})?fpr", text):
        return Policy(text, _weighted(*(Fraction(part or 1) for part in found.groups())))
    if found := re.fullmatch(f"(tpr|precision)>=({_NUMBER})", text):
        return Policy(text, _at_least(found[1], Fraction(found[2]), name))
    if found := re.fullmatch(f"f({_NUMBER})", text):
        return Policy(text, _f_beta(Fraction(found[1]), name))
    if found := re.fullmatch(f"threshold=(-?{_NUMBER})", text):
        return Policy(text, float(found[1]))
    if text.startswith("cost:"):
        return Policy(text, _least_cost(text, name))
    raise _unknown(name)


def _unknown(name: str) -> SettingsError:
    return SettingsError(
        f"No such policy: {name!r}. There are (in a shell, quote those with a '>'):",
        [f"{form}: {meaning}" for form, meaning in FORMS.items()],
    )


def _where(allowed: np.ndarray, value: np.ndarray) -> np.ndarray:
    return np.where(allowed, value, -math.inf)


def _exact(counts: np.ndarray) -> np.ndarray:
    """Counts as Python's integers, which have no largest."""
    return counts.astype(object)


def _whole(*numbers: Fraction) -> list[int]:
    """The numbers times their common denominator, so that all are whole."""
    scale = math.lcm(*(number.denominator for number in numbers))
    return [int(number * scale) for number in numbers]


def _fractions(parts: np.ndarray, wholes: np.ndarray) -> np.ndarray:
    """Each part over its whole, 0 where that is 0."""
    found = np.empty(len(parts), dtype=object)
    pairs = zip(parts.tolist(), wholes.tolist(), strict=True)
    found[:] = [Fraction(part, whole) if whole else 0 for part, whole in pairs]
    return found


def _precisions(c: Candidates) -> np.ndarray:
    return _fractions(c.tp, c.tp + c.fp)


def _weighted(gain: Fraction, loss: Fraction) -> Rule:
    more, less = _whole(gain, loss)
    # Multiplied by the records of the class and of the rest.
    return lambda c: more * _exact(c.tp) * c.negatives - less * _exact(c.fp) * c.positives


def _at_least(rate: str, level: Fraction, name: str) -> Rule:
    if not 0 < level <= 1:
        raise SettingsError(f"The level of a policy must lie in (0, 1]. Received: {name!r}")
    part, whole = level.as_integer_ratio()
    if rate == "tpr":
        return lambda c: _where(_exact(c.tp) * whole >= part * c.positives, -_exact(c.fp))
    return lambda c: _where(
        (c.tp + c.fp > 0) & (_exact(c.tp) * whole >= part * _exact(c.tp + c.fp)), _exact(c.tp)
    )


def _f_beta(beta: Fraction, name: str) -> Rule:
    if not beta > 0:
        raise SettingsError(f"The beta of F-beta must be above 0. Received: {name!r}")
    square, whole = (beta * beta).as_integer_ratio()
    return lambda c: _fractions(
        (whole + square) * _exact(c.tp), whole * _exact(c.tp + c.fp) + square * c.positives
    )


def _least_cost(text: str, name: str) -> Rule:
    costs = {"tp": Fraction(0), "tn": Fraction(0)}
    for part in text.removeprefix("cost:").split(","):
        found = re.fullmatch(f"(tp|fp|tn|fn)=(-?{_NUMBER})", part)
        if not found:
            raise _unknown(name)
        costs[found[1]] = Fraction(found[2])
    if "fp" not in costs or "fn" not in costs:
        raise SettingsError(f"cost: needs fp=COST and fn=COST. Received: {name!r}")
    if costs["fp"] <= costs["tn"] or costs["fn"] <= costs["tp"]:
        raise SettingsError(
            "A wrong answer must cost more than the right one: fp more than tn, fn more than tp "
            f"(0 where not given). Received: {name!r}"
        )
    tp, fp, tn, fn = _whole(*(costs[count] for count in ("tp", "fp", "tn", "fn")))
    return lambda c: (
        -(
            tp * _exact(c.tp)
            + fp * _exact(c.fp)
            + tn * _exact(c.negatives - c.fp)
            + fn * _exact(c.positives - c.tp)
        )
    )


def choose(policy: Policy | str, positive: np.ndarray, scores: np.ndarray) -> Choice:
    """Choose a threshold, on records that were not trained on.

    Parameters
    ----------
    policy : Policy or str
        Or its name, in one of :data:`FORMS`.
    positive : ndarray of bool, shape (n,)
    scores : ndarray, shape (n,)

    Returns
    -------
    Choice
        Its point is None, with the reason, where no threshold meets the policy, or where to
        pass no record at all is better by it than any threshold.

    Raises
    ------
    SettingsError
        There is no such policy.
    RecordsError
        As :func:`~gi_classifier.decisions.operating_points.candidates`.
    """
    policy = parse_policy(policy) if isinstance(policy, str) else policy
    if isinstance(policy.rule, float):
        return Choice(policy.name, at_threshold(positive, scores, policy.rule))
    found = candidates(positive, scores)
    values = policy.rule(found)
    # Place 0 is "none passes".
    equal = 1 + np.flatnonzero(values[1:] == max(values[1:]))
    # The last key counts first.
    best = int(equal[np.lexsort((-found.fp[equal], found.tp[equal]))[-1]])
    if values[best] == -math.inf:
        highest = float(max(_precisions(found)))
        reason = f"no threshold meets it; the highest precision is {highest:.4f}"
        return Choice(policy.name, None, reason)
    if values[0] > values[best]:
        return Choice(policy.name, None, "to pass no record is better than any threshold")
    tp, fp = int(found.tp[best]), int(found.fp[best])
    return Choice(
        policy.name,
        OperatingPoint(
            float(found.thresholds[best]), tp, fp, found.negatives - fp, found.positives - tp
        ),
    )


def compare_policies(
    policies: Iterable[Policy | str],
    validation: tuple[np.ndarray, np.ndarray],
    test: tuple[np.ndarray, np.ndarray],
) -> list[dict[str, Any]]:
    """Choose by each policy on validation, and check the thresholds on test.

    Parameters
    ----------
    policies : iterable of Policy or str
    validation, test : (positive, scores)
        Of each split: ndarray of bool (n,) and ndarray (n,).

    Returns
    -------
    list of dict
        ``policy``, ``reason`` (None where it is met), and the points' dicts ``validation`` and
        ``test`` (None where it is not).

    Raises
    ------
    SettingsError, RecordsError
        As :func:`choose`.
    """
    rows = []
    for policy in policies:
        choice = choose(policy, *validation)
        point = choice.point
        rows.append(
            {
                "policy": choice.policy,
                "reason": choice.reason,
                "validation": point and point.to_dict(),
                "test": point and at_threshold(*test, point.threshold).to_dict(),
            }
        )
    return rows
