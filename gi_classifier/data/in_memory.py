"""Texts and labels that somebody passed in, as records to train on and to stop the training by.

In: sequences of texts and of labels of any kind. Out: checked :class:`Records` whose "lines" are
0-based positions, and their split.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gi_classifier.classes import class_numbers, label_array
from gi_classifier.data.records import Records, drop_duplicates
from gi_classifier.data.splitting import check_apart, hold_out
from gi_classifier.errors import RecordsError
from gi_classifier.text_checks import check_texts


def checked_pairs(texts: Any, labels: Any, source: str) -> tuple[list[str], np.ndarray]:
    """Texts and as many labels, both checked."""
    array = label_array(labels, source)
    checked = check_texts(texts)
    if not checked:
        raise RecordsError(f"There is no record in {source}.")
    if len(array) != len(checked):
        raise RecordsError(f"{source}: {len(checked)} texts but {len(array)} labels")
    return checked, array


def records_of(
    texts: Sequence[str], labels: np.ndarray, classes: np.ndarray, source: str
) -> Records:
    """Records in memory, whose "lines" are 0-based positions."""
    numbers = class_numbers(labels, classes, source).tolist()
    return Records(tuple(texts), tuple(numbers), tuple(range(len(texts))), source, "", "position")


def train_and_validation(
    records: Records, validation: tuple[Any, Any] | None, classes: np.ndarray, seed: int
) -> tuple[Records, Records]:
    """What is trained on and what stops the training, apart.

    Parameters
    ----------
    records : Records
    validation : (texts, labels), optional
        Without, about a tenth of the records is held out.
    classes : ndarray, shape (classes,)
        The sorted labels.
    seed : int
        Of what is held out.
    """
    if validation is None:
        return hold_out(drop_duplicates(records), seed)
    source = "the validation records"
    train = drop_duplicates(records)
    given = records_of(*checked_pairs(*validation, source), classes, source)
    val = drop_duplicates(given)
    check_apart({"train": train, "val": val})
    return train, val
