r"""Records on disk: read, check, drop duplicates, write.

In: ``.txt``/``.tsv`` (``text<TAB>label`` lines), ``.csv``, ``.jsonl`` or ``.xlsx``.
Out: :class:`Records`, or one :class:`~gi_classifier.errors.RecordsError` with every bad row.
Unlabelled text comes as plain lines.
Nothing here logs or prints a record's text.
"""

from __future__ import annotations

import csv
import gzip
import json
import logging
import re
import unicodedata
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gi_classifier.data.records import Records
from gi_classifier.errors import MissingPathError, RecordsError
from gi_classifier.text import normalise

logger = logging.getLogger(__name__)
PLAIN = (".txt", ".tsv")
# Characters read at a time where a file is only looked through.
_PART = 1 << 20
FORMATS = (*PLAIN, ".csv", ".jsonl", ".xlsx")
_BLANK = "the text is empty"
_SKIP = ", or leave out rows without text (skip_blank, --skip-blank)"
# Line, and the cells of the text, the label, the group and the id; None where there is none.
_Row = tuple[int, Any, Any, Any, Any]
_Columns = tuple[str, str | None, str | None, str | None]


def _open(path: Path, mode: str, **options: Any) -> Any:
    return (gzip.open if path.suffix.lower() == ".gz" else open)(path, mode, **options)


def encoding_of(path: Path) -> str:
    """Recognise a text file's encoding, in constant memory: UTF-8, with or without BOM, or GB18030.

    Returns
    -------
    str
        "utf-8", "utf-8-sig" or "gb18030".

    Raises
    ------
    RecordsError
        Neither fits; bytes that decode as GB18030 to unassigned characters do not fit. Or a
        ``.gz`` is not whole.
    """
    try:
        with _open(path, "rb") as file:
            first = "utf-8-sig" if file.read(3) == b"\xef\xbb\xbf" else "utf-8"
        for encoding in (first, "gb18030"):
            if _fits(path, encoding):
                return encoding
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise RecordsError(f"{path}: not a whole gzip file ({error})") from error
    raise RecordsError(
        f"{path}: neither UTF-8 nor GB18030 text. Save it as UTF-8 (in Excel: CSV UTF-8)."
    )


def _fits(path: Path, encoding: str) -> bool:
    try:
        with _open(path, "rt", encoding=encoding, newline="") as file:
            while part := set(file.read(_PART)):
                strange = encoding == "gb18030" and any(
                    unicodedata.category(character) in ("Cn", "Co") for character in part
                )
                if strange or "\x00" in part:
                    return False
    except UnicodeDecodeError:
        return False
    return True


def text_lines(path: Path, encoding: str, newline: str = "\n") -> Iterator[str]:
    """Yield a text file's lines with their ends, without the mark that may begin it."""
    with _open(path, "rt", encoding=encoding, newline=newline) as file:
        for number, line in enumerate(file):
            yield line if number else line.removeprefix("\ufeff")


def read_records(
    path: str | Path,
    *,
    text_column: str = "text",
    label_column: str = "label",
    labelled: bool = True,
    num_classes: int | None = None,
    label_texts: bool = False,
    group_column: str | None = None,
    id_column: str | None = None,
    skip_blank: bool = False,
) -> Records:
    """Read and check a file of records.

    Parameters
    ----------
    path : str or Path
        A ``.txt``/``.tsv`` without header (``text<TAB>label``, or the text alone where no label
        is wanted), or a ``.csv``, ``.jsonl`` or ``.xlsx`` with named columns.
    text_column, label_column : str
        Column names of the last three.
    labelled : bool
        Whether labels are needed; without, a label column is passed over.
    num_classes : int, optional
        Labels must lie below it.
    label_texts : bool
        Keep labels as they are written, whatever they are, in ``Records.label_texts``; they are
        then no numbers, and ``labels`` is None.
    group_column, id_column : str, optional
        Further columns to keep with the records, as text: what to group them by, and what the
        file itself calls them. An empty cell is "".
    skip_blank : bool
        Leave out rows without text, which are bad otherwise.

    Raises
    ------
    MissingPathError
        There is no such file.
    RecordsError
        The format is unknown or has no such columns, a column is missing, or rows are bad:
        all of them, with their lines.
    """
    path = _known(path)
    further = group_column or id_column
    if further is not None and path.suffix.lower() in PLAIN:
        raise RecordsError(
            f"{path}: {path.suffix} has no column {further!r}, only text and label. "
            "Give .csv, .jsonl or .xlsx."
        )
    wants_label = labelled or label_texts
    columns = (text_column, label_column if wants_label else None, group_column, id_column)
    rows, encoding = _rows(path, columns)
    texts, labels, lines, groups, ids = [], [], [], [], []
    problems = []
    blank = 0
    for line, text, label, group, own in rows:
        if skip_blank and _is_blank(text):
            blank += 1
            continue
        found = [
            p
            for p in (
                _text_problem(text),
                None
                if not wants_label or isinstance(text, _Bad)
                else _label_text_problem(label)
                if label_texts
                else _label_problem(label, num_classes),
            )
            if p
        ]
        if found:
            problems.append(f"line {line}: {'; '.join(found)}")
        else:
            texts.append(str(text))
            labels.append(_as_text(label))
            lines.append(line)
            groups.append(_as_text(group))
            ids.append(_as_text(own))
    _raise_bad(path, encoding, problems, "" if wants_label else _SKIP)
    numbers = labelled and not label_texts
    return Records(
        tuple(texts),
        tuple(int(label.removesuffix(".0")) for label in labels) if numbers else None,
        tuple(lines),
        str(path),
        encoding,
        label_texts=tuple(labels) if label_texts else None,
        groups=tuple(groups) if group_column is not None else None,
        ids=tuple(ids) if id_column is not None else None,
        blank=blank,
    )


