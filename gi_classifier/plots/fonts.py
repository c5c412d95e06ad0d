"""The font with Chinese that pictures are drawn in, and which characters it has.

Out: a path for matplotlib's ``FontProperties(fname=...)``. The font is Noto Sans SC (OFL), as the
package ``zhplot`` of the extra ``plots`` ships it; zhplot itself is never imported, since its
import changes matplotlib's settings.
"""

from __future__ import annotations

import base64
import importlib.util
import io
import unicodedata
from functools import lru_cache
from pathlib import Path

from gi_classifier.errors import MissingExtraError

_FILE = Path("fonts", "NotoSansSC-Regular.ttf")
# White square: what stands for a character that the font does not have.
BOX = "\u25a1"


def cjk_font() -> Path:
    """The file of the font with Chinese.

    Raises
    ------
    MissingExtraError
        With the command that installs it.
    """
    spec = importlib.util.find_spec("zhplot")
    for folder in (spec and spec.submodule_search_locations) or ():
        if (path := Path(folder) / _FILE).is_file():
            return path
    raise MissingExtraError(
        f"Pictures with Chinese need {_FILE.name} of the package zhplot, which is missing. "
        "Install with: pip install 'gi_classifier[plots]'"
    )


@lru_cache(maxsize=1)
def _characters(path: Path) -> frozenset[int]:
    from matplotlib.font_manager import get_font

    return frozenset(get_font(path).get_charmap())


def drawable(text: str) -> str:
    """The text as the font can draw it, character by character, of the same length.

    White space becomes a space; what the font does not have, such as emoji and characters of
    private use, becomes a box (U+25A1), and so does a combining mark.

    Raises
    ------
    MissingExtraError
        There is no font.
    """
    known = _characters(cjk_font())
    # Alone, a mark would be drawn over the next character.
    lacking = {c for c in text if ord(c) not in known or unicodedata.category(c)[0] == "M"}
    return "".join(" " if c.isspace() else BOX if c in lacking else c for c in text)


def font_face(text: str) -> str:
    """A ``@font-face`` rule with the characters of a page, so that it has nothing to load.

    Name "GI Sans SC" first among a page's fonts: as a fallback, Chromium leaves some words boxes.

    Parameters
    ----------
    text : str
        The page. ASCII, and what the font does not have, is left to the reader's fonts.

    Returns
    -------
    str
        CSS, about 0.5 kB for each distinct character.

    Raises
    ------
    MissingExtraError
        There is no font.
    """
    from fontTools import subset

    options = subset.Options(flavor="woff", layout_features=[], notdef_outline=True)
    content = io.BytesIO()
    with subset.load_font(str(cjk_font()), options) as font:
        subsetter = subset.Subsetter(options)
        subsetter.populate(unicodes={ord(c) for c in text if not c.isascii()})
        subsetter.subset(font)
        subset.save_font(font, content, options)
    data = base64.b64encode(content.getvalue()).decode()
    return f'@font-face{{font-family:"GI Sans SC";src:url(data:font/woff;base64,{data})}}'
