"""The rivals' table: standard classifiers on the same records and the same folds.

In: labelled :class:`~gi_classifier.data.records.Records`. Out: a dict with each rival's precision,
recall, F1, accuracy, ROC AUC and times, and the answer to "is a linear model enough?".

Everything that is fitted, features included, is fitted on the training folds alone. The one
exception is the frozen encoder, and how many of the records it was trained on is counted.
"""

from __future__ import annotations

import hashlib
import io
import json
import time
import warnings
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import sklearn
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import StratifiedGroupKFold
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from gi_classifier._version import __version__
from gi_classifier.data.fingerprints import trained_on
from gi_classifier.data.near_duplicates import near_duplicate_groups
from gi_classifier.data.records import Records, drop_duplicates
from gi_classifier.errors import RecordsError, SettingsError
from gi_classifier.evaluation.comparison_models import (
    FAMILIES,
    FEATURES,
    KNOWN,
    KeywordRule,
    Rival,
    check_wanted,
    fine_tuned,
    missing_extra,
    rivals,
)
from gi_classifier.labels import Label
from gi_classifier.model.directory import ModelDirectory, load
from gi_classifier.model.predictor import Predictor
from gi_classifier.model.shipped import shipped
from gi_classifier.text import normalise


class Outcome(NamedTuple):
    """What one rival said of one fold's test records.

    Attributes
    ----------
    predicted : ndarray of int, shape (n,)
        Positions of classes.
    scores : ndarray of float, shape (n, classes)
        Probabilities, or distances from the planes: the higher, the likelier.
    fit_seconds, predict_seconds : float
        Wall time, features included.
    remarks : tuple of str
        Warnings of the fit.
    """

    predicted: np.ndarray
    scores: np.ndarray
    fit_seconds: float
    predict_seconds: float
    remarks: tuple[str, ...] = ()

    def to_bytes(self, mark: str) -> bytes:
        """The outcome as a file, with a digest of what it depends on."""
        content = io.BytesIO()
        metadata = [mark, self.fit_seconds, self.predict_seconds, list(self.remarks)]
        np.savez_compressed(
            content,
            predicted=self.predicted,
            scores=self.scores,
            metadata=np.array(json.dumps(metadata)),
        )
        return content.getvalue()

    @classmethod
    def from_bytes(cls, content: bytes, mark: str, source: str) -> Outcome:
        """Undo :meth:`to_bytes`.

        Raises
        ------
        RecordsError
            It is of another comparison, or no outcome.
        """
        try:
            with np.load(io.BytesIO(content), allow_pickle=False) as file:
                found, fit, predict, remarks = json.loads(str(file["metadata"]))
                outcome = cls(file["predicted"], file["scores"], fit, predict, tuple(remarks))
        except Exception as error:  # a damaged file fails in zip, NumPy or JSON, each in its way
            raise RecordsError(
                f"{source} is no state of a comparison ({type(error).__name__}). "
                "Leave out --resume to begin anew."
            ) from error
        if found != mark:
            raise RecordsError(
                f"{source} is of other records, folds, encoder or settings. Leave out --resume to "
                "begin anew."
            )
        return outcome


