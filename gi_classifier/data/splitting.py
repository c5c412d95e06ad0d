"""Divide records into train, val and test so that near-duplicates never cross.

In: :class:`~gi_classifier.data.records.Records`. Out: three of them, the same for the same seed.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from gi_classifier.data.fingerprints import SPLIT_NAMES, fingerprint
from gi_classifier.data.near_duplicates import near_duplicate_groups
from gi_classifier.data.records import Records
from gi_classifier.errors import RecordsError


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
