"""Where to cut one class's probability: policies that choose, and what each choice saves.

In: which records are of the class (n,), and their scores (n,). Out: operating points, and the
thresholds that a model directory keeps.

A record passes where its score is at or above the threshold, so equal scores pass together; the
candidates are the distinct scores. Of equally good candidates, the one that passes more of the
class is chosen, then the one that passes fewer of the rest. So a choice is the same on any machine.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gi_classifier.errors import ModelError, RecordsError, SettingsError
from gi_classifier.files import to_json
from gi_classifier.metrics.intervals import proportion_interval
from gi_classifier.model.directory import THRESHOLDS, ModelDirectory

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


@dataclass(frozen=True)
class OperatingPoint:
    """What one threshold does to some records.

    Attributes
    ----------
    threshold : float
    tp, fp, tn, fn : int
        Records of the class that pass, of the rest that pass, of the rest that don't, of the
        class that don't.
    """

    threshold: float
    tp: int
    fp: int
    tn: int
    fn: int

    @property
    def records(self) -> int:
        """All of them."""
        return self.tp + self.fp + self.tn + self.fn

    @property
    def tpr(self) -> float | None:
        """True positive rate, or recall: share of the class that passes; None without any."""
        return _ratio(self.tp, self.tp + self.fn)

    @property
    def fpr(self) -> float | None:
        """False positive rate: share of the rest that passes; None without any."""
        return _ratio(self.fp, self.fp + self.tn)

    @property
    def precision_before(self) -> float | None:
        """Share of the class among all records, the prevalence."""
        return _ratio(self.tp + self.fn, self.records)

    @property
    def precision_after(self) -> float | None:
        """Share of the class among those that pass; None where none does."""
        return _ratio(self.tp, self.tp + self.fp)

    @property
    def share(self) -> float | None:
        """Share of the records that passes."""
        return _ratio(self.tp + self.fp, self.records)

    @property
    def work_saved(self) -> float | None:
        """Precision after over precision before: how many times less work a record found takes.

        Of the work that is done on each record that passes. None where one of them is undefined.
        """
        if self.precision_after is None or not self.precision_before:
            return None
        return self.precision_after / self.precision_before

    def to_dict(self) -> dict[str, Any]:
        """Everything above, and 95% intervals of TPR and precision, ready for JSON."""
        return {
            "threshold": self.threshold,
            "records": self.records,
            "tp": self.tp,
            "fp": self.fp,
            "tn": self.tn,
            "fn": self.fn,
            "tpr": self.tpr,
            "tpr_interval": proportion_interval(self.tp, self.tp + self.fn),
            "fpr": self.fpr,
            "precision_before": self.precision_before,
            "precision_after": self.precision_after,
            "precision_after_interval": proportion_interval(self.tp, self.tp + self.fp),
            "share": self.share,
            "work_saved": self.work_saved,
        }


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None


@dataclass(frozen=True)
class Candidates:
    """The distinct scores as thresholds, falling; before them "none passes", at infinity.

    Attributes
    ----------
    thresholds : ndarray, shape (m + 1,)
    tp, fp : ndarray of int, shape (m + 1,)
        Records of the class, and of the rest, that pass each.
    positives, negatives : int
    """

    thresholds: np.ndarray
    tp: np.ndarray
    fp: np.ndarray
    positives: int
    negatives: int

    @property
    def tpr(self) -> np.ndarray:
        """True positive rate of each."""
        return self.tp / self.positives

    @property
    def fpr(self) -> np.ndarray:
        """False positive rate of each."""
        return self.fp / self.negatives

    @property
    def precision(self) -> np.ndarray:
        """Precision of each; NaN where none passes."""
        with np.errstate(invalid="ignore"):
            precision: np.ndarray = self.tp / (self.tp + self.fp)
        return precision


def candidates(positive: np.ndarray, scores: np.ndarray) -> Candidates:
    """Count what passes each distinct score.

    Parameters
    ----------
    positive : ndarray of bool, shape (n,)
        Whether each record is of the class.
    scores : ndarray, shape (n,)
        Finite; the higher, the more likely of the class.

    Raises
    ------
    RecordsError
        There is no record of the class or none of the rest, the shapes do not match, or a score
        is not finite.
    """
    positive, scores = _checked(positive, scores)
    positives = int(positive.sum())
    if positives in (0, len(positive)):
        raise RecordsError(
            "A threshold needs records of the class and of the rest, for validation and for test. "
            f"Received: {positives} of the class and {len(positive) - positives} others"
        )
    distinct, places = np.unique(scores, return_inverse=True)
    thresholds = np.concatenate([[np.inf], distinct[::-1]])
    tp, fp = (
        np.concatenate([[0], np.bincount(places[part], minlength=len(distinct))[::-1].cumsum()])
        for part in (positive, ~positive)
    )
    return Candidates(thresholds, tp, fp, positives, len(positive) - positives)


def _checked(positive: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    positive, scores = np.asarray(positive), np.asarray(scores, dtype=np.float64)
    if positive.ndim != 1 or positive.shape != scores.shape:
        raise RecordsError(
            "Records of the class and scores must both be (n,). "
            f"Received: {positive.shape} and {scores.shape}"
        )
    if positive.dtype != bool:
        raise RecordsError(
            "Whether a record is of the class is True or False, as labels == 1 gives. "
            f"Received: an array of {positive.dtype}"
        )
    if not len(positive):
        raise RecordsError("No record to measure. Give one or more.")
    if strange := np.flatnonzero(~np.isfinite(scores)).tolist():
        raise RecordsError(
            "Scores must be finite. Received:", [f"row {i}: {scores[i]}" for i in strange]
        )
    return positive, scores


def at_threshold(positive: np.ndarray, scores: np.ndarray, threshold: float) -> OperatingPoint:
    """Say what a given threshold does.

    Parameters
    ----------
    positive : ndarray of bool, shape (n,)
        One class only is fine here: what is undefined then is None.
    scores : ndarray, shape (n,)
    threshold : float
        A record passes where its score is at or above it.

    Raises
    ------
    RecordsError
        There is no record, the shapes do not match, or a score is not finite.
    SettingsError
        The threshold is not a finite number.
    """
    positive, scores = _checked(positive, scores)
    if isinstance(threshold, bool) or not math.isfinite(threshold):
        raise SettingsError(f"threshold must be a finite number. Received: {threshold!r}")
    passes = scores >= threshold
    tp, fp = int((passes & positive).sum()), int((passes & ~positive).sum())
    positives = int(positive.sum())
    return OperatingPoint(float(threshold), tp, fp, len(positive) - positives - fp, positives - tp)


@dataclass(frozen=True)
class Policy:
    """A rule that chooses a threshold; :func:`parse_policy` makes it.

    Attributes
    ----------
    name : str
    rule : callable or float
        Of :class:`Candidates`: how good each is, -inf where the policy forbids it. Or the
        threshold itself.
    """

    name: str
    rule: Callable[[Candidates], np.ndarray] | float = field(repr=False)


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
        return Policy(text, _weighted(1, 1))
    if text == "max-precision":
        return Policy(text, lambda c: _where(c, c.tp + c.fp > 0, c.precision))
    if found := re.fullmatch(f"({_NUMBER})?tpr-({_NUMBER})?fpr", text):
        return Policy(text, _weighted(*(float(part or 1) for part in found.groups())))
    if found := re.fullmatch(f"(tpr|precision)>=({_NUMBER})", text):
        return Policy(text, _at_least(found[1], float(found[2]), name))
    if found := re.fullmatch(f"f({_NUMBER})", text):
        return Policy(text, _f_beta(float(found[1]), name))
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


def _where(c: Candidates, allowed: np.ndarray, value: np.ndarray) -> np.ndarray:
    return np.where(allowed, value, -np.inf)


def _weighted(gain: float, loss: float) -> Callable[[Candidates], np.ndarray]:
    # Multiplied out: whole numbers, so that equal values are equal.
    return lambda c: gain * c.tp * c.negatives - loss * c.fp * c.positives


def _at_least(rate: str, level: float, name: str) -> Callable[[Candidates], np.ndarray]:
    if not 0 < level <= 1:
        raise SettingsError(f"The level of a policy must lie in (0, 1]. Received: {name!r}")
    if rate == "tpr":
        return lambda c: _where(c, c.tpr >= level, -c.fp)
    return lambda c: _where(c, c.precision >= level, c.tp)


def _f_beta(beta: float, name: str) -> Callable[[Candidates], np.ndarray]:
    if not beta > 0:
        raise SettingsError(f"The beta of F-beta must be above 0. Received: {name!r}")
    square = beta * beta
    return lambda c: (1 + square) * c.tp / (c.tp + c.fp + square * c.positives)


def _least_cost(text: str, name: str) -> Callable[[Candidates], np.ndarray]:
    costs = {"tp": 0.0, "tn": 0.0}
    for part in text.removeprefix("cost:").split(","):
        found = re.fullmatch(f"(tp|fp|tn|fn)=(-?{_NUMBER})", part)
        if not found:
            raise _unknown(name)
        costs[found[1]] = float(found[2])
    if "fp" not in costs or "fn" not in costs:
        raise SettingsError(f"cost: needs fp=COST and fn=COST. Received: {name!r}")
    if costs["fp"] <= costs["tn"] or costs["fn"] <= costs["tp"]:
        raise SettingsError(
            "A wrong answer must cost more than the right one: fp more than tn, fn more than tp "
            f"(0 where not given). Received: {name!r}"
        )
    return lambda c: (
        -(
            costs["tp"] * c.tp
            + costs["fp"] * c.fp
            + costs["tn"] * (c.negatives - c.fp)
            + costs["fn"] * (c.positives - c.tp)
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
        As :func:`candidates`.
    """
    policy = parse_policy(policy) if isinstance(policy, str) else policy
    if isinstance(policy.rule, float):
        return Choice(policy.name, at_threshold(positive, scores, policy.rule))
    found = candidates(positive, scores)
    values = policy.rule(found)
    # The last key counts first; place 0 is "none passes".
    best = 1 + int(np.lexsort((-found.fp[1:], found.tp[1:], values[1:]))[-1])
    if np.isneginf(values[best]):
        highest = np.nanmax(found.precision)
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


