"""Tells which records a model knows, without showing them.

In: texts. Out: fingerprints, whether a model was trained on a text, and the warning that says so.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence

import numpy as np

from gi_classifier.data.records import Records
from gi_classifier.files import encode
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


def splits_file(splits: Mapping[str, Sequence[str]]) -> bytes:
    """The fingerprints of each split as JSON, one behind the other: marks between are a sixth."""
    return encode(json.dumps({name: "".join(found) for name, found in splits.items()}) + "\n")


def earlier_splits(stored: Mapping[str, Iterable[str]]) -> dict[str, str]:
    """Turn :func:`fingerprints` round: from each fingerprint to its split."""
    return {one: name for name, found in stored.items() if name in SPLIT_NAMES for one in found}


def known_fingerprints(
    stored: Mapping[str, Iterable[str]], held_out: Collection[str] = ("test",)
) -> set[str]:
    """Fingerprints of what a model was trained on, or what chose its weights, its base's included.

    Parameters
    ----------
    stored : mapping
        A model directory's :attr:`~gi_classifier.model.directory.ModelDirectory.splits`.
    held_out : collection of str
        Splits that do not count. Where a threshold is chosen, those that chose the weights may
        be used again: ``("val", "test")``.
    """
    return {one for name, found in stored.items() if name not in held_out for one in found}


def says_what_it_knows(stored: Mapping[str, Iterable[str]]) -> bool:
    """Whether a model directory names the records that it was trained on."""
    return bool(known_fingerprints(stored))


def trained_on(
    stored: Mapping[str, Iterable[str]],
    texts: Sequence[str],
    held_out: Collection[str] = ("test",),
) -> np.ndarray:
    """Which texts a model was trained on, or was chosen by.

    Parameters
    ----------
    stored, held_out
        As in :func:`known_fingerprints`.
    texts : sequence of str

    Returns
    -------
    ndarray of bool, shape (texts,)
        True for all where the model does not say: none can be taken for unseen.
    """
    if not says_what_it_knows(stored):
        return np.ones(len(texts), dtype=bool)
    known = known_fingerprints(stored, held_out)
    return np.array([fingerprint(text) in known for text in texts], dtype=bool)


def trained_on_warning(
    stored: Mapping[str, Iterable[str]],
    texts: Sequence[str],
    source: object,
    held_out: Collection[str] = ("test",),
) -> str | None:
    """Say why figures on these records would flatter a model, or None where nothing speaks for it.

    Parameters
    ----------
    stored, texts, held_out
        As in :func:`trained_on`.
    source : object
        What the records are called, as the path of their file.
    """
    seen = int(trained_on(stored, texts, held_out).sum()) if says_what_it_knows(stored) else None
    return known_warning(seen, len(texts), source)


def known_warning(seen: int | None, count: int, source: object) -> str | None:
    """Word that warning where the records were counted before.

    Parameters
    ----------
    seen : int or None
        Of ``count`` records, those that the model was trained on; None where it does not say.
    """
    if seen is None:
        return "The model does not say what it was trained on: figures may flatter."
    if not seen:
        return None
    return (
        f"{seen} of {count} records of {source} were trained on, or chose the weights: "
        "figures on them flatter."
    )
