"""A text whose parts are coloured by their strengths, as PNG.

In: strings and numbers. Out: bytes of a picture (extra ``plots``). Orange stands for a positive
score, blue with a line under it for a negative one.
"""

from __future__ import annotations

import io
import itertools
import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

from gi_classifier.display import visible
from gi_classifier.errors import InputError
from gi_classifier.plots.fonts import cjk_font, drawable
from gi_classifier.plots.style import check_plots
from gi_classifier.text import composed

# Ends of the diverging scale, whose middle is white. Orange and blue differ for every common kind
# of colour blindness; both are light enough for the ink.
FOR, AGAINST = (240, 138, 36), (86, 160, 219)
INK, GREY, RED = "#1b1b1b", "#595959", "#8a1c00"
# A line under what speaks against, so that a print without colour shows the sign as well.
LINE = (16, 78, 139)

# In points; and the most lines that fit what matplotlib draws.
_WIDTH, _MARGIN, _LEGEND = 560.0, 18.0, 100.0
_TITLE_SIZE, _SMALL_SIZE, _RECORD_SIZE = 14.0, 8.5, 12.0
_DPI, _MAX_LINES = 150, 1000

# A break of lines, a run of ASCII, which stays together, or any other character.
_PIECE = re.compile(r"\r\n|[!-~]+|.", re.DOTALL)


class Cell(NamedTuple):
    """A part of a text, and its score; None where it has none."""

    text: str
    score: float | None


class Piece(NamedTuple):
    """What is drawn at one place: the index of its cell, and where, in points and lines."""

    cell: int
    text: str
    line: int
    x: float
    width: float


def scale_end(cells: Iterable[Cell]) -> float:
    """The largest absolute score, where the colours end; 1 where all are 0."""
    return max((abs(score) for _, score in cells if score is not None), default=0.0) or 1.0


def heatmap_figure(title: str, note: str, warning: str, cells: Sequence[Cell]) -> bytes:
    """Draw a text, each part on the colour of its score.

    Parameters
    ----------
    title, note, warning : str
        Above it, in large, in small and in small red letters; none where empty.
    cells : sequence of Cell
        Colours are scaled by their largest absolute score.

    Returns
    -------
    bytes
        A PNG. A character that the font (Noto Sans SC) does not have, such as an emoji, is drawn
        as a box, and so is a combining mark that makes no character with the one before it.

    Raises
    ------
    InputError
        The text fills more than 1000 lines.
    MissingExtraError
        The extra ``plots`` is not installed.
    """
    check_plots()
    limit = scale_end(cells)
    strengths = [None if score is None else score / limit for _, score in cells]
    page = _Page()
    for text, size, ink in (
        (title, _TITLE_SIZE, INK),
        (note, _SMALL_SIZE, GREY),
        (warning, _SMALL_SIZE, RED),
    ):
        if text:
            page.paragraph([text], size, ink)
    page.y += 8
    page.paragraph([cell.text for cell in cells], _RECORD_SIZE, strengths=strengths)
    page.y += 8
    page.legend(limit)
    return page.png()


def colour(strength: float, against: tuple[int, int, int] = AGAINST) -> tuple[float, float, float]:
    """Red, green and blue, in 0…1, of a strength in -1…1: white at 0."""
    end = FOR if strength > 0 else against
    red, green, blue = (1 + (part / 255 - 1) * abs(strength) for part in end)
    return red, green, blue


def lay_out(
    texts: Iterable[str], width_of: Callable[[str], float], width: float
) -> tuple[list[Piece], int]:
    """Place texts one behind the other, on lines of a width.

    Parameters
    ----------
    texts : iterable of str
        One for each cell. Line breaks (LF, CR, CRLF) are kept.
    width_of : callable
        Measures a string.
    width : float
        Of a line. A run of ASCII goes to the next line rather than be broken, unless it is
        longer than a line; between other characters a line may end anywhere.

    Returns
    -------
    pieces : list of Piece
    lines : int
    """
    pieces, x, line = [], 0.0, 0
    for cell, text in enumerate(texts):
        for run in _PIECE.findall(text):
            if run in ("\n", "\r", "\r\n"):
                x, line = 0.0, line + 1
                continue
            for part in [run] if width_of(run) <= width else run:
                wide = width_of(part)
                if x and x + wide > width:
                    x, line = 0.0, line + 1
                pieces.append(Piece(cell, part, line, x, wide))
                x += wide
    return pieces, line + 1


@lru_cache(maxsize=20_000)
def _advance(character: str) -> float:
    """Width of a character as it is drawn, in shares of the font's size."""
    from matplotlib.font_manager import get_font

    font = get_font(cjk_font())
    font.set_size(100, 72)
    return float(font.load_char(ord(drawable(character))).linearHoriAdvance) / 65536 / 100


