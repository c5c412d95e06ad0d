"""Predictions as rows, and as files that a hospital's programs open.

In: texts and probabilities. Out: dicts of text, label, name, probability and each class's
probability; ``.csv`` (UTF-8 with BOM, which Excel in China needs), ``.jsonl``, ``.xlsx``,
``.parquet``, or ``.txt``/``.tsv`` (``text<TAB>label``).
"""

from __future__ import annotations

import csv
import io
import itertools
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from gi_classifier.data.parquet import PARQUET, write_parquet
from gi_classifier.data.workbook_writing import write_workbook
from gi_classifier.errors import RecordsError
from gi_classifier.files import encode, whole_file

# What the XML of a spreadsheet cannot hold, or would read as another line end.
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\ufffe\uffff]")
# How a formula begins; an apostrophe before it makes it text.
_FORMULA = re.compile(r"\A(?=[=+\-@\t\r\n＝＋－＠])")
# Characters in one cell of an .xlsx, and rows behind the names of the columns.
_CELL, _ROWS = 32_767, 1_048_575
# Rows whose text is written at once.
_ROWS_AT_ONCE = 1000
# What a spreadsheet would read as a character by its code.
_ESCAPE = re.compile(r"_(?=x[0-9A-Fa-f]{4}_)")
OUTPUT_FORMATS = (".csv", ".jsonl", ".xlsx", PARQUET, ".tsv", ".txt")


def write_results(rows: Sequence[dict[str, Any]], path: Path) -> None:
    """Write rows in the format that the path's ending names; see :func:`write_rows`.

    Raises
    ------
    RecordsError
        A text, or what stands beside it, is too long for a cell of an ``.xlsx``.
    """
    check_holds(path, rows)
    write_rows(rows, columns_of(rows, ("text", "label")), path)


def write_rows(
    rows: Iterable[Mapping[str, Any]],
    columns: Sequence[str],
    path: Path,
    *,
    no_formula: bool = False,
) -> None:
    """Write rows as they come, in the format that the path's ending names; whole or not at all.

    Lone surrogates, which no file encoding holds, are written as U+FFFD; all else as it is, in an
    ``.xlsx`` control characters as ``_x001B_``, which spreadsheets read as the character. A cell
    of an ``.xlsx`` that begins like a formula is text. In ``.txt`` and ``.tsv`` the reason why a
    row has no answer (``error``) stands behind a further tab.

    Parameters
    ----------
    rows : iterable of mapping
    columns : sequence of str
        All that rows have, in order; ``.jsonl`` and plain text have no use for it.
    path : Path
    no_formula : bool
        Whether no cell of a ``.csv`` is a formula, as in :func:`csv_for_excel`.
    """
    suffix = path.suffix.lower()
    with whole_file(path) as file:
        if suffix == ".xlsx":
            write_workbook(_escaped_rows(rows), _escaped_names(columns), file)
            return
        if suffix == PARQUET:
            write_parquet(rows, columns, file)
            return
        pieces = (
            _csv_pieces(rows, columns, no_formula)
            if suffix == ".csv"
            else map(json_line if suffix == ".jsonl" else _plain_line, rows)
        )
        for part in _joined(pieces):
            file.write(encode(part))


def json_line(row: Mapping[str, Any]) -> str:
    """A row as a line of ``.jsonl``."""
    return json.dumps(row, ensure_ascii=False) + "\n"


def _joined(pieces: Iterable[str]) -> Iterator[str]:
    """The same text in fewer, longer pieces."""
    waiting = iter(pieces)
    while part := list(itertools.islice(waiting, _ROWS_AT_ONCE)):
        yield "".join(part)


def _csv_pieces(
    rows: Iterable[Mapping[str, Any]], columns: Sequence[str], no_formula: bool
) -> Iterator[str]:
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerow(map(_as_text, columns) if no_formula else columns)
    yield "\ufeff" + buffer.getvalue()
    for row in rows:
        buffer.seek(0)
        buffer.truncate()
        # A number that is none is an empty cell.
        cells = (None if (cell := row.get(name)) != cell else cell for name in columns)
        writer.writerow(map(_as_text, cells) if no_formula else cells)
        yield buffer.getvalue()


def _as_text(cell: Any) -> Any:
    """A cell of text that no spreadsheet takes for a formula."""
    return _FORMULA.sub("'", cell) if isinstance(cell, str) else cell


def workbook(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """Rows as an ``.xlsx``, as :func:`write_results` writes them; check what it holds before."""
    buffer = io.BytesIO()
    write_workbook(_escaped_rows(rows), _escaped_names(columns_of(rows, ["text", "label"])), buffer)
    return buffer.getvalue()


def _escaped_rows(rows: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    return ({_escaped(name): _escaped(cell) for name, cell in row.items()} for row in rows)


def _escaped_names(names: Iterable[str]) -> list[str]:
    return [_escaped(name) for name in names]


def check_holds(path: Path, rows: Sequence[Mapping[str, Any]], before: int = 0) -> None:
    """Raise where a file cannot hold rows, before the work that fills them is done.

    Parameters
    ----------
    path : Path
    rows : sequence of mapping
    before : int
        How many rows go before them.

    Raises
    ------
    RecordsError
        An ``.xlsx`` would have too many rows, or text too long for a cell.
    """
    if path.suffix.lower() != ".xlsx":
        return
    if before + len(rows) > _ROWS:
        raise RecordsError(
            f"{path}: an .xlsx holds {_ROWS:,} rows below the names; write .csv or .jsonl. "
            f"Received: {before + len(rows):,}"
        )
    long = [
        i
        for i, row in enumerate(rows, before + 1)
        if any(isinstance(cell, str) and len(_escaped(cell)) > _CELL for cell in row.values())
    ]
    if long:
        raise RecordsError(
            f"{path}: a cell of an .xlsx holds {_CELL:,} characters; write .csv or .jsonl. Longer:",
            [f"record {i}" for i in long],
        )


def _plain_line(row: Mapping[str, Any]) -> str:
    """Text and label of an answer with a tab between; of a bad row, the reason behind another."""
    cells = [row["text"], "" if row["label"] is None else str(row["label"])]
    if row.get("error"):
        cells.append(row["error"])
    return "\t".join(" ".join(cell.split()) for cell in cells) + "\n"


def _escaped(cell: Any) -> Any:
    """A cell's text with what a spreadsheet would decode, and control characters, spelt out."""
    if not isinstance(cell, str):
        return cell
    cell = encode(_ESCAPE.sub("_x005F_", cell)).decode()
    return _CONTROL.sub(lambda found: f"_x{ord(found[0]):04X}_", cell)


def csv_for_excel(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> bytes:
    """Write rows as CSV that Excel opens: UTF-8 with BOM, no cell a formula.

    Parameters
    ----------
    rows : sequence of mapping
        None and NaN become an empty cell, a lone surrogate U+FFFD. Before a text that begins with
        = + - @, full width or not, a tab or a line end, an apostrophe is put (OWASP, CSV
        injection).
    columns : sequence of str
        The header, also where there is no row.
    """
    return encode("".join(_csv_pieces(rows, columns, no_formula=True)))


def columns_of(rows: Sequence[Mapping[str, Any]], least: Sequence[str] = ()) -> list[str]:
    """All columns that rows have, in order; without rows, ``least``."""
    return list(dict.fromkeys(name for row in rows for name in row)) or list(least)
