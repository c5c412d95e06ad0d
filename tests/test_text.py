from __future__ import annotations

import importlib
import random
import sys
import time
import unicodedata
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from gi_classifier.errors import ModelError
from gi_classifier.text import (
    MAX_WORD,
    RADICALS,
    SPECIAL,
    SURROGATE,
    Encoded,
    Vocabulary,
    batches_by_length,
    composed,
    normalise,
    pad,
)

# Characters of Unicode 3.2: newer ones are read by each library's own tables. A final capital
# sigma (and its mathematical forms, which NFKC makes one) is the documented exception.
OLD = [
    c
    for c in map(chr, range(0x110000))
    if unicodedata.ucd_3_2_0.category(c) not in ("Cn", "Cs")
    and "Σ" not in unicodedata.normalize("NFKC", c)
]
CLOSE = list("abcdqxz019ERCPcméÉωδψσαΑβßİıſ ①Ⅳ㎝℃ﬁ½²μÅ食管胃甲乙㐀，。.,-+[]#％…")
ODD = [*"\x00\x0b\x1c\x85\u2028\u3000\t\n\r\ufffd\ue000\ue001\u200b\u200e\ufeff\xad\u0301\u0308"]
ODD += [
    "\ud83d",
    "\ude00",
    "😀",
    "👩🏽‍⚕️",
    "\U0002a6e0",
    "\U0002ceb0",
    "가",
    "\u1100",
    "\u1161",
    "ﾊ",
    "ﾞ",
]
WIDE = st.lists(
    st.sampled_from(CLOSE) | st.sampled_from(ODD) | st.sampled_from(OLD), max_size=30
).map("".join)
TOKENS = [*SPECIAL, *[chr(i) for i in range(33, 127) if not chr(i).isupper()]]
TOKENS += [f"##{c}" for c in "abcdefghijklmnopqrstuvwy0123456789"]
# Words whose letters stand nowhere alone, a letter known only inside words, and one only outside.
TOKENS += ["ercp", "cm", "##cm", "ωδ", "##ψ", "σ", "α", "##α", "食", "管", "胃", "。"]
VOCABULARY = Vocabulary(TOKENS)


@cache
def reference() -> Any:
    importlib.import_module("gi_classifier.training.keras_backend")
    return importlib.import_module("bert4keras.tokenizers").Tokenizer(
        dict(VOCABULARY.ids), do_lower_case=True
    )


def encode(text: str) -> Encoded:
    return VOCABULARY.encode([text])[0]


def fold(text: str) -> str:
    text = unicodedata.normalize("NFD", normalise(text).lower())
    return "".join(c for c in text if unicodedata.category(c) != "Mn")


@pytest.mark.slow
@given(WIDE)
@settings(max_examples=500, deadline=None)
@example("a甲b")
@example("aωb")
@example("\u1100\u200b\u1161e\ud800\u0301")
def test_encoding_is_that_of_bert4keras_on_the_normalised_text(text: str) -> None:
    assert encode(text).ids.tolist() == reference().encode(normalise(text))[0][1:-1]


@pytest.mark.slow
def test_every_old_character_inside_a_word_is_encoded_as_by_bert4keras() -> None:
    texts = [f"a{c}b" for c in OLD]
    theirs = (reference().encode(normalise(text))[0][1:-1] for text in texts)
    pairs = zip(OLD, VOCABULARY.encode(texts), theirs, strict=True)
    assert [hex(ord(c)) for c, ours, want in pairs if ours.ids.tolist() != want] == []


@given(WIDE)
@settings(max_examples=300, deadline=None)
@example("\u1100\xad\u1161")
@example("c\u200b\u0301")
def test_normalising_twice_is_normalising_once(text: str) -> None:
    once = normalise(text)
    assert normalise(once) == once
    assert not any(unicodedata.category(c) in ("Cc", "Cf", "Cs") for c in once)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("\ufeff　胃\t\n窦 ", "胃 窦"),
        ("ＥＲＣＰ＋１㎝", "ERCP+1cm"),
        ("胃\x00\u200b窦\ud800\ufffd", "胃窦"),
        ("a\x1cb\x85c\u2028d", "a b c d"),
        (" \n", ""),
    ],
)
def test_normalise_gives_the_one_form(text: str, wanted: str) -> None:
    assert normalise(text) == wanted


MARKS = "\u0301\u0323\u0345\u0f73\u0f75\uff9e\uff9f\u3099\u0302\u20dd\u1161\u11a8"


@given(
    st.lists(st.sampled_from([*MARKS, "a", "胃", "ｶ", "\u1100", "℃"]), max_size=200).map("".join)
)
@settings(max_examples=300, deadline=None)
def test_many_marks_are_composed_as_by_unicodedata(text: str) -> None:
    for form in ("NFC", "NFKC"):
        assert composed(text, form) == unicodedata.normalize(form, text)


