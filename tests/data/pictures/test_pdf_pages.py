"""The text that a PDF holds is taken where it is text, and recognised where it is garbage."""

from __future__ import annotations

import io

import numpy as np
import pypdfium2
import pytest
from made_pictures import LINES, cjk_font, pdf_with_text

from gi_classifier import InputError, read_image
from gi_classifier.data.pictures.page_reading import read_pages
from gi_classifier.data.pictures.pdf_pages import usable_layer
from gi_classifier.data.pictures.picture_files import pictures_of

TEXT = "\n".join(LINES)


@pytest.mark.slow
def test_a_page_with_text_of_its_own_is_not_recognised() -> None:
    page = read_image(pdf_with_text(TEXT))
    assert not page.recognised
    assert page.text == TEXT
    assert page.confidence == 1
    (_, top), _, (right, bottom), _ = page.characters[0].box
    assert 0 < top < bottom < page.height
    assert 0 < right < page.width / 2
    assert page.characters[len(LINES[0])] is None


def test_a_character_beyond_the_first_plane_is_read_in_its_place() -> None:
    text = "患者\U0002b51f某，男，六十岁，胃窦溃疡，十二指肠球部未见异常。"
    page = read_image(pdf_with_text(text))
    assert page.text == text
    rare, next_one = page.characters[2:4]
    assert rare is not None
    assert next_one is not None
    assert rare.box[1][0] <= next_one.box[0][0] + 1


@pytest.mark.parametrize("lone", [b"d86d", b"dd1f"])
def test_half_of_a_character_is_nothing_and_loses_none_behind_it(lone: bytes) -> None:
    text = "患者\U0002b51f某，男，六十岁，胃窦溃疡，十二指肠球部未见异常。"
    content = pdf_with_text(text, packed=False)
    assert b"<d86ddd1f>" in content
    page = read_image(content.replace(b"<d86ddd1f>", b"<" + lone + b"    >"))
    assert "".join(page.text.split()) == text.replace("\U0002b51f", "")
    assert len(page.characters) == len(page.text)


def test_a_line_of_the_layer_that_wraps_does_not_tear_a_word() -> None:
    first = "患者因反复上腹部不适三月来诊，查体腹软，无压痛，移动性浊音阴性，行内镜见直"
    page = read_image(pdf_with_text(f"{first}\n肠未受侵，胃窦可见溃疡。\n\n医师"))
    assert page.text == f"{first}肠未受侵，胃窦可见溃疡。\n医师"
    assert len(page.characters) == len(page.text)


def test_cells_of_the_layer_stay_apart_and_rows_of_cells_do_not_wrap() -> None:
    rows = ("姓名某某某\t科室消化内科", "年龄六十岁\t床号某病区床", "诊断为胃窦溃疡待查")
    page = read_image(pdf_with_text("\n".join(rows)))
    assert page.text == "\n".join(rows).replace("\t", "  ")


@pytest.mark.parametrize(
    "lines",
    [
        ["慢性萎缩性胃炎伴糜烂", "十二指肠球部溃疡一期", "反流性食管炎两级以上"],
        ["1.慢性萎缩性胃炎伴糜烂，待查，建议服药后复查内镜及幽门螺杆菌", "2.十二指肠溃疡"],
        ["年龄：六十岁某某某某某某", "科室：消化内科某某某某某", "诊断：胃窦溃疡某某某某某"],
        [
            "胃窦黏膜充血水肿，见散在糜烂，未见溃疡及新生物，幽门圆，开闭好，余未见异常。",
            "镜下诊断胃炎",
        ],
    ],
)
def test_lines_that_end_of_themselves_are_not_joined(lines: list[str]) -> None:
    assert read_image(pdf_with_text("\n".join(lines))).text == "\n".join(lines)


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_no_line_of_a_page_on_its_side_is_joined(turns: int) -> None:
    lines = [
        "患者因反复上腹部不适三月来诊，查体腹软，无压痛，移动性浊音阴性，行内镜见直",
        "肠未受侵",
    ]
    document, turned = pypdfium2.PdfDocument(pdf_with_text("\n".join(lines))), io.BytesIO()
    document[0].set_rotation(90 * turns)
    document.save(turned)
    assert sorted(read_image(turned.getvalue()).text.split("\n")) == sorted(lines)


