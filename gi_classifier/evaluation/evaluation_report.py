"""The evaluation report of some models on the same records: measures, groups, worst errors.

In: labelled records and each model's probabilities (n, classes). Out: one dict, ready for JSON,
and long rows of it for CSV. The first model is the one in question; the others are what it is
compared with.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gi_classifier.data.records import Records, place_of, with_kept
from gi_classifier.errors import RecordsError
from gi_classifier.metrics.calibration import reliability
from gi_classifier.metrics.measures import RESAMPLES, measure, measure_labels
from gi_classifier.text import normalise

LENGTH = "length in characters"
LENGTHS = ("<=20", "21-50", "51-100", "101-200", "201-500", ">500")
_LONGEST = (20, 50, 100, 200, 500)
_MOST_GROUPS, _NO_VALUE = 100, "(empty)"


@dataclass(frozen=True)
class Group:
    """Records that share something.

    Attributes
    ----------
    by, name : str
        What they were grouped by, and their value of it.
    rows : ndarray of int
        Their places among the records, from 0.
    """

    by: str
    name: str
    rows: np.ndarray


def groups_of(records: Records, by: str | None = None) -> list[Group]:
    """Group records by length, and by the column that was read with them.

    Parameters
    ----------
    records : Records
        One or more. Characters are counted in the normalised text.
    by : str, optional
        The column's name, where ``records.groups`` holds one.

    Returns
    -------
    list of Group
        None is empty; lengths rise, the column's values are sorted.

    Raises
    ------
    RecordsError
        The column has more than 100 different values.
    """
    lengths = [len(normalise(text)) for text in records.texts]
    places = np.searchsorted(_LONGEST, lengths, side="left")
    found = [Group(LENGTH, LENGTHS[i], np.flatnonzero(places == i)) for i in np.unique(places)]
    if by is None or records.groups is None:
        return found
    values = checked_groups(records.groups, records.source, by)
    distinct = sorted(set(values))
    return found + [Group(by, name, np.flatnonzero(values == name)) for name in distinct]


def checked_groups(values: Sequence[str], source: str, by: str | None = None) -> np.ndarray:
    """The group of each record, of objects (n,): its value of a column, or that it has none.

    Raises
    ------
    RecordsError
        There are more than 100 different values.
    """
    found = np.array([value or _NO_VALUE for value in values], dtype=object)
    if (count := len(set(found))) > _MOST_GROUPS:
        column = "the column" if by is None else f"column {by!r}"
        raise RecordsError(
            f"{source}: {column} has {count:,} different values, too many to group by. Choose one "
            f"with at most {_MOST_GROUPS}."
        )
    return found


def evaluation_report(
    records: Records,
    models: Mapping[str, np.ndarray],
    names: Sequence[str],
    *,
    groups: Sequence[Group] = (),
    errors: int = 20,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> dict[str, Any]:
    """Measure models on the same records, whole and by group.

    Parameters
    ----------
    records : Records
        Labelled.
    models : mapping of str to ndarray, shape (n, classes)
        Probabilities by the model's title, the model in question first.
    names : sequence of str
        One for each class.
    groups : sequence of Group
        As :func:`groups_of` gives; each is measured by itself.
    errors : int
        At most so many of the first model's errors are listed.
    resamples, seed : int
        Resamples of the intervals. Every model is measured on the same ones.

    Returns
    -------
    dict
        ``labels`` (the names), ``resamples``, ``seed``; ``models``, by title: what
        :func:`~gi_classifier.metrics.measures.measure` gives, ``reliability`` (a row for
        each bin that holds records) and ``groups`` (a row for each group: ``by``, ``group`` and
        :func:`~gi_classifier.metrics.measures.measure_labels`); and ``errors`` of the first.

    Raises
    ------
    RecordsError
        The records carry no labels, or there is none.
    """
    if records.labels is None:
        raise RecordsError(f"{records.source}: the records carry no labels to measure against.")
    labels = np.array(records.labels, dtype=int)
    measured: dict[str, Any] = {}
    for title, probabilities in models.items():
        predicted = probabilities.argmax(axis=1)
        measured[title] = {
            **measure(labels, probabilities, resamples=resamples, seed=seed),
            "reliability": _reliability_rows(probabilities, labels),
            "groups": [
                {
                    "by": group.by,
                    "group": group.name,
                    **measure_labels(
                        labels[group.rows],
                        predicted[group.rows],
                        len(names),
                        resamples=resamples,
                        seed=seed,
                    ),
                }
                for group in groups
            ],
        }
    first = next(iter(models.values()))
    return {
        "labels": list(names),
        "resamples": resamples,
        "seed": seed,
        "models": measured,
        "errors": worst_errors(records, first, errors),
    }


def _reliability_rows(probabilities: np.ndarray, labels: np.ndarray) -> list[dict[str, Any]]:
    found = reliability(probabilities, labels)
    return [
        {
            "above": float(found.edges[place]),
            "up_to": float(found.edges[place + 1]),
            "records": int(found.records[place]),
            "confidence": float(found.confidence[place]),
            "accuracy": float(found.accuracy[place]),
        }
        for place in np.flatnonzero(found.records).tolist()
    ]


def worst_errors(records: Records, probabilities: np.ndarray, limit: int) -> list[dict[str, Any]]:
    """List wrongly labelled records, the surest first.

    Parameters
    ----------
    records : Records
        Labelled.
    probabilities : ndarray, shape (n, classes)
    limit : int
        At most so many.

    Returns
    -------
    list of dict
        ``line`` (and ``row``, ``id``: see :func:`~gi_classifier.data.records.place_of`), ``truth``,
        ``predicted``, ``probability`` (of the predicted label), ``probability_0`` and so on, and
        ``text``; then the columns kept of the file.
    """
    predicted, top = probabilities.argmax(axis=1), probabilities.max(axis=1)
    wrong = np.flatnonzero(predicted != np.array(records.labels))
    order = wrong[np.argsort(-top[wrong], kind="stable")][:limit]
    return [
        with_kept(
            records,
            row,
            {
                **place_of(records, row),
                "truth": (records.labels or ())[row],
                "predicted": int(predicted[row]),
                "probability": float(top[row]),
                **{f"probability_{c}": float(p) for c, p in enumerate(probabilities[row])},
                "text": records.texts[row],
            },
        )
        for row in order
    ]


def long_rows(table: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Every measure of a report as one row.

    Parameters
    ----------
    table : mapping
        What :func:`evaluation_report` returned.

    Yields
    ------
    dict
        ``model``, ``group`` ("all", or "COLUMN: value"), ``measure``, ``class`` (None for all),
        ``value``, ``low``, ``high`` and ``records``. A cell of the confusion matrix is the measure
        "predicted_as_1" of its true class; a support has no interval.
    """
    for title, found in table["models"].items():
        yield from _rows(title, "all", None, found, found["records"])
        for row in found["classes"]:
            yield from _rows(title, "all", row["label"], row, found["records"])
            yield _row(title, "all", "support", row["label"], row["support"], found["records"])
        low, high = found["confusion_interval"]
        for truth, line in enumerate(found["confusion"]):
            for label, count in enumerate(line):
                bounds = (low[truth][label], high[truth][label])
                name = f"predicted_as_{label}"
                yield _row(title, "all", name, truth, count, found["records"], bounds)
        for row in found["groups"]:
            yield from _rows(title, f"{row['by']}: {row['group']}", None, row, row["records"])


def _rows(
    model: str, group: str, label: int | None, table: Mapping[str, Any], records: int
) -> Iterator[dict[str, Any]]:
    for name, value in table.items():
        if f"{name}_interval" in table and not isinstance(value, list):
            yield _row(model, group, name, label, value, records, table[f"{name}_interval"])


def _row(
    model: str,
    group: str,
    measure: str,
    label: int | None,
    value: float | None,
    records: int,
    bounds: Sequence[float] | None = None,
) -> dict[str, Any]:
    low, high = bounds or (None, None)
    return {
        "model": model,
        "group": group,
        "measure": measure,
        "class": label,
        "value": value,
        "low": low,
        "high": high,
        "records": records,
    }
