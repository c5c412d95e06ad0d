r"""Records on disk: read, check, drop duplicates, write.

In: ``.txt``/``.tsv`` (``text<TAB>label`` lines), ``.csv``, ``.jsonl`` or ``.xlsx``.
Out: :class:`Records`, or one :class:`~gi_classifier.errors.RecordsError` with every bad row.
Nothing here logs or prints a record's text.
"""

from __future__ import annotations

import csv
import io
import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from gi_classifier.errors import RecordsError
from gi_classifier.text import normalise

FORMATS = (".txt", ".tsv", ".csv", ".jsonl", ".xlsx")


@dataclass(frozen=True)
class Records:
    """Records in order, with where each stood.

    Attributes
    ----------
    texts : tuple of str
        As written in the file.
    labels : tuple of int, or None
        None where the records carry no label.
    lines : tuple of int
        1-based line (row of an ``.xlsx``) of each record.
    source, encoding : str
        The file, and the encoding that was recognised.
    unit : str
        What ``lines`` count, for messages.
    """

    texts: tuple[str, ...]
    labels: tuple[int, ...] | None
    lines: tuple[int, ...]
    source: str = "memory"
    encoding: str = "utf-8"
    unit: str = "line"

    def __len__(self) -> int:
        return len(self.texts)

    def take(self, rows: Iterable[int]) -> Records:
        """The records of these 0-based rows."""
        rows = list(rows)
        labels = None if self.labels is None else tuple(self.labels[i] for i in rows)
        texts, lines = (tuple(part[i] for i in rows) for part in (self.texts, self.lines))
        return replace(self, texts=texts, labels=labels, lines=lines)  # type: ignore[arg-type]


def decode(content: bytes, source: str) -> tuple[str, str]:
    """Decode a file's bytes as UTF-8, with or without BOM, or GB18030.

    Returns
    -------
    text, encoding : str
        ``encoding`` is "utf-8", "utf-8-sig" or "gb18030".

    Raises
    ------
    RecordsError
        Neither fits; bytes that decode as GB18030 to unassigned characters do not fit.
    """
    for encoding in ("utf-8-sig" if content.startswith(b"\xef\xbb\xbf") else "utf-8", "gb18030"):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\x00" in text:
            break
        if encoding != "gb18030" or not any(
            unicodedata.category(character) in ("Cn", "Co") for character in set(text)
        ):
            return text.removeprefix("\ufeff"), encoding
    raise RecordsError(
        f"{source}: neither UTF-8 nor GB18030 text. Save it as UTF-8 (in Excel: CSV UTF-8)."
    )


