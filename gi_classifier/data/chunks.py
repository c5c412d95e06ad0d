"""A file of records read some at a time, in memory that its length does not change.

In: a path and how it is read. Out: :class:`~gi_classifier.data.records.Records` of a few rows each,
bad rows in their places; and a tally of what was read, as plain values, to go on from.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gi_classifier.data.columns import TEXT, Columns
from gi_classifier.data.encodings import STANDARD_INPUT
from gi_classifier.data.opening import CheckedRows, open_table
from gi_classifier.data.readers import add_lost_cells, lost_notes, raise_bad_rows, records_of
from gi_classifier.data.records import Records
from gi_classifier.data.tables import Row
from gi_classifier.errors import SHOWN_PROBLEMS

# Rows and characters of one chunk: equal texts within it are answered once, and a stopped run
# loses at most so many.
CHUNK_ROWS, CHUNK_CHARACTERS = 2048, 1 << 20


@dataclass
class Tally:
    """What was read of a file so far; plain values, ready for JSON.

    Attributes
    ----------
    taken : int
        Rows of the file, empty ones too: where to go on.
    records, blank, empty : int
        Rows given out, rows without text left out, rows without anything passed over.
    bad : int
        Of the rows given out, those that cannot be used.
    shown : list of str
        The first bad rows, with their lines.
    lost : dict
        See :func:`gi_classifier.data.readers.add_lost_cells`.
    has_rows : bool
        Whether a spreadsheet counts rows otherwise than the file has lines.
    """

    taken: int = 0
    records: int = 0
    blank: int = 0
    empty: int = 0
    bad: int = 0
    shown: list[str] = field(default_factory=list)
    lost: dict[str, tuple[int, int]] = field(default_factory=dict)
    has_rows: bool = False

    @property
    def readable(self) -> int:
        """Of the rows given out, those that can be used."""
        return self.records - self.bad


class RecordChunks:
    """A file of records, iterated in chunks of :class:`Records` without labels.

    Parameters
    ----------
    path : Path
    tally : Tally, optional
        Of an earlier reading of the same file, which goes on behind it; changed in place, and whole
        whenever a chunk was given out.
    **form
        Options of :func:`gi_classifier.data.readers.read_records` that do not concern labels.

    Attributes
    ----------
    encoding : str

    Raises
    ------
    MissingPathError, SettingsError, RecordsError
        As :func:`gi_classifier.data.readers.read_records`, but for bad rows.
    """

    def __init__(
        self,
        path: Path,
        tally: Tally | None = None,
        *,
        text_column: str = TEXT,
        id_column: str | None = None,
        skip_blank: bool = False,
        keep_columns: bool = False,
        num_classes: int | None = None,
        label_names: Sequence[str] = (),
        sheet: str | None = None,
        header_row: int | None = None,
    ) -> None:
        self.path, self.tally, self.keep_columns = path, tally or Tally(), keep_columns
        self.columns = Columns.of(text_column, None, None, id_column)
        self._table = open_table(path, self.columns, label_names, num_classes, sheet, header_row)
        self.encoding = self._table.encoding
        self._rows = CheckedRows(self._table, self.columns, skip_blank)
        self._size = 0 if path == STANDARD_INPUT else path.stat().st_size
        self._ended = False

    @property
    def notes(self) -> tuple[str, ...]:
        """What a user should know of how it is read; whole once it is iterated."""
        return (*self._table.notes, *lost_notes(self.tally.lost))

    @property
    def share(self) -> float | None:
        """How much of the file was read, by its bytes; None where they do not tell."""
        if self._ended:
            return 1.0
        meter = self._table.meter
        if meter is None or not meter.read or not self._size:
            return None
        return min(1.0, meter.read / self._size)

    def __iter__(self) -> Iterator[Records]:
        tally = self.tally
        before = (tally.taken, tally.blank, tally.empty)
        # What was read before is read again and dropped: only so are quotes and notes right.
        for _ in itertools.islice(self._table.rows, tally.taken):
            pass
        for chunk in _chunks(self._rows, self.columns.text):
            found, problems = zip(*chunk, strict=True)
            records = records_of(
                found, problems, self.columns, keep_columns=self.keep_columns, strict=False
            )
            self._count_rows(before)
            self._count(records)
            if self.keep_columns:
                add_lost_cells(tally.lost, found, self.columns)
            yield records
        self._ended = True
        # Empty rows at the end belong to no chunk.
        self._count_rows(before)

    def _count_rows(self, before: tuple[int, int, int]) -> None:
        """Bring the tally to where the rows are, behind those of an earlier reading."""
        rows, (taken, blank, empty) = self._rows, before
        self.tally.taken = taken + rows.taken
        self.tally.blank = blank + rows.blank
        self.tally.empty = empty + rows.empty

    def _count(self, records: Records) -> None:
        tally = self.tally
        tally.records += len(records)
        tally.has_rows = tally.has_rows or records.rows != records.lines
        bad = records.bad
        tally.bad += len(bad)
        tally.shown += bad[: max(0, SHOWN_PROBLEMS - len(tally.shown))]


def check_texts_of(path: Path, *, strict: bool = True, **form: Any) -> RecordChunks:
    """Read a file once, so that all is known of it; options are those of :class:`RecordChunks`.

    Raises
    ------
    RecordsError
        With ``strict``, all bad rows.
    """
    source = RecordChunks(path, **form)
    bad: list[str] = []
    for records in source:
        if strict:
            bad += records.bad
    raise_bad_rows(path, source.encoding, bad)
    return source


def iterate_texts(path: Path, **form: Any) -> Iterator[str]:
    """Yield a file's texts that can be used; options are those of :class:`RecordChunks`."""
    for records in RecordChunks(path, **form):
        yield from (records.texts[i] for i in records.readable)


def _chunks(rows: CheckedRows, text: str) -> Iterator[list[tuple[Row, str | None]]]:
    """Rows with their problems, at most so many and so long together; one row at least."""
    chunk: list[Any] = []
    characters = 0
    for row, problem in rows:
        chunk.append((row, problem))
        cell = row.cells.get(text)
        characters += len(cell) if isinstance(cell, str) else 0
        if len(chunk) == CHUNK_ROWS or characters >= CHUNK_CHARACTERS:
            yield chunk
            chunk, characters = [], 0
    if chunk:
        yield chunk
