"""What is shown: nothing from outside acts on a screen; JSON loses nothing."""

from __future__ import annotations

import json
import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from gi_classifier.display import json_text, shown, visible

TITLE = "\x1b]0;x\x07\x1b[2J\x9b2J\u202e胃癌\u202c\u2066肠\u2069\u200f"


def test_escapes_and_overrides_are_spelt_out() -> None:
    assert shown(TITLE) == (
        "\\x1b]0;x\\x07\\x1b[2J\\x9b2J\\u202e胃癌\\u202c\\u2066肠\\u2069\\u200f"
    )


def test_lines_stay_on_a_page_and_are_one_on_a_screen() -> None:
    text = "  胃窦\r\n\t溃疡\x0b。\x85 "
    assert visible(text) == "  胃窦\r\n\t溃疡\\x0b。\\x85 "
    assert shown(text) == "胃窦 溃疡\\x0b。\\x85"
    assert shown("正常\r胃癌\n") == "正常 胃癌"


def test_ordinary_text_is_unchanged() -> None:
    text = "胃镜（2020-01-05）：5%GNS 10μg，👨‍👩‍👧 é [a] :x: \\x1b"
    assert shown(text) == text


@given(st.text())
def test_no_control_and_no_direction_is_left(text: str) -> None:
    active = [c for c in visible(text) if unicodedata.category(c) == "Cc" and c not in "\t\n\r"]
    active += [c for c in shown(text) if unicodedata.bidirectional(c) in DIRECTIONS]
    assert active == []


DIRECTIONS = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}


@given(st.text(), st.booleans())
def test_json_comes_back_as_it_was_and_acts_on_no_screen(text: str, ascii_only: bool) -> None:
    written = json_text({text: [text]}, ascii_only=ascii_only)
    assert json.loads(written) == {text: [text]}
    assert visible(written) == written
    written.encode("ascii" if ascii_only else "utf-8")


def test_json_of_lone_surrogates_comes_back() -> None:
    written = json_text(["\ud800胃\udfff\ud83d"])
    written.encode("utf-8")
    assert json.loads(written) == ["\ud800胃\udfff\ud83d"]
