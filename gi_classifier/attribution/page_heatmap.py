"""What decided, drawn over the picture of the page that it was read from.

In: a page, its pixels and the attribution of its text. Out: the words that were read too poorly to
decide; a page of HTML or a PNG. Colours are those of :mod:`gi_classifier.attribution.heatmap`.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from gi_classifier.attribution.heatmap import STYLE
from gi_classifier.attribution.page import FONTS, escape, escape_line, html_page
from gi_classifier.data.pictures.page import Box, Character, Page, Picture
from gi_classifier.data.pictures.page_coverage import coverage_note
from gi_classifier.data.pictures.page_reading import scaled
from gi_classifier.plots.heatmap import AGAINST, FOR, GREY, INK, LINE, RED, colour
from gi_classifier.plots.style import check_plots

if TYPE_CHECKING:
    from gi_classifier.attribution.attribution import Attribution, Span, SpanUnit

# Words decide that hold this share of all that speaks for the label; a character of theirs is poor
# below this confidence.
_DECIDING, POOR = 0.5, 0.6
# Of a picture in a page.
_LONGEST_SIDE, _QUALITY = 1400, 80
_STYLE = (
    f"h1{{font:600 1.3rem {FONTS};margin:1rem}}\n"
    ".gi-scan{position:relative;max-width:60rem}.gi-scan img{width:100%;display:block}\n"
    ".gi-scan svg{position:absolute;inset:0;width:100%;height:100%;mix-blend-mode:multiply}\n"
)


class Explained(NamedTuple):
    """A page, its picture and its attribution; ``poor`` are characters that withhold its answer."""

    page: Page
    pixels: np.ndarray
    attribution: Attribution
    poor: tuple[Character, ...]

    @property
    def withheld(self) -> str:
        """Why it gets no answer unless one is forced, in both languages; "" where it gets one."""
        reasons = (coverage_note(self.page.coverage), poor_note(self.poor))
        return "; ".join(filter(None, reasons))

    @classmethod
    def of(cls, page: Page, picture: Picture, attribution: Attribution) -> Explained:
        """A page as it was read from a picture, and what its text's answer rests on."""
        return cls(page, picture.pixels, attribution, poor_characters(page, attribution))


class Patch(NamedTuple):
    """A part of a text on the page: on one line, with the score of the whole part."""

    box: Box
    text: str
    score: float


def deciding_spans(attribution: Attribution) -> list[Span]:
    """The words that speak most for the label, half of all that speaks for it together."""
    ranked = sorted(attribution.words(), key=lambda span: -span.score)
    total = sum(max(span.score, 0.0) for span in ranked)
    found: list[Span] = []
    for span in ranked:
        if span.score <= 0 or sum(each.score for each in found) >= _DECIDING * total:
            break
        found.append(span)
    return found


def poor_characters(
    page: Page, attribution: Attribution, least: float = POOR
) -> tuple[Character, ...]:
    """Chinese characters of deciding words that were read with less confidence, in their order.

    Where one of them was misread, such as 胃 for 肠, the answer may be another.
    """
    places = sorted(i for span in deciding_spans(attribution) for i in range(span.start, span.end))
    found = (page.characters[i] for i in places)
    return tuple(
        c for c in found if c is not None and c.confidence < least and not c.text.isascii()
    )


def poor_note(poor: Sequence[Character]) -> str:
    """Which characters withhold an answer, in both languages; "" without any."""
    if not poor:
        return ""
    listed = ", ".join(f"{c.text} {c.confidence:.2f}" for c in poor[:8])
    return f"The deciding characters were read poorly 决定性文字识别不清: {listed}"


def patches(page: Page, attribution: Attribution, unit: SpanUnit) -> list[Patch]:
    """Where the parts of the text stand on the page; one that is wrapped stands on two lines."""
    found = []
    for span in attribution.spans(unit):
        run: list[Character] = []
        for character in page.characters[span.start : span.end]:
            if character is None:
                continue
            if run and not _goes_on(run[-1], character):
                found.append(_patch(run, span.score))
                run = []
            run.append(character)
        if run:
            found.append(_patch(run, span.score))
    return found


def _goes_on(before: Character, here: Character) -> bool:
    """Whether a character stands next to the one before it."""
    end, begin = np.array(before.box[1]), np.array(here.box[0])
    height = np.linalg.norm(np.array(before.box[3]) - np.array(before.box[0]))
    return bool(np.linalg.norm(begin - end) < 1.5 * height)


def _patch(run: Sequence[Character], score: float) -> Patch:
    first, last = run[0].box, run[-1].box
    return Patch((first[0], last[1], last[2], first[3]), "".join(c.text for c in run), float(score))


def _scale_end(found: Sequence[Patch]) -> float:
    return max((abs(patch.score) for patch in found), default=0.0) or 1.0


def scans_html(
    explained: Iterable[Explained],
    unit: SpanUnit = "word",
    *,
    force: bool = False,
    origin: Mapping[str, Any] | None = None,
) -> str:
    """Pages as HTML: each picture under its colours; no script, nothing loaded.

    Parameters
    ----------
    explained : iterable of Explained
        Each is drawn as it comes: no two pictures need be held at once.
    unit : {"token", "word", "clause", "sentence"}
    force : bool
        Show answers that are withheld, with the reason.
    origin : mapping, optional
        See :func:`gi_classifier.attribution.page.html_page`.
    """
    # By map, which lets go of a page before it asks for the next.
    figures = "".join(map(partial(_figure, unit=unit, force=force), explained))
    return html_page(
        "gi-classifier: what decided 判断依据",
        f"<h1>What decided 判断依据</h1>\n{figures}",
        STYLE + _STYLE,
        language="zh",
        origin=origin,
    )