def read_records(
    path: str | Path,
    *,
    text_column: str = "text",
    label_column: str = "label",
    labelled: bool = True,
    num_classes: int | None = None,
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

    Raises
    ------
    FileNotFoundError
        There is no such file.
    RecordsError
        The format is unknown, a column is missing, or rows are bad: all of them, with their lines.
    """
    path = Path(path)
    if path.suffix.lower() not in FORMATS:
        raise RecordsError(
            f"{path}: unknown format {path.suffix or '(no ending)'!r}; "
            f"this reads {', '.join(FORMATS)}"
        )
    if not path.is_file():
        raise FileNotFoundError(f"No file of records at {path}")
    rows, encoding = _rows(path, text_column, label_column, labelled)
    texts, labels, lines = [], [], []
    problems = []
    for line, text, label in rows:
        found = [
            p
            for p in (
                _text_problem(text),
                _label_problem(label, num_classes)
                if labelled and not isinstance(text, _Bad)
                else None,
            )
            if p
        ]
        problems += [f"line {line}: {problem}" for problem in found]
        if not found:
            texts.append(str(text))
            labels.append(int(str(label).strip().removesuffix(".0")) if labelled else 0)
            lines.append(line)
    if problems:
        raise RecordsError(
            f"{path} ({encoding}): {len(problems)} bad rows. Mend or drop:", problems
        )
    return Records(
        tuple(texts), tuple(labels) if labelled else None, tuple(lines), str(path), encoding
    )


@dataclass(frozen=True)
class _Bad:
    """Stands for the text of a row that could not be read."""

    problem: str


def _text_problem(text: Any) -> str | None:
    if isinstance(text, _Bad):
        return text.problem
    if not isinstance(text, str):
        return f"the text is missing (found {type(text).__name__})"
    return None if normalise(text) else "the text is empty"


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


def _rows(
    path: Path, text_column: str, label_column: str, labelled: bool
) -> tuple[Iterator[tuple[int, Any, Any]], str]:
    """Yield (line, text, label) of a file, unchecked, and the encoding that was read."""
    suffix = path.suffix.lower()
    columns = (text_column, label_column) if labelled else (text_column,)
    if suffix == ".xlsx":
        return _excel_rows(path, columns), "xlsx"
    text, encoding = decode(path.read_bytes(), str(path))
    if suffix in (".txt", ".tsv"):
        return _plain_rows(text, labelled), encoding
    read = _csv_rows if suffix == ".csv" else _json_rows
    return read(text, str(path), columns), encoding


def _plain_rows(text: str, labelled: bool) -> Iterator[tuple[int, Any, Any]]:
    for line, row in enumerate(text.removesuffix("\n").split("\n") if text else [], 1):
        row = row.rstrip("\r")
        body, tab, label = row.rpartition("\t")
        # Where no label is wanted, a tab may be part of the text.
        if tab and (labelled or re.fullmatch(r"\s*\d{1,9}\s*", label)):
            yield line, body, label
        else:
            yield line, row, None


def _need(columns: Sequence[str], found: Iterable[Any], source: str) -> None:
    names = [str(name) for name in found]
    missing = [column for column in columns if column not in names]
    if missing:
        # Without a header, the names are a record; only what is as short as a name is shown.
        header = not any(re.search(r"^[\d.]+$", name) for name in names)
        shown = [repr(name) if header and len(name) <= 12 else "…" for name in names]
        raise RecordsError(
            f"{source}: no column {', '.join(map(repr, missing))}. "
            f"It has {len(names)}: {', '.join(shown) or 'none'}. The first row names the columns."
        )


def _csv_rows(text: str, source: str, columns: Sequence[str]) -> Iterator[tuple[int, Any, Any]]:
    # One cell may hold a whole record; the module's own limit is 131,072 characters.
    csv.field_size_limit(2**31 - 1)
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = next(reader, [])
        _need(columns, header, source)
        places = [header.index(column) for column in columns]
        line = reader.line_num + 1
        for row in reader:
            cells = [row[place] if place < len(row) else None for place in places]
            if row:
                yield line, cells[0], cells[1] if len(cells) > 1 else None
            line = reader.line_num + 1
    except csv.Error as error:
        raise RecordsError(f"{source}, line {reader.line_num}: not CSV ({error})") from error


def _json_rows(text: str, source: str, columns: Sequence[str]) -> Iterator[tuple[int, Any, Any]]:
    for line, row in enumerate(text.split("\n"), 1):
        if not row.strip():
            continue
        try:
            table = json.loads(row)
        except (ValueError, RecursionError) as error:
            yield line, _Bad(f"not JSON ({type(error).__name__})"), None
            continue
        if not isinstance(table, dict) or any(column not in table for column in columns):
            yield line, _Bad(f"no object with {', '.join(map(repr, columns))}"), None
            continue
        yield line, table[columns[0]], table[columns[1]] if len(columns) > 1 else None


def _excel_rows(path: Path, columns: Sequence[str]) -> Iterator[tuple[int, Any, Any]]:
    import pandas as pd

    try:
        table = pd.read_excel(path, dtype=object, keep_default_na=False, engine="openpyxl")
    except Exception as error:  # a damaged file fails in zip, XML or the reader, each in its way
        raise RecordsError(
            f"{path}: not a readable .xlsx file ({type(error).__name__}: {error})"
        ) from error
    _need(columns, table.columns, str(path))
    for line, row in enumerate(table[list(columns)].itertuples(index=False), 2):
        yield line, row[0], row[1] if len(columns) > 1 else None


def drop_duplicates(records: Records) -> Records:
    """Keep the first of the records that are equal once normalised and lower-cased.

    Raises
    ------
    RecordsError
        Equal texts carry different labels: all of them, with their lines.
    """
    first: dict[str, int] = {}
    problems, kept = [], []
    for i, text in enumerate(records.texts):
        before = first.setdefault(normalise(text).lower(), i)
        if before == i:
            kept.append(i)
        elif records.labels is not None and records.labels[before] != records.labels[i]:
            problems.append(
                f"{records.unit}s {records.lines[before]} and {records.lines[i]}: one text, labels "
                f"{records.labels[before]} and {records.labels[i]}"
            )
    if problems:
        raise RecordsError(f"{records.source}: one text with two labels. Mend or drop:", problems)
    return records.take(kept)


def write_records(records: Records, path: Path) -> None:
    """Write ``text<TAB>label`` lines in UTF-8; tabs and line ends inside a text become spaces."""
    if records.labels is None:
        raise RecordsError(f"{records.source}: records without labels cannot be written as pairs.")
    lines = (
        f"{' '.join(text.split())}\t{label}\n"
        for text, label in zip(records.texts, records.labels, strict=True)
    )
    path.write_text("".join(lines), encoding="utf-8")
