from __future__ import annotations

import base64
import importlib
import io
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest
from fontTools.ttLib import TTFont
from hypothesis import given, settings
from hypothesis import strategies as st

from gi_classifier.errors import MissingExtraError
from gi_classifier.plots.fonts import BOX, cjk_font, drawable, font_face

MESSAGE = (
    r"NotoSansSC-Regular\.ttf .* missing\. Install with: pip install 'gi_classifier\[plots\]'$"
)


def test_the_font_is_found_and_neither_zhplot_nor_matplotlib_imported() -> None:
    code = (
        "import sys; from gi_classifier.plots.fonts import cjk_font; print(cjk_font())\n"
        "print({'zhplot', 'matplotlib'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    path, imported = done.stdout.splitlines()
    with TTFont(path) as font:
        assert font["name"].getDebugName(1) == "Noto Sans SC"
    assert imported == "set()"


def test_a_missing_package_is_named_with_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "zhplot", None)
    with pytest.raises(MissingExtraError, match=MESSAGE):
        cjk_font()


def test_a_package_without_the_font_is_the_same_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "zhplot").mkdir()
    (tmp_path / "zhplot" / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()
    with pytest.raises(MissingExtraError, match=MESSAGE):
        cjk_font()


@pytest.fixture(scope="module")
def known() -> set[int]:
    """The characters of the font, as fontTools reads them."""
    with TTFont(cjk_font()) as font:
        return set(font.getBestCmap())


@pytest.mark.slow
@settings(deadline=None)
@given(text=st.text())
def test_what_the_font_has_stays_and_the_rest_is_a_box(known: set[int], text: str) -> None:
    own = {c for c in text if ord(c) in known and not unicodedata.category(c).startswith("M")}
    expected = [" " if c.isspace() else c if c in own else BOX for c in text]
    assert drawable(text) == "".join(expected)
    assert all(ord(c) in known for c in drawable(text))


def test_records_can_be_drawn_and_emoji_and_private_use_are_boxes() -> None:
    text = "食管贲门胃窦，结肠镜示：息肉（0.5×0.3cm）36.8℃；μg"
    assert drawable(text) == text
    assert drawable("胃😀\ue000\n\t") == f"胃{BOX}{BOX}  "


def test_a_combining_mark_is_a_box_since_it_would_be_drawn_over_its_neighbour() -> None:
    assert drawable("胃\u0301窦") == f"胃{BOX}窦"


def test_a_font_face_has_what_the_font_has_of_a_text_and_no_ascii(known: set[int]) -> None:
    rule = font_face("胃 stomach，①\n🙂\ud800\x00")
    data = rule.removeprefix('@font-face{font-family:"GI Sans SC";src:url(data:font/woff;base64,')
    with TTFont(io.BytesIO(base64.b64decode(data.removesuffix(")}")))) as font:
        assert set(font.getBestCmap()) == {ord(c) for c in "胃，①"} <= known
