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
from gi_classifier.model.directory import ModelDirectory
from gi_classifier.model.predictor import Predictor


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
        self.decide([])

    def decide(self, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """Labels (n,), or what stands for none, and probabilities (n, classes)."""
        if self.decision.is_plain:
            probabilities = self.predictor.predict_proba(texts)
            return probabilities.argmax(axis=1), probabilities
        return self._decider.predict(texts, self.decision)

    def __call__(self, texts: Sequence[str]) -> list[dict[str, Any]]:
        """A row for each text, in order; equal texts are computed once."""
        if self.bulk:
            probabilities, alone = self.bulk.predict_proba(texts)
            rows = results(texts, probabilities, self.directory.settings)
            pairs = zip(rows, alone.tolist(), strict=True)
            return [{**row, "member": "linear" if sure else "both"} for row, sure in pairs]
        answers, probabilities = self.decide(texts)
        return results(texts, probabilities, self.directory.settings, answers.tolist())
