"""Diagnoses among normal findings."""

import numpy as np
from dilution import NORMAL, among_normal, diagnoses, flipped

from gi_classifier.data.records import Records


def test_a_diagnosis_stands_whole_before_behind_and_inside_each_normal_text() -> None:
    found = list(among_normal("胃窦溃疡"))
    assert len(found) == len(set(found)) == 3 * len(NORMAL)
    assert all(text.count("胃窦溃疡") == 1 for text in found)
    assert [text.index("胃窦溃疡") == 0 for text in found].count(True) == len(NORMAL)
    assert not any("胃" in text or "肠" in text for text in NORMAL)


def test_diagnoses_are_short_and_of_a_tract() -> None:
    records = Records(("胃溃疡", "咳嗽", "肠息肉", "胃" * 60), (1, 0, 2, 1), (1, 2, 3, 4))
    assert sorted(diagnoses(records, 9, 0)) == [("肠息肉", 2), ("胃溃疡", 1)]
    assert len(diagnoses(records, 1, 0)) == 1


def test_only_diagnoses_that_are_right_alone_can_be_silenced() -> None:
    alone = np.array([[0, 1, 0], [0, 1, 0], [0, 0, 1]])
    among = np.array([[[0, 1, 0], [1, 0, 0]], [[1, 0, 0], [1, 0, 0]], [[0, 1, 0], [0, 0, 1]]])
    assert flipped(alone, among, np.array([1, 2, 2])) == 0.25
