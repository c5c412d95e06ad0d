"""The model behind the service, and what a request makes of it.

In: texts and options that the schema let through. Out: plain tables for JSON. Predicting runs with
the process's threads; explaining and jobs with one of their own, in the background.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np

from gi_classifier._version import __version__
from gi_classifier.attribution.attribution import Attribution
from gi_classifier.attribution.heatmap import cells, page
from gi_classifier.attribution.integrated_gradients import Explainer
from gi_classifier.decisions.decision import Decider, Decision
from gi_classifier.decisions.rows import results
from gi_classifier.errors import ModelError
from gi_classifier.labels import label_number
from gi_classifier.model.directory import MANIFEST, NOVELTY, THRESHOLDS, ModelDirectory
from gi_classifier.model.gradient import Gradient
from gi_classifier.model.origin import origin
from gi_classifier.model.predictor import Predictor
from gi_classifier.model.shipped import load_or_shipped, shipped
from gi_classifier.server.schemas import ExplainRequest, PredictRequest
from gi_classifier.server.worker import StoppableGradient
from gi_classifier.settings import Settings
from gi_classifier.text_checks import check_texts


class Service:
    """A model that is open for predicting, for explaining and for jobs.

    Parameters
    ----------
    directory : ModelDirectory
    path : Path, optional
        Where it was read.
    threads : int, optional
        To predict with, see :func:`gi_classifier.cpus.thread_count`.
    """

    def __init__(
        self, directory: ModelDirectory, path: Path | None = None, *, threads: int | None = None
    ) -> None:
        self.directory, self.path = directory, path
        self._manifest = self._manifest_now()
        self.predictor = Predictor.from_directory(directory, threads=threads)
        self.decider = Decider(directory, self.predictor)
        # The rest runs in threads that step aside, and starts no threads of its own.
        self.background = Predictor.from_directory(directory, threads=1)
        self.explainer = Explainer(directory, threads=1)
        if self.predictor.fusion.albert:
            self.explainer.gradient = cast(Gradient, StoppableGradient(self.explainer.gradient))

    @classmethod
    def open(cls, path: Path | None, *, threads: int | None = None) -> Service:
        """Open a model directory, or that which ships."""
        return cls(load_or_shipped(path), path or shipped(), threads=threads)

    @property
    def settings(self) -> Settings:
        """The model's settings."""
        return self.directory.settings

    @property
    def members(self) -> list[str]:
        """The members that answer."""
        return self.predictor.fusion.members

    def warm(self) -> None:
        """Compute once what a first request would wait for."""
        self.predictor.predict_proba(["胃"])
        self.explainer.explain(["胃"])[0].words()

    def decided(
        self, request: PredictRequest
    ) -> Callable[[list[str], np.ndarray], list[dict[str, Any]]]:
        """Check a request; what it returns makes answers of some texts' probabilities.

        Raises
        ------
        GIClassifierError
            Texts hold nothing to read, or the decision cannot be made with this model.
        """
        check_texts(request.texts)
        decision = Decision(
            prior=request.prior,
            label=request.label,
            threshold=request.threshold,
            min_confidence=request.min_confidence,
            reject_novel=request.reject_novel,
        )
        self.decider.check(decision)
        if request.novelty:
            self.decider.check(Decision(reject_novel=True))

        def answer(texts: list[str], found: np.ndarray) -> list[dict[str, Any]]:
            answers, probabilities = self.decider.predict(texts, decision, found)
            rows = results(texts, probabilities, self.settings, answers.tolist())
            novelty = self.decider.novelty(texts).tolist() if request.novelty else None
            table = [
                {
                    "label": row["label"],
                    "name": row["name"],
                    "probability": row["probability"],
                    "probabilities": [round(p, 6) for p in shares],
                    "members": self.members,
                }
                for row, shares in zip(rows, probabilities.tolist(), strict=True)
            ]
            for row, score in zip(table, novelty or (), strict=False):
                row["novelty"] = round(score, 6)
            return table

        return answer

    def explained(self, request: ExplainRequest) -> Callable[[], dict[str, Any] | str]:
        """Check a request; what it returns explains, in a thread that has the time.

        Raises
        ------
        GIClassifierError
            Texts hold nothing to read, or the model has no such label.
        """
        texts = check_texts(request.texts)
        if request.label is not None:
            label_number(request.label, self.settings.names)

        def answer() -> dict[str, Any] | str:
            found = self.explainer.explain(texts, request.label, baseline=request.baseline)
            if request.format == "html":
                made = origin(self.directory, baseline=request.baseline)
                return page(found, request.units[0], origin=made)
            table = [explanation(one, request.units) for one in found]
            return {"model": self.directory.digest, "results": table}

        return answer

    def about(self) -> dict[str, Any]:
        """What the model is."""
        return {
            "digest": self.directory.digest,
            "changed_on_disk": self._manifest_now() != self._manifest,
            "library": f"gi_classifier {__version__}",
            "labels": list(self.settings.names),
            "members": self.members,
            "has_novelty": self._has(Decision(reject_novel=True)),
            "thresholds": THRESHOLDS in self.directory.files,
            "manifest": self.directory.manifest(),
        }

    def _has(self, decision: Decision) -> bool:
        if decision.reject_novel and NOVELTY not in self.directory.files:
            return False
        try:
            self.decider.check(decision)
        except ModelError:
            return False
        return True

    def _manifest_now(self) -> bytes | None:
        try:
            return None if self.path is None else (self.path / MANIFEST).read_bytes()
        except OSError:
            return b""


def explanation(found: Attribution, units: Sequence[Any]) -> dict[str, Any]:
    """An explanation as JSON has it, with its parts by unit."""
    return {
        "label": found.label,
        "name": found.label_name,
        "probability": round(found.probability, 6),
        "score": round(found.score, 6),
        "baseline_score": round(found.baseline_score, 6),
        "special": round(found.special, 6),
        "error": round(found.error, 6),
        "converged": found.converged,
        "parts": {
            unit: [
                {"text": text, "score": None if score is None else round(score, 6)}
                for text, score in cells(found, unit)
            ]
            for unit in dict.fromkeys(units)
        },
    }
