"""From the outcomes of a comparison to its table: measures, intervals, verdicts.

In: a prepared :class:`~gi_classifier.evaluation.comparison.Comparison` and each fit's outcome.
Out: a dict ready for JSON.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np

from gi_classifier.data.records import Records
from gi_classifier.evaluation.comparison import Comparison, Outcome
from gi_classifier.evaluation.comparison_models import (
    FAMILIES,
    FEATURES,
    ComparisonModel,
)
from gi_classifier.evaluation.comparison_setup import prepare
from gi_classifier.metrics.measures import (
    RESAMPLES,
    confusions,
    label_scores,
    ranking_scores,
    resample_counts,
)

MEASURES = ("precision", "recall", "f1", "accuracy", "roc_auc")


def tabulate(
    comparison: Comparison,
    outcomes: Mapping[tuple[str, int], Outcome],
    *,
    resamples: int = RESAMPLES,
) -> dict[str, Any]:
    """Measure every model on every fold, with intervals, and compare the best.

    A measure is the mean over the folds. Its 95% interval is of a bootstrap by groups of
    near-duplicates within each fold, all models on the same resamples (Efron 1979; paired, as in
    Koehn 2004): each record is predicted once, by models that did not see it, so that thousands
    of records speak, where a t interval would rest on the two degrees of freedom of three folds,
    which share their training records besides (Bengio and Grandvalet 2004). What it leaves out is
    how much a model would differ, trained on other records.

    Parameters
    ----------
    comparison : Comparison
    outcomes : mapping of (key, fold) to Outcome
        Of every job.
    resamples : int

    Returns
    -------
    dict
        ``records``, ``groups``, ``classes`` (label, name, records), ``label``, ``folds``, ``seed``,
        ``resamples``, ``trained_on``, ``trained_on_is_unknown``; ``models``, by falling F1: name,
        family, family_title, features, title, linear, warnings, precision, recall, f1 (means over
        the classes; with ``label``, of that), accuracy and roc_auc (mean over the classes, one
        against the rest), each beside NAME_interval,
        fit_seconds of one fold, predict_milliseconds of one record, ``folds`` (measures and times
        of each); ``left_out``; ``verdicts``, see :func:`verdicts`. What is undefined is None.
    """
    models, drawn = model_rows(
        comparison.models,
        outcomes,
        comparison.labels,
        comparison.folds,
        comparison.groups,
        classes=comparison.width,
        positive=comparison.label is not None,
        resamples=resamples,
        seed=comparison.seed,
    )
    labels = np.array(comparison.records.labels)
    return {
        "records": len(labels),
        "groups": len(set(comparison.groups)),
        "classes": [
            {
                "label": label,
                "name": comparison.names[label] if comparison.names else str(label),
                "records": int((labels == label).sum()),
            }
            for label in comparison.classes
        ],
        "label": comparison.label,
        "folds": int(comparison.folds.max()) + 1,
        "seed": comparison.seed,
        "resamples": resamples,
        "trained_on": comparison.trained_on,
        "trained_on_is_unknown": not comparison.encoder.splits,
        "models": models,
        "left_out": comparison.left_out,
        "verdicts": verdicts(
            models,
            {key: found["f1"].mean(axis=0) for key, found in drawn.items()},
            encoder_is_fair=not comparison.trained_on,
        ),
    }


def model_rows(
    models: Sequence[ComparisonModel],
    outcomes: Mapping[tuple[str, int], Outcome],
    labels: np.ndarray,
    folds: np.ndarray,
    groups: np.ndarray,
    *,
    classes: int,
    positive: bool,
    resamples: int,
    seed: int,
) -> tuple[list[dict[str, Any]], dict[str, dict[str, np.ndarray]]]:
    """Measure every model on every fold, with intervals.

    Parameters
    ----------
    models : sequence of ComparisonModel
    outcomes : mapping of (key, fold) to Outcome
    labels, folds, groups : ndarray of int, shape (n,)
        As :class:`~gi_classifier.evaluation.comparison.Comparison` has them.
    classes : int
    positive : bool
        See :func:`fold_scores`.
    resamples, seed : int

    Returns
    -------
    list of dict
        ``models`` of :func:`tabulate`.
    dict
        By a model's key, each of :data:`MEASURES`: ndarray (folds, 1 + resamples), on the records
        as they are, then resampled.
    """
    number = int(folds.max()) + 1
    every = {model.key: [outcomes[model.key, fold] for fold in range(number)] for model in models}
    drawn = _drawn(every, labels, folds, groups, classes, positive, resamples, seed)
    rows = [_model_row(model, every[model.key], drawn[model.key], len(labels)) for model in models]
    return sorted(rows, key=lambda row: -row["f1"]), drawn


def _model_row(
    model: ComparisonModel, parts: Sequence[Outcome], found: Mapping[str, np.ndarray], records: int
) -> dict[str, Any]:
    row: dict[str, Any] = {
        name: getattr(model, name) for name in ("name", "family", "features", "title", "linear")
    }
    row["family_title"] = FAMILIES.get(model.family, model.title)
    for name in MEASURES:
        value, *rest = found[name].mean(axis=0)
        row[name] = float(value)
        row[f"{name}_interval"] = _interval(np.array(rest))
    row["fit_seconds"] = float(np.mean([part.fit_seconds for part in parts]))
    spent = sum(part.predict_seconds for part in parts)
    row["predict_milliseconds"] = 1000 * spent / records
    row["warnings"] = _counted_warnings(parts)
    row["folds"] = [
        {
            "fold": fold,
            "records": len(part.predicted),
            **{name: float(found[name][fold, 0]) for name in MEASURES},
            "fit_seconds": part.fit_seconds,
            "predict_seconds": part.predict_seconds,
            "warnings": list(part.warnings),
        }
        for fold, part in enumerate(parts)
    ]
    return row


def _counted_warnings(parts: Sequence[Outcome]) -> list[str]:
    """Each warning with the number of folds that gave it."""
    counts = Counter(warning for part in parts for warning in part.warnings)
    return [f"{warning} ({count} of {len(parts)} folds)" for warning, count in counts.items()]


def _interval(drawn: np.ndarray) -> list[float] | None:
    """Percentiles of the resamples in which the measure is defined."""
    defined = drawn[~np.isnan(drawn)]
    return (
        [float(bound) for bound in np.quantile(defined, (0.025, 0.975))] if len(defined) else None
    )


def _drawn(
    every: Mapping[str, Sequence[Outcome]],
    labels: np.ndarray,
    folds: np.ndarray,
    groups: np.ndarray,
    classes: int,
    positive: bool,
    resamples: int,
    seed: int,
) -> dict[str, dict[str, np.ndarray]]:
    """Each model's measures, (folds, 1 + resamples): on the records as they are, then resampled."""
    found: dict[str, dict[str, list[np.ndarray]]] = {
        key: {name: [] for name in MEASURES} for key in every
    }
    for fold in range(int(folds.max()) + 1):
        rows = folds == fold
        _, owners = np.unique(groups[rows], return_inverse=True)
        blocks: dict[str, list[dict[str, np.ndarray]]] = {key: [] for key in found}
        resampled = resample_counts(int(np.max(owners)) + 1, resamples, seed + fold)
        for counts in chain([np.ones((1, int(np.max(owners)) + 1))], resampled):
            for key, part in blocks.items():
                scores = fold_scores(
                    labels[rows], every[key][fold], counts[:, owners], classes, positive=positive
                )
                part.append(scores)
        for key, part in blocks.items():
            for name in MEASURES:
                found[key][name].append(np.concatenate([scores[name] for scores in part]))
    return {
        key: {name: np.stack(values) for name, values in part.items()}
        for key, part in found.items()
    }


