"""Heatmaps by hand-made scores: what a parser reads, what is really drawn, who can see it."""

from __future__ import annotations

import base64
import io
import json
import re
import sys
import time
import warnings
from collections.abc import Iterator
from html.parser import HTMLParser

import numpy as np
import pytest
from fontTools.ttLib import TTFont
from hypothesis import given, settings
from hypothesis import strategies as st
from samples import made

from gi_classifier.attribution.attribution import Attribution
from gi_classifier.attribution.heatmap import cells, page, to_html, to_png
from gi_classifier.attribution.page import escape
from gi_classifier.display import visible
from gi_classifier.errors import InputError, MissingExtraError, SettingsError
from gi_classifier.plots.fonts import cjk_font
from gi_classifier.plots.heatmap import INK, Cell, colour, lay_out

UNITS = ("token", "word", "clause", "sentence")
# What a page can hold: no U+0000 and no lone surrogates.
TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1)
MESSY = st.one_of(TEXTS, st.text("胃肠，。；\n\r\t <>&'\"$_a1😀\ue000", min_size=1))


class Page(HTMLParser):
    """The text in the element of class gi-record, all tags, and whether they close in order."""

    def __init__(self, content: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.record = self.text = ""
        self.held: dict[str, list[str]] = {}
        self.inside = 0
        # As browsers do first (HTML standard, preprocessing the input stream).
        self.feed(content.replace("\r\n", "\n").replace("\r", "\n"))
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.open.append(tag)
        if dict(attrs).get("class") == "gi-record":
            self.inside = len(self.open)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag
        if len(self.open) < self.inside:
            self.inside = 0

    def handle_data(self, data: str) -> None:
        self.text += data
        if self.inside:
            self.record += data
        for tag in set(self.open):
            self.held.setdefault(tag, []).append(data)

    def texts(self, tag: str) -> list[str]:
        """All that stands in elements of a tag, joined."""
        return ["".join(self.held.get(tag, []))]


@settings(deadline=None)
@given(MESSY, st.sampled_from(UNITS), st.integers(0, 99))
def test_a_parser_reads_the_very_record(text: str, unit: str, seed: int) -> None:
    places = sum(not c.isspace() for c in text)
    scores = np.random.default_rng(seed).normal(size=places).tolist()
    page = Page(to_html(made(text, scores), unit))
    assert page.record == visible(text)
    assert {tag for tag, _ in page.tags} <= {
        "style", "figure", "figcaption", "strong", "small", "div", "i", "span", "details",
        "summary",
    }  # fmt: skip


def test_what_no_page_can_hold_is_replaced() -> None:
    assert escape("胃\0\ud800<") == "胃\\x00\ufffd&lt;"


def test_a_script_shows_as_text_and_nothing_is_loaded() -> None:
    record = '<script>alert("胃")</script><img src=x onerror=alert(1)>'
    content = to_html(made(record, label_name="<b onclick='x'>"))
    page = Page(content)
    assert page.record == record
    assert "<b onclick='x'>" in page.text
    assert not {"script", "img", "b"} & {tag for tag, _ in page.tags}
    assert not re.search(r"https?:|url\(|@import|\ssrc=|\shref=", re.sub(r"<i .*</i>", "", content))


@settings(deadline=None)
@given(MESSY, st.sampled_from(UNITS), st.data())
def test_cells_cover_the_record_and_keep_the_sum(text: str, unit: str, data: st.DataObject) -> None:
    place = st.integers(0, len(text) - 1)
    starts = sorted(data.draw(st.lists(place, max_size=12)))
    ends = [data.draw(st.integers(a + 1, len(text))) for a in starts]
    offsets = np.array([*zip(starts, ends, strict=True)], dtype=int).reshape(-1, 2)
    scores = np.arange(1.0, len(starts) + 1)
    tokens = tuple(text[a:b] for a, b in offsets)
    attribution = made(text, offsets=offsets, scores=scores, tokens=tokens)
    found = cells(attribution, unit)
    assert "".join(part for part, _ in found) == text
    assert sum(score or 0 for _, score in found) == pytest.approx(scores.sum())
    assert all(part for part, _ in found)


def test_white_space_has_no_score_and_tokens_of_one_character_make_one_cell() -> None:
    offsets = np.array([(0, 1), (2, 3), (2, 3)])
    attribution = made("胃 ℃", offsets=offsets, scores=np.array([1.0, 2.0, -3.5]))
    assert cells(attribution, "token") == [Cell("胃", 1.0), Cell(" ", None), Cell("℃", -1.5)]


def test_colours_are_scaled_alike_on_both_sides_and_scores_show_on_hover() -> None:
    page = Page(to_html(made("胃肠肛食 管", [2.0, -4.0, 4.0, 0.0, -2.0]), "token"))
    found = [
        (a["class"], a["style"], a["title"]) for tag, a in page.tags if tag == "i" and "title" in a
    ]
    assert found == [
        ("f", "--s:0.50", "+2.000"),
        ("a", "--s:1.00", "-4.000"),
        ("f", "--s:1.00", "+4.000"),
        ("a", "--s:0.00", "+0.000"),
        ("a", "--s:0.50", "-2.000"),
    ]
    assert "against 反对" in page.text
    assert "for 支持" in page.text
    assert "-4.00" in page.text


def test_units_are_summed_before_the_scale_is_taken() -> None:
    attribution = made("胃癌，肠好。", [1.0, 1.0, 0.0, -3.0, -1.0, 0.0])
    page = Page(to_html(attribution, "clause"))
    titles = [a["title"] for tag, a in page.tags if tag == "i" and "title" in a]
    assert titles == ["+2.000", "-4.000"]


def test_the_title_holds_probabilities_error_and_steps() -> None:
    page = Page(to_html(made("胃", [1.0], special=-0.25)))
    for part in ("upper 上消化道", "0.987", "(mask) 0.412", "0.12%", "步数 18", "[SEP] -0.25"):
        assert part in page.text
    assert "[CLS]" not in Page(to_html(made("胃", [1.0]))).text


def test_how_it_was_computed_is_behind_a_fold_and_a_warning_is_not() -> None:
    page = Page(to_html(made("胃", [1.0], converged=False)))
    folded = page.texts("details")[0]
    assert "completeness error" in folded
    assert "Not converged" not in folded
    assert "0.987" in page.texts("figcaption")[0].replace(folded, "")


@pytest.mark.slow
def test_what_turns_the_direction_is_spelt_out_everywhere() -> None:
    attribution = made("胃\u202e癌\x1b[2J", label_name="a\u202eb")
    content = page([attribution], called=["\u2067id\x07"])
    assert not re.search("[\u202a-\u202e\u2066-\u2069\x07\x1b]", content)
    for shown in ("胃\\u202e癌\\x1b[2J", "a\\u202eb", "\\u2067id\\x07"):
        assert shown in re.sub(r"<[^>]*>", "", content)
    np.testing.assert_array_equal(
        pixels(made("\u202e"), "sentence"), pixels(made("\\u202e"), "sentence")
    )


def test_only_what_did_not_converge_is_marked() -> None:
    for converged in (True, False):
        attribution = made("胃", [1.0], converged=converged)
        assert ("Not converged" in Page(to_html(attribution)).text) is not converged
    plain, marked = (pixels(made("胃", [1.0], converged=c)) for c in (True, False))
    assert marked.shape[0] > plain.shape[0]


def test_an_unknown_unit_is_an_error() -> None:
    for draw in (to_html, to_png):
        with pytest.raises(SettingsError, match="unit must be one of token, .* Received: 'line'"):
            draw(made("胃"), "line")


@pytest.mark.slow
def test_a_long_record_takes_time_in_proportion_to_its_length() -> None:
    def seconds(length: int) -> float:
        attribution, found = made(("胃a\u0301\u0323\n" * length)[:length]), []
        # The least of several: what else the process does only adds.
        for _ in range(3):
            began = time.process_time()
            to_html(attribution)
            found.append(time.process_time() - began)
        return min(found)

    # Quadratic time would be 64 times as long.
    assert seconds(80_000) < 24 * max(seconds(10_000), 0.005)


@pytest.mark.slow
def test_marks_without_end_are_refused_in_time() -> None:
    began = time.process_time()
    with pytest.raises(InputError, match="a text that fills"):
        to_png(made("胃" + "\u0301\u0323" * 50_000))
    assert time.process_time() - began < 20


# The page.


class WholePage(Page):
    """A page, of which meta elements are never closed."""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        super().handle_starttag(tag, attrs)
        if tag == "meta":
            self.open.pop()


def test_a_page_holds_every_record_once_and_one_style() -> None:
    content = page([made("胃癌，好。"), made("结肠<b>息肉")], "clause")
    found = WholePage(content)
    assert found.record == "胃癌，好。结肠<b>息肉"
    tags = [tag for tag, _ in found.tags]
    assert tags.count("figure") == 2
    assert tags.count("style") == tags.count("html") == tags.count("body") == 1
    assert not {"script", "link", "img", "b"} & set(tags)
    assert content.startswith('<!DOCTYPE html>\n<html lang="zh">')
    assert "<title>gi-classifier: what decided 判断依据</title>" in content
    assert "end at its own largest score" in found.text
    assert {"charset": "utf-8"} in [attrs for _, attrs in found.tags]


def test_a_page_says_what_each_record_is_called_and_what_made_it() -> None:
    made_with = {"library": "gi_classifier 1.0", "model": "ab" * 32, "settings": {"unit": "<b>"}}
    content = page([made("胃癌"), made("息肉")], called=["line 2", "line <3>"], origin=made_with)
    found = WholePage(content)
    assert "line 2" in found.text
    assert "line <3>" in found.text
    assert "gi_classifier 1.0 · model 模型 abababababab · unit <b>" in found.texts("footer")[0]
    (origin,) = [attrs["content"] for _, attrs in found.tags if attrs.get("name") == "origin"]
    assert json.loads(origin or "") == made_with


def test_a_browser_lets_a_page_load_nothing_but_its_own_font() -> None:
    (policy,) = [
        attrs["content"]
        for _, attrs in WholePage(page([made("胃")])).tags
        if attrs.get("http-equiv") == "Content-Security-Policy"
    ]
    assert policy == "default-src 'none'; img-src data:; font-src data:; style-src 'unsafe-inline'"


def test_a_page_brings_the_glyphs_of_all_chinese_that_it_shows_and_names_them_first() -> None:
    content = page([made("食管镜㎝"), made("肛瘘，℃")])
    (data,) = re.findall(r"url\(data:font/woff;base64,([^)]*)\)", content)
    with TTFont(io.BytesIO(base64.b64decode(data))) as font:
        brought = {chr(code) for code in font.getBestCmap()}
    assert set("食管镜肛瘘，℃") | set(re.findall("[\u4e00-\u9fff]", content)) <= brought
    assert re.search(r'\.gi-heatmap\{[^}]*font-family:"GI Sans SC","Noto Sans SC",', content)


@pytest.mark.parametrize("module", ["zhplot", "fontTools"])
def test_a_page_comes_without_a_font_where_none_is_installed(
    monkeypatch: pytest.MonkeyPatch, module: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    content = page([made("胃癌")])
    assert WholePage(content).record == "胃癌"
    assert "@font-face" not in content
    assert '"Microsoft YaHei","PingFang SC",system-ui,sans-serif' in content


# Colours.


def linear(rgb: np.ndarray) -> np.ndarray:
    """Of sRGB (IEC 61966-2-1)."""
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def luminance(rgb: np.ndarray) -> float:
    return float(linear(rgb) @ [0.2126, 0.7152, 0.0722])


@given(st.floats(-1, 1))
def test_ink_is_readable_on_every_colour(strength: float) -> None:
    ink = np.array([int(INK[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    contrast = (luminance(np.array(colour(strength))) + 0.05) / (luminance(ink) + 0.05)
    # WCAG 2.2, 1.4.6 (level AAA) asks for 7, 1.4.3 (level AA) for 4.5.
    assert contrast > 4.5


# Machado, Oliveira and Fernandes 2009, severity 1, on linear RGB.
BLINDNESS = {
    "none": np.eye(3),
    "protan": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deutan": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritan": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}


def lab(rgb: np.ndarray) -> np.ndarray:
    """CIELAB (D65) of linear RGB."""
    matrix = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    t = matrix @ rgb / [0.9505, 1, 1.089]
    f = np.where(t > (6 / 29) ** 3, np.cbrt(t), t / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("kind", BLINDNESS)
def test_for_and_against_differ_to_a_colour_blind_reader(kind: str) -> None:
    def seen(strength: float) -> np.ndarray:
        return lab(np.clip(BLINDNESS[kind] @ linear(np.array(colour(strength))), 0, 1))

    # A difference of about 2.3 is just noticed.
    for strength, least in ((1.0, 60), (0.5, 25), (0.25, 10)):
        assert np.linalg.norm(seen(strength) - seen(-strength)) > least
    # Stronger is further from white, on both sides.
    for sign in (1, -1):
        away = [np.linalg.norm(seen(sign * s) - seen(0)) for s in (0.1, 0.3, 0.5, 0.7, 1)]
        assert (np.diff(away) > 2.3).all()


# Lines.


@given(st.lists(MESSY, max_size=5), st.integers(1, 9))
def test_lines_keep_the_order_break_where_told_and_stay_within_the_width(
    texts: list[str], width: int
) -> None:
    pieces, lines = lay_out(texts, len, width)
    for cell, text in enumerate(texts):
        drawn = "".join(piece.text for piece in pieces if piece.cell == cell)
        assert drawn == re.sub(r"[\r\n]", "", text)
    assert all(piece.x + piece.width <= max(width, 1) for piece in pieces)
    places = [(piece.line, piece.x) for piece in pieces]
    assert places == sorted(set(places))
    breaks = sum(len(re.findall(r"\r\n|\r|\n", text)) for text in texts)
    assert lines > max([breaks, *(piece.line for piece in pieces)])


def test_a_word_goes_to_the_next_line_whole_unless_it_is_longer_than_one() -> None:
    pieces, lines = lay_out(["胃胃胃", "ERCP", "胃\n肠", "ABCDEFG"], len, 5)
    rows = ["".join(piece.text for piece in pieces if piece.line == i) for i in range(lines)]
    assert rows == ["胃胃胃", "ERCP胃", "肠ABCD", "EFG"]


# Pixels.


@pytest.fixture(autouse=True)
def _no_warnings() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def pixels(attribution: Attribution, unit: str = "token") -> np.ndarray:
    """Red, green and blue in 0…1, (height, width, 3)."""
    from PIL import Image

    content = Image.open(io.BytesIO(to_png(attribution, unit))).convert("RGB")
    return np.asarray(content) / 255


def drawn(character: str) -> np.ndarray:
    """The glyph of a record of one character: darkness in 0…1, cut to its ink."""
    change = abs(pixels(made(character)) - pixels(made("\u3000"))).mean(axis=2)
    return cut_to_ink(change)


def cut_to_ink(darkness: np.ndarray) -> np.ndarray:
    rows, columns = (np.flatnonzero((darkness > 0.3).any(axis=axis)) for axis in (1, 0))
    return darkness[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def glyphs(character: str) -> Iterator[np.ndarray]:
    """What Pillow draws with the same font at 12 points and 150 dpi, shifted by quarter pixels."""
    from PIL import Image, ImageDraw, ImageFont

    font = ImageFont.truetype(io.BytesIO(cjk_font().read_bytes()), 100)
    for shift in range(16):
        picture = Image.new("L", (240, 240))
        ImageDraw.Draw(picture).text((40 + shift % 4, 20 + shift // 4), character, 255, font)
        yield cut_to_ink(np.asarray(picture).reshape(60, 4, 60, 4).mean(axis=(1, 3)) / 255)


def likeness(found: np.ndarray, character: str) -> float:
    """Correlation with Pillow's glyph, laid corner on corner, at its best shift."""
    best = -1.0
    for other in glyphs(character):
        height, width = np.maximum(found.shape, other.shape)
        full = [
            np.pad(x, ((0, height - x.shape[0]), (0, width - x.shape[1]))).ravel()
            for x in (found, other)
        ]
        best = max(best, float(np.corrcoef(*full)[0, 1]))
    return best


@pytest.mark.parametrize("character", ["胃", "肠", "癌", "℃", "，", "$"])
def test_the_glyphs_are_really_drawn(character: str) -> None:
    found = drawn(character)
    assert likeness(found, character) > 0.9
    # U+10FFFF is in no font: Pillow shows .notdef, the picture of a missing glyph.
    for other in set("胃肠癌\U0010ffff") - {character}:
        assert likeness(found, other) < 0.7


@pytest.mark.parametrize("character", ["😀", "\ue000", "\U0010ffff", "\u200b"])
def test_what_the_font_lacks_is_a_box(character: str) -> None:
    np.testing.assert_array_equal(pixels(made(character)), pixels(made("□")))


@pytest.mark.parametrize("unit", ["token", "word"])
def test_a_combining_mark_is_drawn_on_its_character(unit: str) -> None:
    apart = made("e\u0301胃", offsets=np.array([(0, 2), (2, 3)]), scores=np.zeros(2))
    np.testing.assert_array_equal(pixels(apart, unit), pixels(made("é胃"), unit))


def test_a_mark_that_makes_no_character_is_a_box_beside_its_neighbours() -> None:
    apart = made("胃\u0301窦", offsets=np.array([(0, 2), (2, 3)]), scores=np.zeros(2))
    boxed = made("胃□窦", offsets=np.array([(0, 2), (2, 3)]), scores=np.zeros(2))
    np.testing.assert_array_equal(pixels(apart), pixels(boxed))


def test_markup_of_formulas_is_text() -> None:
    empty = pixels(made("\u3000"))
    wide, narrow = (
        cut_to_ink(abs(pixels(made(text), "sentence") - empty).mean(axis=2)).shape[1]
        for text in ("$x$", "x")
    )
    # As a formula, it would be an x alone, and the second no formula at all.
    assert wide > 2.5 * narrow
    assert pixels(made("$\\frac{$"), "sentence").size


def test_the_strongest_cells_have_the_ends_of_the_scale() -> None:
    picture = pixels(made("胃肠", [3.0, -3.0])).reshape(-1, 3)
    # The record's cells and the legend's; without scores, only the legend's.
    plain = pixels(made("胃肠")).reshape(-1, 3)
    for strength in (1, -1):
        counts = [
            int((abs(p - colour(strength)) < 0.01).all(axis=1).sum()) for p in (picture, plain)
        ]
        assert counts[0] > counts[1] + 300 > 300


@pytest.mark.slow
def test_long_records_wrap_and_line_breaks_are_kept() -> None:
    heights = [pixels(made(text)).shape for text in ("胃", "胃\n肠", "胃" * 60)]
    assert len({shape[1] for shape in heights}) == 1
    assert heights[0][0] < heights[1][0] == heights[2][0]
    tall = pixels(made("胃" * 2000), "sentence")
    # Nothing touches the edges.
    frame = np.concatenate([tall[:20].ravel(), tall[:, -20:].ravel(), tall[-20:].ravel()])
    assert (frame == 1).all()


def test_a_record_of_too_many_lines_is_refused() -> None:
    with pytest.raises(InputError, match=r"holds 1,000 lines; .* a text that fills 1,002"):
        to_png(made("胃\n" * 1001))


def test_settings_of_matplotlib_stay() -> None:
    import matplotlib

    before = dict(matplotlib.rcParams)
    to_png(made("胃"))
    assert dict(matplotlib.rcParams) == before
    assert "zhplot" not in sys.modules


@pytest.mark.parametrize("module", ["matplotlib", "zhplot"])
def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch, module: str) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtraError, match=rf"{module}.* pip install 'gi_classifier\[plots\]"):
        to_png(made("胃"))
    assert Page(to_html(made("胃"))).record == "胃"
