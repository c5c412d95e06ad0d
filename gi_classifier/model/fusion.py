"""Two members, one answer: the score of a label is a weighted sum of both members' log-odds.

In: log-odds (texts, classes) of each member. Out: scores and probabilities. A sum, so that what
explains each member explains the answer.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from gi_classifier.errors import ModelError
from gi_classifier.files import to_json
from gi_classifier.settings import USES


@dataclass(frozen=True)
class Fusion:
    """How members' log-odds become scores, fitted on validation records, which also calibrates.

    Attributes
    ----------
    albert, linear : float
        The weight of each member's log-odds; 0 for a member that has no part.
    constants : tuple of float
        Added to each label's score.
    """

    albert: float
    linear: float
    constants: tuple[float, ...]

    @property
    def members(self) -> list[str]:
        """The members that have a part."""
        pairs = (("albert", self.albert), ("linear", self.linear))
        return [name for name, weight in pairs if weight]

    def scores(self, albert: np.ndarray | None, linear: np.ndarray | None) -> np.ndarray:
        """Each label's score: float64 (texts, classes). A member without weight may be None."""
        total = np.array(self.constants, dtype=np.float64)[None]
        for weight, part in ((self.albert, albert), (self.linear, linear)):
            if part is not None:
                total = total + weight * part
        return np.asarray(total)

    def probabilities(self, scores: np.ndarray) -> np.ndarray:
        """The probability of each label: softmax, rows sum to 1."""
        powers = np.exp(scores - scores.max(axis=1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=1, keepdims=True))


class AlbertAlone(Fusion):
    """Of a model without a linear member: ALBERT's log-odds as they are.

    The probability of a label is its own log-odds', made to sum to 1 over the labels; those of a
    text in one window come back unchanged.
    """

    def __init__(self, num_classes: int) -> None:
        super().__init__(1.0, 0.0, (0.0,) * num_classes)

    def probabilities(self, scores: np.ndarray) -> np.ndarray:
        """Each label's own probability over the sum of all: rows sum to 1."""
        return odds_to_probabilities(scores)


def odds_to_probabilities(log_odds: np.ndarray) -> np.ndarray:
    """Probabilities from log-odds of each label against the others: rows sum to 1.

    Parameters
    ----------
    log_odds : ndarray, shape (n, classes)
    """
    # Half the tangent form overflows nowhere.
    likely = 0.5 * (1 + np.tanh(0.5 * log_odds))
    return np.asarray(likely / likely.sum(axis=1, keepdims=True))


def to_file(fusions: Mapping[str, Fusion]) -> bytes:
    """The contents of ``fusion.json``: what was fitted for each use of the members."""
    return to_json({use: asdict(fusion) for use, fusion in fusions.items()})


def from_file(content: bytes, num_classes: int) -> dict[str, Fusion]:
    """Read ``fusion.json``.

    Raises
    ------
    ModelError
        It is no such file, or is of another number of labels.
    """
    try:
        stored: dict[str, Any] = json.loads(content)
        found = {
            use: Fusion(float(f["albert"]), float(f["linear"]), tuple(map(float, f["constants"])))
            for use, f in stored.items()
        }
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ModelError(
            f"fusion.json cannot be read ({type(error).__name__}). Train the model anew."
        ) from error
    for use, fusion in found.items():
        numbers = (fusion.albert, fusion.linear, *fusion.constants)
        if (
            use not in USES
            or len(fusion.constants) != num_classes
            or not np.isfinite(numbers).all()
        ):
            raise ModelError(
                f"fusion.json does not fit a model of {num_classes} labels. Train the model anew. "
                f"Received: {use} with {len(fusion.constants)} constants"
            )
    return found