def test_cells_of_a_page_that_was_drawn_on_its_side_stay_apart() -> None:
    from matplotlib import rc_context
    from matplotlib.figure import Figure
    from matplotlib.font_manager import FontProperties

    figure, font = Figure(figsize=(4, 6)), FontProperties(fname=str(cjk_font()))
    rows = [("姓名某某某", "科室消化内科"), ("年龄六十岁", "诊断胃窦溃疡待查")]
    for number, row in enumerate(rows):
        for place, cell in enumerate(row):
            at = (0.1 + 0.1 * number, 0.1 + 0.45 * place)
            figure.text(*at, cell, rotation=90, va="bottom", fontproperties=font)
    drawn, turned = io.BytesIO(), io.BytesIO()
    with rc_context({"pdf.fonttype": 42}):
        figure.savefig(drawn, format="pdf")
    document = pypdfium2.PdfDocument(drawn.getvalue())
    document[0].set_rotation(90)
    document.save(turned)
    assert read_image(turned.getvalue()).text == "\n".join("  ".join(row) for row in rows)


@pytest.mark.slow
def test_a_page_of_several_must_be_named() -> None:
    content = pdf_with_text(TEXT, TEXT.replace("胃", "肠"))
    with pytest.raises(InputError, match="has 2 pages"):
        read_image(content)
    assert "肠窦" in read_image(content, page=2).text
    with pytest.raises(InputError, match="no page 3"):
        read_image(content, page=3)
    assert [page.number for page in read_pages(content)] == [1, 2]


def test_characters_of_a_cropped_page_stand_where_they_are_shown() -> None:
    content, cropped = pdf_with_text(TEXT), io.BytesIO()
    document = pypdfium2.PdfDocument(content)
    width, height = document[0].get_size()
    document[0].set_cropbox(20, 10, width, height - 8)
    document.save(cropped)
    (whole,), (part,) = pictures_of(content), pictures_of(cropped.getvalue())
    assert part.pixels.shape < whole.pixels.shape
    assert whole.layer
    assert part.layer
    boxes, moved = (
        np.array([c.box for line in each.layer for c in line.characters]) for each in (whole, part)
    )
    np.testing.assert_allclose(moved, boxes - np.array([20, 8]) * 150 / 72, atol=0.01)


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_characters_of_a_turned_page_stand_where_they_are_shown(turns: int) -> None:
    content, turned = pdf_with_text(TEXT), io.BytesIO()
    document, cropped = pypdfium2.PdfDocument(content), io.BytesIO()
    width, height = document[0].get_size()
    document[0].set_cropbox(20, 10, width, height - 8)
    document.save(cropped)
    document[0].set_rotation(90 * turns)
    document.save(turned)
    (upright,), (page,) = pictures_of(cropped.getvalue()), pictures_of(turned.getvalue())
    # The picture is the upright one, turned to the right: so must its boxes be.
    back = np.rot90(page.pixels, turns)
    assert np.abs(back.astype(int) - upright.pixels).mean() < 3
    assert upright.layer
    assert page.layer
    there = {line.text: line for line in page.layer}
    assert set(there) == set(LINES)
    for line in upright.layer:
        for expected, found in zip(line.characters, there[line.text].characters, strict=True):
            corners, width = np.array(found.box), page.pixels.shape[1]
            for _ in range(turns):
                # A quarter turn to the left of what is so wide.
                corners = np.stack([corners[:, 1], width - corners[:, 0]], axis=1)
                width = sum(page.pixels.shape[:2]) - width
            np.testing.assert_allclose(
                [corners.min(axis=0), corners.max(axis=0)],
                [np.min(expected.box, axis=0), np.max(expected.box, axis=0)],
                atol=1.5,
            )


@pytest.mark.parametrize(
    ("text", "usable"),
    [
        (TEXT, True),
        (TEXT + "Hp(-) 0.5cm×0.6cm，EMR切除" * 3, True),
        ("\ue0f3\ue0a1\ue0c5" * 20, False),
        (TEXT + "\ufffd" * 10, False),
        ("Îļʇձ½ç¾µ¼ì²é±¨¸æ" * 5, False),
        ("CamScanner Scanned with", False),
        ("第1页", False),
        ("", False),
    ],
)
def test_a_layer_is_usable_where_it_is_chinese(text: str, usable: bool) -> None:
    assert usable_layer(text) is usable


@pytest.mark.slow
def test_a_layer_of_garbage_is_left_out_with_a_note() -> None:
    (picture,) = pictures_of(pdf_with_text("Scanned by a machine that knows no Chinese"))
    assert picture.layer is None
    assert picture.notes == ("its own text is not usable: recognised",)
