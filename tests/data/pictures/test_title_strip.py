"""The lines at the head of a page, likeliest title first."""

from __future__ import annotations

import numpy as np
import pytest
from made_pictures import file_of, pdf_with_text, printed
from PIL import Image

from gi_classifier.data.pictures import title_strip
from gi_classifier.data.pictures.page import Picture
from gi_classifier.data.pictures.picture_files import pictures_of
from gi_classifier.data.pictures.title_strip import likeliest, title_lines


def _picture(image: Image.Image) -> Picture:
    return next(pictures_of(file_of(image)))


def _form() -> Image.Image:
    lines = (
        "东湖市第一人民医院",
        "电子胃镜检查报告单",
        *("窦部黏膜充血水肿见溃疡及散在糜烂" * 2,) * 12,
    )
    return printed(lines, size=24, width=900)


@pytest.mark.slow
@pytest.mark.parametrize("turn", [90, 180])
def test_the_title_is_read_whichever_way_the_page_lies(turn: int) -> None:
    found = list(title_lines(_picture(_form().rotate(turn, expand=True))))
    assert "电子胃镜检查报告单" in found[:3]


def test_a_sheet_without_print_has_no_line() -> None:
    assert list(title_lines(_picture(Image.new("RGB", (600, 800), "white")))) == []


def test_the_own_text_of_a_pdf_is_taken_without_recognising(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(title_strip, "recogniser", lambda: pytest.fail("recognised"))
    text = "电子胃镜检查报告单\n患者于今日行胃镜检查，过程顺利\n胃窦黏膜充血\n未见溃疡及出血"
    found = list(title_lines(next(pictures_of(pdf_with_text(text)))))
    assert found[0] == "电子胃镜检查报告单"


def test_high_lines_far_up_come_first_and_single_words_last() -> None:
    def box(left: float, top: float, wide: float, high: float) -> list[list[float]]:
        right, bottom = left + wide, top + high
        return [[left, top], [right, top], [right, bottom], [left, bottom]]

    text, title, word, name = (
        box(0, 300, 900, 20),
        box(200, 40, 400, 40),
        box(0, 0, 50, 60),
        box(0, 200, 200, 20),
    )
    assert likeliest(np.array([text, title, word, name])).tolist() == [1, 3, 0, 2]
    assert likeliest(np.zeros((0, 4, 2))).tolist() == []
