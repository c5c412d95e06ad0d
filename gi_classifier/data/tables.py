r"""Rows of text files, unchecked: ``.csv``, ``.jsonl``, and ``.txt``/``.tsv`` in either form.

In: a path and the wanted columns. Out: a :class:`Table`, whose rows come one at a time. A row that
cannot be read is one with a problem, and the next is read on. A ``.txt`` or ``.tsv`` is a table of
cells with tabs between where its first row names the text column; else it has lines of text, or of
``text<TAB>label``.
"""

from __future__ import annotations

import csv
import itertools
import json
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gi_classifier.data.columns import (
    LABEL,
    Columns,
    case_hint,
    check_columns,
    distinct,
    is_name,
)
from gi_classifier.data.encodings import Encoding, line_problem, recognise, text_lines
from gi_classifier.data.line_forms import LineForm, is_coded, line_form
from gi_classifier.errors import RecordsError, SettingsError

PLAIN = (".txt", ".tsv")


@dataclass(frozen=True)
class Row:
    """A row as it stands in a file.

    Attributes
    ----------
    line, row : int
        1-based line of the file, and row as a spreadsheet counts; in a workbook, the same.
    cells : mapping of str to object
        By the column's name.
    problem : str or None
        Why the row cannot be read; never with its content.
    """

    line: int
    row: int
    cells: Mapping[str, Any] = field(default_factory=dict)
    problem: str | None = None


@dataclass(frozen=True)
class Table:
    """A file's rows, and how they are read.

    Attributes
    ----------
    rows : iterator of Row
    encoding : str
    notes : tuple of str
        What a user should know of how it is read.
    """

    rows: Iterator[Row]
    encoding: str
    notes: tuple[str, ...] = ()


def open_text_table(
    path: Path,
    columns: Columns,
    *,
    names: Sequence[str] = (),
    num_classes: int | None = None,
    header_row: int | None = None,
) -> Table:
    """Open a ``.txt``, ``.tsv``, ``.csv`` or ``.jsonl``.

    Parameters
    ----------
    path : Path
    columns : Columns
        ``label`` None passes labels over.
    names : sequence of str
        Words that are labels in lines of ``text<TAB>label``; without, the default names.
    num_classes : int, optional
        Numbers below it are labels there; without, those of the three labels.
    header_row : int, optional
        The row of a ``.csv``, or of a table with tabs, that names the columns; without, the first.

    Raises
    ------
    MissingPathError, RecordsError
        There is no such file, it is no text, or a column is missing.
    SettingsError
        A column or a header was asked for that the file's form cannot have.
    """
    suffix, encoding = path.suffix.lower(), recognise(path)
    notes: tuple[str, ...] = (encoding.note,) if encoding.note else ()
    if suffix == ".csv":
        rows = _delimited(path, encoding, columns, ",", header_row or 1)
    elif suffix == ".jsonl":
        if header_row is not None:
            raise SettingsError(f"{path}: a .jsonl has no row of names; leave out --header-row.")
        rows = _json_rows(path, encoding, columns)
    elif header_row is not None or _has_header(path, encoding, columns):
        rows = _delimited(path, encoding, columns, "\t", header_row or 1)
    else:
        _check_plain(path, columns)
        form = line_form(path, encoding, names, num_classes)
        if columns.label is None and form.is_coded:
            raise RecordsError(
                f"{path}: columns without names: what stands before the tabs is no text but "
                f"numbers or codes. Name the columns in a first line, as in id<TAB>{columns.text}."
            )
        rows = _plain_rows(path, encoding, columns, form)
        notes += form.notes(columns.label is not None)
    return Table(rows, encoding.name, notes)


def _has_header(path: Path, encoding: Encoding, columns: Columns) -> bool:
    """Whether the first line that is not empty names the text column."""
    lines = (line for line in text_lines(path, encoding.name) if line.strip())
    first, second = next(lines, ""), next(lines, "")
    names = [cell.strip().strip('"') for cell in first.split("\t")]
    # Names, then a code before a text: a table whose text is called otherwise.
    if len(names) > 1 and all(map(is_name, names)) and is_coded(second):
        check_columns(columns, names, str(path))
    if columns.text not in names and (hint := case_hint([columns.text], names)):
        raise RecordsError(f"{path}: no column {columns.text!r}.{hint} Say --text-column.")
    return columns.text in names


def _check_plain(path: Path, columns: Columns) -> None:
    """Raise where a column is asked for in a file whose first row names none."""
    if columns.given:
        raise SettingsError(
            f"{path}: {path.suffix} has no column {', '.join(map(repr, columns.given))}: its first "
            f"line does not name the column {columns.text!r} with tabs between. Mend the names, or "
            "give .csv, .jsonl or .xlsx."
        )


