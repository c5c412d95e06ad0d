"""Diagnoses among normal findings."""

import numpy as np
import pytest
from dilution import (
    AROUND,
    NORMAL,
    PLACES,
    among_normal,
    by_kind,
    changed,
    diagnoses,
    flipped,
    silenced,
)

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


def test_an_answer_changes_where_it_is_no_longer_the_label() -> None:
    alone = np.array([[0, 1, 0], [1, 0, 0], [0, 0, 1]])
    among = np.array([[[0, 1, 0], [0, 0, 1]], [[1, 0, 0], [0, 1, 0]], [[1, 0, 0], [1, 0, 0]]])
    assert changed(alone, among, np.array([1, 0, 0])) == 0.5


@pytest.mark.parametrize("kind", AROUND)
def test_surroundings_name_no_tract_and_are_broken_at_a_mark(kind: str) -> None:
    for text in AROUND[kind]:
        assert not any(c in text for c in "胃肠肛")
        places = [one.index("胃窦溃疡") for one in among_normal("胃窦溃疡", [text])]
        assert len(places) == len(PLACES)
        assert places[0] == len(text)
        assert places[1] == 0
        assert 0 < places[2] < len(text)


class Keyword:
    """Answers 1 where a text starts with 胃, else 0."""

    def decision_function(self, texts: list[str]) -> np.ndarray:
        return np.array([[0.5, float(text.startswith("胃")), 0.0] for text in texts])


def test_shares_are_those_of_each_kind_and_place() -> None:
    found = by_kind(Keyword(), [("胃溃疡", 1), ("胃炎", 1)])  # type: ignore[arg-type]
    assert found == {kind: [1.0, 0.0, 1.0] for kind in AROUND}
    assert set(by_kind(Keyword(), [("肺炎", 0)])["header"]) == {0.0}  # type: ignore[arg-type]


def test_silenced_is_the_share_of_all_places_that_becomes_neither() -> None:
    # Only where it stands first, a third of the places, the diagnosis is still found.
    assert silenced(Keyword(), [("胃溃疡", 1), ("肠炎", 2)]) == pytest.approx(2 / 3)  # type: ignore[arg-type]
