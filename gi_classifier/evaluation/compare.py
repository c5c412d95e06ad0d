"""The rivals' table: standard classifiers on the same records and the same folds.

In: labelled :class:`~gi_classifier.records.Records`. Out: a dict with each rival's precision,
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
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import sklearn
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import StratifiedGroupKFold
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from gi_classifier._version import __version__
from gi_classifier.errors import RecordsError, SettingsError
from gi_classifier.evaluation.metrics import (
    DRAWS,
    confusions,
    label_scores,
    ranking_scores,
    resamples,
)
from gi_classifier.evaluation.rivals import (
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
from gi_classifier.model_dir import Bundle, load, shipped
from gi_classifier.predict import Predictor
from gi_classifier.records import Records, drop_duplicates
from gi_classifier.splitting import near_duplicate_groups, was_trained_on
from gi_classifier.text import normalise

MEASURES = ("precision", "recall", "f1", "accuracy", "roc_auc")


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
        facts = [mark, self.fit_seconds, self.predict_seconds, list(self.remarks)]
        np.savez_compressed(
            content, predicted=self.predicted, scores=self.scores, facts=np.array(json.dumps(facts))
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
                found, fit, predict, remarks = json.loads(str(file["facts"]))
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
    encoder : Bundle
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
    encoder: Bundle
    seed: int
    mark: str

    @cached_property
    def trained_on(self) -> int:
        """How many records the encoder was trained on, or was chosen by; all if it doesn't say."""
        return int(was_trained_on(self.encoder.splits, self.records.texts).sum())

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
                inputs["embedding"] = Predictor.from_bundle(self.encoder).embed(self.records.texts)
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
    bundle = load(base)
    found, left_out = _chosen(labels, fold_of, models, features, seed)
    wanted = set(models or KNOWN)
    default_labels = bundle.settings.num_classes == 3 and bundle.settings.label_names is None
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
            found.append(fine_tuned(bundle.settings, base, trained, epochs, len(set(labels)), seed))
    if not found:
        raise SettingsError(
            "No model is left to compare:", [f"{key}: {why}" for key, why in left_out.items()]
        )
    parts = (__version__, sklearn.__version__, records.texts, labels.tolist(), label, folds)
    digest = hashlib.sha256(repr((*parts, epochs, seed, bundle.fingerprint)).encode())
    return Comparison(
        records,
        labels,
        classes,
        label,
        groups,
        fold_of,
        found,
        left_out,
        bundle,
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


def tabulate(
    comparison: Comparison, outcomes: Mapping[tuple[str, int], Outcome], *, draws: int = DRAWS
) -> dict[str, Any]:
    """Measure every rival on every fold, with intervals, and compare the best.

    A measure is the mean over the folds. Its 95% interval is of a bootstrap by groups of
    near-duplicates within each fold, all rivals on the same draws (Efron 1979; paired, as in
    Koehn 2004): each record is predicted once, by models that did not see it, so that thousands
    of records speak, where a t interval would rest on the two degrees of freedom of three folds,
    which share their training records besides (Bengio and Grandvalet 2004). What it leaves out is
    how much a model would differ, trained on other records.

    Parameters
    ----------
    comparison : Comparison
    outcomes : mapping of (key, fold) to Outcome
        Of every job.
    draws : int

    Returns
    -------
    dict
        ``records``, ``groups``, ``classes`` (label, records), ``label``, ``folds``, ``seed``,
        ``draws``, ``trained_on``, ``trained_on_is_unknown``; ``models``, by falling F1: name,
        family, features, title, linear, remarks, precision, recall, f1 (means over the classes;
        with ``label``, of that), accuracy and roc_auc (mean over the classes, one against the
        rest), each beside NAME_interval,
        fit_seconds of one fold, predict_milliseconds of one record, ``folds`` (measures and times
        of each); ``left_out``; ``verdicts``, see :func:`verdicts`. What is undefined is None.
    """
    drawn = _drawn(comparison, outcomes, draws)
    models = []
    for rival in comparison.rivals:
        found, parts = drawn[rival.key], _parts(comparison, outcomes, rival)
        row: dict[str, Any] = {
            name: getattr(rival, name) for name in ("name", "family", "features", "title", "linear")
        }
        for name in MEASURES:
            value, *rest = found[name].mean(axis=0)
            row[name] = float(value)
            row[f"{name}_interval"] = _interval(np.array(rest))
        row["fit_seconds"] = float(np.mean([part.fit_seconds for part in parts]))
        spent = sum(part.predict_seconds for part in parts)
        row["predict_milliseconds"] = 1000 * spent / len(comparison.labels)
        row["remarks"] = _remarks(parts)
        row["folds"] = [
            {
                "fold": fold,
                "records": len(part.predicted),
                **{name: float(found[name][fold, 0]) for name in MEASURES},
                "fit_seconds": part.fit_seconds,
                "predict_seconds": part.predict_seconds,
                "remarks": list(part.remarks),
            }
            for fold, part in enumerate(parts)
        ]
        models.append(row)
    models.sort(key=lambda row: -row["f1"])
    labels = np.array(comparison.records.labels)
    return {
        "records": len(labels),
        "groups": len(set(comparison.groups)),
        "classes": [{"label": c, "records": int((labels == c).sum())} for c in comparison.classes],
        "label": comparison.label,
        "folds": int(comparison.folds.max()) + 1,
        "seed": comparison.seed,
        "draws": draws,
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


def _parts(
    comparison: Comparison, outcomes: Mapping[tuple[str, int], Outcome], rival: Rival
) -> list[Outcome]:
    return [outcomes[rival.key, fold] for fold in range(comparison.folds.max() + 1)]


def _remarks(parts: Sequence[Outcome]) -> list[str]:
    """Each remark with the number of folds that it was made on."""
    counts = Counter(remark for part in parts for remark in part.remarks)
    return [f"{remark} ({count} of {len(parts)} folds)" for remark, count in counts.items()]


def _interval(drawn: np.ndarray) -> list[float] | None:
    """Percentiles of the draws in which the measure is defined."""
    defined = drawn[~np.isnan(drawn)]
    return (
        [float(bound) for bound in np.quantile(defined, (0.025, 0.975))] if len(defined) else None
    )


def _drawn(
    comparison: Comparison, outcomes: Mapping[tuple[str, int], Outcome], draws: int
) -> dict[str, dict[str, np.ndarray]]:
    """Each rival's measures, (folds, 1 + draws): on the records as they are, then resampled."""
    found: dict[str, dict[str, list[np.ndarray]]] = {
        rival.key: {name: [] for name in MEASURES} for rival in comparison.rivals
    }
    for fold in range(comparison.folds.max() + 1):
        rows = comparison.folds == fold
        _, owners = np.unique(comparison.groups[rows], return_inverse=True)
        blocks: dict[str, list[dict[str, np.ndarray]]] = {key: [] for key in found}
        resampled = resamples(int(np.max(owners)) + 1, draws, comparison.seed + fold)
        for counts in chain([np.ones((1, int(np.max(owners)) + 1))], resampled):
            for key, part in blocks.items():
                scores = fold_scores(
                    comparison.labels[rows],
                    outcomes[key, fold],
                    counts[:, owners],
                    comparison.width,
                    positive=comparison.label is not None,
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
    counts : ndarray, shape (draws, n)
        How often each record was drawn.
    classes : int
    positive : bool
        Take precision, recall and F1 of class 1, not their means over the classes.

    Returns
    -------
    dict of ndarray, shape (draws,)
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
    draws. Both were chosen on these records; since the others are many, that favours them a little.

    Parameters
    ----------
    models : sequence of mapping
        Rows of :func:`tabulate`, by falling F1.
    drawn : mapping of key to ndarray, shape (1 + draws,)
        Each rival's F1, first on the records as they are.
    encoder_is_fair : bool
        Whether rivals that use the encoder take part.

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
    features, rival = linear["features"], f"{other['title']} ({other['features']})"
    return {
        "text": (
            f"A linear model on {features} is {'enough' if enough else 'not enough'} for these "
            f"records: F1 of {rival} less that of {linear['title']} ({features}) is {figures}, "
            + ("an interval that does not lie above 0." if enough else "which lies above 0.")
        ),
        "text_zh": (
            f"对这些病历，{features} 上的线性模型{'已经足够' if enough else '不够'}："
            f"{rival} 的 F1 减去 {linear['title']} ({features}) 的 F1 为 {figures}，"
            + ("区间不全在 0 以上。" if enough else "区间全在 0 以上。")
        ),
    }


def compare(records: Records, *, draws: int = DRAWS, **options: Any) -> dict[str, Any]:
    """Compare standard classifiers on records, in one call.

    Parameters
    ----------
    records : Records
        As :func:`~gi_classifier.records.read_records` returns them.
    draws : int
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
    outcomes = {(rival.key, fold): outcome for rival, fold, outcome in comparison.run()}
    return tabulate(comparison, outcomes, draws=draws)