def with_threshold(
    directory: ModelDirectory,
    label: int,
    policy: str,
    validation: Mapping[str, Any],
    test: Mapping[str, Any],
) -> ModelDirectory:
    """Put a label's threshold into a model directory's files; those of other labels stay.

    Parameters
    ----------
    directory : ModelDirectory
    label : int
    policy : str
    validation, test : mapping
        The point's dict on each, as of :func:`compare_policies`.

    Returns
    -------
    ModelDirectory
        For :func:`gi_classifier.model.directory.save`.

    Raises
    ------
    ModelError
        The file that it holds is no table of thresholds.
    """
    entry = {
        "threshold": validation["threshold"],
        "policy": policy,
        "model_sha256": directory.digest,
        "validation": dict(validation),
        "test": dict(test),
    }
    table = {**_stored(directory), str(label): entry}
    return ModelDirectory({**directory.files, THRESHOLDS: to_json(table)}, directory.metadata)


def stored_threshold(directory: ModelDirectory, label: int) -> float:
    """Return the threshold of a label that a model directory holds.

    Raises
    ------
    ModelError
        There is none, or it was chosen for other weights than these.
    """
    table = _stored(directory)
    way = (
        "Choose one with: gi-classifier thresholds VAL --test TEST "
        f"--label {label} --model DIR --save POLICY"
    )
    if str(label) not in table:
        held = f" (only for {', '.join(sorted(table))})" if table else ""
        raise ModelError(f"The model holds no threshold for label {label}{held}. {way}")
    try:
        threshold, model = float(table[str(label)]["threshold"]), table[str(label)]["model_sha256"]
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(
            f"{THRESHOLDS}: the entry of label {label} is incomplete ({error!r})."
        ) from error
    if model != directory.digest:
        raise ModelError(
            f"The threshold for label {label} was chosen for other weights: the model was trained "
            f"since. {way}"
        )
    return threshold


def _stored(directory: ModelDirectory) -> dict[str, Any]:
    try:
        table = json.loads(directory.files.get(THRESHOLDS, b"{}"))
    except ValueError as error:
        raise ModelError(f"{THRESHOLDS} is not JSON: {error}") from error
    if not isinstance(table, dict):
        raise ModelError(f"{THRESHOLDS} holds no JSON object.")
    return table