def test_every_mark_that_hides_in_a_character_is_counted() -> None:
    hidden = [
        c
        for c in map(chr, range(0x110000))
        if not unicodedata.combining(c)
        and unicodedata.combining(unicodedata.normalize("NFKD", c)[0])
    ]
    assert all(
        len(composed(c * 100)) == len(unicodedata.normalize("NFKC", c * 100)) for c in hidden
    )
    began = time.perf_counter()
    for c in hidden:
        composed(c * 20_000)
    assert time.perf_counter() - began < 3


def test_radicals_are_read_as_their_ideographs() -> None:
    assert normalise("\u2ed4\u2edd\u2ea0⾨⾷") == "门食民門食"
    rows = {chr(radical): chr(ideograph) for radical, ideograph in RADICALS.items()}
    assert len(rows) == 112
    assert all("\u2e80" <= radical <= "\u2eff" for radical in rows)
    assert all(normalise(ideograph) == ideograph for ideograph in rows.values())
    vocabulary = Vocabulary([*SPECIAL, "门", "食"])
    found = vocabulary.encode(["肝\u2ed4\u2edd"])[0]
    assert [vocabulary.tokens[i] for i in found.ids] == ["[UNK]", "门", "食"]
    assert found.offsets.tolist() == [[0, 1], [1, 2], [2, 3]]


