"""One page that says what a model read in a set of records, and why.

In: what was found of the records, an explainer and a keyword table. Out: HTML that holds
everything it needs: no browser asks a network for anything.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from gi_classifier.attribution.heatmap import SCALE_NOTE, STYLE, figure_html
from gi_classifier.attribution.page import escape, escape_line, html_page, note
from gi_classifier.attribution.report_keywords import COLUMNS, SORTING, charts, sortable_table
from gi_classifier.attribution.report_records import ReportRecords, ShownRecord
from gi_classifier.attribution.words import release_segmenter
from gi_classifier.errors import InputError
from gi_classifier.plots.style import CLASS_COLOURS

if TYPE_CHECKING:
    import pandas as pd

    from gi_classifier.attribution.attribution import Attribution
    from gi_classifier.attribution.integrated_gradients import Explainer


# A longer record is coloured by clause, so that the page stays small.
_LONG = 1500

_PAGE_STYLE = """
:root{color-scheme:light}
*{box-sizing:border-box}
body{margin:0 auto;padding:2.5rem 1.5rem 4rem;max-width:62rem;background:#fff;color:#1b1b1b;
 font:16px/1.6 "GI Sans SC",system-ui,sans-serif}
h1{font-size:1.8rem;line-height:1.3;margin:0 0 1.5rem}
h2{font-size:1.3rem;margin:3rem 0 .6rem;padding-bottom:.3rem;border-bottom:1px solid #d9d9d9}
h3{font-size:1.05rem;margin:1.8rem 0 .6rem}
h1 span,h2 span{font-weight:400;color:#595959;margin-left:.35em}
p{margin:.6rem 0}
.note{color:#595959;font-size:.9rem}
dl{display:grid;grid-template-columns:fit-content(60%) minmax(0,1fr);gap:.25rem 1.5rem;margin:0}
dt{color:#595959}dd{margin:0;overflow-wrap:anywhere}
img{max-width:100%;height:auto;display:block}
table{border-collapse:collapse;width:100%;font-size:.9rem}
th,td{padding:.35rem .6rem;text-align:left;vertical-align:top;border-bottom:1px solid #e6e6e6}
.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
.bar{width:40%}.bar div{height:1em;margin-top:.3em;border-radius:.15em;
 print-color-adjust:exact;-webkit-print-color-adjust:exact}
.scroll{max-height:36rem;overflow:auto;border:1px solid #d9d9d9;border-radius:.3rem}
.scroll thead th{position:sticky;top:0;padding:0;background:#f4f4f4;white-space:nowrap}
.scroll td{overflow-wrap:anywhere}.scroll td:first-child{min-width:5.5em}
.scroll td:last-child{min-width:15em}
button{font:inherit;font-weight:600;color:inherit;background:none;border:0;width:100%;
 text-align:inherit;padding:.4rem .6rem;line-height:1.35;cursor:pointer}
button:hover{background:#e9e9e9}
button:focus-visible{outline:2px solid #10508c;outline-offset:-2px}
[aria-sort=ascending] button::after{content:" \\25B2"}
[aria-sort=descending] button::after{content:" \\25BC"}
mark{background:none;color:inherit;font-weight:700}
.gi-heatmap{border:1px solid #d9d9d9;border-radius:.3rem;break-inside:avoid}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(18rem,100%),1fr));gap:1rem}
@media(max-width:40rem){body{padding:1.5rem 1rem 3rem}.bar{width:20%}th,td{padding:.35rem .3rem}
 .gi-scale{width:5em}}
.shares{margin:1.4rem 0 .3rem;font-size:.9rem;font-variant-numeric:tabular-nums;break-after:avoid}
@media print{body{max-width:none;padding:0;font-size:11pt}.scroll{max-height:none;overflow:visible;
 border:0}.scroll thead th{position:static}thead{display:table-header-group}
 tr,img{break-inside:avoid}h2,h3{break-after:avoid}}
"""


def report(
    records: ReportRecords,
    explainer: Explainer,
    table: pd.DataFrame,
    *,
    duplicates: int,
    source: str,
    model: str,
    date: str,
    left_out: int = 0,
    rows: int = 200,
    origin: Mapping[str, Any] | None = None,
    **options: Any,
) -> str:
    """Write the page; only the records shown as heatmaps are explained here.

    Parameters
    ----------
    records : ReportRecords
        What was found of all records, duplicates included.
    explainer : Explainer
        Of the model that gave their probabilities.
    table : DataFrame
        The keywords: columns keyword, label, frequency, documents, mean, total, share,
        distinctiveness and example, ranked within each label.
    duplicates : int
        Records that equal an earlier one.
    source, model, date : str
        What the summary calls the file of the records, the model and the day.
    left_out : int
        Rows without text, or that cannot be read, which are not among the records.
    rows : int
        Keywords shown for each label; the page says how many were left out.
    origin : mapping, optional
        See :func:`gi_classifier.attribution.page.html_page`.
    **options
        Of :func:`gi_classifier.explain`, without ``label``.

    Returns
    -------
    str
        HTML. Control characters and those that turn the reading direction are spelt out; lone
        surrogates, which no page can hold, are U+FFFD.

    Raises
    ------
    InputError
        There is no record, or the table is no keyword table of this model.
    MissingExtraError
        The extra ``plots`` is not installed.
    """
    names = explainer.settings.names
    _check(records, table, names)
    blocks = _blocks(records, explainer, options)
    # The page's charts and fonts need the room.
    release_segmenter()
    sections = [
        f'<h1>{escape_line(f"Report on {source}")}<span lang="zh">分析报告</span></h1>\n',
        _heading("Summary", "概要"),
        _summary(records.count, duplicates, left_out, source, model, date),
        _heading("Records by predicted label", "各类别的记录数"),
        _counts(records.counts, names),
        _heading("Keywords by label", "各类别的关键词"),
        *charts(table, names),
        _heading("Keyword table", "关键词表"),
        *sortable_table(table, names, rows),
        _heading("Examples", "示例"),
        note(
            "The records that the model is surest of. Orange speaks for the label, blue with a "
            "line under it speaks against.",
            "模型最有把握的记录。橙色支持该类别，带下划线的蓝色反对该类别。",
        ),
        f'<p class="note">{escape(SCALE_NOTE)}</p>\n',
        *_examples(records.surest, names, blocks),
        _heading("Doubtful records", "存疑的记录"),
        note(
            "The records whose two likeliest labels are nearest to each other: read these first.",
            "最可能的两个类别概率最接近的记录，建议优先人工核对。",
        ),
        *(blocks[record.number] for record in records.doubtful),
    ]
    return html_page(
        f"Report on {source}",
        "".join(sections),
        STYLE + _PAGE_STYLE,
        language="en",
        script=SORTING,
        origin=origin,
    )


def _blocks(
    records: ReportRecords, explainer: Explainer, options: Mapping[str, Any]
) -> dict[int, str]:
    """Each record that is shown, by its number, explained for its likeliest label."""
    every = itertools.chain(*records.surest, records.doubtful)
    chosen = list({record.number: record for record in every}.values())
    labels = [int(np.argmax(record.shares)) for record in chosen]
    found = explainer.explain([record.text for record in chosen], labels, **options)
    return {
        record.number: _block(record, explainer.settings.names, attribution)
        for record, attribution in zip(chosen, found, strict=True)
    }


def _check(records: ReportRecords, table: pd.DataFrame, names: Sequence[str]) -> None:
    if not records.count or len(records.counts) != len(names):
        raise InputError(
            f"A report needs at least one record, and probabilities of {len(names)} labels. "
            f"Received: {records.count} records and {len(records.counts)} labels"
        )
    missing = [name for name in COLUMNS if name not in table.columns]
    if missing:
        raise InputError(
            f"A keyword table has the columns {', '.join(COLUMNS)}. Missing: {', '.join(missing)}"
        )
    strange = sorted(set(table["label"]) - set(range(len(names))))
    if strange:
        raise InputError(
            f"The keyword table has labels that are not among this model's {len(names)}: "
            f"{', '.join(map(str, strange))}"
        )


def _heading(english: str, chinese: str) -> str:
    return f'<h2>{english}<span lang="zh">{chinese}</span></h2>\n'


def _summary(count: int, duplicates: int, left_out: int, source: str, model: str, date: str) -> str:
    lines = {
        "File 文件": source,
        "Records 记录": f"{count:,}",
        "Duplicates 重复": f"{duplicates:,}",
        **(
            {"Left out: no text, or not to be read 已略去：无文本或无法读取": f"{left_out:,}"}
            if left_out
            else {}
        ),
        "Model 模型": model,
        "Date 日期": date,
    }
    items = "".join(
        f"<dt>{name}</dt><dd>{escape_line(text)}</dd>\n" for name, text in lines.items()
    )
    return f"<dl>\n{items}</dl>\n"


def _counts(counts: Sequence[int], names: Sequence[str]) -> str:
    lines = "".join(
        f'<tr><td>{escape_line(name)}</td><td class="n">{count:,}</td>'
        f'<td class="n">{count / sum(counts):.1%}</td><td class="bar"><div style="'
        f"width:{count / max(counts):.1%};background:{CLASS_COLOURS[i % len(CLASS_COLOURS)]}"
        '"></div></td></tr>\n'
        for i, (name, count) in enumerate(zip(names, counts, strict=True))
    )
    return (
        '<table>\n<thead><tr><th>label 类别</th><th class="n">records 记录</th>'
        f'<th class="n">share 占比</th><th></th></tr></thead>\n<tbody>\n{lines}</tbody>\n</table>\n'
    )


def _examples(
    surest: Sequence[Sequence[ShownRecord]], names: Sequence[str], blocks: Mapping[int, str]
) -> Iterator[str]:
    for name, records in zip(names, surest, strict=True):
        yield f"<h3>{escape_line(name)}</h3>\n"
        if not records:
            yield note("No record has this label.", "没有该类别的记录。")
        yield from (blocks[record.number] for record in records)


def _called(record: ShownRecord) -> str:
    """What a record is called: its file's own name for it and its line, or its number."""
    place = f"Record 记录 {record.number:,}" if record.line is None else f"Line 行 {record.line:,}"
    return f"{escape_line(record.id)} · {place}" if record.id else place


def _block(record: ShownRecord, names: Sequence[str], found: Attribution) -> str:
    """One record: what it is called, all its probabilities and its heatmap."""
    shares = record.shares
    likeliest, *others = np.argsort(-np.array(shares), kind="stable").tolist()
    rest = "".join(f" · {escape_line(names[label])} {shares[label]:.3f}" for label in others)
    return (
        f'<p class="shares">{_called(record)} · <strong>{escape_line(names[likeliest])} '
        f"{shares[likeliest]:.3f}</strong>{rest} · margin 差距 {record.margin:.3f}</p>\n"
        + figure_html(found, "word" if len(found.text) <= _LONG else "clause")
    )
