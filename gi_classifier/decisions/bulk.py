"""Bulk: the linear member answers where it is sure, both members answer the rest.

In: texts that were checked. Out: probabilities (n, classes), and which member gave each. The cut,
the margin from which the linear member answers alone, was chosen on unlabelled passages such that
few labels differ from those of both; it is kept beside the model as ``bulk.json``, and what margins
are corrected by as ``bulk.npz``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from gi_classifier.decisions.bulk_correction import Correction
from gi_classifier.errors import ModelError, SettingsError
from gi_classifier.files import to_json
from gi_classifier.model.directory import BULK, CORRECTION, ModelDirectory
from gi_classifier.model.fusion import Fusion
from gi_classifier.model.predictor import Predictor

# Of all records, the share whose label may differ, and how sure that is.
MOST_CHANGED, CONFIDENCE = 0.001, 0.95
# Fewer passages say too little about so small a share.
FEWEST_PASSAGES = 10_000
REFIT = "Choose the cut: gi-classifier fit-bulk PASSAGES --model DIRECTORY"
# Texts that both members read at once.
_CHUNK = 4096

Member = Literal["linear", "both"]


@dataclass(frozen=True)
class Bulk:
    """From which margin the linear member answers alone, and what that was found to change.

    Attributes
    ----------
    model_sha256 : str
        The digest of the model that it was chosen for.
    least_margin : float
        See :func:`margins`.
    passages : int
        Distinct passages that it was chosen on.
    answered, changed : int
        Of them, those that the linear member answers alone, and those whose label that changes.
    upper_bound : float
        Of the share of all records whose label changes, at ``confidence``.
    corrected_by : int
        Other passages, that the correction of margins was learnt from; 0 where there is none.
    most_changed, confidence : float
        What was asked for.
    """

    model_sha256: str
    least_margin: float
    passages: int
    answered: int
    changed: int
    upper_bound: float
    corrected_by: int = 0
    most_changed: float = MOST_CHANGED
    confidence: float = CONFIDENCE

    def to_bytes(self, origin: Mapping[str, Any] | None = None) -> bytes:
        """The contents of ``bulk.json``."""
        return to_json({**asdict(self), "origin": origin})


def margins(scores: np.ndarray, correction: np.ndarray | float = 0.0) -> np.ndarray:
    """How far the linear member's label is ahead of the next.

    Parameters
    ----------
    scores : ndarray, shape (n, classes)
        The linear member's own.
    correction : ndarray, shape (n, classes), optional
        Added to them before labels are compared.

    Returns
    -------
    ndarray of float64, shape (n,)
        The log of how much likelier it is; below 0 where the correction speaks for another.
    """
    rows, first = np.arange(len(scores)), scores.argmax(axis=1)
    corrected = scores + correction
    own = corrected[rows, first].copy()
    corrected[rows, first] = -np.inf
    return np.asarray(own - corrected.max(axis=1))


class BulkPredictor:
    """Both members of a model, of which the linear one answers alone where it is sure.

    Parameters
    ----------
    predictor : Predictor
        With both members.
    alone : Fusion
        How the linear member's log-odds become probabilities of its own.
    least_margin : float
        From which it answers alone.
    correction : Correction, optional
        Of its margins.
    """

    def __init__(
        self,
        predictor: Predictor,
        alone: Fusion,
        least_margin: float,
        correction: Correction | None = None,
    ) -> None:
        self.predictor = predictor
        self.alone = alone
        self.least_margin = least_margin
        self.correction = correction

    def margins(self, texts: Sequence[str], scores: np.ndarray) -> np.ndarray:
        """How sure the linear member is of texts, by its scores: float64 (texts,)."""
        linear = self.predictor.linear
        return margins(
            scores, self.correction.of(linear, texts) if self.correction and linear else 0.0
        )

    def predict_proba(self, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """Read texts that were checked.

        Returns
        -------
        probabilities : ndarray of float64, shape (n, classes)
            Of the member that answers, as it was calibrated by itself; rows sum to 1.
        linear : ndarray of bool, shape (n,)
            Whether the linear member answered alone.
        """
        places = {text: place for place, text in enumerate(dict.fromkeys(texts))}
        distinct = list(places)
        found, sure = [np.zeros((0, self.predictor.settings.num_classes))], [np.zeros(0, bool)]
        for begin in range(0, len(distinct), _CHUNK):
            probabilities, linear = self._read(distinct[begin : begin + _CHUNK])
            found.append(probabilities)
            sure.append(linear)
        rows = np.array([places[text] for text in texts], dtype=int)
        return np.concatenate(found)[rows], np.concatenate(sure)[rows]

    def _read(self, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        log_odds = linear_log_odds(self.predictor, texts)
        alone = self.alone.scores(None, log_odds)
        probabilities = self.alone.probabilities(alone)
        sure = self.margins(texts, alone) >= self.least_margin
        rest = np.flatnonzero(~sure).tolist()
        if rest:
            fusion = self.predictor.fusion
            scores = both_scores(self.predictor, [texts[row] for row in rest], log_odds[rest])
            probabilities[rest] = fusion.probabilities(scores)
        return probabilities, sure


def linear_log_odds(predictor: Predictor, texts: Sequence[str]) -> np.ndarray:
    """The linear member's log-odds: float64 (texts, classes).

    Raises
    ------
    SettingsError
        It has no part in the answer.
    """
    if predictor.linear is None or not predictor.fusion.linear:
        raise SettingsError(
            "Bulk is for a model whose two members answer: in this one the linear member has no "
            "part. Predict without bulk."
        )
    return predictor.linear.decision_function(texts)


def both_scores(predictor: Predictor, texts: Sequence[str], linear: np.ndarray) -> np.ndarray:
    """Scores of both members (texts, classes), where the linear one's log-odds are known."""
    albert = predictor.albert_log_odds(texts) if predictor.fusion.albert else None
    return predictor.fusion.scores(albert, linear)


