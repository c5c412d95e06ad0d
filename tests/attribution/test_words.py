from __future__ import annotations

import re
import time
import unicodedata

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gi_classifier.attribution.words import UNITS, cut, is_word
from gi_classifier.model_dir import VOCABULARY, shipped
from gi_classifier.text import Vocabulary, normalise

CLOSE = list("胃窦息肉食管十二指肠术后ABxyz019ＥＲＣＰ１５．％，。；！？、,.;!?%+-_×（）() \n\t　")
ODD = [
    *"℃ﬁ①Ⅳ㎝½²μÅéßİı\u0301\u0308\u200b\ufeff\x00😀가ﾊﾞ㐀\U0002a6e0\ud800",
    "Barrett",
    "1.5cm",
    "20%",
]
TEXTS = st.lists(st.sampled_from(CLOSE) | st.sampled_from(ODD) | st.characters(), max_size=40).map(
    "".join
)
# Characters that NFKC and lower-casing turn into one character each, which joins with no other.
SINGLE = [
    c
    for c in map(chr, range(0x20, 0x2FA20))
    if unicodedata.category(c) not in ("Cn", "Cs", "Cc", "Cf")
    and len(c.lower()) == len(form := unicodedata.normalize("NFKD", c)) == 1
    and not unicodedata.category(form).startswith("M")
]


@pytest.fixture(scope="module")
def vocabulary() -> Vocabulary:
    return Vocabulary.from_file(shipped() / VOCABULARY)


def words(text: str) -> list[str]:
    return [text[a:b] for a, b in cut(text)]


def fold(text: str) -> str:
    text = unicodedata.normalize("NFD", normalise(text).lower())
    return "".join(c for c in text if unicodedata.category(c) != "Mn")


@given(TEXTS, st.sampled_from(UNITS))
@settings(max_examples=300, deadline=None)
@example("", "word")
@example("。", "clause")
@example("胃\n\n", "sentence")
def test_spans_cover_every_character_once_in_order(text: str, unit: str) -> None:
    spans = cut(text, unit)
    assert "".join(text[a:b] for a, b in spans) == text
    assert all(a < b for a, b in spans)
    places = [0, *(b for _, b in spans)]
    assert [a for a, _ in spans] == places[:-1]


@given(TEXTS)
@settings(max_examples=300, deadline=None)
def test_no_word_crosses_punctuation_or_white_space(text: str) -> None:
    for word in words(text):
        if len(word) > 1 and not re.fullmatch(r"\d+([.．]\d+)*[%％]?[A-Za-zＡ-Ｚａ-ｚ]*", word):
            assert word.isalnum(), word


@given(TEXTS)
@settings(max_examples=300, deadline=None)
@example("。,")
@example(",。胃")
def test_a_clause_ends_at_its_punctuation_alone_and_lies_in_one_sentence(text: str) -> None:
    ends = {b for _, b in cut(text, "clause")}
    assert {b for _, b in cut(text, "sentence")} <= ends
    for a, b in cut(text, "clause"):
        assert not re.search(r"[，,；;。！!？?\n][^，,；;。！!？?\n]", text[a:b])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("息肉1.5cm，占20%。", ["息肉", "1.5cm", "，", "占", "20%", "。"]),
        ("大小1.5×2.0cm", ["大小", "1.5", "×", "2.0cm"]),
        ("息肉０．５ｃｍ", ["息肉", "０．５ｃｍ"]),
        ("约２０％", ["约", "２０％"]),
        ("1.5x2.0cm", ["1.5", "x", "2.0cm"]),
        ("3.息肉", ["3", ".", "息肉"]),
        ("ＥＲＣＰ术后", ["ＥＲＣＰ", "术后"]),
        ("Barrett食管", ["Barrett食管"]),
        ("胃 窦", ["胃", " ", "窦"]),
    ],
)
def test_numbers_stay_whole_and_words_are_those_of_the_field(
    text: str, expected: list[str]
) -> None:
    assert words(text) == expected


@pytest.mark.parametrize(
    "word", ["十二指肠球部", "食管胃底静脉曲张", "慢性萎缩性胃炎", "内痔", "回盲瓣", "结肠息肉"]
)
def test_words_of_the_dictionary_are_not_cut(word: str) -> None:
    assert word in words(f"患者{word}，随访。")


@pytest.mark.parametrize(
    ("unit", "expected"),
    [
        ("clause", ["息肉1.5cm，", "充血；", "2.糜烂.", "好！？", "出院"]),
        ("sentence", ["息肉1.5cm，充血；", "2.糜烂.", "好！？", "出院"]),
    ],
)
def test_a_point_ends_a_clause_unless_a_digit_stands_before_it(
    unit: str, expected: list[str]
) -> None:
    text = "息肉1.5cm，充血；2.糜烂.好！？出院"
    assert [text[a:b] for a, b in cut(text, unit)] == expected


@pytest.mark.parametrize("text", ["1" * 20_000, "1.1" * 7_000, "1a" * 10_000, "胃1" * 10_000])
def test_a_long_run_is_cut_in_linear_time(text: str) -> None:
    cut("胃")
    began = time.process_time()
    assert cut(text)[-1][1] == len(text)
    assert time.process_time() - began < 2


@pytest.mark.parametrize(
    ("text", "expected"),
    [("胃窦", True), ("ERCP", True), ("1.5cm", True), ("20%", False), ("，", False), (" ", False)],
)
def test_punctuation_and_bare_numbers_are_no_words(text: str, expected: bool) -> None:
    assert is_word(text) is expected


@given(st.lists(st.sampled_from(CLOSE) | st.sampled_from(SINGLE), max_size=40).map("".join))
@settings(max_examples=300, deadline=None)
@example("ＥＲＣＰ术后１．５ｃｍ")
def test_a_token_is_the_slice_of_the_original_where_no_character_expands(
    vocabulary: Vocabulary, text: str
) -> None:
    found = vocabulary.encode([text])[0]
    for token, (start, end) in zip(found.ids, found.offsets.tolist(), strict=True):
        name = vocabulary.tokens[token]
        assert name == "[UNK]" or fold(text[start:end]) == name.removeprefix("##")


@given(st.lists(st.sampled_from(CLOSE) | st.sampled_from(ODD), max_size=40).map("".join))
@settings(max_examples=300, deadline=None)
@example("e\u0301胃")
@example("ﬁ㎝Ⅳ½")
@example("，ﬃ\u0308ｍ")
@example("℃\x00\u0301")
def test_a_token_stands_in_the_slice_of_the_original_and_all_that_is_read_has_a_token(
    vocabulary: Vocabulary, text: str
) -> None:
    found = vocabulary.encode([text])[0]
    covered = np.zeros(len(text), dtype=bool)
    for token, (start, end) in zip(found.ids, found.offsets.tolist(), strict=True):
        covered[start:end] = True
        name = vocabulary.tokens[token]
        assert name == "[UNK]" or name.removeprefix("##") in fold(text[start:end]), text[start:end]
    missed = [c for c, held in zip(text, covered, strict=True) if not held and fold(c)]
    assert missed == []
