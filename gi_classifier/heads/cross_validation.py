"""Heads measured on the records that they are trained on, by cross-validation.

In: vectors, texts and labels with their groups of near-duplicates. Out: probabilities of each
record by a head that saw neither it nor a near-duplicate of it, and the same by a simple model.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from gi_classifier.errors import RecordsError
from gi_classifier.heads.head_classifier import HeadClassifier
from gi_classifier.heads.page_gate import PageGate, Seen
from gi_classifier.metrics.baselines import tfidf_probabilities

FOLDS = 5
# Pages of a kind, of the least that a gate is trained on, that a fold leaves it.
_LEAST_LEFT = 3


def check_folds(labels: np.ndarray, groups: np.ndarray, lines: Sequence[int], source: str) -> None:
    """Raise where cross-validation would leave a label out of a fold.

    Raises
    ------
    RecordsError
        There is one label only, or some have fewer than :data:`FOLDS` groups: the first line of
        each is named.
    """
    classes, first = np.unique(labels, return_index=True)
    counts = [len(set(groups[labels == label])) for label in classes]
    few = [
        f"that of line {lines[place]}: {count} records that are not near-duplicates"
        for place, count in zip(first, counts, strict=True)
        if count < FOLDS
    ]
    if len(classes) < 2 or few:
        raise RecordsError(
            f"{source}: needs two labels or more, each with at least {FOLDS} records that are not "
            "near-duplicates, to measure by cross-validation; or give --test FILE. "
            f"It has {len(classes)}, {len(few)} with fewer:",
            few,
        )


def cross_validated(
    head: HeadClassifier,
    vectors: np.ndarray,
    labels: np.ndarray,
    groups: np.ndarray,
    held: Any,
    seed: int,
) -> np.ndarray:
    """Probabilities (n, classes) of each record by a head that saw none of its group.

    Parameters
    ----------
    head : HeadClassifier
        Its parameters are used; it is not fitted.
    vectors : ndarray, shape (n, d)
    labels : ndarray, shape (n,)
    groups : ndarray of int, shape (n,)
        Records of one group are left out together.
    held : (vectors, labels) or None
        Records for early stopping.
    seed : int
        Of the folds.
    """
    from sklearn.base import clone

    classes = np.unique(labels)
    found = np.zeros((len(labels), len(classes)))
    for train, left in _folds(labels, groups, seed):
        part = clone(head).fit(vectors[train], labels[train], held, groups[train])
        places = np.searchsorted(classes, part.classes_)
        found[np.ix_(left, places)] = part.predict_proba(vectors[left])
    return found


def cross_validated_tfidf(
    texts: Sequence[str], labels: np.ndarray, groups: np.ndarray, seed: int
) -> np.ndarray:
    """The same by TF-IDF + logistic regression, in the same folds."""
    classes, codes = np.unique(labels, return_inverse=True)
    found = np.zeros((len(labels), len(classes)))
    for train, left in _folds(labels, groups, seed):
        found[left] = tfidf_probabilities(
            [texts[i] for i in train],
            codes[train].tolist(),
            [texts[i] for i in left],
            classes=len(classes),
            seed=seed,
        )
    return found


def cross_validated_gate(
    gate: PageGate, seen: Sequence[Seen], labels: np.ndarray, groups: np.ndarray, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities (n, kinds) of each page by a gate that saw none of its group.

    Returns
    -------
    whole, picture : ndarray, shape (n, kinds)
        By the gate as it answers, and by the picture alone.
    """
    from sklearn.base import clone

    classes = np.unique(labels)
    whole, picture = np.zeros((2, len(labels), len(classes)))
    for train, left in _folds(labels, groups, seed):
        part = clone(gate).fit_seen(
            [seen[i] for i in train], labels[train], groups[train], least=_LEAST_LEFT
        )
        places = np.searchsorted(classes, part.classes_)
        for place in left:
            page = seen[place]
            lines = page.lines if gate.titles else None
            whole[place, places] = part.weigh(page.features, lines)[0]
            picture[place, places] = part.weigh(page.features, None)[0]
    return whole, picture


def _folds(
    labels: np.ndarray, groups: np.ndarray, seed: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    from sklearn.model_selection import StratifiedGroupKFold

    folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed)
    yield from folds.split(labels, labels, groups)
