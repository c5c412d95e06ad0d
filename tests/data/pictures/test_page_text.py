"""The text of a page, and the character of the page behind each of its own."""

from __future__ import annotations

import pytest

from gi_classifier.data.pictures.page import Character, Correction, Line
from gi_classifier.data.pictures.page_text import slips, text_of


def line(text: str, left: float, top: float, confidence: float = 0.99) -> Line:
    def box(x: float, width: float) -> tuple[tuple[float, float], ...]:
        return ((x, top), (x + width, top), (x + width, top + 20), (x, top + 20))

    characters = [
        Character(c, box(left + 20 * i, 20), confidence)  # type: ignore[arg-type]
        for i, c in enumerate(text)
        if not c.isspace()
    ]
    return Line(text, box(left, 20 * len(text)), tuple(characters))  # type: ignore[arg-type]


def test_every_character_of_the_text_has_its_own_of_the_page_or_none() -> None:
    lines = [line("胃窦 溃疡", 0, 100), line("姓名", 0, 0), line("性别", 300, 0)]
    text, characters, corrections = text_of(lines, 0.0)
    assert text == "姓名  性别\n胃窦 溃疡"
    assert "".join(" " if c is None else c.text for c in characters) == text.replace("\n", " ")
    assert [each.text for each in lines] == ["姓名", "性别", "胃窦 溃疡"]
    assert corrections == ()


def test_a_wrapped_line_is_one() -> None:
    text, _, _ = text_of([line("十二指肠球部见一处溃", 40, 0), line("疡，覆白苔", 0, 30)], 0.0)
    assert text == "十二指肠球部见一处溃疡，覆白苔"


def test_nothing_is_nothing() -> None:
    assert text_of([], 0.0) == ("", (), ())


@pytest.mark.parametrize(("confidence", "corrected"), [(0.5, True), (0.95, False)])
def test_a_slip_that_was_read_unsurely_is_corrected_visibly(
    confidence: float, corrected: bool
) -> None:
    text, characters, corrections = text_of([line("贲巾口松弛", 0, 0, confidence)], 0.0)
    assert text == ("贲门口松弛" if corrected else "贲巾口松弛")
    assert corrections == ((Correction(0, "贲巾", "贲门"),) if corrected else ())
    # What was read stands behind it.
    assert characters[1].text == "巾"


def test_slips_are_as_long_as_their_terms_and_differ() -> None:
    assert slips()
    assert all(len(slip) == len(term) and slip != term for slip, term in slips().items())


@pytest.mark.parametrize("end", ["十二指肠球部见溃疡。", "十二指肠球部有溃疡："])
def test_behind_an_end_of_a_sentence_nothing_is_joined(end: str) -> None:
    text, _, _ = text_of([line(end, 40, 0), line("覆白苔", 0, 30)], 0.0)
    assert text == f"{end}\n覆白苔"


@pytest.mark.parametrize("begin", ["诊断：溃疡", "2.溃疡", "（二）溃疡", "③溃疡"])
def test_what_begins_a_line_of_its_own_is_not_joined(begin: str) -> None:
    text, _, _ = text_of([line("十二指肠球部见溃疡一", 40, 0), line(begin, 0, 30)], 0.0)
    assert text == f"十二指肠球部见溃疡一\n{begin}"


def test_a_number_that_was_wrapped_is_joined() -> None:
    text, _, _ = text_of([line("十二指肠溃疡直径有约", 40, 0), line("1.5cm，覆苔", 0, 30)], 0.0)
    assert text == "十二指肠溃疡直径有约1.5cm，覆苔"