def _width_at(size: float) -> Callable[[str], float]:
    return lambda text: size * sum(map(_advance, text))


def _composed(texts: Iterable[str]) -> list[str]:
    """The texts with their combining marks on the characters before them, where one has such."""
    found: list[str] = []
    for text in texts:
        marks = "".join(itertools.takewhile(unicodedata.combining, text)) if found else ""
        if marks:
            found[-1] += marks
        found.append(text[len(marks) :])
    return [composed(visible(text), "NFC") for text in found]


class _Page:
    """What is to be drawn, from top to bottom, in points."""

    def __init__(self) -> None:
        self.y = _MARGIN
        self.boxes: list[tuple[float, float, float, float]] = []
        self.fills: list[tuple[float, float, float]] = []
        self.texts: list[tuple[float, float, str, float, str]] = []

    def box(self, x: float, y: float, width: float, height: float, strength: float) -> None:
        self.boxes.append((x, y, width, height))
        self.fills.append(colour(strength))
        if strength < 0:
            self.boxes.append((x, y + height - 1.2, width, 1.2))
            self.fills.append(colour(strength, LINE))

    def paragraph(
        self,
        texts: Sequence[str],
        size: float,
        ink: str = INK,
        strengths: Sequence[float | None] | None = None,
    ) -> None:
        """Write texts one behind the other, each on its own colour where it has a strength."""
        pieces, lines = lay_out(_composed(texts), _width_at(size), _WIDTH - 2 * _MARGIN)
        if lines > _MAX_LINES:
            raise InputError(
                f"A picture holds {_MAX_LINES:,} lines; a page takes any number. "
                f"Received: a text that fills {lines:,}"
            )
        leading = size * (1.5 if strengths is None else 1.9)
        for i, (cell, text, line, x, width) in enumerate(pieces):
            left, top = _MARGIN + x, self.y + line * leading
            self.texts.append((left, top + 1.3 * size, text, size, ink))
            strength = None if strengths is None else strengths[cell]
            if strength is not None:
                # A gap where the cell ends.
                ends = i + 1 == len(pieces) or pieces[i + 1].cell != cell
                self.box(left, top, width - (0.7 if ends else 0), 1.75 * size, strength)
        self.y += lines * leading

    def legend(self, limit: float) -> None:
        """Say what the colours mean, and where they end."""
        x, size, count = _MARGIN, _SMALL_SIZE, 51
        width_of = _width_at(size)
        for text, strength in (
            (" against 反对 ", -1.0),
            (f"  -{limit:.2f} ", None),
            (None, None),
            (f" +{limit:.2f}  ", None),
            (" for 支持 ", 1.0),
            ("  change of the score 得分的变化", None),
        ):
            if text is None:
                for i in range(count):
                    self.boxes.append((x, self.y + 1, _LEGEND / count, 1.4 * size))
                    self.fills.append(colour(2 * i / (count - 1) - 1))
                    x += _LEGEND / count
                continue
            width = width_of(text)
            if strength is not None:
                self.box(x, self.y, width, 1.65 * size, strength)
            ink = GREY if strength is None else INK
            self.texts.append((x, self.y + 1.2 * size, text, size, ink))
            x += width
        self.y += 1.65 * size

    def png(self) -> bytes:
        from matplotlib import rc_context
        from matplotlib.collections import PatchCollection
        from matplotlib.figure import Figure
        from matplotlib.font_manager import FontProperties
        from matplotlib.patches import Rectangle

        height = self.y + _MARGIN
        figure = Figure(figsize=(_WIDTH / 72, height / 72), facecolor="white")
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set(xlim=(0, _WIDTH), ylim=(height, 0))
        axes.set_axis_off()
        patches = [Rectangle((x, y), width, high) for x, y, width, high in self.boxes]
        # Without antialiasing, no seam shows between the pieces of one cell.
        axes.add_collection(
            PatchCollection(patches, facecolors=self.fills, linewidths=0, antialiased=False)
        )
        fonts = {size: FontProperties(fname=cjk_font(), size=size) for *_, size, _ in self.texts}
        for x, y, text, size, ink in self.texts:
            shown = drawable(text)
            if not shown.isspace():
                # A dollar sign begins no formula here.
                axes.text(x, y, shown, font=fonts[size], color=ink, parse_math=False)
        content = io.BytesIO()
        # Hinted letters are wider than measured.
        with rc_context({"text.hinting": "no_hinting", "text.usetex": False}):
            figure.savefig(content, format="png", dpi=_DPI)
        return content.getvalue()