def fold_scores(
    labels: np.ndarray,
    outcome: Outcome,
    counts: np.ndarray,
    classes: int,
    *,
    positive: bool = False,
) -> dict[str, np.ndarray]:
    """Measures of one fold, resampled.

    Parameters
    ----------
    labels : ndarray of int, shape (n,)
        In 0…classes - 1.
    outcome : Outcome
    counts : ndarray, shape (resamples, n)
        How often each record was drawn.
    classes : int
    positive : bool
        Take precision, recall and F1 of class 1, not their means over the classes.

    Returns
    -------
    dict of ndarray, shape (resamples,)
        In 0…1, one for each of :data:`MEASURES`. Means are over the classes that occur in truth
        or prediction, as scikit-learn's are; the area, over those with records in and out of
        them, is NaN where there is none.
    """
    confusion = confusions(labels, outcome.predicted, classes, counts)
    found = label_scores(confusion)
    occurs = (confusion.sum(axis=1) + confusion.sum(axis=2)) > 0
    scores = {"accuracy": found["accuracy"]}
    for name in ("precision", "recall", "f1"):
        mean = (found[name] * occurs).sum(axis=1) / occurs.sum(axis=1)
        scores[name] = found[name][:, 1] if positive else mean
    areas = np.stack(
        [ranking_scores(labels == c, outcome.scores[:, c], counts)[0] for c in range(classes)]
    )
    defined = ~np.isnan(areas)
    with np.errstate(invalid="ignore"):
        scores["roc_auc"] = np.where(defined, areas, 0).sum(axis=0) / defined.sum(axis=0)
    return scores


