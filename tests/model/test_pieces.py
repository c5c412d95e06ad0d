"""Pieces of one or a few sentences or clauses."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from gi_classifier.model.pieces import LEAST_CLAUSE, LEAST_SENTENCE, clauses, sentences


def _cut(text: str, least: int = 4) -> list[str]:
    return [text[a:b] for a, b in sentences(text, least)]


def test_a_text_is_cut_behind_sentences_and_at_line_ends() -> None:
    assert _cut("胃窦溃疡。结肠息肉!腹痛三天\n咳嗽二天") == [
        "胃窦溃疡。",
        "结肠息肉!",
        "腹痛三天\n",
        "咳嗽二天",
    ]


def test_a_short_sentence_goes_with_its_neighbour() -> None:
    assert _cut("胃痛。胃窦溃疡。") == ["胃痛。胃窦溃疡。"]
    assert _cut("胃窦溃疡。胃痛") == ["胃窦溃疡。胃痛"]
    assert _cut("胃痛") == ["胃痛"]
    assert _cut("") == [""]


@given(st.text("胃肠。；，!\n a", max_size=60), st.integers(1, 20))
def test_pieces_are_the_whole_text_and_long_enough(text: str, least: int) -> None:
    for cut in (sentences, clauses):
        found = cut(text, least)
        assert "".join(text[a:b] for a, b in found) == text
        assert all(b == c for (_, b), (c, _) in itertools.pairwise(found))
        assert len(found) == 1 or all(b - a >= least for a, b in found)


def test_a_short_diagnosis_is_a_piece_of_its_own() -> None:
    assert _cut("双肺呼吸音清。胃溃疡。心律齐。", LEAST_SENTENCE)[1] == "胃溃疡。"


def test_clauses_end_at_commas_and_sentences_do_not() -> None:
    text = "律齐，未闻及杂音，胃窦溃疡伴出血，双下肢均无水肿。"
    assert _cut(text) == [text]
    assert [text[a:b] for a, b in clauses(text, LEAST_CLAUSE)] == [
        "律齐，未闻及杂音，",
        "胃窦溃疡伴出血，",
        "双下肢均无水肿。",
    ]


def test_no_clause_ends_inside_a_number() -> None:
    text = "上午10:30给予补液共计2,000ml,血压120:80正常"
    assert [text[a:b] for a, b in clauses(text, 1)] == [
        "上午10:30给予补液共计2,000ml,",
        "血压120:80正常",
    ]
