"""A model that answers records as rows: what every way of reading many records shares.

In: texts that were checked. Out: for each a dict of text, label, name and probabilities.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gi_classifier.decisions.bulk import BulkPredictor
from gi_classifier.decisions.decision import Decider, Decision
from gi_classifier.decisions.rows import results
from gi_classifier.errors import SettingsError
from gi_classifier.model.directory import ModelDirectory
from gi_classifier.model.predictor import Predictor
from gi_classifier.settings import Use


class Answering:
    """A model with a way to decide.

    Parameters
    ----------
    directory : ModelDirectory
    predictor : Predictor
        Of the same model.
    decision : Decision
    bulk : BulkPredictor, optional
        Of the same model, to answer where the decision is plain; a row then says which member did.
    """

    def __init__(
        self,
        directory: ModelDirectory,
        predictor: Predictor,
        decision: Decision | None = None,
        bulk: BulkPredictor | None = None,
    ) -> None:
        self.directory = directory
        self.predictor = predictor
        self.decision = decision or Decision()
        self.bulk = bulk
        self._decider = Decider(directory, predictor)

    @property
    def columns(self) -> tuple[str, ...]:
        """What a row of an answer holds, in order."""
        count = self.directory.settings.num_classes
        probabilities = (f"probability_{label}" for label in range(count))
        member = ("member",) if self.bulk else ()
        return ("text", "label", "name", "probability", *probabilities, *member)

    @property
    def member(self) -> str:
        """What answers: albert, linear or both."""
        fusion = self.predictor.fusion
        if fusion.albert and fusion.linear:
            return "both"
        return "linear" if fusion.linear else "albert"

    def check(self) -> None:
        """Raise what a decision lacks, before the work: an answer to no text asks for all of it."""
        self.answers([])

    def answers(self, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray, list[str]]:
        """Labels (n,), or what stands for none; probabilities (n, classes); what answered each."""
        if self.bulk:
            probabilities, alone = self.bulk.predict_proba(texts)
            members = ["linear" if sure else "both" for sure in alone.tolist()]
            return probabilities.argmax(axis=1), probabilities, members
        members = [self.member] * len(texts)
        if self.decision.is_plain:
            probabilities = self.predictor.predict_proba(texts)
            return probabilities.argmax(axis=1), probabilities, members
        return *self._decider.predict(texts, self.decision), members

    def __call__(self, texts: Sequence[str]) -> list[dict[str, Any]]:
        """A row for each text, in order; equal texts are computed once."""
        labels, probabilities, members = self.answers(texts)
        rows = results(texts, probabilities, self.directory.settings, labels.tolist())
        if not self.bulk:
            return rows
        return [{**row, "member": member} for row, member in zip(rows, members, strict=True)]


def check_bulk(use: Use | None, decision: Decision) -> None:
    """Raise a SettingsError where bulk is asked for with what it has no promise for."""
    if use not in (None, "both") or not decision.is_plain:
        raise SettingsError(
            "bulk promises the likeliest label of both members; it goes with no use, prior, "
            "threshold, min_confidence or reject_novel."
        )