def _figure(one: Explained, unit: SpanUnit, force: bool) -> str:
    url, width, height, scale = small_picture(one.pixels)
    found = patches(one.page, one.attribution, unit)
    limit = _scale_end(found)
    shapes = "".join(_shape(patch, limit, scale) for patch in found)
    said = one.withheld
    warning = f'<small class="warning">{escape(said)}</small>' if said else ""
    return (
        f'<figure class="gi-heatmap"><figcaption>'
        f"<small>{escape_line(one.page.name)}, page {one.page.number}</small>"
        f"<strong>{escape_line(_answer(one, force))}</strong>"
        f"<small>{escape_line(_details(one, force))}</small>{warning}</figcaption>\n"
        f'<div class="gi-scan"><img alt="" src="{url}">'
        f'<svg viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">{shapes}</svg>'
        "</div>\n"
        f"<small><i class=a style=--s:1>against 反对</i> -{limit:.2f}<span class=gi-scale></span>"
        f"+{limit:.2f} <i class=f style=--s:1>for 支持</i> "
        "(change of the score 得分的变化)</small></figure>\n"
    )


def small_picture(pixels: np.ndarray) -> tuple[str, int, int, float]:
    """A picture for a browser: its ``data:`` address, width, height, and how far it was scaled."""
    from PIL import Image

    small, scale = scaled(pixels, _LONGEST_SIDE)
    content = io.BytesIO()
    Image.fromarray(small).save(content, "JPEG", quality=_QUALITY)
    data = base64.b64encode(content.getvalue()).decode()
    height, width = small.shape[:2]
    return f"data:image/jpeg;base64,{data}", width, height, scale


def _shape(patch: Patch, limit: float, scale: float) -> str:
    corners = [(x * scale, y * scale) for x, y in patch.box]
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in corners)
    fill = ",".join(f"{part:.0%}" for part in colour(patch.score / limit))
    title = f"<title>{escape(patch.text)} {patch.score:+.3f}</title>"
    line = ""
    if patch.score < 0:
        (x0, y0), (x1, y1) = corners[3], corners[2]
        ink = ",".join(f"{part:.0%}" for part in colour(patch.score / limit, LINE))
        line = (
            f'<line x1="{x0:.1f}" y1="{y0:.1f}" x2="{x1:.1f}" y2="{y1:.1f}" '
            f'stroke="rgb({ink})" stroke-width="2"/>'
        )
    return f'<polygon points="{points}" fill="rgb({fill})">{title}</polygon>{line}'


def _answer(one: Explained, force: bool) -> str:
    return "no answer 不作判断" if one.withheld and not force else one.attribution.label_name


def _details(one: Explained, force: bool) -> str:
    found, page = one.attribution, one.page
    probability = (
        "" if one.withheld and not force else f"probability 概率 {found.probability:.3f} · "
    )
    return (
        f"{probability}completeness error 完备性误差 {found.error:.2%} · "
        f"characters read with confidence 文字识别置信度 {page.confidence:.3f}"
    )


def scan_png(one: Explained, unit: SpanUnit = "word", *, force: bool = False) -> bytes:
    """A page as a PNG: its picture under its colours, between what was answered and the legend.

    Raises
    ------
    MissingExtraError
        The extra ``plots``, with its font, is not installed.
    """
    check_plots()
    from PIL import Image, ImageChops, ImageDraw

    small, scale = scaled(one.pixels, _LONGEST_SIDE)
    image = Image.fromarray(small)
    layer = Image.new("RGB", image.size, "white")
    pen = ImageDraw.Draw(layer)
    found = patches(one.page, one.attribution, unit)
    limit = _scale_end(found)
    for patch in found:
        corners = [(x * scale, y * scale) for x, y in patch.box]
        pen.polygon(corners, fill=_bytes(colour(patch.score / limit)))
        if patch.score < 0:
            ink = _bytes(colour(patch.score / limit, LINE))
            pen.line([corners[3], corners[2]], fill=ink, width=2)
    lines = [
        (f"label 类别：{_answer(one, force)}", INK, 1.4),
        (_details(one, force), GREY, 1.0),
        (one.withheld, RED, 1.0),
    ]
    return _framed(ImageChops.multiply(image, layer), [line for line in lines if line[0]], limit)


def _bytes(of: tuple[float, float, float]) -> tuple[int, int, int]:
    red, green, blue = (round(255 * part) for part in of)
    return red, green, blue


def _framed(image: Any, lines: Sequence[tuple[str, str, float]], limit: float) -> bytes:
    """The picture with lines above and the legend below."""
    from PIL import Image, ImageDraw, ImageFont

    from gi_classifier.plots.fonts import cjk_font, drawable

    size = max(12, image.width // 60)
    above = round(size * (1 + 1.5 * sum(factor for _, _, factor in lines)))
    sheet = Image.new("RGB", (image.width, image.height + above + 3 * size), "white")
    sheet.paste(image, (0, above))
    pen = ImageDraw.Draw(sheet)
    y = size * 0.6
    for text, ink, factor in lines:
        font = ImageFont.truetype(str(cjk_font()), round(size * factor))
        pen.text((size, y), drawable(text), font=font, fill=ink)
        y += 1.5 * size * factor
    y = image.height + above + size * 0.8
    font = ImageFont.truetype(str(cjk_font()), size)
    x = float(size)
    for text, fill in ((f"against 反对 -{limit:.2f}", AGAINST), (f"for 支持 +{limit:.2f}", FOR)):
        wide = font.getlength(text)
        pen.rectangle((x - 4, y - 2, x + wide + 4, y + 1.4 * size), fill=fill)
        pen.text((x, y), text, font=font, fill=INK)
        x += wide + 3 * size
    content = io.BytesIO()
    sheet.save(content, "PNG")
    return content.getvalue()
