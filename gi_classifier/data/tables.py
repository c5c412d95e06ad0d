r"""Rows of text files, unchecked: ``.csv``, ``.jsonl``, and ``.txt``/``.tsv`` in either form.

In: a path and the wanted columns. Out: a :class:`Table`, whose rows come one at a time. A row that
cannot be read is one with a problem, and the next is read on. A ``.txt`` or ``.tsv`` is a table of
cells with tabs between where its first row names the text column; else it has lines of text, or of
``text<TAB>label``.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gi_classifier.data.columns import (
    HEADER_ROWS,
    LABEL,
    Columns,
    case_hint,
    check_columns,
    distinct,
    is_header,
    is_known,
    reads_like_name,
)
from gi_classifier.data.delimited import delimited_rows
from gi_classifier.data.encodings import (
    STANDARD_INPUT,
    Encoding,
    Meter,
    line_problem,
    recognise,
    text_lines,
)
from gi_classifier.data.line_forms import LineForm, is_coded, line_form
from gi_classifier.data.memory_file import Source
from gi_classifier.errors import RecordsError, SettingsError

PLAIN = (".txt", ".tsv")
_NO_CHARACTER = re.compile("[\x00\ud800-\udfff]")


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
    notes : sequence of str
        What a user should know of how it is read; whole once the rows are iterated.
    meter : Meter, optional
        How much of the file's bytes was read, where that is known.
    """

    rows: Iterator[Row]
    encoding: str
    notes: Sequence[str] = ()
    meter: Meter | None = None


