"""Pictures of one attribution: the record, each part coloured by its score.

In: an :class:`~gi_classifier.Attribution`. Out: a fragment of HTML, or a page of several, that
needs no network and no script, or the bytes of a PNG (extra ``plots``). Orange speaks for the
label, blue against it.
"""

from __future__ import annotations

import html
import io
import itertools
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Literal, NamedTuple

from gi_classifier.errors import InputError
from gi_classifier.plots.fonts import cjk_font, drawable, font_face

if TYPE_CHECKING:
    from gi_classifier.attribution.attribution import Attribution
    from gi_classifier.attribution.words import Unit


# Ends of the diverging scale, whose middle is white. Orange and blue differ for every common kind
# of colour blindness; both are light enough for the ink.
FOR, AGAINST = (240, 138, 36), (86, 160, 219)
INK = "#1b1b1b"
# A line under what speaks against, so that a print without colour shows the sign as well.
_LINE = (16, 78, 139)
_GREY, _RED = "#595959", "#8a1c00"

_RGB_FOR, _RGB_AGAINST, _RGB_LINE = (",".join(map(str, colour)) for colour in (FOR, AGAINST, _LINE))
# The font that a page brings, then those of the common systems.
_FONTS = (
    '"GI Sans SC","Noto Sans SC","Noto Sans CJK SC","Microsoft YaHei","PingFang SC",'
    "system-ui,sans-serif"
)
STYLE = f"""
.gi-heatmap{{margin:0;padding:.8em 1em;background:#fff;color:{INK};line-height:1.5;
 font-family:{_FONTS};
 print-color-adjust:exact;-webkit-print-color-adjust:exact}}
.gi-heatmap figcaption{{margin-bottom:.5em}}
.gi-heatmap small{{display:block;color:{_GREY}}}
.gi-heatmap .remark{{color:{_RED};font-weight:600}}
.gi-record{{white-space:pre-wrap;overflow-wrap:anywhere;line-height:1.9;unicode-bidi:isolate}}
.gi-heatmap i{{font-style:normal;color:{INK};padding:.15em 0;border-radius:.15em}}
.gi-heatmap .f{{background:rgba({_RGB_FOR},var(--s))}}
.gi-heatmap .a{{background:rgba({_RGB_AGAINST},var(--s));
 box-shadow:inset 0 -2px rgba({_RGB_LINE},var(--s))}}
.gi-record+small{{margin-top:.4em}}
.gi-scale{{display:inline-block;vertical-align:middle;width:9em;height:.8em;margin:0 .5em;
 border:1px solid #bbb;
 background:linear-gradient(to right,rgb({_RGB_AGAINST}),#fff,rgb({_RGB_FOR}))}}
"""

# Of the PNG, in points; and the most lines that fit what matplotlib draws.
_WIDTH, _MARGIN, _LEGEND = 560.0, 18.0, 100.0
_TITLE_SIZE, _SMALL_SIZE, _RECORD_SIZE = 14.0, 8.5, 12.0
_DPI, _MAX_LINES = 150, 1000

_SURROGATE_OR_NULL = re.compile("[\x00\ud800-\udfff]")
# A break of lines, a run of ASCII, which stays together, or any other character.
_PIECE = re.compile(r"\r\n|[!-~]+|.", re.DOTALL)


class Cell(NamedTuple):
    """A part of a record, and its score; None where the model read nothing."""

    text: str
    score: float | None


class Piece(NamedTuple):
    """What is drawn at one place: the index of its cell, and where, in points and lines."""

    cell: int
    text: str
    line: int
    x: float
    width: float


def cells(attribution: Attribution, by: Unit | Literal["token"] = "word") -> list[Cell]:
    """Cut a record into parts that cover every character once, in order.

    Tokens that share a character (℃ is read as two) make one cell with the sum of their scores;
    what holds no token, such as white space, is a cell without a score.

    Raises
    ------
    SettingsError
        No such unit.
    """
    joined: list[tuple[int, int, float]] = []
    for span in sorted(attribution.spans(by), key=lambda span: (span.start, span.end)):
        start, end, score = span.start, span.end, span.score
        if joined and start < joined[-1][1]:
            before = joined.pop()
            start, end, score = before[0], max(before[1], end), before[2] + score
        joined.append((start, end, score))
    found, place, text = [], 0, attribution.text
    for start, end, score in joined:
        if start > place:
            found.append(Cell(text[place:start], None))
        found.append(Cell(text[start:end], score))
        place = end
    return found if place == len(text) else [*found, Cell(text[place:], None)]


def colour(strength: float, against: tuple[int, int, int] = AGAINST) -> tuple[float, float, float]:
    """Red, green and blue, in 0…1, of a strength in -1…1: white at 0."""
    end = FOR if strength > 0 else against
    red, green, blue = (1 + (part / 255 - 1) * abs(strength) for part in end)
    return red, green, blue


def escape(text: str) -> str:
    """Text for HTML; a parser gives it back unchanged.

    All but U+0000 and lone surrogates, which no page can hold: they become U+FFFD.
    """
    # Without this, a parser makes a line feed of a carriage return.
    return html.escape(_SURROGATE_OR_NULL.sub("\ufffd", text)).replace("\r", "&#13;")


def to_html(attribution: Attribution, by: Unit | Literal["token"] = "word") -> str:
    """A record as HTML, coloured by what speaks for the label and against it.

    Colours are scaled by the record's own largest absolute score; the scores (changes of the
    log-odds) show when the pointer rests on a part.

    Parameters
    ----------
    attribution : Attribution
    by : {"token", "word", "clause", "sentence"}

    Returns
    -------
    str
        A ``<style>`` and a ``<figure>``; no script, nothing loaded. The text of its element of
        class ``gi-record`` is the record.

    Raises
    ------
    SettingsError
        No such unit.
    """
    return f"<style>{STYLE}</style>\n{figure_html(attribution, by)}"


