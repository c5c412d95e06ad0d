"""Predictions as rows, and as files that a hospital's programs open.

In: texts and probabilities. Out: dicts of text, label, name, probability and each class's
probability; ``.csv`` (UTF-8 with BOM, which Excel in China needs), ``.jsonl``, ``.xlsx``, or
``.txt``/``.tsv`` (``text<TAB>label``).
"""

from __future__ import annotations

import csv
import io
import itertools
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gi_classifier.errors import RecordsError
from gi_classifier.files import write_whole

_SURROGATE = re.compile("[\ud800-\udfff]")
# What the XML of a spreadsheet cannot hold.
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
# How a formula begins; an apostrophe before it makes it text.
_FORMULA = re.compile(r"\A(?=[=+\-@\t\r\n＝＋－＠])")
# Characters in one cell of an .xlsx, and rows behind the names of the columns.
_CELL, _ROWS = 32_767, 1_048_575
# What a spreadsheet would read as a character by its code.
_ESCAPE = re.compile(r"_(?=x[0-9A-Fa-f]{4}_)")
OUTPUT_FORMATS = (".csv", ".jsonl", ".xlsx", ".tsv", ".txt")


def write_results(rows: Sequence[dict[str, Any]], path: Path) -> None:
    """Write rows in the format that the path's ending names; whole or not at all.

    Lone surrogates, which no file encoding holds, are written as U+FFFD, and in the tables control
    characters too. A cell of an ``.xlsx`` that begins like a formula is text.

    Raises
    ------
    RecordsError
        A text, or what stands beside it, is too long for a cell of an ``.xlsx``.
    """
    suffix = path.suffix.lower()
    if suffix == ".jsonl":
        content = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    elif suffix in (".txt", ".tsv"):
        content = "".join(
            f"{' '.join(row['text'].split())}\t{'' if row['label'] is None else row['label']}\n"
            for row in rows
        )
    else:
        import pandas as pd

        clean = [
            {k: _CONTROL.sub("\ufffd", v) if isinstance(v, str) else v for k, v in row.items()}
            for row in rows
        ]
        table = pd.DataFrame(clean, columns=None if rows else ["text", "label"])
        for name in {"label", "row"} & set(table):
            if table[name].dtype.kind == "f":
                # None beside integers made them floating-point.
                table[name] = table[name].astype("Int64")
        if suffix == ".xlsx":
            check_holds(path, clean)
            table = table.map(_escaped)
            buffer = io.BytesIO()
            with pd.ExcelWriter(buffer, engine="openpyxl") as writer:
                table.to_excel(writer, index=False)
                for cell in itertools.chain(*writer.book.active.iter_rows()):
                    if cell.data_type == "f":
                        cell.data_type = "s"
            write_whole(path, buffer.getvalue())
            return
        content = "\ufeff" + table.to_csv(index=False, lineterminator="\r\n")
    write_whole(path, encode(content))


def check_holds(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Raise where a file cannot hold rows, before the work that fills them is done.

    Raises
    ------
    RecordsError
        An ``.xlsx`` would have too many rows, or text too long for a cell, which the writer cuts
        without a word.
    """
    if path.suffix.lower() != ".xlsx":
        return
    if len(rows) > _ROWS:
        raise RecordsError(
            f"{path}: an .xlsx holds {_ROWS:,} rows below the names; write .csv or .jsonl. "
            f"Received: {len(rows):,}"
        )
    long = [
        i
        for i, row in enumerate(rows, 1)
        if any(isinstance(cell, str) and len(cell) > _CELL for cell in row.values())
    ]
    if long:
        raise RecordsError(
            f"{path}: a cell of an .xlsx holds {_CELL:,} characters; write .csv or .jsonl. Longer:",
            [f"record {i}" for i in long],
        )


def _escaped(cell: Any) -> Any:
    """A cell's text with what a spreadsheet would decode spelt out, and returns kept."""
    if not isinstance(cell, str):
        return cell
    return _ESCAPE.sub("_x005F_", cell).replace("\r", "_x000D_")


def encode(content: str) -> bytes:
    """UTF-8; lone surrogates, which no file encoding holds, become U+FFFD."""
    return _SURROGATE.sub("\ufffd", content).encode("utf-8")


def csv_for_excel(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> bytes:
    """Write rows as CSV that Excel opens: UTF-8 with BOM, no cell a formula.

    Parameters
    ----------
    rows : sequence of mapping
        None becomes an empty cell; control characters become U+FFFD. Before a text that begins
        with = + - @, full width or not, a tab or a line end, an apostrophe is put (OWASP, CSV
        injection).
    columns : sequence of str
        The header, also where there is no row.
    """
    table = io.StringIO(newline="")
    table.write("\ufeff")
    writer = csv.DictWriter(table, columns, lineterminator="\r\n")
    writer.writeheader()
    for row in rows:
        writer.writerow(
            {
                name: _FORMULA.sub("'", _CONTROL.sub("\ufffd", cell))
                if isinstance(cell, str)
                else cell
                for name, cell in row.items()
            }
        )
    return encode(table.getvalue())


def columns_of(rows: Sequence[Mapping[str, Any]], least: Sequence[str] = ()) -> list[str]:
    """All columns that rows have, in order; without rows, ``least``."""
    return list(dict.fromkeys(name for row in rows for name in row)) or list(least)
