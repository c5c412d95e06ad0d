"""A study of the composite filter: all scores pass, against one model of ``valid`` itself.

In: two tables of scores, one to choose on and one to check on. Out: what each filter passes of
both, whole and by group, as a dict ready for JSON; and what is drawn.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from gi_classifier.data.score_tables import ScoreTable
from gi_classifier.decisions.composite_filter import (
    POLICY,
    CompositeFilter,
    each_by_itself,
    jointly,
)
from gi_classifier.decisions.operating_points import at_threshold
from gi_classifier.decisions.policies import SPLITS, Choice, Policy, choose, parse_policy
from gi_classifier.errors import RecordsError
from gi_classifier.evaluation.comparison import Outcome
from gi_classifier.evaluation.comparison_models import ComparisonModel
from gi_classifier.evaluation.comparison_table import model_rows
from gi_classifier.evaluation.evaluation_report import checked_groups
from gi_classifier.metrics.measures import RESAMPLES

TITLES = {
    "each": "all pass, each threshold by itself",
    "joint": "all pass, thresholds chosen jointly",
    "logistic": "logistic regression",
    "tree": "decision tree",
}
# A tree that a person can read, and the least share of the rows in a leaf.
_DEPTH, _LEAF = 3, 0.03
_FOLDS = 5


@dataclass(frozen=True, eq=False)
class Filter:
    """What a filter does with the rows of both tables.

    Attributes
    ----------
    name : str
        A key of :data:`TITLES`.
    reason : str or None
        Why it passes nothing and is left out, then.
    scores : dict of str to ndarray, shape (n,)
        By :data:`SPLITS`, the higher the likelier valid: the smallest normalised score of a row,
        or a model's probability, on validation of models that did not see the row.
    passes : dict of str to ndarray of bool, shape (n,)
    composite : CompositeFilter or None
        Where it is one.
    fit_seconds, predict_seconds : float
        The latter of the test rows.
    """

    name: str
    reason: str | None = None
    scores: dict[str, np.ndarray] = field(default_factory=dict)
    passes: dict[str, np.ndarray] = field(default_factory=dict)
    composite: CompositeFilter | None = None
    fit_seconds: float = 0.0
    predict_seconds: float = 0.0


@dataclass(frozen=True, eq=False)
class FilterStudy:
    """What was found.

    Attributes
    ----------
    table : dict
        See :func:`study_filters`.
    filters : list of Filter
        Those that have a threshold.
    tree : DecisionTreeClassifier
        Of the validation rows, to be drawn.
    """

    table: dict[str, Any]
    filters: list[Filter]
    tree: Any


def study_filters(
    validation: ScoreTable,
    test: ScoreTable,
    *,
    low: Collection[str] = (),
    policy: str | Policy = POLICY,
    seed: int = 42,
    resamples: int = RESAMPLES,
) -> FilterStudy:
    """Choose thresholds on validation, check them on test, and compare with models of ``valid``.

    Parameters
    ----------
    validation, test : ScoreTable
        Of the same scores.
    low : collection of str
        Scores of which low ones are good.
    policy : str or Policy
        See :mod:`gi_classifier.decisions.policies`; for each score, for the thresholds jointly, and
        for the models' probabilities, which are held out by five-fold cross-validation.
    seed : int
        Of the folds, the tree and the resamples.
    resamples : int
        Of the intervals of ``compared``.

    Returns
    -------
    FilterStudy
        Its table: ``policy``, ``seed``; ``scores`` (``score``, ``low_is_good``, ``auc`` of
        validation, ``reason``, ``threshold`` in its own units, and its point's dict on
        ``validation`` and ``test``); ``filters`` (``filter``, ``title``, ``reason``,
        ``thresholds`` by score where it has some, and points' dicts); ``groups`` (``filter``,
        ``group``, ``split`` and a point's); ``compared``, as ``models`` of
        :func:`gi_classifier.evaluation.comparison_table.tabulate`, of test.

    Raises
    ------
    SettingsError
        There is no such policy.
    RecordsError
        Too few rows are valid, or too few are not; or there are too many groups.
    """
    policy = parse_policy(policy) if isinstance(policy, str) else policy
    _check(validation, 2)
    _check(test, 1)
    signs = np.array([-1.0 if name in low else 1.0 for name in validation.names])
    tables = dict(zip(SPLITS, (validation, test), strict=True))
    start = time.perf_counter()
    each, choices = each_by_itself(policy, validation.valid, validation.scores, signs)
    between = time.perf_counter()
    joint, chosen = jointly(policy, validation.valid, validation.scores, signs)
    ended = time.perf_counter()
    lacking = "; ".join(
        f"{name}: {choice.reason}"
        for name, choice in zip(validation.names, choices, strict=True)
        if choice.reason
    )
    logistic = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    tree = DecisionTreeClassifier(max_depth=_DEPTH, min_samples_leaf=_LEAF, random_state=seed)
    every = [
        _composite("each", each, lacking, tables, between - start),
        _composite("joint", joint, chosen.reason or "", tables, ended - between),
        _model("logistic", logistic, policy, tables, seed),
        _model("tree", tree, policy, tables, seed),
    ]
    filters = [one for one in every if one.reason is None]
    table = {
        "policy": policy.name,
        "seed": seed,
        "scores": list(_score_rows(tables, signs, choices)),
        "filters": [_filter_row(one, tables) for one in every],
        "groups": list(_group_rows(filters, tables)),
        "compared": _compared(filters, test, resamples, seed),
    }
    return FilterStudy(table, filters, tree)


def _check(rows: ScoreTable, least: int) -> None:
    valid = int(rows.valid.sum())
    if min(valid, len(rows) - valid) < least:
        raise RecordsError(
            f"{rows.source}: give valid rows and others, {least} of each at least. "
            f"Received: {valid} valid and {len(rows) - valid} others"
        )


def _composite(
    name: str,
    found: CompositeFilter | None,
    reason: str,
    tables: Mapping[str, ScoreTable],
    seconds: float,
) -> Filter:
    if found is None:
        return Filter(name, reason)
    start = time.perf_counter()
    passes = {split: found.passes(rows.scores) for split, rows in tables.items()}
    spent = time.perf_counter() - start
    scores = {split: found.normalised(rows.scores).min(axis=1) for split, rows in tables.items()}
    return Filter(name, None, scores, passes, found, seconds, spent)


def _model(
    name: str, model: Any, policy: Policy, tables: Mapping[str, ScoreTable], seed: int
) -> Filter:
    """Fit a model of ``valid``; its threshold is chosen on rows that were held out."""
    validation, test = (tables[split] for split in SPLITS)
    fewest = min(np.bincount(validation.valid))
    folds = StratifiedKFold(min(_FOLDS, int(fewest)), shuffle=True, random_state=seed)
    start = time.perf_counter()
    held_out = cross_val_predict(
        model, validation.scores, validation.valid, cv=folds, method="predict_proba"
    )[:, 1]
    choice = choose(policy, validation.valid, held_out)
    model.fit(validation.scores, validation.valid)
    fitted = time.perf_counter()
    scores = {SPLITS[0]: held_out, SPLITS[1]: model.predict_proba(test.scores)[:, 1]}
    asked = time.perf_counter()
    if choice.point is None:
        return Filter(name, choice.reason)
    passes = {split: found >= choice.point.threshold for split, found in scores.items()}
    return Filter(name, None, scores, passes, None, fitted - start, asked - fitted)


def _point(valid: np.ndarray, passes: np.ndarray) -> dict[str, Any]:
    """The dict of an operating point, less its threshold."""
    point = at_threshold(valid, passes.astype(np.float64), 1.0).to_dict()
    del point["threshold"]
    return point


def _score_rows(
    tables: Mapping[str, ScoreTable], signs: np.ndarray, choices: Sequence[Choice]
) -> Iterator[dict[str, Any]]:
    """What each score does by itself."""
    validation = tables[SPLITS[0]]
    for place, (sign, choice) in enumerate(zip(signs, choices, strict=True)):
        signed = {split: rows.scores[:, place] * sign for split, rows in tables.items()}
        point = choice.point
        yield {
            "score": validation.names[place],
            "low_is_good": bool(sign < 0),
            "auc": float(roc_auc_score(validation.valid, signed[SPLITS[0]])),
            "reason": choice.reason,
            "threshold": None if point is None else float(point.threshold * sign + 0.0),
            **{
                split: None
                if point is None
                else _point(rows.valid, signed[split] >= point.threshold)
                for split, rows in tables.items()
            },
        }


def _filter_row(one: Filter, tables: Mapping[str, ScoreTable]) -> dict[str, Any]:
    names = tables[SPLITS[0]].names
    stated = None if one.composite is None else one.composite.stated().tolist()
    return {
        "filter": one.name,
        "title": TITLES[one.name],
        "reason": one.reason,
        "thresholds": None if stated is None else dict(zip(names, stated, strict=True)),
        **{
            split: None if one.reason is not None else _point(rows.valid, one.passes[split])
            for split, rows in tables.items()
        },
    }


def _group_rows(
    filters: Sequence[Filter], tables: Mapping[str, ScoreTable]
) -> Iterator[dict[str, Any]]:
    """What each filter does with each group of rows, the largest group of test first."""
    for split, rows in tables.items():
        if rows.groups is None:
            continue
        values = checked_groups(rows.groups, rows.source)
        counts = Counter(values.tolist())
        for group, _ in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])):
            inside = values == group
            for one in filters:
                point = _point(rows.valid[inside], one.passes[split][inside])
                yield {"split": split, "group": group, "filter": one.name, **point}


def _compared(
    filters: Sequence[Filter], test: ScoreTable, resamples: int, seed: int
) -> list[dict[str, Any]]:
    """The filters on the test rows as rows of ``compare``'s table."""
    if not filters:
        return []
    models = [
        ComparisonModel(one.name, one.name, "scores", TITLES[one.name], lambda: None)
        for one in filters
    ]
    outcomes = {
        (model.key, 0): Outcome(
            one.passes[SPLITS[1]].astype(np.int64),
            np.stack([-one.scores[SPLITS[1]], one.scores[SPLITS[1]]], axis=1),
            one.fit_seconds,
            one.predict_seconds,
        )
        for model, one in zip(models, filters, strict=True)
    }
    rows, _ = model_rows(
        models,
        outcomes,
        test.valid.astype(np.int64),
        np.zeros(len(test), dtype=np.int64),
        np.arange(len(test)),
        classes=2,
        positive=True,
        resamples=resamples,
        seed=seed,
    )
    return rows
