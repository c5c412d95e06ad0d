from __future__ import annotations

import numpy as np
import pytest

from gi_classifier.data.in_memory import checked_pairs, records_of, train_and_validation
from gi_classifier.errors import InputError, RecordsError


def test_texts_and_labels_must_be_as_many_and_some() -> None:
    texts, labels = checked_pairs(["胃溃疡", "结肠息肉"], ["a", "b"], "the training records")
    assert (texts, labels.tolist()) == (["胃溃疡", "结肠息肉"], ["a", "b"])
    with pytest.raises(RecordsError, match="the training records: 1 texts but 2 labels"):
        checked_pairs(["胃溃疡"], ["a", "b"], "the training records")
    with pytest.raises(RecordsError, match="no record in the training records"):
        checked_pairs([], [], "the training records")
    with pytest.raises(InputError, match="position 1"):
        checked_pairs(["胃溃疡", 7], ["a", "b"], "the training records")


def test_given_validation_records_are_numbered_by_the_same_classes_and_kept_apart() -> None:
    classes = np.array(["a", "b"])
    records = records_of(["胃溃疡出血", "结肠息肉"], np.array(["b", "a"]), classes, "these")
    assert (records.labels, records.lines, records.unit) == ((1, 0), (0, 1), "position")
    train, val = train_and_validation(records, (["直肠癌术后复查"], ["b"]), classes, seed=0)
    assert (train.texts, val.labels) == (records.texts, (1,))
    with pytest.raises(RecordsError):
        train_and_validation(records, (["结肠息肉"], ["a"]), classes, seed=0)
