"""The composite filter: several scores, and what passes all of them is taken for valid.

In: scores (n, k) and whether each row is valid (n,), of validation. Out: a threshold for each
score, chosen by a policy for each by itself, or for all jointly.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from gi_classifier.decisions.operating_points import Candidates, candidates
from gi_classifier.decisions.policies import Choice, Policy, choose

# What thresholds are chosen by where nobody says.
POLICY = "tpr>=0.95"


@dataclass(frozen=True, eq=False)
class CompositeFilter:
    """A threshold for each of several scores; a row is valid where all pass.

    Attributes
    ----------
    signs : ndarray, shape (k,)
        1 where a high score is good, -1 where a low one is.
    thresholds : ndarray, shape (k,)
        Of the scores times their signs: at or above it, a score passes.
    spreads : ndarray, shape (k,)
        What a score is divided by to be compared with others, above 0.
    """

    signs: np.ndarray
    thresholds: np.ndarray
    spreads: np.ndarray

    def normalised(self, scores: np.ndarray) -> np.ndarray:
        """Scores (n, k) so that each passes from 0 up, in spreads of the validation rows."""
        return np.asarray((scores * self.signs - self.thresholds) / self.spreads)

    def passes(self, scores: np.ndarray) -> np.ndarray:
        """Whether all scores of each row (n, k) pass: bool (n,)."""
        return np.asarray((scores * self.signs >= self.thresholds).all(axis=1))

    def stated(self) -> np.ndarray:
        """The thresholds in the scores' own units (k,): a low score passes at or below its own."""
        # Adding 0 makes no zero negative.
        return np.asarray(self.thresholds * self.signs + 0.0)


def each_by_itself(
    policy: Policy, valid: np.ndarray, scores: np.ndarray, signs: np.ndarray
) -> tuple[CompositeFilter | None, list[Choice]]:
    """Choose a threshold for each score by itself.

    Parameters
    ----------
    policy : Policy
        One that names a threshold names it in the scores' own units.
    valid : ndarray of bool, shape (n,)
    scores : ndarray, shape (n, k)
    signs : ndarray, shape (k,)

    Returns
    -------
    CompositeFilter or None
        None where a score has no threshold by this policy.
    list of Choice
        Of each score times its sign.

    Raises
    ------
    RecordsError
        No row is valid, or all are.
    """
    choices = []
    for sign, column in zip(signs, (scores * signs).T, strict=True):
        rule = policy.rule
        own = Policy(policy.name, float(sign) * rule) if isinstance(rule, float) else policy
        choices.append(choose(own, valid, column))
    points = [choice.point for choice in choices]
    thresholds = [point.threshold for point in points if point is not None]
    if len(thresholds) < len(points):
        return None, choices
    return CompositeFilter(signs, np.array(thresholds), _spreads(scores)), choices


def jointly(
    policy: Policy, valid: np.ndarray, scores: np.ndarray, signs: np.ndarray
) -> tuple[CompositeFilter | None, Choice]:
    """Choose the thresholds of all scores at once, by what passes all of them.

    From "all pass" on, thresholds rise one cut at a time, first where a score sheds most of the
    others for the valid rows that it loses; the policy chooses how far. So a score that tells
    nothing sheds nothing. Were the scores independent among valid rows and among others, the best
    thresholds for any TPR would be on this way; test rows say how good they are.

    Parameters
    ----------
    policy, valid, scores, signs
        As :func:`each_by_itself` takes them.

    Returns
    -------
    CompositeFilter or None
    Choice
        Its threshold is the number of cuts.

    Raises
    ------
    RecordsError
        No row is valid, or all are.
    """
    if isinstance(policy.rule, float):
        return None, Choice(policy.name, None, "it names a threshold, and chooses none")
    signed = scores * signs
    runs = [
        (gain, place, cuts)
        for place, column in enumerate(signed.T)
        for gain, cuts in _gains(candidates(valid, column))
    ]
    runs.sort(key=lambda run: -run[0])
    cuts = np.concatenate([np.zeros(0), *(cuts for _, _, cuts in runs)])
    lengths = np.array([len(cuts) for _, _, cuts in runs], dtype=np.int64)
    places = np.repeat(np.array([place for _, place, _ in runs], dtype=np.int64), lengths)
    # Of each row, how many cuts it passes before the first that it does not.
    passed = np.full(len(signed), len(cuts))
    for place, column in enumerate(signed.T):
        steps = np.append(np.flatnonzero(places == place), len(cuts))
        above = np.searchsorted(cuts[steps[:-1]], column, side="right")
        passed = np.minimum(passed, steps[above])
    choice = choose(policy, valid, passed)
    if choice.point is None:
        return None, choice
    thresholds = signed.min(axis=0)
    made = int(choice.point.threshold)
    # Of a score's cuts, the last is the highest.
    np.maximum.at(thresholds, places[:made], cuts[:made])
    return CompositeFilter(signs, thresholds, _spreads(scores)), choice


def _gains(found: Candidates) -> Iterator[tuple[float, np.ndarray]]:
    """Rising thresholds of a score, in runs of falling gain.

    The gain is the fall of the logarithm of FPR for that of TPR. The runs lie between the corners
    of the lower convex hull of the one over the other.
    """
    # From "all pass" on, as long as a valid row passes.
    kept = np.flatnonzero(found.tp > 0)[::-1]
    thresholds = found.thresholds[kept]
    # Half a row more, so that none is a number too.
    points = np.stack([np.log(found.tp[kept]), np.log(found.fp[kept] + 0.5)], axis=1)
    corners = [0]
    for place in range(1, len(points)):
        while len(corners) > 1 and _turns_up(*points[[*corners[-2:], place]]):
            corners.pop()
        corners.append(place)
    for begin, end in itertools.pairwise(corners):
        lost, shed = points[begin] - points[end]
        yield (shed / lost if lost > 0 else np.inf), thresholds[begin + 1 : end + 1]


def _turns_up(first: np.ndarray, second: np.ndarray, third: np.ndarray) -> bool:
    """Whether the second of three points, from right to left, is no corner of the lower hull."""
    (x1, y1), (x2, y2) = second - first, third - second
    return bool(y1 * x2 <= y2 * x1)


def _spreads(scores: np.ndarray) -> np.ndarray:
    """The standard deviation of each score, 1 where it has none."""
    return np.where(np.ptp(scores, axis=0) > 0, scores.std(axis=0), 1.0)