@dataclass(frozen=True)
class Comparison:
    """Records, folds and rivals, ready to be run.

    Attributes
    ----------
    records : Records
        Without duplicates.
    labels : ndarray of int, shape (n,)
        Positions in ``classes``; with ``label``, 1 where a record has it, else 0.
    classes : tuple of int
        The labels in the records.
    label : int or None
        The one that is told from the rest.
    groups, folds : ndarray of int, shape (n,)
        Near-duplicates share a group, and a group a fold.
    rivals : list of Rival
    left_out : dict
        Why each rival that was asked for is not among them, by its key.
    encoder : ModelDirectory
    seed : int
    mark : str
        A digest of what outcomes depend on.
    """

    records: Records
    labels: np.ndarray
    classes: tuple[int, ...]
    label: int | None
    groups: np.ndarray
    folds: np.ndarray
    rivals: list[Rival]
    left_out: dict[str, str]
    encoder: ModelDirectory
    seed: int
    mark: str

    @cached_property
    def trained_on(self) -> int:
        """How many records the encoder was trained on, or was chosen by; all if it doesn't say."""
        return int(trained_on(self.encoder.splits, self.records.texts).sum())

    @property
    def width(self) -> int:
        """The number of classes to tell apart."""
        return len(self.classes) if self.label is None else 2

    @property
    def jobs(self) -> list[tuple[Rival, int]]:
        """Every rival with every fold, in the order they are run."""
        return [(rival, fold) for rival in self.rivals for fold in range(self.folds.max() + 1)]

    def run(self, done: Collection[tuple[str, int]] = ()) -> Iterator[tuple[Rival, int, Outcome]]:
        """Fit and ask each rival on each fold that is not done yet.

        Parameters
        ----------
        done : collection of (key, fold)
        """
        pending = [(rival, fold) for rival, fold in self.jobs if (rival.key, fold) not in done]
        inputs: dict[str, np.ndarray] = {
            "text": np.array(self.records.texts, dtype=object),
            "tfidf": np.array([*map(normalise, self.records.texts)], dtype=object),
        }
        seconds = dict.fromkeys((*inputs, "embedding"), 0.0)
        for rival, fold in pending:
            if rival.features not in inputs:
                start = time.perf_counter()
                inputs["embedding"] = Predictor.from_directory(self.encoder).embed(
                    self.records.texts
                )
                seconds["embedding"] = (time.perf_counter() - start) / len(self.labels)
            outcome = self._fold(rival, fold, inputs[rival.features], seconds[rival.features])
            yield rival, fold, outcome

    def _fold(self, rival: Rival, fold: int, inputs: np.ndarray, seconds: float) -> Outcome:
        """Fit on the other folds and ask about this one; ``seconds`` made one record's features."""
        train, test = self.folds != fold, self.folds == fold
        with warnings.catch_warnings(record=True) as caught, threadpool_limits(1):
            warnings.simplefilter("always")
            start = time.perf_counter()
            model = rival.make().fit(inputs[train], self.labels[train])
            fitted = time.perf_counter()
            predicted = model.predict(inputs[test])
            asked = time.perf_counter()
            scores = _scores(model, inputs[test])
        return Outcome(
            np.asarray(predicted, dtype=np.int64),
            np.asarray(scores, dtype=np.float64),
            fitted - start + seconds * int(train.sum()),
            asked - fitted + seconds * int(test.sum()),
            tuple(sorted({_remark(warning.category) for warning in caught} - {""})),
        )


def _remark(category: type[Warning]) -> str:
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


