"""The keyword table on a screen: its words and numbers are never cut, its examples are.

In: a ranked table. Out: printed, the first rows of each label.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import typer
from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from gi_classifier.cli.outputs import Screen
from gi_classifier.display import shown

if TYPE_CHECKING:
    import pandas as pd

# Columns that an example in its context needs on a screen, and those between two columns.
_LEAST_EXAMPLE, _GAP = 16, 2
# What a narrow screen does without, the first first.
_SPARED = ("example", "distinctiveness", "share", "mean", "documents")


def show_table(table: pd.DataFrame, names: Sequence[str], top: int, against: bool) -> None:
    """Print the first rows of each label.

    Parameters
    ----------
    table : DataFrame
        Of :func:`gi_classifier.keyword_table`, by label or pooled.
    names : sequence of str
        Of the labels.
    top : int
        Rows of each label.
    against : bool
        Whether the words speak against their labels.
    """
    for label, part in table.groupby("label") if "label" in table else [(None, table)]:
        title = "all labels" if label is None else f"{label} {shown(names[int(label)])}"
        _show_part(part.head(top), f"against {title}" if against else title)
        if len(part) > top:
            typer.echo(f"… and {len(part) - top} more")


def _show_part(rows: pd.DataFrame, title: str) -> None:
    cells = {
        name: [shown(v) if isinstance(v, str) else _number(v) for v in rows[name]]
        for name in rows.columns
        if name != "label"
    }
    widths = {name: max(map(cell_len, [name, *column])) for name, column in cells.items()}
    # A pipe has no width: nothing is cut there.
    whole = sum(widths.values()) + _GAP * len(widths)
    screen = Screen(width=None if sys.stdout.isatty() else max(whole, 20))
    kept = _fitted(widths, screen.width)
    printed = Table(title=Text(title), box=None, pad_edge=False, title_justify="left")
    for name, width in kept.items():
        text = name in ("keyword", "example")
        printed.add_column(
            name,
            width=width,
            justify="left" if text else "right",
            no_wrap=name != "keyword",
            overflow="ellipsis" if name == "example" else "fold",
        )
    for row in zip(*(cells[name] for name in kept), strict=True):
        printed.add_row(*map(Text, row))
    screen.print(printed)
    if spared := [name for name in cells if name not in kept and name != "example"]:
        typer.echo(f"(too narrow for {', '.join(spared)}: see --output)")


def _fitted(widths: Mapping[str, int], room: int) -> dict[str, int]:
    """The columns that have room in so many characters, and how wide each is.

    Numbers are never cut; a keyword that is longer than what is left goes on in the next line.
    """
    kept = dict(widths)
    kept["example"] = min(widths["example"], _LEAST_EXAMPLE)

    def left() -> int:
        return room - sum(kept.values()) - _GAP * (len(kept) - 1)

    for name in _SPARED:
        if left() >= 0:
            break
        kept.pop(name, None)
    if "example" in kept:
        kept["example"] = min(widths["example"], kept["example"] + left())
    kept["keyword"] = max(1, min(kept["keyword"], kept["keyword"] + left()))
    return kept


def _number(value: float) -> str:
    return f"{value:,}" if float(value).is_integer() else f"{value:.3f}"