def check_texts_of(
    path: str | Path, *, text_column: str = "text", skip_blank: bool = False
) -> tuple[int, str, int]:
    """Count a file's records and check each, without holding them; labels are passed over.

    Returns
    -------
    count : int
        Records.
    encoding : str
        That was recognised.
    blank : int
        Rows without text that are left out with ``skip_blank``.

    Raises
    ------
    MissingPathError, RecordsError
        As :func:`read_records`.
    """
    count, blank, problems = 0, 0, []
    rows, encoding = _rows(_known(path), (text_column, None, None, None))
    for line, text, *_ in rows:
        if skip_blank and _is_blank(text):
            blank += 1
            continue
        count += 1
        if problem := _text_problem(text):
            problems.append(f"line {line}: {problem}")
    _raise_bad(path, encoding, problems, _SKIP)
    return count, encoding, blank


def iterate_texts(path: str | Path, *, text_column: str = "text") -> Iterator[str]:
    """Yield the texts of a file that :func:`check_texts_of` let through, blank ones left out."""
    for _, text, *_ in _rows(_known(path), (text_column, None, None, None))[0]:
        if not _is_blank(text):
            yield str(text)


def _known(path: str | Path) -> Path:
    """Return the path of a file of records that exists and whose format is read here."""
    path = Path(path)
    if path.suffix.lower() not in FORMATS:
        raise RecordsError(
            f"{path}: unknown format {path.suffix or '(no ending)'!r}; "
            f"this reads {', '.join(FORMATS)}"
        )
    if not path.is_file():
        raise MissingPathError(f"No file of records at {path}")
    return path


@dataclass(frozen=True)
class _Bad:
    """Stands for the text of a row that could not be read."""

    problem: str


def _raise_bad(path: str | Path, encoding: str, problems: Sequence[str], advice: str) -> None:
    if problems:
        advice = advice if any(_BLANK in problem for problem in problems) else ""
        summary = f"{path} ({encoding}): {len(problems)} bad rows. Mend or drop{advice}:"
        raise RecordsError(summary, problems)


def _is_blank(text: Any) -> bool:
    return text is None or text != text or (isinstance(text, str) and not normalise(text))


def _text_problem(text: Any) -> str | None:
    if isinstance(text, _Bad):
        return text.problem
    if _is_blank(text):
        return _BLANK
    return None if isinstance(text, str) else f"not text but {type(text).__name__}"


def _as_text(cell: Any) -> str:
    return "" if cell is None or cell != cell else str(cell).strip()


def _label_text_problem(label: Any) -> str | None:
    return None if _as_text(label) else "the label is missing"


def _label_problem(label: Any, num_classes: int | None) -> str | None:
    text = "" if label is None else str(label).strip()
    if not text or text == "nan":
        return "the label is missing"
    number = text.removesuffix(".0")
    if not (number.isascii() and number.isdigit() and len(number) < 10):
        # A longer one may be a record's text, columns swapped; that is never shown.
        shown = repr(text) if re.fullmatch(r"[\w.+-]{1,8}", text) else f"{len(text)} characters"
        return f"the label is not an integer from 0 up: {shown}"
    if num_classes is not None and int(number) >= num_classes:
        return f"the label {number} is out of range 0…{num_classes - 1}"
    return None


