"""From the keyword table to a rule: how far would a plain search for its keywords go?

In: a table, texts and their true labels. Out: the label that a search gives each text, and its
precision, recall and coverage. Each label's top keywords are searched for as they are written.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from gi_classifier.errors import RecordsError, SettingsError
from gi_classifier.option_checks import integer_problem
from gi_classifier.text import folded

if TYPE_CHECKING:
    import pandas as pd


UNCOVERED = -1


def keyword_rules(table: pd.DataFrame, top: int) -> dict[int, list[str]]:
    """Take each label's first keywords, without those that another label takes with more total.

    Parameters
    ----------
    table : DataFrame
        With the columns keyword, label and total, as of
        :func:`gi_classifier.attribution.keyword_table.keyword_table`.
    top : int
        Keywords for each label, 1 or more; fewer where the table has fewer.

    Raises
    ------
    RecordsError
        A column is missing, a label or total is no number, or the keywords speak against.
    SettingsError
        ``top`` is out of range.
    """
    if problem := integer_problem("top", top, 1):
        raise SettingsError(problem)
    missing = {"keyword", "label", "total"} - set(table.columns)
    if missing:
        raise RecordsError(
            f"A keyword table by label is needed. Missing columns: {', '.join(sorted(missing))}"
        )
    bad = [
        f"row {row}: label {label!r}, total {total!r}"
        for row, (label, total) in enumerate(zip(table["label"], table["total"], strict=True), 1)
        if not (str(label).isascii() and str(label).isdigit()) or not _is_number(total)
    ]
    if bad:
        raise RecordsError("Not the numbers of a keyword table:", bad)
    table = table.astype({"label": int, "total": float})
    if (table["total"] < 0).any():
        raise RecordsError(
            "These keywords speak against their labels (totals below 0). Give a table of keywords "
            "that speak for them, written without --against."
        )
    keys = [folded(str(word)) for word in table["keyword"]]
    ranked = table.assign(key=keys).sort_values(
        ["total", "key", "label"], ascending=[False, True, True]
    )
    rules: dict[int, list[str]] = {int(label): [] for label in sorted(set(table["label"]))}
    for key, label in ranked.drop_duplicates("key")[["key", "label"]].itertuples(index=False):
        if len(rules[int(label)]) < top:
            rules[int(label)].append(key)
    return rules


def _is_number(value: Any) -> bool:
    try:
        return bool(np.isfinite(float(value)))
    except (TypeError, ValueError):
        return False


def search(texts: Sequence[str], rules: Mapping[int, Sequence[str]]) -> np.ndarray:
    """Give each text the label whose keywords occur most often in it.

    Parameters
    ----------
    texts : sequence of str
    rules : mapping of int to sequence of str
        Keywords in lower case, normalised. The text is read from the left, at each place the
        longest keyword counts, and the next is looked for behind it: 胃 in 胃癌 does not count.

    Returns
    -------
    ndarray of int, shape (texts,)
        -1 where no keyword occurs, or two labels' keywords equally often.
    """
    owners = {word: label for label, words in rules.items() for word in words}
    if not owners:
        return np.full(len(texts), UNCOVERED)
    longest = sorted(owners, key=lambda word: (-len(word), word))
    pattern = re.compile("|".join(map(re.escape, longest)))
    labels = sorted(rules)
    found = np.full(len(texts), UNCOVERED)
    for i, text in enumerate(texts):
        hits = [owners[word] for word in pattern.findall(folded(text))]
        counts = [hits.count(label) for label in labels]
        if hits and counts.count(max(counts)) == 1:
            found[i] = labels[counts.index(max(counts))]
    return found


def measure_search(labels: np.ndarray, found: np.ndarray) -> dict[str, Any]:
    """Precision, recall, F1 and coverage of a search, in all and for each class.

    Parameters
    ----------
    labels : ndarray of int, shape (n,)
        The truth.
    found : ndarray of int, shape (n,)
        What :func:`search` returned.

    Returns
    -------
    dict
        ``records``; ``coverage``, the share of records that got a label; ``accuracy`` of all
        records and ``accuracy_covered`` of those; ``macro_f1``; ``classes``: for each label its
        ``precision`` (None where the search never gave it), ``recall``, ``f1``, ``coverage`` and
        ``support``, for every label that is true or found somewhere.
    """
    from sklearn.metrics import precision_recall_fscore_support

    covered = found != UNCOVERED
    names = np.union1d(labels, found[covered])
    values = precision_recall_fscore_support(labels, found, labels=names, zero_division=0)
    classes = []
    for label, precision, recall, f1, support in zip(names, *values, strict=True):
        own = labels == label
        classes.append(
            {
                "label": int(label),
                "precision": float(precision) if (found == label).any() else None,
                "recall": float(recall),
                "f1": float(f1),
                "coverage": float(covered[own].mean()) if own.any() else None,
                "support": int(support),
            }
        )
    right = labels == found
    return {
        "records": len(labels),
        "coverage": float(covered.mean()),
        "accuracy": float(right.mean()),
        "accuracy_covered": float(right[covered].mean()) if covered.any() else None,
        "macro_f1": float(np.mean([row["f1"] for row in classes])),
        "classes": classes,
    }
