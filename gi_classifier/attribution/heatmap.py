"""Pictures of attributions: the record, each part coloured by its score.

In: an :class:`~gi_classifier.Attribution`. Out: a fragment of HTML, or a page of several, that
needs no network and no script, or the bytes of a PNG (extra ``plots``). Orange speaks for the
label, blue against it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from gi_classifier.attribution.page import FONTS, escape, escape_line, html_page
from gi_classifier.plots.heatmap import (
    AGAINST,
    FOR,
    GREY,
    INK,
    LINE,
    RED,
    Cell,
    heatmap_figure,
    scale_end,
)

if TYPE_CHECKING:
    from gi_classifier.attribution.attribution import Attribution, SpanUnit

_RGB_FOR, _RGB_AGAINST, _RGB_LINE = (",".join(map(str, colour)) for colour in (FOR, AGAINST, LINE))
STYLE = f"""
.gi-heatmap{{margin:0;padding:.8em 1em;background:#fff;color:{INK};line-height:1.5;
 font-family:{FONTS};
 print-color-adjust:exact;-webkit-print-color-adjust:exact}}
.gi-heatmap figcaption{{margin-bottom:.5em}}
.gi-heatmap small{{display:block;color:{GREY}}}
.gi-heatmap summary{{cursor:pointer;font-size:smaller;color:{GREY}}}
.gi-heatmap .warning{{color:{RED};font-weight:600}}
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
_PAGE_STYLE = f"h1{{font:600 1.3rem {FONTS};margin:1rem}}p{{font:.9rem/1.5 {FONTS};margin:1rem}}\n"
SCALE_NOTE = (
    "The colours of each record end at its own largest score, which is printed under it: compare "
    "colours within a record, scores between records. "
    "每条记录的颜色按其自身的最大得分缩放（数值见图下）：颜色只在同一条记录内可比，记录之间请比较得分。"
)


def cells(attribution: Attribution, unit: SpanUnit = "word") -> list[Cell]:
    """Cut a record into parts that cover every character once, in order.

    Tokens that share a character (℃ is read as two) make one cell with the sum of their scores;
    what holds no token, such as white space, is a cell without a score.

    Raises
    ------
    SettingsError
        No such unit.
    """
    joined: list[tuple[int, int, float]] = []
    for span in sorted(attribution.spans(unit), key=lambda span: (span.start, span.end)):
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


def to_html(attribution: Attribution, unit: SpanUnit = "word") -> str:
    """A record as HTML, coloured by what speaks for the label and against it.

    Colours are scaled by the record's own largest absolute score; the scores (changes of the
    label's score) show when the pointer rests on a part.

    Parameters
    ----------
    attribution : Attribution
    unit : {"token", "word", "clause", "sentence"}

    Returns
    -------
    str
        A ``<style>`` and a ``<figure>``; no script, nothing loaded. The text of its element of
        class ``gi-record`` is the record, control characters and those that turn the reading
        direction spelt out.

    Raises
    ------
    SettingsError
        No such unit.
    """
    return f"<style>{STYLE}</style>\n{figure_html(attribution, unit)}"


def figure_html(attribution: Attribution, unit: SpanUnit = "word", called: str = "") -> str:
    """The ``<figure>`` of :func:`to_html`, for a page that holds ``STYLE`` once.

    ``called`` is what the record's file calls it, as plain text.
    """
    parts = cells(attribution, unit)
    limit = scale_end(parts)
    name = f"<small>{escape_line(called)}</small>" if called else ""
    warning = _warning(attribution)
    said = f'<small class="warning">{escape(warning)}</small>' if warning else ""
    return (
        f'<figure class="gi-heatmap"><figcaption>{name}'
        f"<strong>{escape_line(attribution.label_name)}</strong>"
        f"<small>probability 概率 {attribution.probability:.3f}</small>{said}"
        "<details><summary>how it was computed 计算细节</summary>"
        f"<small>{escape(_details(attribution))}</small></details></figcaption>\n"
        f'<div class="gi-record" lang="zh">{"".join(_html_cells(parts, limit))}</div>\n'
        f"<small><i class=a style=--s:1>against 反对</i> -{limit:.2f}<span class=gi-scale></span>"
        f"+{limit:.2f} <i class=f style=--s:1>for 支持</i> "
        "(change of the score 得分的变化)</small></figure>\n"
    )


def page(
    attributions: Iterable[Attribution | str],
    unit: SpanUnit = "word",
    *,
    called: Sequence[str] = (),
    origin: Mapping[str, Any] | None = None,
) -> str:
    """Records as one HTML page, coloured as by :func:`to_html`.

    Parameters
    ----------
    attributions : iterable of (Attribution or str)
        A string says why a record has none.
    unit : {"token", "word", "clause", "sentence"}
    called : sequence of str, optional
        What each record is called.
    origin : mapping, optional
        See :func:`gi_classifier.attribution.page.html_page`.

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
    found = list(attributions)
    names = called or [""] * len(found)
    figures = "".join(
        _bad_html(item, name) if isinstance(item, str) else figure_html(item, unit, name)
        for item, name in zip(found, names, strict=True)
    )
    body = f"<h1>What decided 判断依据</h1>\n<p>{escape(SCALE_NOTE)}</p>\n{figures}"
    return html_page(
        "gi-classifier: what decided 判断依据",
        body,
        STYLE + _PAGE_STYLE,
        language="zh",
        origin=origin,
    )


def _bad_html(error: str, called: str) -> str:
    return (
        f'<figure class="gi-heatmap"><small>{escape_line(called)}</small>'
        f'<small class="warning">error 错误: {escape_line(error)}</small></figure>\n'
    )


def to_png(attribution: Attribution, unit: SpanUnit = "word") -> bytes:
    """A record as a PNG, coloured by what speaks for the label and against it.

    Parameters
    ----------
    attribution : Attribution
    unit : {"token", "word", "clause", "sentence"}

    Returns
    -------
    bytes
        See :func:`gi_classifier.plots.heatmap.heatmap_figure`, also for errors.

    Raises
    ------
    SettingsError
        No such unit.
    """
    return heatmap_figure(
        f"label 类别：{attribution.label_name}",
        _details(attribution),
        _warning(attribution),
        cells(attribution, unit),
    )


def _html_cells(parts: Iterable[Cell], limit: float) -> Iterator[str]:
    for text, score in parts:
        if score is None:
            yield escape(text)
        else:
            sign, strength = "f" if score > 0 else "a", abs(score) / limit
            style = f"class={sign} style=--s:{strength:.2f}"
            yield f'<i {style} title="{score:+.3f}">{escape(text)}</i>'


def _details(attribution: Attribution) -> str:
    special = f" · [CLS] + [SEP] {attribution.special:+.2f}" if attribution.special else ""
    return (
        f"probability 概率 {attribution.probability:.3f} · "
        f"at the baseline 基线 ({attribution.baseline}) {attribution.baseline_probability:.3f} · "
        f"completeness error 完备性误差 {attribution.error:.2%} · "
        f"steps 步数 {attribution.steps}{special}"
    )


def _warning(attribution: Attribution) -> str:
    if attribution.converged:
        return ""
    return (
        "Not converged: the scores do not add up within the tolerance; allow more steps. "
        "未收敛：得分之和超出容差，请增加步数。"
    )