def _plain_rows(path: Path, encoding: Encoding, columns: Columns, form: LineForm) -> Iterator[Row]:
    """Lines of ``text<TAB>label``, or of text; see :class:`LineForm`."""
    wanted = columns.label is not None
    for number, line in enumerate(text_lines(path, encoding.name), 1):
        body, tab, label = line.rstrip("\r\n").rpartition("\t")
        if not tab or not (wanted or form.is_labelled):
            body, label = line.rstrip("\r\n"), ""
        problem = line_problem(line, encoding.name)
        if is_coded(body):
            problem = problem or "a number or code and a tab before the text; name the columns"
        cells = {columns.text: body}
        if wanted or form.is_labelled:
            cells.setdefault(columns.label or LABEL, label)
        yield Row(number, number, cells, problem)


class _Lines:
    """Lines for the csv module that can be given back after a row that it cannot read."""

    def __init__(self, lines: Iterable[str]) -> None:
        self.lines = iter(lines)
        self.taken: list[str] = []
        self.back: deque[str] = deque()
        self.number = 0

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self.back.popleft() if self.back else next(self.lines)
        self.taken.append(line)
        self.number += 1
        return line

    def keep_first(self) -> str:
        """Give back all lines of the row but its first, which is returned."""
        self.back.extendleft(reversed(self.taken[1:]))
        self.number -= len(self.taken) - 1
        return self.taken[0]


def _records(lines: Iterable[str], delimiter: str) -> Iterator[tuple[int, list[str], str | None]]:
    """First line, cells and problem of each row, also behind one that cannot be read."""
    # One cell may hold a whole record; the module's own limit is 131,072 characters.
    csv.field_size_limit(2**31 - 1)
    source = _Lines(lines)
    reader = csv.reader(source, strict=True, delimiter=delimiter)
    while True:
        source.taken.clear()
        first = source.number + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            line = source.keep_first()
            reader = csv.reader(source, strict=True, delimiter=delimiter)
            if delimiter == "\t":
                # Quotes have no meaning between tabs in most programs' files.
                yield first, line.rstrip("\r\n").split(delimiter), None
            else:
                yield first, [line.rstrip("\r\n")], f"not CSV ({error})"
            continue
        yield first, cells, None


def _delimited(
    path: Path, encoding: Encoding, columns: Columns, delimiter: str, header_row: int
) -> Iterator[Row]:
    """Check the header at once, and return the rows behind it."""
    # Its module finds line ends by itself, for a cell may hold some.
    records = _records(text_lines(path, encoding.name), delimiter)
    skipped = itertools.islice(records, header_row - 1)
    last = sum(1 for _ in skipped)
    line, header, problem = next(records, (1, [], None))
    problem = problem or next(filter(None, (line_problem(x, encoding.name) for x in header)), None)
    if problem:
        raise RecordsError(f"{path}, line {line}: {problem}")
    names = [name.strip() for name in header]
    check_columns(columns, names, str(path))
    return _delimited_rows(records, distinct(names), encoding, last + 2, delimiter, columns.text)


def _delimited_rows(
    records: Iterable[tuple[int, list[str], str | None]],
    names: Sequence[str],
    encoding: Encoding,
    first: int,
    delimiter: str,
    text: str,
) -> Iterator[Row]:
    mark = "tab" if delimiter == "\t" else "comma"
    for row, (line, cells, problem) in enumerate(records, first):
        if any(cell.strip() for cell in cells[len(names) :]):
            problem = (
                f"{len(cells)} cells, the first row has {len(names)}: a {mark} in a text "
                "without quotes?"
            )
        table = dict(zip(names, cells, strict=False))
        if problem:
            # Which cell is the text is not certain.
            table[text] = delimiter.join(cells)
        damaged = (line_problem(cell, encoding.name) for cell in cells)
        problem = problem or next(filter(None, damaged), None)
        yield Row(line, row, table, problem)


def _json_rows(path: Path, encoding: Encoding, columns: Columns) -> Iterator[Row]:
    needed = ", ".join(map(repr, columns.wanted))
    for line, body in enumerate(text_lines(path, encoding.name), 1):
        if not body.strip():
            yield Row(line, line)
            continue
        undecoded = line_problem(body, encoding.name)
        problem, table = (undecoded, {}) if undecoded else _object(body)
        missing = [column for column in columns.wanted if column not in table]
        if not problem and table and missing:
            problem = f"no object with {needed}{case_hint(missing, list(table))}"
        if problem and not table:
            table = {columns.text: body.rstrip("\r\n")}
        yield Row(line, line, table, problem)


class _TwiceError(ValueError):
    """A key stands in an object twice."""


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) < len(pairs):
        raise _TwiceError
    return table


class _AsWritten(float):
    """A number of JSON that is shown with all the digits that were written: it may be an id."""

    def __new__(cls, written: str) -> _AsWritten:
        made = super().__new__(cls, written)
        made.written = written
        return made

    written: str

    def __str__(self) -> str:
        return self.written


def _object(body: str) -> tuple[str | None, dict[str, Any]]:
    """Problem and content of a line of JSON."""
    try:
        table = json.loads(body, object_pairs_hook=_once, parse_float=_AsWritten)
    except _TwiceError:
        return "a key stands in an object twice", {}
    except (ValueError, RecursionError) as error:
        return f"not JSON ({type(error).__name__})", {}
    return (None, table) if isinstance(table, dict) else ("not a JSON object", {})
