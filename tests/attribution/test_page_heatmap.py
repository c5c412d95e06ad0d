"""What decided, over the picture: the right place, no answer where it was read poorly."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from command_line import run
from made_pictures import file_of, printed
from PIL import Image

from gi_classifier import explain, read_image
from gi_classifier.attribution.page_heatmap import (
    Explained,
    deciding_spans,
    patches,
    poor_characters,
    scan_png,
    scans_html,
)

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def one() -> Explained:
    page = read_image(file_of(printed()))
    (attribution,) = explain([page.text])
    return Explained(page, np.array(printed()), attribution, ())


def poorly_read(one: Explained, word: str, confidence: float) -> Explained:
    """The same page, a word of it read with this confidence."""
    start = one.page.text.index(word)
    characters = list(one.page.characters)
    for i in range(start, start + len(word)):
        characters[i] = characters[i]._replace(confidence=confidence)
    page = replace(one.page, characters=tuple(characters))
    return one._replace(page=page, poor=poor_characters(page, one.attribution))


def test_parts_lie_where_their_words_are_printed(one: Explained) -> None:
    for patch in patches(one.page, one.attribution, "word"):
        line = next(i for i, text in enumerate(one.page.text.splitlines()) if patch.text in text)
        text = one.page.text.splitlines()[line]
        corners = np.array(patch.box)
        left = 40 + 28 * text.index(patch.text)
        assert abs(corners[0, 0] - left) < 20
        assert abs(corners[:, 1].mean() - (50 + 56 * line)) < 16


def test_deciding_words_speak_for_the_label_and_are_few(one: Explained) -> None:
    spans = deciding_spans(one.attribution)
    assert spans
    assert all(span.score > 0 for span in spans)
    assert len(spans) < len(one.attribution.words())


def test_an_answer_is_withheld_where_a_deciding_character_was_read_poorly(one: Explained) -> None:
    assert poor_characters(one.page, one.attribution) == ()
    word = next(s.text for s in deciding_spans(one.attribution) if not s.text.isascii())
    poor = poorly_read(one, word, 0.41)
    assert [c.text for c in poor.poor] == list(word)
    assert f"{word[0]} 0.41" in poor.withheld
    html = scans_html([poor])
    assert "no answer" in html
    assert "probability 概率" not in html
    assert one.attribution.label_name.split()[0] in scans_html([poor], force=True)
    other = min(one.attribution.words(), key=lambda span: span.score)
    assert poorly_read(one, other.text, 0.41).poor == ()


def test_an_answer_is_withheld_where_too_little_of_the_page_was_read(one: Explained) -> None:
    assert one.withheld == ""
    lost = one._replace(page=replace(one.page, coverage=0.3))
    assert "70% was not read" in lost.withheld
    html = scans_html([lost])
    assert "no answer" in html
    assert "probability 概率" not in html
    assert "probability 概率" in scans_html([lost], force=True)


def test_a_page_shows_the_picture_and_loads_nothing(one: Explained) -> None:
    html = scans_html([one])
    assert re.findall(r'(?:src|href)="(.{5})', html) == ["data:"]
    assert html.count("<polygon") == len(patches(one.page, one.attribution, "word"))
    assert "<script" not in html


def test_a_picture_holds_the_page_and_its_colours(one: Explained) -> None:
    image = Image.open(io.BytesIO(scan_png(one))).convert("RGB")
    assert image.width == one.page.width
    assert image.height > one.page.height
    pixels = np.array(image).astype(int)
    orange = (pixels[..., 0] - pixels[..., 2] > 60).mean()
    assert orange > 0.005


def test_the_command_draws_a_page(tmp_path: Path) -> None:
    scan = tmp_path / "scan.png"
    scan.write_bytes(file_of(printed()))
    html, png = tmp_path / "page.html", tmp_path / "page.png"
    done = run("explain", "--image", scan, "--output", html)
    assert ": 1 upper" in done.stdout
    assert "<polygon" in html.read_text("utf-8")
    run("explain", "--image", scan, "--output", png, "--json")
    assert png.read_bytes()[:4] == b"\x89PNG"
    run("explain", "--image", scan, "胃溃疡", code=2)
    assert "end" in run("explain", "--image", scan, "--output", tmp_path / "a.csv", code=2).stderr
