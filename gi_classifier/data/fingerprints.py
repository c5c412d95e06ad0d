"""Tells which records a model knows, without showing them.

In: texts. Out: fingerprints, and whether a model was trained on a text.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from gi_classifier.data.records import Records
from gi_classifier.text import folded

SPLIT_NAMES = ("train", "val", "test")
# In a model directory's splits: what the model that training began with had seen.
BASE = "base"


def fingerprint(text: str) -> str:
    """Return 16 hexadecimal digits that tell equal texts, once normalised, without showing them."""
    return hashlib.sha256(folded(text).encode()).hexdigest()[:16]


def fingerprints(splits: Mapping[str, Records]) -> dict[str, list[str]]:
    """The sorted fingerprints of each split's records."""
    return {name: sorted(map(fingerprint, part.texts)) for name, part in splits.items()}


def earlier_splits(stored: Mapping[str, Iterable[str]]) -> dict[str, str]:
    """Turn :func:`fingerprints` round: from each fingerprint to its split."""
    return {mark: name for name, marks in stored.items() if name in SPLIT_NAMES for mark in marks}


def known_marks(stored: Mapping[str, Iterable[str]]) -> set[str]:
    """Fingerprints of what a model was trained on, or what chose its weights, its base's included.

    Parameters
    ----------
    stored : mapping
        A model directory's :attr:`~gi_classifier.model.directory.ModelDirectory.splits`.
    """
    return {mark for name, marks in stored.items() if name != "test" for mark in marks}


def was_trained_on(stored: Mapping[str, Iterable[str]], texts: Sequence[str]) -> np.ndarray:
    """Which texts a model was trained on, or was chosen by.

    Returns
    -------
    ndarray of bool, shape (texts,)
        True for all where the model does not say: none can be taken for unseen.
    """
    known = known_marks(stored)
    if not known:
        return np.ones(len(texts), dtype=bool)
    return np.array([fingerprint(text) in known for text in texts], dtype=bool)
