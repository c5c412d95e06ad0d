"""What stands around a record."""

import random

import pytest
from surroundings import LEAST, MOST, PIECES, pieces, surround

NORMAL = ("神志清楚，查体合作，双肺呼吸音清。", "血常规正常。", "既往体健，否认药物过敏史。" * 3)


@pytest.mark.parametrize("text", ["胃窦溃疡", "内痔。给予坐浴。复查。", "a"])
def test_a_record_stays_whole_sentence_by_sentence_and_in_order(text: str) -> None:
    for seed in range(300):
        source = random.Random(seed)
        found = surround(text, lambda source=source: source.choice(NORMAL), source)
        places = [found.find(part) for part in text.rstrip("。").split("。")]
        assert -1 not in places
        assert places == sorted(places)
        assert len(found) > len(text)


def test_it_stands_at_every_place() -> None:
    found = {
        surround("胃窦溃疡", lambda: NORMAL[0], random.Random(seed)).partition("胃窦溃疡")[::2]
        for seed in range(300)
    }
    assert any(not before for before, _ in found)
    assert any(not behind for _, behind in found)
    assert any(before.endswith("。") and behind for before, behind in found)
    assert any(before.endswith("，") and behind for before, behind in found)


def test_pieces_are_one_to_three_of_bounded_length() -> None:
    for seed in range(300):
        source = random.Random(seed)
        found = pieces(lambda source=source: source.choice(NORMAL) * source.randint(1, 9), source)
        assert 1 <= len(found) <= PIECES
        assert sum(map(len, found)) <= MOST
        assert sum(map(len, found)) >= LEAST or len(found) == PIECES


def test_without_a_record_the_pieces_come_alone() -> None:
    assert surround("", lambda: NORMAL[2], random.Random(0)).startswith("既往体健")


def test_what_stands_before_a_record_is_one_of_the_leads() -> None:
    for seed in range(20):
        found = surround("胃窦溃疡", lambda: NORMAL[0], random.Random(seed), leads=("甲乙：",))
        assert "甲乙：胃窦溃疡" in found
