"""N-grams of characters, and where each stands."""

import itertools

from hypothesis import given
from hypothesis import strategies as st
from odd_text import ODD, numbers_of_key

from gi_classifier.model.ngrams import aligned, cleaned, ngrams, numbers_of
from gi_classifier.text import folded


@given(st.lists(st.text("胃肠ab ", max_size=8), max_size=5))
def test_every_ngram_stands_where_it_is_said_to(texts: list[str]) -> None:
    alphabet = "胃肠ab "
    found = ngrams(texts, numbers_of(alphabet))
    said = [
        (o, texts[o][s : s + n], "".join(alphabet[i - 1] for i in numbers_of_key(k)))
        for o, k, s, n, _ in zip(*found, strict=True)
    ]
    assert all(there == read for _, there, read in said)
    expected = [
        (o, text[s : s + n])
        for o, text in enumerate(texts)
        for n in range(1, 5)
        for s in range(len(text) - n + 1)
    ]
    assert sorted((o, there) for o, there, _ in said) == sorted(expected)
    together = "".join(texts)
    assert all(
        together[first : first + n] == there
        for first, n, (_, there, _) in zip(found.firsts, found.lengths, said, strict=True)
    )


@given(ODD)
def test_each_cleaned_character_has_its_place_in_the_text(text: str) -> None:
    clean, offsets = aligned(text)
    assert clean == cleaned(text)
    assert len(clean) == len(offsets)
    assert all(0 <= a < b <= len(text) for a, b in offsets)
    assert all(a <= b for a, b in itertools.pairwise(offsets[:, 0].tolist()))


@given(ODD)
def test_a_cleaned_text_is_the_folded_one_but_for_its_line_ends(text: str) -> None:
    assert cleaned(text).replace("\n", " ") == folded(text)


def test_line_ends_stay_between_lines_that_hold_anything() -> None:
    assert cleaned("胃癌\r\n\n  \n Ｂ超\n") == "胃癌\nb超"
