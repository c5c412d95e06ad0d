"""A comparison of models made ready: records checked and divided into folds, models chosen.

In: labelled :class:`~gi_classifier.data.records.Records`, and what to compare. Out: a
:class:`~gi_classifier.evaluation.comparison.Comparison`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import sklearn
from sklearn.model_selection import StratifiedGroupKFold

from gi_classifier._version import __version__
from gi_classifier.data.near_duplicates import near_duplicate_groups
from gi_classifier.data.records import Records, drop_duplicates
from gi_classifier.errors import LabelError, RecordsError, SettingsError
from gi_classifier.evaluation.comparison import Comparison
from gi_classifier.evaluation.comparison_models import (
    FAMILIES,
    FEATURES,
    KNOWN,
    ComparisonModel,
    KeywordRule,
    check_wanted,
    comparison_models,
    fine_tuned,
    missing_extra,
)
from gi_classifier.labels import Label
from gi_classifier.model.directory import ModelDirectory
from gi_classifier.model.shipped import load_or_shipped, shipped
from gi_classifier.option_checks import integer_problem


def prepare(
    records: Records,
    *,
    folds: int = 3,
    models: Sequence[str] | None = None,
    features: Sequence[str] = FEATURES,
    fine_tune: Callable[..., Any] | None = None,
    epochs: int = 10,
    names: Sequence[str] = (),
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
        Names or families; without, all of them.
    features : sequence of {"tfidf", "embedding"}
    fine_tune : callable, optional
        With it, ALBERT-tiny is fine-tuned from the encoder, too, which needs the extra ``train``:
        :class:`gi_classifier.GIClassifier`, or what takes its parameters.
    epochs : int
        Of that, at most.
    names : sequence of str, optional
        Of the labels, by number, where they are no labels of this library.
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
    LabelError
        No record has the label.
    RecordsError
        There is one class only, or one has too few records for the folds.
    """
    check_wanted(models, features)
    _check_integers(folds=folds, epochs=epochs, sample=sample, seed=seed)
    records = _sampled(drop_duplicates(records), sample, seed)
    classes, labels = _labels(records, label)
    groups = near_duplicate_groups(records.texts)
    fold_of = assign_folds(labels, groups, folds, seed, records.source)
    directory = load_or_shipped(encoder)
    found, left_out = _chosen(labels, fold_of, models, features, seed, directory)
    _add_rule(found, left_out, models, not names and classes == tuple(Label), directory, label)
    if fine_tune or "albert" in (models or ()):
        if missing := missing_extra():
            left_out["albert.text"] = missing
        elif "albert" not in directory.members:
            left_out["albert.text"] = "the model is a linear member alone and has no encoder"
        elif fine_tune is None:
            left_out["albert.text"] = "what fine-tunes it was not given"
        else:
            trained = round(len(labels) * (1 - 1 / folds))
            recipe = (directory.settings, encoder or shipped(), trained, epochs)
            # Where one label is told from the rest, the rest is the first class.
            background = not names and (classes[0] == 0 if label is None else label != 0)
            found.append(fine_tuned(fine_tune, *recipe, len(set(labels)), seed, background))
    if not found:
        raise SettingsError(
            "No model is left to compare:", [f"{key}: {why}" for key, why in left_out.items()]
        )
    content = repr((records.texts, labels.tolist())).encode()
    identity = {
        "version": __version__,
        "scikit-learn": sklearn.__version__,
        "model": directory.digest,
        "records": {"count": len(labels), "sha256": hashlib.sha256(content).hexdigest()},
        "option": {"label": label, "folds": folds, "epochs": epochs, "seed": seed},
    }
    return Comparison(
        records=records,
        labels=labels,
        classes=classes,
        names=tuple(names),
        label=label,
        groups=groups,
        folds=fold_of,
        models=found,
        left_out=left_out,
        encoder=directory,
        seed=seed,
        identity=identity,
    )


def _check_integers(**given: int | None) -> None:
    least = {"folds": 2, "epochs": 1, "sample": 2, "seed": 0}
    asked = {name: value for name, value in given.items() if (name, value) != ("sample", None)}
    problems = [integer_problem(name, value, least[name]) for name, value in asked.items()]
    if any(problems):
        raise SettingsError(
            "Nothing can be compared with these settings:", [said for said in problems if said]
        )


def _sampled(records: Records, sample: int | None, seed: int) -> Records:
    if sample is None or sample >= len(records):
        return records
    chosen = np.random.default_rng(seed).choice(len(records), sample, replace=False)
    return records.take(map(int, np.sort(chosen)))


def _labels(records: Records, label: int | None) -> tuple[tuple[int, ...], np.ndarray]:
    """The labels that occur, and each record's place among them; with ``label``, 1 or 0."""
    given = np.array(records.labels, dtype=int)
    classes = tuple(map(int, np.unique(given)))
    if label is None:
        return classes, np.searchsorted(classes, given)
    if label not in classes:
        raise LabelError(
            f"{records.source}: no record has the label {label}. It has: "
            f"{', '.join(map(str, classes)) or 'none'}"
        )
    return classes, (given == label).astype(int)


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
    encoder: ModelDirectory,
) -> tuple[list[ComparisonModel], dict[str, str]]:
    """The models asked for that can be fitted, and why the others can not."""
    wanted = set(models or (*KNOWN, *FAMILIES))
    smallest = len(labels) - int(np.max(np.bincount(folds)))
    found, left_out = [], {}
    for model in comparison_models(features, seed):
        if not wanted & {model.name, model.family}:
            continue
        if model.features == "embedding" and "albert" not in encoder.members:
            left_out[model.key] = "the model is a linear member alone and has no encoder"
        elif model.name == "source-network" and (missing := missing_extra()):
            left_out[model.key] = missing
        elif model.family == "knn" and int(model.name.removeprefix("knn-")) > smallest:
            left_out[model.key] = f"a fold has only {smallest} training records"
        else:
            found.append(model)
    return found, left_out


def _add_rule(
    found: list[ComparisonModel],
    left_out: dict[str, str],
    models: Sequence[str] | None,
    known_labels: bool,
    directory: ModelDirectory,
    label: int | None,
) -> None:
    """Put the keyword rule first, where it was asked for and knows the labels."""
    if "rule" not in (models or KNOWN):
        return
    settings = directory.settings
    default_labels = settings.num_classes == len(Label) and settings.label_names is None
    if known_labels and default_labels:
        make = partial(KeywordRule, label)
        found.insert(0, ComparisonModel("rule", "rule", "text", "keyword rule", make))
    else:
        left_out["rule.text"] = "it knows the labels 0, 1 and 2 of the model that ships only"