def prepare(
    records: Records,
    *,
    folds: int = 3,
    models: Sequence[str] | None = None,
    features: Sequence[str] = FEATURES,
    albert: bool = False,
    epochs: int = 10,
    label: int | None = None,
    sample: int | None = None,
    encoder: Path | None = None,
    seed: int = 42,
) -> Comparison:
    """Check records and settings, and divide the records into folds.

    Parameters
    ----------
    records : Records
        With labels, any integers from 0 up. Duplicates are dropped.
    folds : int
        2 or more; near-duplicates share one, and each has all classes in proportion.
    models : sequence of str, optional
        Names or families; without, all of them but ALBERT.
    features : sequence of {"tfidf", "embedding"}
    albert : bool
        Also fine-tune ALBERT-tiny from the encoder, which needs the extra ``train``.
    epochs : int
        Of that.
    label : int, optional
        Tell this label from the rest.
    sample : int, optional
        Compare on so many records, drawn at random.
    encoder : Path, optional
        A model directory, whose vectors are the embeddings; without, the model that ships.
    seed : int

    Raises
    ------
    SettingsError
        A setting is out of range, or nothing is left to compare.
    RecordsError
        There is one class only, or one has too few records for the folds.
    """
    check_wanted(models, features)
    problems = [
        f"{name} must be an integer of at least {least}. Received: {value!r}"
        for name, value, least in (
            ("folds", folds, 2),
            ("epochs", epochs, 1),
            ("sample", sample, 2),
            ("seed", seed, 0),
        )
        if value is not None and (isinstance(value, bool) or int(value) != value or value < least)
    ]
    if problems:
        raise SettingsError("Nothing can be compared with these settings:", problems)
    records = drop_duplicates(records)
    if sample is not None and sample < len(records):
        chosen = np.random.default_rng(seed).choice(len(records), sample, replace=False)
        records = records.take(map(int, np.sort(chosen)))
    given = np.array(records.labels, dtype=int)
    classes = tuple(map(int, np.unique(given)))
    if label is None:
        labels = np.searchsorted(classes, given)
    elif label in classes:
        labels = (given == label).astype(int)
    else:
        raise RecordsError(
            f"{records.source}: no record has the label {label}. It has: "
            f"{', '.join(map(str, classes)) or 'none'}"
        )
    groups = near_duplicate_groups(records.texts)
    fold_of = assign_folds(labels, groups, folds, seed, records.source)
    base = encoder or shipped()
    directory = load(base)
    found, left_out = _chosen(labels, fold_of, models, features, seed)
    wanted = set(models or KNOWN)
    default_labels = directory.settings.num_classes == 3 and directory.settings.label_names is None
    if "rule" in wanted:
        if classes == tuple(Label) and default_labels:
            title = "keyword rule"
            found.insert(0, Rival("rule", "rule", "text", title, partial(KeywordRule, label)))
        else:
            left_out["rule.text"] = "it knows the labels 0, 1 and 2 of the model that ships only"
    if albert or "albert" in (models or ()):
        if missing := missing_extra():
            left_out["albert.text"] = missing
        else:
            trained = round(len(labels) * (1 - 1 / folds))
            found.append(
                fine_tuned(directory.settings, base, trained, epochs, len(set(labels)), seed)
            )
    if not found:
        raise SettingsError(
            "No model is left to compare:", [f"{key}: {why}" for key, why in left_out.items()]
        )
    parts = (__version__, sklearn.__version__, records.texts, labels.tolist(), label, folds)
    digest = hashlib.sha256(repr((*parts, epochs, seed, directory.digest)).encode())
    return Comparison(
        records,
        labels,
        classes,
        label,
        groups,
        fold_of,
        found,
        left_out,
        directory,
        seed,
        digest.hexdigest(),
    )


def assign_folds(
    labels: np.ndarray, groups: np.ndarray, folds: int, seed: int, source: str = "memory"
) -> np.ndarray:
    """The fold of each record: groups whole, classes in proportion, every class in every fold.

    Parameters
    ----------
    labels, groups : ndarray of int, shape (n,)
    folds, seed : int
    source : str
        For messages.

    Returns
    -------
    ndarray of int, shape (n,)

    Raises
    ------
    RecordsError
        There is one class only, or some class is not in every fold.
    """
    counts = {int(label): len(set(groups[labels == label])) for label in np.unique(labels)}
    if len(counts) == 1:
        raise RecordsError(f"{source}: all records have one label; there is nothing to compare.")
    out = np.zeros(len(labels), dtype=int)
    spread = bool(counts) and min(counts.values()) >= folds
    if spread:
        splitter = StratifiedGroupKFold(n_splits=folds, shuffle=True, random_state=seed)
        for fold, (_, test) in enumerate(splitter.split(labels, labels, groups)):
            out[test] = fold
        spread = all(set(labels[out == fold]) == set(counts) for fold in range(folds))
    if not spread:
        raise RecordsError(
            f"{source}: too few records for {folds} folds. Needs two classes or more, each in "
            "every fold, near-duplicates together. Give fewer folds or more records. Received "
            f"(class: groups of near-duplicates): {counts}"
        )
    return out


def _chosen(
    labels: np.ndarray,
    folds: np.ndarray,
    models: Sequence[str] | None,
    features: Sequence[str],
    seed: int,
) -> tuple[list[Rival], dict[str, str]]:
    """The rivals asked for that can be fitted, and why the others can not."""
    wanted = set(models or (*KNOWN, *FAMILIES))
    smallest = len(labels) - int(np.max(np.bincount(folds)))
    found, left_out = [], {}
    for rival in rivals(features, seed):
        if not wanted & {rival.name, rival.family}:
            continue
        if rival.name == "source-network" and (missing := missing_extra()):
            left_out[rival.key] = missing
        elif rival.family == "knn" and int(rival.name.removeprefix("knn-")) > smallest:
            left_out[rival.key] = f"a fold has only {smallest} training records"
        else:
            found.append(rival)
    return found, left_out
