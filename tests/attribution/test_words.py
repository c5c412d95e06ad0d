from __future__ import annotations

import re
import time
import unicodedata

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gi_classifier.attribution.words import STOP_WORDS, UNITS, cut, is_word
from gi_classifier.model.directory import VOCABULARY
from gi_classifier.model.shipped import shipped
from gi_classifier.text import Vocabulary, normalise

CLOSE = list("胃窦息肉食管十二指肠术后ABxyz019ＥＲＣＰ１５．％，。；！？、,.;!?%+-_×（）() \n\t　")
ODD = [
    *("1.", "（1）", "②", "1,000", "1.息肉 2.息肉"),
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
        # A comma inside a number ends nothing.
        part = re.sub(r"(?<=\d),(?=\d)", "", text[a:b])
        assert not re.search(r"[，,；;。！!？?\n][^，,；;。！!？?\n]", part)


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
    "word",
    "十二指肠球部 食管胃底静脉曲张 慢性萎缩性胃炎 内痔 回盲瓣 结肠息肉 窦性心律 窦性心律不齐 "
    "窦性心动过缓 心律齐 极高危 高危".split(),
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
def test_a_point_ends_a_clause_unless_a_digit_or_number_of_an_item_stands_before_it(
    unit: str, expected: list[str]
) -> None:
    text = "息肉1.5cm，充血；2.糜烂.好！？出院"
    assert [text[a:b] for a, b in cut(text, unit)] == expected


@pytest.mark.parametrize("unit", ["clause", "sentence"])
@pytest.mark.parametrize(
    "parts",
    [
        ["1.甲状腺癌术后 ", "2.家族性息肉病"],
        ["1. 慢性胃炎 ", "2. 结肠息肉"],
        ["１．胃炎\n", "２．息肉"],
        ["1、胃窦溃疡 ", "2、贲门炎"],
        ["诊断", "（1）慢性胃炎", "(2) 结肠息肉"],
        ["诊断：", "①胃炎", "②息肉"],
        ["入院诊断", "1.高血压", "2.2型糖尿病", "3.GERD ", "4.焦虑"],
        ["1.(1)胃炎 ", "(2)息肉"],
        ["胃炎.", "2.息肉"],
    ],
)
def test_each_item_of_a_numbered_list_is_a_clause_and_a_sentence(
    unit: str, parts: list[str]
) -> None:
    text = "".join(parts)
    assert [text[a:b] for a, b in cut(text, unit)] == parts


@pytest.mark.parametrize(
    "text",
    [
        "息肉1.5cm",
        "直径 1. 5cm",
        "距门齿 35 cm",
        "2020.1.5 复查",
        "体温38.余可",
        "截石位3、7、11点",
        "口服4周 1、3、6月",
        "取材5块（窦2、角1、体2）",
        "HER2(0)",
        "第3/22.用药",
        "输液1,000ml",
        "萎缩(1,2,2,0,1)",
    ],
)
def test_other_numbers_end_no_clause(text: str) -> None:
    assert cut(text, "clause") == [(0, len(text))]


@pytest.mark.parametrize(
    "parts",
    [
        ["HR 80.", " BP 120"],
        ["R 18.", " BP 120"],
        ["评分 2.", "\n", "胃"],
        ["1,000ml,", "2月，", "胃"],
    ],
)
def test_a_point_before_white_space_and_a_comma_behind_a_number_end_a_clause(
    parts: list[str],
) -> None:
    text = "".join(parts)
    assert [text[a:b] for a, b in cut(text, "clause")] == parts


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize(
    "text",
    [
        *("1" * 20_000, "1.1" * 7_000, "1a" * 10_000, "胃1" * 10_000),
        *("1. " * 7_000, ", " * 10_000, "，" * 20_000, "(1) " * 5_000, "1." + " " * 20_000),
    ],
)
def test_a_long_run_is_cut_in_linear_time(text: str, unit: str) -> None:
    cut("胃")
    began = time.process_time()
    assert cut(text, unit)[-1][1] == len(text)
    assert time.process_time() - began < 2


@pytest.mark.parametrize(
    "text", ["胃窦", "ERCP", "T3N1", "CA199", "Hp", "14C呼气试验", "2型糖尿病"]
)
def test_names_with_numbers_are_words(text: str) -> None:
    assert is_word(text)


@pytest.mark.parametrize(
    "text",
    [
        "120mmHg",
        "9cm",
        "1.5cm",
        "５ｍｍ",
        "5%GNS",
        "10μg",
        "30cmH2O",
        "20%",
        "2020",
        "，",
        " ",
        "T",
    ],
)
def test_punctuation_numbers_and_measures_are_no_words(text: str) -> None:
    assert not is_word(text)


def test_english_function_words_are_stop_words_but_no_abbreviations() -> None:
    assert set("in of the and with to The In".split()) <= STOP_WORDS
    assert not {"NO", "AT", "polyp"} & STOP_WORDS


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


@pytest.mark.parametrize(
    "piece",
    [
        "胃窦黏膜",
        "a",
        "1",
        "1.5cm2",
        ". ",
        "1.息肉\n",
        "（1）",
        "3、7、",
        " ",
        "a\u0301\u0323",
        "Ａ１",
    ],
)
def test_cutting_takes_time_in_proportion_to_the_length(piece: str) -> None:
    cut("胃")

    def seconds(length: int) -> float:
        text, found = (piece * length)[:length], []
        # The least of several: what else the process does only adds.
        for _ in range(3):
            began = time.process_time()
            for unit in UNITS:
                cut(text, unit)  # type: ignore[arg-type]
            is_word(text)
            found.append(time.process_time() - began)
        return min(found)

    # Quadratic time would be 64 times as long.
    assert seconds(80_000) < 24 * max(seconds(10_000), 0.005)


def test_radicals_are_cut_as_their_ideographs() -> None:
    assert words("见\u2edd管溃疡") == ["见", "\u2edd管溃疡"]