def verdicts(
    models: Sequence[Mapping[str, Any]],
    drawn: Mapping[str, np.ndarray],
    *,
    encoder_is_fair: bool = True,
) -> list[dict[str, Any]]:
    """Say whether a linear model is enough: on TF-IDF, and on embeddings.

    On each, the best linear model is compared with the best of all other models, on the same
    resamples. Both were chosen on these records; since the others are many, that favours them a
    little.

    Parameters
    ----------
    models : sequence of mapping
        Rows of :func:`tabulate`, by falling F1.
    drawn : mapping of key to ndarray, shape (1 + resamples,)
        Each model's F1, first on the records as they are.
    encoder_is_fair : bool
        Whether models that use the encoder take part.

    Returns
    -------
    list of dict
        For each kind of features that has a linear model and another to compare it with:
        ``features``, ``linear`` and ``other`` (keys), ``difference`` of F1 (other - linear),
        ``difference_interval``, ``enough`` (the interval does not lie above 0),
        ``without_encoder``, ``text`` and ``text_zh``.
    """
    fair = [
        row
        for row in models
        if encoder_is_fair or row["features"] == "tfidf" or row["family"] == "rule"
    ]
    found = []
    for features in FEATURES:
        simple = [row["linear"] and row["features"] == features for row in fair]
        if all(simple) or not any(simple):
            continue
        linear, other = fair[simple.index(True)], fair[simple.index(False)]
        keys = [f"{row['name']}.{row['features']}" for row in (linear, other)]
        value, *rest = drawn[keys[1]] - drawn[keys[0]]
        low, high = np.quantile(rest, (0.025, 0.975))
        enough = bool(low <= 0)
        found.append(
            {
                "features": features,
                "linear": keys[0],
                "other": keys[1],
                "difference": float(value),
                "difference_interval": [float(low), float(high)],
                "enough": enough,
                "without_encoder": not encoder_is_fair,
                **_worded(linear, other, f"{value:+.3f} [{low:+.3f}, {high:+.3f}]", enough),
            }
        )
    return found


def _worded(
    linear: Mapping[str, Any], other: Mapping[str, Any], figures: str, enough: bool
) -> dict[str, str]:
    """A verdict in English and Chinese."""
    features, best = linear["features"], f"{other['title']} ({other['features']})"
    return {
        "text": (
            f"A linear model on {features} is {'enough' if enough else 'not enough'} for these "
            f"records: F1 of {best} less that of {linear['title']} ({features}) is {figures}, "
            + ("an interval that does not lie above 0." if enough else "which lies above 0.")
        ),
        "text_zh": (
            f"对这些病历，{features} 上的线性模型{'已经足够' if enough else '不够'}："
            f"{best} 的 F1 减去 {linear['title']} ({features}) 的 F1 为 {figures}，"
            + ("区间不全在 0 以上。" if enough else "区间全在 0 以上。")
        ),
    }


def compare(records: Records, *, resamples: int = RESAMPLES, **options: Any) -> dict[str, Any]:
    """Compare standard classifiers on records, in one call.

    Parameters
    ----------
    records : Records
        As :func:`~gi_classifier.data.readers.read_records` returns them.
    resamples : int
        Resamples of the intervals.
    **options
        As :func:`prepare` takes them.

    Returns
    -------
    dict
        As :func:`tabulate` returns it.

    Raises
    ------
    RecordsError, SettingsError
        As :func:`prepare`.
    """
    comparison = prepare(records, **options)
    outcomes = {(model.key, fold): outcome for model, fold, outcome in comparison.run()}
    return tabulate(comparison, outcomes, resamples=resamples)
