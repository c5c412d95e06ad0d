"""Pages of a PDF: as pixels, with the lines of its own text where that is usable.

In: a path or bytes. Out: pictures at 150 dots per inch, at most 2,000 pixels on the longer side.
"""

from __future__ import annotations

import struct
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from gi_classifier.data.pictures.page import Box, Character, Line, Picture
from gi_classifier.errors import RecordsError

_DPI, _LONGEST_SIDE = 150, 2000
# Of a text layer: characters that it needs, and shares, found on layers of scanners and of fonts
# without a table of characters.
_LEAST_CHARACTERS, _LEAST_CHINESE, _MOST_GARBAGE = 20, 0.2, 0.05
# How UTF-16 begins and ends a character beyond U+FFFF.
_FIRST_HALF, _SECOND_HALF = range(0xD800, 0xDC00), range(0xDC00, 0xE000)
# Widths of a character between two of one line that stand in two cells.
_CELL_GAP = 1.5


def pdf_pages(source: Path | bytes, name: str) -> Iterator[Picture]:
    """The pages of a PDF.

    Raises
    ------
    RecordsError
        It is encrypted, damaged or has no page.
    """
    import pypdfium2

    try:
        document = pypdfium2.PdfDocument(source)
    except pypdfium2.PdfiumError as error:
        if "password" in str(error).lower():
            raise RecordsError(
                f"{name} is encrypted. Save it without a password, then read that."
            ) from error
        raise RecordsError(f"{name} is no PDF that can be read: it is damaged.") from error
    try:
        pages = len(document)
        if not pages:
            raise RecordsError(f"{name} has no page.")
        for number in range(pages):
            yield _page(document, number, pages, name)
    finally:
        document.close()


def _page(document: Any, number: int, pages: int, name: str) -> Picture:
    import pypdfium2

    try:
        page = document[number]
        width, height = page.get_size()
        scale = min(_DPI / 72, _LONGEST_SIDE / max(width, height, 1.0))
        pixels = np.array(page.render(scale=scale).to_pil().convert("RGB"))
        lines = _layer(page, scale)
    except pypdfium2.PdfiumError as error:
        raise RecordsError(f"{name}: page {number + 1} is damaged.") from error
    text = "".join(line.text for line in lines)
    if usable_layer(text):
        return Picture(pixels, name, number + 1, pages, (), tuple(lines))
    notes = ("its own text is not usable: recognised",) if text.strip() else ()
    return Picture(pixels, name, number + 1, pages, notes)


def usable_layer(text: str) -> bool:
    """Whether a page's own text is Chinese that can be read, rather than garbage or a stamp.

    Fonts without a table of characters give private-use, replacement or control characters;
    wrong tables give Latin letters and symbols where Chinese is shown.
    """
    shown = [c for c in text if not c.isspace()]
    if len(shown) < _LEAST_CHARACTERS:
        return False
    chinese = sum("\u4e00" <= c <= "\u9fff" or "\u3400" <= c <= "\u4dbf" for c in shown)
    garbage = sum(c == "\ufffd" or unicodedata.category(c) in ("Co", "Cn", "Cc") for c in shown)
    return chinese >= _LEAST_CHINESE * len(shown) and garbage <= _MOST_GARBAGE * len(shown)


def _layer(page: Any, scale: float) -> list[Line]:
    """The lines of a page's own text, as pdfium orders them."""
    text_page = page.get_textpage()
    found: list[Line] = []
    waiting: list[Character] = []
    words, reached, widest = "", 0.0, 0.0

    def end_line() -> None:
        nonlocal waiting, words, widest
        if waiting:
            found.append(Line(words.strip(), _around(waiting), tuple(waiting)))
        waiting, words, widest = [], "", 0.0

    turns = page.get_rotation() // 90
    # Boxes count from where the sheet's begin, before it is turned; what is shown may be cropped.
    west, south, east, north = page.get_bbox()

    def placed(box: tuple[float, float, float, float]) -> list[float]:
        left, bottom, right, top = box
        moved = (left - west, bottom - south, right - west, top - south)
        return [value * scale for value in _shown(moved, turns, east - west, north - south)]

    for index in range(text_page.count_chars()):
        text = _character(text_page, index)
        if text is None:
            continue
        if text in ("\r", "\n", "\r\n", ""):
            end_line()
            continue
        if text.isspace():
            words += text
            continue
        # The loose box is as wide as the pen moves, whatever the character.
        begin, _, end, _ = placed(text_page.get_charbox(index, loose=True))
        if waiting and words[-1:].isspace() and begin - reached > _CELL_GAP * widest:
            end_line()
        words, reached, widest = words + text, end, max(widest, end - begin)
        x0, y0, x1, y1 = placed(text_page.get_charbox(index))
        waiting.append(Character(text, ((x0, y0), (x1, y0), (x1, y1), (x0, y1)), 1.0))
    end_line()
    return found


def _character(text_page: Any, index: int) -> str | None:
    """The character at an index; None at the second half of one beyond U+FFFF, which has two."""
    import pypdfium2.raw as pdfium

    if text := text_page.get_text_range(index, 1):
        return str(text)
    before, here, behind = (
        pdfium.FPDFText_GetUnicode(text_page, place) if place >= 0 else 0
        for place in (index - 1, index, index + 1)
    )
    if here in _FIRST_HALF and behind in _SECOND_HALF:
        return struct.pack("<2H", here, behind).decode("utf-16-le")
    # A half alone is nothing.
    return None if before in _FIRST_HALF and here in _SECOND_HALF else ""


def _shown(
    box: tuple[float, float, float, float], turns: int, width: float, height: float
) -> tuple[float, float, float, float]:
    """Left, top, right and bottom on the page as it is shown, of a box that counts from below.

    Parameters
    ----------
    box : tuple of float
        Left, bottom, right and top before the page is turned.
    turns : int
        Quarter turns to the right.
    width, height : float
        Of the page before it is turned.
    """
    left, bottom, right, top = box
    if turns == 1:
        return bottom, left, top, right
    if turns == 2:
        return width - right, bottom, width - left, top
    if turns == 3:
        return height - top, width - right, height - bottom, width - left
    return left, height - top, right, height - bottom


def _around(characters: list[Character]) -> Box:
    corners = np.array([c.box for c in characters]).reshape(-1, 2)
    (x0, y0), (x1, y1) = corners.min(axis=0).tolist(), corners.max(axis=0).tolist()
    return ((x0, y0), (x1, y0), (x1, y1), (x0, y1))
