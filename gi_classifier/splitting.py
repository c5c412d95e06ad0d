"""Divide records into train, val and test so that near-duplicates never cross.

In: :class:`~gi_classifier.records.Records`. Out: three of them, the same for the same seed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from gi_classifier.errors import RecordsError
from gi_classifier.records import Records
from gi_classifier.text import folded

SPLIT_NAMES = ("train", "val", "test")
# In a model directory's splits: what the model that training began with had seen.
BASE = "base"
SIMILAR = 0.7
_BANDS, _ROWS = 20, 6


def fingerprint(text: str) -> str:
    """Return 16 hexadecimal digits that tell equal texts, once normalised, without showing them."""
    return hashlib.sha256(folded(text).encode()).hexdigest()[:16]


def near_duplicate_groups(texts: Sequence[str]) -> np.ndarray:
    """Group texts that are nearly the same.

    Similarity is the Jaccard index of the sets of character trigrams, digits all read as 0,
    estimated by MinHash (Broder 1997) with 120 hash functions. Candidates are neighbours in one
    of 20 bands of 6; those with an estimate of at least 0.7 are joined, transitively.

    Returns
    -------
    ndarray of int, shape (texts,)
        The number of each text's group, the same for the same texts on any machine.
    """
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    if not texts:
        return np.zeros(0, dtype=int)
    signatures = _min_hashes(texts)
    edges = []
    for band in np.split(signatures, _BANDS, axis=1):
        _, bucket = np.unique(band, axis=0, return_inverse=True)
        order = np.argsort(bucket.ravel(), kind="stable")
        same = np.diff(bucket.ravel()[order]) == 0
        edges.append(np.stack([order[:-1][same], order[1:][same]], axis=1))
    pairs = np.unique(np.concatenate(edges), axis=0)
    close = (signatures[pairs[:, 0]] == signatures[pairs[:, 1]]).mean(axis=1) >= SIMILAR
    left, right = pairs[close].T
    graph = coo_matrix((np.ones(len(left)), (left, right)), shape=(len(texts), len(texts)))
    return np.asarray(connected_components(graph, directed=False)[1])


def _min_hashes(texts: Sequence[str]) -> np.ndarray:
    """MinHash signatures of the texts' trigrams: uint64 (texts, 120)."""
    digits = {ord(d): "0" for d in "123456789"}
    shapes = [f"^{folded(text).translate(digits)}$".ljust(3) for text in texts]
    ends = np.cumsum([len(shape) for shape in shapes])
    points = np.frombuffer("".join(shapes).encode("utf-32-le"), dtype=np.uint32).astype(np.uint64)
    keys = points[:-2] << np.uint64(42) | points[1:-1] << np.uint64(21) | points[2:]
    # The two trigrams that reach over each text's end belong to no text.
    keys = np.delete(keys, np.concatenate([ends[:-1] - 2, ends[:-1] - 1]))
    starts = np.concatenate([[0], ends[:-1]]) - 2 * np.arange(len(texts))
    source = np.random.default_rng(0)
    out = np.empty((len(texts), _BANDS * _ROWS), dtype=np.uint64)
    for column, salt in enumerate(source.integers(0, 2**63, size=out.shape[1], dtype=np.uint64)):
        out[:, column] = np.minimum.reduceat(_mix(keys ^ salt), starts)
    return out


def _mix(keys: np.ndarray) -> np.ndarray:
    """The finalizer of SplitMix64 (Steele et al. 2014): uint64 to uint64, one to one."""
    keys = (keys ^ keys >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
    keys = (keys ^ keys >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
    return np.asarray(keys ^ keys >> np.uint64(31))


def split(
    records: Records, seed: int, *, earlier: Mapping[str, str] | None = None
) -> dict[str, Records]:
    """Split 8:1:1 into train, val and test, near-duplicates together, classes in proportion.

    Parameters
    ----------
    records : Records
        With labels and without duplicates.
    seed : int
    earlier : mapping, optional
        From fingerprints to split names: records that were split before stay where they were,
        and near-duplicates of them follow. New records that are too few to split all train.

    Raises
    ------
    RecordsError
        A label has fewer than 10 groups of records.
    """
    groups = near_duplicate_groups(records.texts)
    before = np.array([(earlier or {}).get(fingerprint(text), "") for text in records.texts])
    new = np.flatnonzero(before == "")
    names = np.where(before == "", "train", before).astype(object)
    fresh = records.take(map(int, new))
    # A few new records beside known ones all train; without known ones that is an error.
    if not earlier or _fewest(fresh, groups[new]) >= 10:
        folds = _folds(fresh, groups[new], 10, seed)
        names[new[folds == 0]], names[new[folds == 1]] = "test", "val"
    for name in SPLIT_NAMES:
        follows = np.isin(groups, groups[before == name]) & (before == "")
        names[follows] = name
    return {name: records.take(map(int, np.flatnonzero(names == name))) for name in SPLIT_NAMES}


def _fewest(records: Records, groups: np.ndarray) -> int:
    """The fewest groups that any label has; 0 where there are not two labels."""
    labels = np.array(records.labels)
    counts = [len(set(groups[labels == label])) for label in set(records.labels or ())]
    return min(counts) if len(counts) > 1 else 0


def hold_out(records: Records, seed: int) -> tuple[Records, Records]:
    """Hold out a tenth for validation, more where a label has fewer than 10 groups.

    Raises
    ------
    RecordsError
        A label has fewer than 2 groups of records.
    """
    groups = near_duplicate_groups(records.texts)
    folds = _folds(records, groups, max(2, min(10, _fewest(records, groups))), seed)
    return (
        records.take(map(int, np.flatnonzero(folds != 0))),
        records.take(map(int, np.flatnonzero(folds == 0))),
    )


def _folds(records: Records, groups: np.ndarray, count: int, seed: int) -> np.ndarray:
    """The fold of each record, groups whole and classes in proportion."""
    from sklearn.model_selection import StratifiedGroupKFold

    labels = np.array(records.labels)
    counts = {int(label): len(set(groups[labels == label])) for label in sorted(set(labels))}
    if _fewest(records, groups) < count:
        raise RecordsError(
            f"{records.source}: too few records to hold some out. Needs two labels or more, each "
            f"with at least {count} records that are not near-duplicates of one another. "
            f"Received (label: records): {counts}"
        )
    folds = np.empty(len(labels), dtype=int)
    splitter = StratifiedGroupKFold(n_splits=count, shuffle=True, random_state=seed)
    for number, (_, held) in enumerate(splitter.split(labels, labels, groups)):
        folds[held] = number
    return folds


def check_apart(splits: Mapping[str, Records]) -> int:
    """Raise where one text, once normalised, stands in two of the splits.

    Returns
    -------
    int
        Held-out records that are near-duplicates of training records; figures on them flatter.

    Raises
    ------
    RecordsError
        With the lines of every text that stands in two.
    """
    seen: dict[str, tuple[str, int]] = {}
    problems, owners = [], []
    for name, records in splits.items():
        owners += [name] * len(records)
        for text, line in zip(records.texts, records.lines, strict=True):
            other, other_line = seen.setdefault(fingerprint(text), (name, line))
            if other != name:
                unit = records.unit
                problems.append(f"{other} {unit} {other_line} is {name} {unit} {line}")
    if problems:
        raise RecordsError("A record must be in one split only. Drop it from the others:", problems)
    groups = near_duplicate_groups([text for part in splits.values() for text in part.texts])
    trained = np.array(owners) == "train"
    return int(np.isin(groups[~trained], groups[trained]).sum())


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
        A model directory's :attr:`~gi_classifier.model_dir.Bundle.splits`.
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