def open_bulk(directory: ModelDirectory, predictor: Predictor) -> BulkPredictor:
    """Open a model for bulk, with the cut that its directory holds.

    Parameters
    ----------
    directory : ModelDirectory
    predictor : Predictor
        Of the same model, with both members.

    Raises
    ------
    SettingsError
        The linear member has no part in the answer.
    ModelError
        The directory holds no cut, or one that was chosen for other weights.
    """
    linear_log_odds(predictor, [])
    bulk = stored_bulk(directory)
    correction = stored_correction(directory) if bulk.corrected_by else None
    return BulkPredictor(predictor, directory.fusion("linear"), bulk.least_margin, correction)


def stored_bulk(directory: ModelDirectory) -> Bulk:
    """The cut that a model directory holds.

    Raises
    ------
    ModelError
        It holds none, or one that was chosen for other weights.
    """
    if BULK not in directory.files:
        raise ModelError(f"This model directory holds no {BULK}. {REFIT}")
    table = {name: value for name, value in directory.read_json(BULK).items() if name != "origin"}
    try:
        found = Bulk(**table)
        numbers = [float(found.least_margin), float(found.upper_bound)]
        numbers += [int(found.passages), int(found.corrected_by)]
    except (TypeError, ValueError, OverflowError) as error:
        raise directory.broken(BULK, f"it is incomplete ({type(error).__name__})") from error
    # A margin that is no number would let the linear member answer all, or nothing.
    if not np.isfinite(numbers).all():
        raise directory.broken(BULK, "its numbers are not finite")
    if found.model_sha256 != directory.digest:
        raise ModelError(
            f"{BULK} was chosen for other weights (sha256 {str(found.model_sha256)[:12]}…, here "
            f"{directory.digest[:12]}…). {REFIT}"
        )
    return found


def stored_correction(directory: ModelDirectory) -> Correction:
    """The correction of margins that a model directory holds.

    Raises
    ------
    ModelError
        It holds none, or one that cannot be read or does not fit the linear member.
    """
    content = directory.content(CORRECTION)
    try:
        found = Correction.from_npz(content)
        if directory.linear:
            found.check(directory.linear)
    except ModelError as error:
        raise directory.broken(CORRECTION, error) from error
    return found


def bulk_files(
    bulk: Bulk, correction: Correction | None, origin: Mapping[str, Any]
) -> dict[str, bytes]:
    """What a model directory holds of a cut."""
    files = {BULK: bulk.to_bytes(origin)}
    return files if correction is None else {**files, CORRECTION: correction.to_npz()}
