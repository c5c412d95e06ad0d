"""The frame of a page that holds all it needs, and loads and runs nothing else.

In: a body of HTML, styles, a script of ours, and where the page comes from. Out: a whole page.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from collections.abc import Mapping
from typing import Any

from gi_classifier.display import shown, visible
from gi_classifier.plots.fonts import font_face
from gi_classifier.plots.heatmap import GREY

# The font that a page brings, then those of the common systems.
FONTS = (
    '"GI Sans SC","Noto Sans SC","Noto Sans CJK SC","Microsoft YaHei","PingFang SC",'
    "system-ui,sans-serif"
)
_STYLE = f"footer{{margin-top:2rem;padding:.8em 1em;color:{GREY};font:.8rem/1.5 {FONTS};\n" + (
    " overflow-wrap:anywhere}\n"
)
_SURROGATE = re.compile("[\ud800-\udfff]")


def escape(text: str) -> str:
    """Text for HTML; a parser gives back what :func:`gi_classifier.display.visible` shows of it.

    Lone surrogates, which no page can hold, become U+FFFD.
    """
    # Without this, a parser makes a line feed of a carriage return.
    return html.escape(_SURROGATE.sub("\ufffd", visible(text))).replace("\r", "&#13;")


def escape_line(text: str) -> str:
    """Text for HTML on one line: a title, an id or a cell."""
    return escape(shown(text))


def note(english: str, chinese: str) -> str:
    """A paragraph of plain text, in both languages."""
    return f'<p class="note">{escape(english)} <span lang="zh">{escape(chinese)}</span></p>\n'


def html_page(
    title: str,
    body: str,
    style: str,
    *,
    language: str,
    script: str = "",
    origin: Mapping[str, Any] | None = None,
) -> str:
    """A whole page.

    Parameters
    ----------
    title : str
        Plain text.
    body, style : str
        HTML and CSS, written by us.
    language : str
        As in ``lang``.
    script : str
        The only one that a browser will run.
    origin : mapping, optional
        Of :func:`gi_classifier.model.origin.origin`: kept in the page's head, said in its foot.

    Returns
    -------
    str
        HTML. It brings a font with the Chinese characters that it shows; without the extra
        ``plots``, it relies on the reader's fonts.
    """
    heading, foot = escape_line(title), _foot(origin)
    try:
        face = font_face(f"{heading}{body}{foot}")
    except ImportError:
        face = ""
    policy = "default-src 'none'; img-src data:; font-src data:; style-src 'unsafe-inline'"
    if script:
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        policy += f"; script-src 'sha256-{digest}'"
    made = f'<meta name="origin" content="{escape(_json(origin))}">\n' if origin else ""
    run = f"<script>{script}</script>\n" if script else ""
    # The browser itself refuses whatever is not in the page.
    return (
        f'<!DOCTYPE html>\n<html lang="{language}">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width,initial-scale=1">\n'
        f"{made}<title>{heading}</title>\n<style>{face}{style}{_STYLE}</style>\n</head>\n"
        f"<body>\n{body}{foot}{run}</body>\n</html>\n"
    )


def _json(table: Any) -> str:
    return json.dumps(table, ensure_ascii=True)


def _foot(origin: Mapping[str, Any] | None) -> str:
    """One line that says what made the page."""
    if not origin:
        return ""
    model = f"model 模型 {str(origin['model'])[:12]}" if origin["model"] else ""
    told = {n: v for n, v in origin["settings"].items() if v not in (None, False, [])}
    settings = ", ".join(
        f"{name} {' '.join(map(str, value)) if isinstance(value, list) else value}"
        for name, value in told.items()
    )
    parts = [str(origin["library"]), model, settings]
    return f"<footer>{escape_line(' · '.join(part for part in parts if part))}</footer>\n"