def figure_html(attribution: Attribution, by: Unit | Literal["token"] = "word") -> str:
    """The ``<figure>`` of :func:`to_html`, for a page that holds ``STYLE`` once."""
    parts = cells(attribution, by)
    limit = _limit(parts)
    remark = _remark(attribution)
    warning = f'<small class="remark">{escape(remark)}</small>' if remark else ""
    return (
        f'<figure class="gi-heatmap"><figcaption><strong>{escape(attribution.label_name)}</strong>'
        f"<small>{escape(_facts(attribution))}</small>"
        f"{warning}</figcaption>\n"
        f'<div class="gi-record" lang="zh">{"".join(_html_cells(parts, limit))}</div>\n'
        f"<small><i class=a style=--s:1>against 反对</i> -{limit:.2f}<span class=gi-scale></span>"
        f"+{limit:.2f} <i class=f style=--s:1>for 支持</i> "
        "(change of the log-odds 对数几率的变化)</small></figure>\n"
    )


def page(attributions: Iterable[Attribution], by: Unit | Literal["token"] = "word") -> str:
    """Records as one HTML page, coloured as by :func:`to_html`.

    Parameters
    ----------
    attributions : iterable of Attribution
    by : {"token", "word", "clause", "sentence"}

    Returns
    -------
    str
        A page without script that loads nothing. It brings a font with the Chinese characters that
        it shows; without the extra ``plots``, it relies on the reader's fonts.

    Raises
    ------
    SettingsError
        No such unit.
    """
    figures = "".join(figure_html(attribution, by) for attribution in attributions)
    try:
        face = font_face(figures)
    except ImportError:
        face = ""
    # The browser itself refuses whatever is not in the page.
    policy = "default-src 'none'; font-src data:; style-src 'unsafe-inline'"
    return (
        '<!DOCTYPE html>\n<html lang="zh">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width,initial-scale=1">\n'
        f"<title>gi-classifier</title>\n<style>{face}{STYLE}</style>\n</head>\n"
        f"<body>\n{figures}</body>\n</html>\n"
    )


def _html_cells(parts: Iterable[Cell], limit: float) -> Iterator[str]:
    for text, score in parts:
        if score is None:
            yield escape(text)
        else:
            sign, strength = "f" if score > 0 else "a", abs(score) / limit
            style = f"class={sign} style=--s:{strength:.2f}"
            yield f'<i {style} title="{score:+.3f}">{escape(text)}</i>'


def _limit(parts: Iterable[Cell]) -> float:
    """The largest absolute score, where the colours end; 1 where all are 0."""
    return max((abs(score) for _, score in parts if score is not None), default=0.0) or 1.0


def _facts(attribution: Attribution) -> str:
    special = f" · [CLS] + [SEP] {attribution.special:+.2f}" if attribution.special else ""
    return (
        f"probability 概率 {attribution.probability:.3f} · "
        f"at the baseline 基线 ({attribution.baseline}) {attribution.baseline_probability:.3f} · "
        f"completeness error 完备性误差 {attribution.error:.2%} · "
        f"steps 步数 {attribution.steps}{special}"
    )


def _remark(attribution: Attribution) -> str:
    if attribution.converged:
        return ""
    return (
        "Not converged: the scores do not add up within the tolerance; allow more steps. "
        "未收敛：得分之和超出容差，请增加步数。"
    )


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
    """Width of a character, in shares of the font's size."""
    from matplotlib.font_manager import get_font

    font = get_font(cjk_font())
    font.set_size(100, 72)
    return float(font.load_char(ord(character)).linearHoriAdvance) / 65536 / 100


def _width_at(size: float) -> Callable[[str], float]:
    return lambda text: size * sum(map(_advance, drawable(text)))


def to_png(attribution: Attribution, by: Unit | Literal["token"] = "word") -> bytes:
    """A record as a picture, coloured by what speaks for the label and against it.

    Parameters
    ----------
    attribution : Attribution
    by : {"token", "word", "clause", "sentence"}

    Returns
    -------
    bytes
        A PNG. A character that the font (Noto Sans SC) does not have, such as an emoji, is drawn
        as a box, and so is a combining mark that makes no character with the one before it.

    Raises
    ------
    InputError
        The record fills more than 1000 lines.
    MissingExtraError
        The extra ``plots`` is not installed.
    SettingsError
        No such unit.
    """
    from gi_classifier.plots.style import check_plots

    check_plots()
    parts = cells(attribution, by)
    limit = _limit(parts)
    strengths = [None if score is None else score / limit for _, score in parts]
    page = _Page()
    page.paragraph([attribution.label_name], _TITLE_SIZE)
    page.paragraph([_facts(attribution)], _SMALL_SIZE, _GREY)
    if remark := _remark(attribution):
        page.paragraph([remark], _SMALL_SIZE, _RED)
    page.y += 8
    page.paragraph([part.text for part in parts], _RECORD_SIZE, strengths=strengths)
    page.y += 8
    page.legend(limit)
    return page.png()


def _composed(texts: Iterable[str]) -> list[str]:
    """The texts with their combining marks on the characters before them, where one has such."""
    found: list[str] = []
    for text in texts:
        marks = "".join(itertools.takewhile(unicodedata.combining, text)) if found else ""
        if marks:
            found[-1] += marks
        found.append(text[len(marks) :])
    return [unicodedata.normalize("NFC", text) for text in found]


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
            self.fills.append(colour(strength, _LINE))

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
                f"A picture holds {_MAX_LINES:,} lines; to_html takes any number. "
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
            ("  change of the log-odds 对数几率的变化", None),
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
            ink = _GREY if strength is None else INK
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
