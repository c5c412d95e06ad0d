"""The keywords in a report: a chart for each label, and a table that can be sorted.

In: a keyword table and the labels' names. Out: HTML, and the script that sorts it.
"""

from __future__ import annotations

import base64
import itertools
import unicodedata
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from gi_classifier.attribution.page import escape, escape_line, note
from gi_classifier.plots.keywords import label_figure
from gi_classifier.text import folded

if TYPE_CHECKING:
    import pandas as pd

# Column: heading, its explanation, and how a cell is written; None for text.
COLUMNS = {
    "keyword": ("keyword<br>关键词", "", None),
    "label": ("label<br>类别", "", "d"),
    "frequency": ("frequency<br>次数", "occurrences that reach the share 达到比例的出现次数", "d"),
    "documents": ("records<br>记录数", "records that hold it 含有该词的记录数", "d"),
    "mean": ("mean<br>均分", "mean score of an occurrence 每次出现的平均得分", ".3f"),
    "total": ("total<br>总分", "sum of the scores 得分之和", ".2f"),
    "share": ("share<br>占比", "of the label's total 占该类别总分的比例", ".2%"),
    "distinctiveness": (
        "distinctiveness<br>区分度",
        "weighted log-odds against the other labels; above about 1.1: more than chance "
        "与其他类别相比的加权对数几率；约 1.1 以上超出偶然",
        ".2f",
    ),
    "example": ("example<br>例句", "", None),
}

# A header's button sorts its column: numbers from large to small first, text from a to z; a second
# press turns the order round. Equal cells keep their order; cells without a number stay last.
SORTING = """
for (const button of document.querySelectorAll("th button")) {
  button.addEventListener("click", () => {
    const head = button.parentElement, body = head.closest("table").tBodies[0];
    const column = head.cellIndex, number = head.classList.contains("n");
    const next = {ascending: "descending", descending: "ascending"};
    const order = next[head.ariaSort] || (number ? "descending" : "ascending");
    for (const other of head.parentElement.cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", order);
    const sign = order === "ascending" ? 1 : -1;
    const key = row => {
      const text = row.cells[column].textContent;
      return number ? parseFloat(text) : text;
    };
    const compare = (a, b) => {
      if (!number) return sign * a.localeCompare(b, "zh");
      if (isNaN(a) || isNaN(b)) return isNaN(a) - isNaN(b);
      return sign * (a - b);
    };
    const rows = [...body.rows].map(row => [key(row), row]);
    body.append(...rows.sort((a, b) => compare(a[0], b[0])).map(pair => pair[1]));
  });
}
"""


def charts(table: pd.DataFrame, names: Sequence[str]) -> Iterator[str]:
    """A picture for each label, side by side where there is room."""
    yield '<div class="charts">\n'
    for label, name in enumerate(names):
        picture = base64.b64encode(label_figure(table, label, name)).decode()
        yield (
            f'<img alt="Keywords of {escape_line(name)}, by total score 关键词的总分" '
            f'src="data:image/png;base64,{picture}">\n'
        )
    yield "</div>\n"


def sortable_table(table: pd.DataFrame, names: Sequence[str], rows: int) -> Iterator[str]:
    """The table, at most ``rows`` keywords of each label, with a note that says how many."""
    shown = table[table.groupby("label").cumcount() < rows]
    yield note(
        f"{len(shown):,} of {len(table):,} keywords: at most {rows:,} of each label, "
        f"{len(table) - len(shown):,} left out. Press a heading to sort. "
        f"Labels: {_legend(names)}.",
        f"共 {len(table):,} 个关键词，每类最多显示 {rows:,} 个，"
        f"省略 {len(table) - len(shown):,} 个。点击表头可排序。",
    )
    yield '<div class="scroll" tabindex="0">\n<table>\n<thead><tr>'
    for heading, explanation, style in COLUMNS.values():
        yield (
            f'<th{_kind(style)}><button type="button" title="{explanation}">{heading}</button></th>'
        )
    yield "</tr></thead>\n<tbody>\n"
    for row in shown[list(COLUMNS)].to_dict("records"):
        yield "<tr>"
        for name, (_, _, style) in COLUMNS.items():
            yield f"<td{_kind(style)}>{_cell(row, name, style)}</td>"
        yield "</tr>\n"
    yield "</tbody>\n</table>\n</div>\n"


def _kind(style: str | None) -> str:
    return "" if style is None else " class=n"


def _cell(row: dict[Any, Any], name: str, style: str | None) -> str:
    value = row[name]
    if style is not None:
        return format(value, style) if np.isfinite(value) else "–"
    if name == "example":
        start, end = _place(row["keyword"], value)
        before, keyword, after = value[:start], value[start:end], value[end:]
        return f"{escape(before)}<mark>{escape(keyword)}</mark>{escape(after)}"
    return escape(value)


def _place(keyword: str, example: str) -> tuple[int, int]:
    """Where an example has its keyword, be it in other case or width."""
    starts = [i for i, c in enumerate(example) if not i or not _composes(c)]
    parts = list(itertools.pairwise([*starts, len(example)]))
    forms = [folded(example[start:end]) for start, end in parts]
    ends = np.cumsum([len(form) for form in forms])
    wanted = folded(keyword)
    place = "".join(forms).find(wanted)
    if place < 0 or not wanted:
        return 0, 0
    first = int(np.searchsorted(ends, place, side="right"))
    last = int(np.searchsorted(ends, place + len(wanted), side="left"))
    return parts[first][0], parts[last][1]


def _composes(character: str) -> bool:
    """Whether a character may be one with that before it: a combining mark, or a jamo."""
    first = unicodedata.normalize("NFKD", character)[0]
    return bool(unicodedata.combining(first)) or "\u1160" <= first <= "\u11ff"


def _legend(names: Sequence[str]) -> str:
    return ", ".join(f"{i} {name}" for i, name in enumerate(names))