def _rows(path: Path, columns: _Columns) -> tuple[Iterator[_Row], str]:
    """Yield the rows of a file, unchecked, and the encoding that was read."""
    suffix = path.suffix.lower()
    if suffix == ".xlsx":
        return _excel_rows(path, columns), "xlsx"
    encoding = encoding_of(path)
    if suffix in PLAIN:
        return _plain_rows(text_lines(path, encoding), columns[1] is not None), encoding
    if suffix == ".csv":
        # Its module finds line ends by itself, for a cell may hold some.
        return _csv_rows(text_lines(path, encoding, newline=""), str(path), columns), encoding
    return _json_rows(text_lines(path, encoding), str(path), columns), encoding


def _plain_rows(lines: Iterable[str], labelled: bool) -> Iterator[_Row]:
    for line, row in enumerate(lines, 1):
        row = row.rstrip("\r\n")
        body, tab, label = row.rpartition("\t")
        # Where no label is wanted, a tab may be part of the text.
        if tab and (labelled or re.fullmatch(r"\s*\d{1,9}\s*", label)):
            yield line, body, label, None, None
        else:
            yield line, row, None, None, None


def _places(columns: Sequence[str | None], found: Iterable[Any], source: str) -> list[int]:
    """Where each column stands among the names of the first row; behind the last for None."""
    names = [str(name).strip() for name in found]
    if not names:
        raise RecordsError(f"{source}: the file is empty. Its first row names the columns.")
    wanted = [column for column in columns if column is not None]
    twice = [repr(column) for column in wanted if names.count(column) > 1]
    if twice:
        raise RecordsError(
            f"{source}: more than one column {', '.join(twice)}. Rename all but the one to read."
        )
    missing = [column for column in wanted if column not in names]
    if missing:
        # Without a header, the names are a record; only what is as short as a name is shown.
        header = not any(re.search(r"^[\d.]+$", name) for name in names)
        shown = [repr(name) if header and len(name) <= 12 else "…" for name in names]
        other = len(names) == 1 and re.search("[\t;]", names[0])
        raise RecordsError(
            f"{source}: no column {', '.join(map(repr, missing))}. It has {len(names)}: "
            f"{', '.join(shown)}. The first row names the columns; say which one to read "
            "(text_column, --text-column and so on)."
            f"{' Are commas between the cells, not tabs or semicolons?' if other else ''}"
        )
    return [len(names) if column is None else names.index(column) for column in columns]


def _csv_rows(lines: Iterable[str], source: str, columns: Sequence[str | None]) -> Iterator[_Row]:
    # One cell may hold a whole record; the module's own limit is 131,072 characters.
    csv.field_size_limit(2**31 - 1)
    reader = csv.reader(lines, strict=True)
    try:
        header = next(reader, [])
        places = _places(columns, header, source)
        line = reader.line_num + 1
        for row in reader:
            body: Any
            body, label, group, own = (
                row[place] if place < min(len(row), len(header)) else None for place in places
            )
            if any(cell.strip() for cell in row[len(header) :]):
                body = _Bad(
                    f"{len(row)} cells, the first row has {len(header)}: a comma in a text "
                    "without quotes?"
                )
            if row:
                yield line, body, label, group, own
            line = reader.line_num + 1
    except csv.Error as error:
        raise RecordsError(f"{source}, line {reader.line_num}: not CSV ({error})") from error


def _json_rows(lines: Iterable[str], source: str, columns: Sequence[str | None]) -> Iterator[_Row]:
    needed = [column for column in columns if column is not None]
    for line, row in enumerate(lines, 1):
        if not row.strip():
            continue
        try:
            table = json.loads(row)
        except (ValueError, RecursionError) as error:
            yield line, _Bad(f"not JSON ({type(error).__name__})"), None, None, None
            continue
        if not isinstance(table, dict) or any(column not in table for column in needed):
            yield line, _Bad(f"no object with {', '.join(map(repr, needed))}"), None, None, None
            continue
        body, label, group, own = (None if name is None else table[name] for name in columns)
        yield line, body, label, group, own


def _excel_rows(path: Path, columns: Sequence[str | None]) -> Iterator[_Row]:
    import pandas as pd

    try:
        # Given a header, pandas would rename the second of two equal names.
        table = pd.read_excel(
            path, header=None, dtype=object, keep_default_na=False, engine="openpyxl"
        )
    except Exception as error:  # a damaged file fails in zip, XML or the reader, each in its way
        raise RecordsError(
            f"{path}: not a readable .xlsx file ({type(error).__name__}: {error})"
        ) from error
    places = _places(columns, table.iloc[0] if len(table) else (), str(path))
    cells = (
        [None] * (len(table) - 1) if name is None else list(table[place])[1:]
        for name, place in zip(columns, places, strict=True)
    )
    for line, row in enumerate(zip(*cells, strict=True), 2):
        yield line, *row