def open_text_table(
    path: Source,
    columns: Columns,
    *,
    names: Sequence[str] = (),
    num_classes: int | None = None,
    header_row: int | None = None,
) -> Table:
    """Open a ``.txt``, ``.tsv``, ``.csv`` or ``.jsonl``.

    Parameters
    ----------
    path : Path or MemoryFile
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
    suffix, encoding, meter = path.suffix.lower(), recognise(path), Meter()
    notes = [encoding.note] if encoding.note else []
    if suffix == ".csv":
        rows = _delimited(path, encoding, meter, columns, ",", header_row, notes)
    elif suffix == ".jsonl":
        if header_row is not None:
            raise SettingsError(f"{path}: a .jsonl has no row of names; leave out --header-row.")
        rows = _json_rows(path, encoding, meter, columns)
    elif header_row is not None or _has_header(path, encoding, columns):
        rows = _delimited(path, encoding, meter, columns, "\t", header_row, notes)
    else:
        _check_plain(path, encoding, columns)
        form = line_form(path, encoding, names, num_classes)
        if columns.label is None and form.is_coded:
            raise RecordsError(
                f"{path}: columns without names: what stands before the tabs is no text but "
                f"numbers or codes. Name the columns in a first line, as in id<TAB>{columns.text}."
            )
        rows = _plain_rows(path, encoding, meter, columns, form)
        notes += form.notes(columns.label is not None)
    return Table(rows, encoding.name, notes, meter)


def _has_header(path: Source, encoding: Encoding, columns: Columns) -> bool:
    """Whether the first line that is not empty names the text column; raise if another seems to."""
    numbered = enumerate(text_lines(path, encoding.name), 1)
    first = list(itertools.islice((pair for pair in numbered if pair[1].strip()), HEADER_ROWS))
    rows = [[cell.strip().strip('"') for cell in line.split("\t")] for _, line in first]
    # Names, then a code before a text: a table whose text is called otherwise.
    coded = len(first) > 1 and is_coded(first[1][1]) and len(rows[0]) > 1
    if coded and all(map(reads_like_name, rows[0])):
        check_columns(columns, rows[0], str(path))
    for place, ((number, _), names) in enumerate(zip(first, rows, strict=True)):
        where = f"Row {number} looks like the row of names: say --header-row {number}"
        if columns.text in names:
            if place:
                raise RecordsError(f"{path}: the first row names no columns. {where}.")
            return True
        if hint := case_hint([columns.text], names):
            where = f" {where}, and" if place else " Say"
            raise RecordsError(f"{path}: no column {columns.text!r}.{hint}{where} --text-column.")
        titles = all(sum(map(bool, above)) < 2 for above in rows[:place])
        if titles and is_header(names):
            if place:
                raise RecordsError(
                    f"{path}: the first row names no columns. {where}, and --text-column."
                )
            check_columns(columns, names, str(path))
    return False


def _check_plain(path: Source, encoding: Encoding, columns: Columns) -> None:
    """Raise where lines are no text, or where a column is asked for that they cannot have."""
    lines = (line for line in text_lines(path, encoding.name) if line.strip())
    first, second = itertools.islice(itertools.chain(lines, ("", "")), 2)
    found = ".jsonl" if _object(first)[1] else ".csv" * _names_with_marks(first, second, columns)
    if found:
        where = "a file" if path == STANDARD_INPUT else "the file"
        raise RecordsError(
            f"{path}: its lines are those of a {found}, not text. Give {where} the ending {found}."
        )
    if columns.given:
        raise SettingsError(
            f"{path}: {path.suffix} has no column {', '.join(map(repr, columns.given))}: its first "
            f"line does not name the column {columns.text!r} with tabs between. Mend the names, or "
            "give .csv, .jsonl or .xlsx."
        )


def _names_with_marks(first: str, second: str, columns: Columns) -> bool:
    """Whether the first of two lines names columns with commas or the like between."""
    for mark in ",;|":
        names = [name.strip().strip('"') for name in first.split(mark)]
        as_many = 0 < first.count(mark) == second.count(mark)
        if len(names) > 1 and (columns.text in names or (as_many and all(map(is_known, names)))):
            return True
    return False


def _plain_rows(
    path: Source, encoding: Encoding, meter: Meter, columns: Columns, form: LineForm
) -> Iterator[Row]:
    """Lines of ``text<TAB>label``, or of text; see :class:`LineForm`."""
    wanted = columns.label is not None
    for number, line in enumerate(text_lines(path, encoding.name, meter), 1):
        body, tab, label = line.rstrip("\r\n").rpartition("\t")
        if not tab or not (wanted or form.is_labelled):
            body, label = line.rstrip("\r\n"), ""
        problem = line_problem(line, encoding.name)
        if is_coded(body):
            problem = problem or "a number or code and a tab before the text; name the columns"
        if "\t" in body.rpartition("\r")[0]:
            problem = problem or "a carriage return behind a tab: several records in one line?"
        cells = {columns.text: body}
        if wanted or form.is_labelled:
            cells.setdefault(columns.label or LABEL, label)
        yield Row(number, number, cells, problem)


def _delimited(
    path: Source,
    encoding: Encoding,
    meter: Meter,
    columns: Columns,
    delimiter: str,
    header_row: int | None,
    notes: list[str],
) -> Iterator[Row]:
    """Check the header at once, and return the rows behind it."""
    # The csv module finds line ends by itself, for a cell may hold some.
    found = delimited_rows(text_lines(path, encoding.name, meter), delimiter, notes)
    rows = enumerate(found, 1)
    heads: Iterator[tuple[int, tuple[int, list[str], str | None]]]
    if header_row is None:
        heads = (pair for pair in rows if pair[1][2] or any(cell.strip() for cell in pair[1][1]))
    else:
        heads = itertools.islice(rows, header_row - 1, None)
    place, (line, header, problem) = next(heads, (1, (1, [], None)))
    problem = problem or next(filter(None, (line_problem(x, encoding.name) for x in header)), None)
    if problem:
        raise RecordsError(f"{path}, line {line}: {problem}")
    names = [name.strip() for name in header]
    below = None
    if columns.text not in names:
        next_rows = itertools.islice(rows, HEADER_ROWS - 1)
        stripped = ((row, [cell.strip() for cell in cells]) for row, (_, cells, _) in next_rows)
        below = next((row for row, x in stripped if columns.text in x or is_header(x)), None)
    check_columns(columns, names, str(path), below)
    return _delimited_rows(found, distinct(names), encoding, place + 1, delimiter, columns.text)


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
        whole = delimiter.join(cells)
        # Of a row that is not cut for certain, which cell is the text is not certain either.
        table = {text: whole} if problem else dict(zip(names, cells, strict=False))
        damaged = (line_problem(cell, encoding.name) for cell in cells)
        problem = problem or next(filter(None, damaged), None)
        yield Row(line, row, table, problem)


def _json_rows(path: Source, encoding: Encoding, meter: Meter, columns: Columns) -> Iterator[Row]:
    needed = ", ".join(map(repr, columns.wanted))
    for line, body in enumerate(text_lines(path, encoding.name, meter), 1):
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
    if not isinstance(table, dict):
        return "not a JSON object", {}
    damaged = (_escaped_problem(cell) for cell in table.values() if isinstance(cell, str))
    return next(filter(None, damaged), None), table


def _escaped_problem(cell: str) -> str | None:
    r"""Say what of a string is no character though it is JSON: ``\u0000``, half a pair."""
    if not (found := _NO_CHARACTER.search(cell)):
        return None
    kind = "a NUL character" if found.group() == "\x00" else "half of a pair of UTF-16"
    return f"{kind} (behind {found.start()} characters)"
