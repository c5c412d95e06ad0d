"""A comparison of standard classifiers on the same records and the same folds, as it is run.

In: what :func:`gi_classifier.evaluation.comparison_setup.prepare` made ready. Out: the outcome of
each model on each fold, for :func:`gi_classifier.evaluation.comparison_table.tabulate`.

Everything that is fitted, features included, is fitted on the training folds alone. The one
exception is the frozen encoder, and how many of the records it was trained on is counted.
"""

from __future__ import annotations

import io
import json
import time
import warnings
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from gi_classifier.arrays import read_npz
from gi_classifier.data.fingerprints import trained_on
from gi_classifier.data.records import Records
from gi_classifier.errors import RecordsError
from gi_classifier.evaluation.comparison_models import ComparisonModel
from gi_classifier.model.directory import ModelDirectory
from gi_classifier.model.predictor import Predictor
from gi_classifier.text import normalise


class Outcome(NamedTuple):
    """What one model said of one fold's test records.

    Attributes
    ----------
    predicted : ndarray of int, shape (n,)
        Positions of classes.
    scores : ndarray of float, shape (n, classes)
        Probabilities, or distances from the planes: the higher, the likelier.
    fit_seconds, predict_seconds : float
        Wall time, features included.
    warnings : tuple of str
        Of the fit, in a table's words.
    """

    predicted: np.ndarray
    scores: np.ndarray
    fit_seconds: float
    predict_seconds: float
    warnings: tuple[str, ...] = ()

    def to_bytes(self) -> bytes:
        """The outcome as a file."""
        content = io.BytesIO()
        metadata = [self.fit_seconds, self.predict_seconds, list(self.warnings)]
        np.savez_compressed(
            content,
            predicted=self.predicted,
            scores=self.scores,
            metadata=np.array(json.dumps(metadata)),
        )
        return content.getvalue()

    @classmethod
    def from_bytes(cls, content: bytes, source: str) -> Outcome:
        """Undo :meth:`to_bytes`; ``source`` is what messages call it.

        Raises
        ------
        RecordsError
            It is no outcome.
        """
        try:
            file = read_npz(content)
            fit, predict, found = json.loads(str(file["metadata"]))
            return cls(file["predicted"], file["scores"], fit, predict, tuple(found))
        except Exception as error:  # a damaged file fails in zip, NumPy or JSON, each in its way
            raise RecordsError(
                f"{source} is no state of a comparison ({type(error).__name__}). "
                "Begin anew with --restart."
            ) from error


@dataclass(frozen=True)
class Comparison:
    """Records, folds and models, ready to be run.

    Attributes
    ----------
    records : Records
        Without duplicates.
    labels : ndarray of int, shape (n,)
        Positions in ``classes``; with ``label``, 1 where a record has it, else 0.
    classes : tuple of int
        The labels in the records.
    names : tuple of str
        Of the labels, by number, where they are words of the user's own; else empty.
    label : int or None
        The one that is told from the rest.
    groups, folds : ndarray of int, shape (n,)
        Near-duplicates share a group, and a group a fold.
    models : list of ComparisonModel
    left_out : dict
        Why each model that was asked for is not among them, by its key.
    encoder : ModelDirectory
    seed : int
    identity : dict
        What outcomes depend on, ready for JSON.
    """

    records: Records
    labels: np.ndarray
    classes: tuple[int, ...]
    names: tuple[str, ...]
    label: int | None
    groups: np.ndarray
    folds: np.ndarray
    models: list[ComparisonModel]
    left_out: dict[str, str]
    encoder: ModelDirectory
    seed: int
    identity: dict[str, Any]

    @cached_property
    def trained_on(self) -> int:
        """How many records the encoder was trained on, or was chosen by; all if it doesn't say."""
        return int(trained_on(self.encoder.splits, self.records.texts).sum())

    @property
    def width(self) -> int:
        """The number of classes to tell apart."""
        return len(self.classes) if self.label is None else 2

    @property
    def jobs(self) -> list[tuple[ComparisonModel, int]]:
        """Every model with every fold, in the order they are run."""
        return [(model, fold) for model in self.models for fold in range(self.folds.max() + 1)]

    def run(
        self, done: Collection[tuple[str, int]] = ()
    ) -> Iterator[tuple[ComparisonModel, int, Outcome]]:
        """Fit and ask each model on each fold that is not done yet.

        Parameters
        ----------
        done : collection of (key, fold)
        """
        pending = [(model, fold) for model, fold in self.jobs if (model.key, fold) not in done]
        inputs: dict[str, np.ndarray] = {
            "text": np.array(self.records.texts, dtype=object),
            "tfidf": np.array([*map(normalise, self.records.texts)], dtype=object),
        }
        seconds = dict.fromkeys((*inputs, "embedding"), 0.0)
        for model, fold in pending:
            if model.features not in inputs:
                start = time.perf_counter()
                inputs["embedding"] = Predictor.from_directory(self.encoder).embed(
                    self.records.texts
                )
                seconds["embedding"] = (time.perf_counter() - start) / len(self.labels)
            outcome = self._fold(model, fold, inputs[model.features], seconds[model.features])
            yield model, fold, outcome

    def _fold(
        self, model: ComparisonModel, fold: int, inputs: np.ndarray, seconds: float
    ) -> Outcome:
        """Fit on the other folds and ask about this one; ``seconds`` made one record's features."""
        train, test = self.folds != fold, self.folds == fold
        with warnings.catch_warnings(record=True) as caught, threadpool_limits(1):
            warnings.simplefilter("always")
            start = time.perf_counter()
            fitted = model.make().fit(inputs[train], self.labels[train])
            trained = time.perf_counter()
            predicted = fitted.predict(inputs[test])
            asked = time.perf_counter()
            scores = _scores(fitted, inputs[test])
        return Outcome(
            np.asarray(predicted, dtype=np.int64),
            np.asarray(scores, dtype=np.float64),
            trained - start + seconds * int(train.sum()),
            asked - trained + seconds * int(test.sum()),
            tuple(sorted({_worded(warning.category) for warning in caught} - {""})),
        )


def _worded(category: type[Warning]) -> str:
    """A warning in a table's words; none for what libraries are going to change."""
    if issubclass(category, ConvergenceWarning):
        return "not converged"
    changes = (FutureWarning, DeprecationWarning, PendingDeprecationWarning)
    return "" if issubclass(category, changes) else category.__name__


def _scores(model: Any, inputs: np.ndarray) -> np.ndarray:
    """Return a column for each class: probabilities where the model has them."""
    if hasattr(model, "predict_proba"):
        return np.asarray(model.predict_proba(inputs))
    found = np.asarray(model.decision_function(inputs))
    return np.stack([-found, found], axis=1) if found.ndim == 1 else found