def repeated(unit: str, length: int) -> str:
    return (unit * (length // len(unit) + 1))[:length]


@pytest.mark.slow
@pytest.mark.parametrize(
    "unit",
    [
        "胃",
        "a1",
        "a\u0301\u0323",
        "\u0301\u0323",
        "ｶﾞ\u0301",
        "\u0f73",
        "\u200b\u0301",
        "Ａ",
        " \t",
        "\u2ed4",
    ],
)
def test_reading_takes_time_in_proportion_to_the_length(unit: str) -> None:
    def seconds(length: int) -> float:
        text = repeated(unit, length)
        spent = []
        for _ in range(3):
            began = time.process_time()
            normalise(text)
            VOCABULARY.encode([text])
            spent.append(time.process_time() - began)
        return min(spent)

    # Quadratic time would be 64 times as long.
    assert seconds(64_000) < 24 * max(seconds(8_000), 0.002)


@given(WIDE)
@settings(max_examples=300, deadline=None)
@example("℃\u0301")
@example("℃\x00\u0301")
@example("胃℃\u0301\u0308窦")
@example("，ﬃ\u0308ｍ")
@example("c\u20dd\u0301")
def test_offsets_slice_the_original(text: str) -> None:
    found = encode(text)
    assert found.ids.dtype == found.offsets.dtype == np.int32
    assert found.offsets.shape == (len(found.ids), 2)
    ends = found.offsets[:, 1].tolist()
    assert ends == sorted(ends)
    assert found.offsets[:, 0].tolist() == sorted(found.offsets[:, 0].tolist())
    for token, (start, end) in zip(found.ids, found.offsets, strict=True):
        assert 0 <= start < end <= len(text)
        if VOCABULARY.tokens[token] != "[UNK]":
            assert VOCABULARY.tokens[token].removeprefix("##") in fold(text[start:end])


@pytest.mark.parametrize(
    ("text", "slices"),
    [
        ("ﾀﾞ胃", ["ﾀﾞ", "胃"]),
        ("e\u0301\u0308胃", ["e\u0301\u0308", "胃"]),
        ("℃\u0301胃", ["℃\u0301", "℃\u0301", "胃"]),
        ("胃 \u0301管", ["胃", "管"]),
        ("\u0301胃", ["胃"]),
    ],
)
def test_a_combining_mark_belongs_to_the_token_of_its_character(
    text: str, slices: list[str]
) -> None:
    assert [text[a:b] for a, b in encode(text).offsets] == slices


@given(WIDE)
@settings(max_examples=300, deadline=None)
@example("，ﬃ\u0308ｍ")
def test_no_slice_begins_with_a_mark_or_ends_before_one(text: str) -> None:
    for start, end in encode(text).offsets:
        assert start == 0 or not unicodedata.combining(text[start])
        assert not unicodedata.combining(text[end : end + 1] or " ")


def test_offsets_skip_what_is_removed_and_widen_what_expands() -> None:
    found = encode(" \x00胃\ud800\u200b１㎝，é")
    assert [VOCABULARY.tokens[i] for i in found.ids] == ["胃", "1", "##cm", ",", "e"]
    assert found.offsets.tolist() == [[2, 3], [5, 6], [6, 7], [7, 8], [8, 9]]


def test_a_final_capital_sigma_is_read_as_sigma() -> None:
    assert [VOCABULARY.tokens[i] for i in encode("ΑΣ").ids] == ["α", "[UNK]"]
    assert [VOCABULARY.tokens[i] for i in encode("Σ").ids] == ["σ"]


def test_a_long_word_is_read_in_pieces() -> None:
    assert encode("a" * 100).ids.tolist() == reference().encode("a" * 100)[0][1:-1]
    ids = encode("a" * (2 * MAX_WORD + 1)).ids
    starts = np.flatnonzero(ids == VOCABULARY.ids["a"]).tolist()
    assert starts == [0, MAX_WORD, 2 * MAX_WORD]
    assert len(ids) == 2 * MAX_WORD + 1


@pytest.mark.parametrize(
    ("text", "tokens"),
    [(" " * 1_000_000, 0), ("\ud800" * 1_000_000, 0), ("胃窦ab，" * 50_000, 250_000)],
    ids=["a million spaces", "a million surrogates", "a megabyte"],
)
def test_a_huge_text_is_encoded(text: str, tokens: int) -> None:
    assert len(encode(text).ids) == tokens
    normalise(text)


def test_no_texts_and_empty_texts_are_encoded() -> None:
    assert VOCABULARY.encode([]) == []
    assert encode("").ids.shape == (0,)
    assert encode("").offsets.shape == (0, 2)
    assert VOCABULARY.with_special(encode("").ids).tolist() == [2, 3]


@pytest.mark.parametrize(
    "tokens",
    [SPECIAL[:4], [*SPECIAL[1:], "[PAD]"], [*SPECIAL, "a", "a"], []],
    ids=["no mask", "pad last", "twice", "empty"],
)
def test_a_vocabulary_without_its_special_tokens_is_refused(tokens: list[str]) -> None:
    with pytest.raises(ModelError, match=r"starts with \[PAD\]"):
        Vocabulary(tokens)


def test_a_vocabulary_survives_its_file(tmp_path: Path) -> None:
    path = tmp_path / "vocab.txt"
    path.write_text(VOCABULARY.to_text(), encoding="utf-8", newline="\r\n")
    assert Vocabulary.from_file(path).tokens == VOCABULARY.tokens
    path.write_bytes("肠胃镜".encode("gb18030"))
    with pytest.raises(ModelError, match="not UTF-8"):
        Vocabulary.from_file(path)


@pytest.mark.parametrize(
    "text",
    ["胃⻝管ＥＲＣＰ：①", "é́\u200bÀ㎝  胃\x00镜", "甲" + "ercp" * 60, "", "囧，。", "cm\ufffd9cm"],
)
def test_tokenizer_json_encodes_the_same_with_special_tokens(text: str) -> None:
    tokenizer = Tokenizer.from_str(VOCABULARY.to_tokenizer_json())
    wanted = VOCABULARY.with_special(VOCABULARY.encode([text])[0].ids)
    assert tokenizer.encode(text).ids == wanted.tolist()


def test_an_unknown_character_takes_its_whole_word_along_in_tokenizer_json_alone() -> None:
    tokenizer = Tokenizer.from_str(VOCABULARY.to_tokenizer_json())
    assert tokenizer.encode("胃aжb").tokens == ["[CLS]", "胃", "[UNK]", "[SEP]"]
    assert len(VOCABULARY.encode(["胃aжb"])[0].ids) == 4


@given(st.lists(st.integers(0, 300), max_size=80), st.integers(1, 2000), st.integers(0, 200))
def test_batches_hold_every_index_once_within_the_limits(
    lengths: list[int], limit: int, padding: int
) -> None:
    found = list(batches_by_length(lengths, limit, padding))
    assert sorted(i for batch in found for i in batch) == list(range(len(lengths)))
    for batch in found:
        padded = len(batch) * max(lengths[i] for i in batch)
        assert len(batch) == 1 or padded <= limit
        assert padded - sum(lengths[i] for i in batch) <= padding


def test_batches_are_of_like_length() -> None:
    lengths = random.Random(1).choices([10, 100], k=100)
    found = batches_by_length(lengths, 500)
    assert sum(len({lengths[i] for i in batch}) > 1 for batch in found) <= 1


def test_padding_fills_the_end_with_zeros() -> None:
    rows = [np.array([1, 2, 3]), np.array([4])]
    assert pad(rows).tolist() == [[1, 2, 3], [4, 0, 0]]
    assert pad(rows).dtype == np.int32


def test_only_what_may_be_a_mark_is_counted_as_one() -> None:
    from gi_classifier import text as module

    marks = [chr(i) for i in range(sys.maxunicode + 1) if unicodedata.combining(chr(i))]
    assert all(module._MAYBE_MARK.search(mark) for mark in [*marks, *module._HIDDEN_MARKS])


NEAR = st.one_of(st.characters(), st.sampled_from("胃㎎ﬁ。\n\x1c\u0301\u200b\u0007⻔⻝\u3000"))


@given(st.text(NEAR, max_size=60))
def test_shortcuts_do_not_change_the_normal_form(text: str) -> None:
    clean = SURROGATE.sub("", text).replace("\ufffd", "")
    kept = [c for c in clean if c.isspace() or unicodedata.category(c) not in ("Cc", "Cf")]
    whole = unicodedata.normalize("NFKC", "".join(kept).translate(RADICALS))
    assert normalise(text) == " ".join(whole.split())
