"""Rows of a worksheet, unchecked: the first that is visible of an ``.xlsx``, or one by name.

In: a path and the wanted columns. Out: a :class:`~gi_classifier.data.tables.Table`, whose cells
are text or, where a spreadsheet has something else, a :class:`~gi_classifier.data.cells.Cell`. The
row of names is looked for below titles, and may be merged over several; a value of cells merged
downwards stands in each of their rows, but for the text. XML is read in
:mod:`gi_classifier.data.workbook_xml`.
"""

from __future__ import annotations

import itertools
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from typing import IO, Any
from xml.parsers.expat import ExpatError

from gi_classifier.data.cells import as_text
from gi_classifier.data.columns import Columns, check_columns, distinct
from gi_classifier.data.encodings import open_file
from gi_classifier.data.memory_file import Source
from gi_classifier.data.tables import Row, Table
from gi_classifier.data.workbook_xml import (
    MOST_CELLS,
    Merge,
    Sheet,
    WorkbookLimitError,
    column_letters,
    read_merges,
    read_relations,
    read_shared_strings,
    read_sheets,
    read_styles,
    sheet_rows,
)
from gi_classifier.errors import RecordsError, SettingsError

# Unpacked bytes of the parts that are read, all together; and of one part, by how much it may be
# larger than it is packed (text of a worksheet: 10 to 40 times) once it is larger than some size.
MOST_UNPACKED = 1 << 30
_MOST_RATIO, _RATIO_FROM = 100, 64 << 20
# Rows with something in them among which the names of the columns are looked for.
_HEADER_ROWS = 50
# Missing rows up to which a gap is counted as empty rows.
_GAP = 1000
_SAVE = "Open it in Excel or WPS and save it as .xlsx."


def open_workbook_table(
    path: Source, columns: Columns, sheet: str | None = None, header_row: int | None = None
) -> Table:
    """Open a worksheet.

    Parameters
    ----------
    path : Path or MemoryFile
    columns : Columns
    sheet : str, optional
        Its name, also of a hidden one; without, the first that is visible.
    header_row : int, optional
        The row that names the columns; without, the first that names all that are wanted.

    Raises
    ------
    RecordsError
        It is no workbook, protected by a password, damaged or too large; or a column is missing.
    SettingsError
        There is no worksheet of that name, or no such row.
    """
    _check_kind(path)
    rows = _guarded(path, _raw_rows(path, columns, sheet))
    notes: list[str] = next(rows)[1]
    number, names, rows = _header(path, rows, columns, header_row)
    if number > 1:
        notes.append(f"the names of the columns are in row {number}")
    return Table(_named(rows, names, number, columns.text), "xlsx", notes)


def _check_kind(path: Source) -> None:
    """Raise where a file is no workbook of this kind, and say of which it is."""
    with open_file(path) as file:
        first = file.read(1 << 20)
    if first.startswith(b"PK"):
        return
    said = f"{path}: not a readable .xlsx file"
    if not first:
        raise RecordsError(f"{said}: it is empty.")
    if first.startswith(b"\xd0\xcf\x11\xe0"):
        if "EncryptedPackage".encode("utf-16-le") in first:
            raise RecordsError(
                f"{said}: protected by a password. Save it without one (in Excel: File, Info, "
                "Protect Workbook)."
            )
        raise RecordsError(f"{said} but one of the old form .xls. {_SAVE}")
    if first.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        raise RecordsError(f"{said} but a web page or XML with the wrong ending. {_SAVE}")
    raise RecordsError(
        f"{said}: it has no workbook in it. If it is text, give it the ending .csv or .txt."
    )


def _guarded(path: Source, rows: Iterator[tuple[int, Any]]) -> Iterator[tuple[int, Any]]:
    """The same rows; whatever fails in an archive or its XML is one kind of error."""
    try:
        yield from rows
    except WorkbookLimitError as error:
        raise RecordsError(f"{path}: {error}") from error
    except (
        *(zipfile.BadZipFile, zlib.error, EOFError, ExpatError, NotImplementedError),
        *(RuntimeError, KeyError, ValueError, LookupError),
    ) as error:
        if isinstance(error, (RecordsError, SettingsError)):
            raise
        raise RecordsError(
            f"{path}: not a readable .xlsx file, it is damaged ({type(error).__name__}). {_SAVE}"
        ) from error


class _Archive:
    """The parts of a workbook, none opened before its size is known to be sane."""

    def __init__(self, archive: zipfile.ZipFile, path: Source) -> None:
        self.archive, self.path = archive, path
        self.parts = {
            entry.filename.replace("\\", "/").lstrip("/").casefold(): entry
            for entry in archive.infolist()
        }
        self.left = MOST_UNPACKED

    def has(self, name: str) -> bool:
        return name.casefold() in self.parts

    def open(self, name: str) -> IO[bytes]:
        entry = self.parts[name.casefold()]
        if entry.flag_bits & 1:
            raise RecordsError(f"{self.path}: protected by a password. Save it without one.")
        if entry.header_offset < 0:
            raise zipfile.BadZipFile("a part before the beginning")
        packed = entry.compress_size
        swollen = entry.file_size > max(_RATIO_FROM, _MOST_RATIO * packed)
        if entry.file_size > self.left or swollen:
            raise WorkbookLimitError(
                f"too large: {name} has {entry.file_size:,} bytes unpacked, {packed:,} packed. "
                "Write it as .csv or .jsonl, or in several files."
            )
        self.left -= entry.file_size
        return self.archive.open(entry)


def _raw_rows(path: Source, columns: Columns, sheet: str | None) -> Iterator[tuple[int, Any]]:
    """First (0, notes), then the number and the cells of each row, by 0-based column.

    The notes are whole once the rows are iterated.
    """
    with open_file(path) as file, zipfile.ZipFile(file) as packed:
        archive = _Archive(packed, path)
        root = _target(archive, "", "/officeDocument") or "xl/workbook.xml"
        if not archive.has(root):
            raise RecordsError(
                f"{path}: not a readable .xlsx file: it has no workbook in it. {_SAVE}"
            )
        with archive.open(root) as file:
            sheets, since_1904 = read_sheets(file)
        targets = _targets(archive, root)
        worksheets = [
            one for one in sheets if targets.get(one.relation, ("", ""))[0].endswith("/worksheet")
        ]
        chosen = _chosen(path, worksheets, sheet)
        others = len(worksheets) - 1
        more = f"; {others} more {'is' if others == 1 else 'are'} not read (--sheet NAME)"
        notes = [f"worksheet {chosen.name!r}{more if others else ''}"]
        yield 0, notes
        strings: list[str] = []
        if place := _target(archive, root, "/sharedStrings"):
            with archive.open(place) as file:
                strings = read_shared_strings(file)
        styles: list[str] = []
        if place := _target(archive, root, "/styles"):
            with archive.open(place) as file:
                styles = read_styles(file)
        part = targets[chosen.relation][1]
        with archive.open(part) as file:
            merges = read_merges(file)
        archive.left += archive.parts[part.casefold()].file_size
        with archive.open(part) as file:
            hidden: list[int] = []
            yield from _spread(sheet_rows(file, strings, styles, since_1904, hidden), merges)
        if hidden:
            notes.append(f"rows that are hidden there are read as well: {len(hidden)}")


def _chosen(path: Source, worksheets: list[Sheet], name: str | None) -> Sheet:
    """The worksheet of this name, or the first that is visible."""
    if name is None:
        visible = [one for one in worksheets if one.visible]
        if not visible:
            raise RecordsError(f"{path}: no worksheet is visible. Name one (--sheet NAME).")
        return visible[0]
    found = [one for one in worksheets if one.name == name]
    if not found:
        known = ", ".join(repr(one.name) for one in worksheets)
        raise SettingsError(f"{path}: no worksheet {name!r}. It has {known or 'none'}.")
    return found[0]


def _targets(archive: _Archive, part: str) -> dict[str, tuple[str, str]]:
    """Kind and path of what a part of the archive points to, by the relation's name."""
    folder, _, name = part.rpartition("/")
    place = f"{folder}/_rels/{name}.rels".lstrip("/")
    if not archive.has(place):
        return {}
    with archive.open(place) as file:
        return read_relations(file, folder)


def _target(archive: _Archive, part: str, kind: str) -> str | None:
    for found, place in _targets(archive, part).values():
        if found.endswith(kind) and archive.has(place):
            return place
    return None


def _spread(
    rows: Iterable[tuple[int, dict[int, Any]]], merges: list[Merge]
) -> Iterator[tuple[int, Any]]:
    """Give each row, beside its cells, what is merged in it downwards: (cells, merged).

    ``merged`` holds the last row and the value, by column.
    """
    waiting = sorted(merges, reverse=True)
    open_merges: dict[int, tuple[int, Any]] = {}
    carried = 0
    for number, cells in rows:
        while waiting and waiting[-1].first <= number:
            merge = waiting.pop()
            if merge.first == number and merge.column in cells:
                open_merges[merge.column] = (merge.last, cells[merge.column])
        open_merges = {c: one for c, one in open_merges.items() if number <= one[0]}
        carried += len(open_merges)
        if carried > MOST_CELLS:
            raise WorkbookLimitError(f"too large: more than {MOST_CELLS:,} merged cells.")
        yield number, (cells, open_merges)


def _header(
    path: Source, rows: Iterator[tuple[int, Any]], columns: Columns, header_row: int | None
) -> tuple[int, dict[int, str], Iterator[tuple[int, Any]]]:
    """The last row of names, the name of each column, and the rows below."""
    seen: list[tuple[int, dict[int, str]]] = []
    for number, (cells, merged) in rows:
        own = _names(cells)
        if not own or (header_row is not None and number < header_row):
            continue
        if header_row is not None and number > header_row:
            break
        names = _names({c: value for c, (_, value) in merged.items()}) | own
        seen.append((number, names))
        if header_row is not None or set(columns.wanted) <= set(names.values()):
            # Rows over which a wanted name is merged name the others more closely.
            last = max((merged[c][0] for c in merged if names.get(c) in columns.wanted), default=0)
            number, names, rows = _lower_names(rows, number, names, last)
            seen.append((number, names))
            break
        if len(seen) == _HEADER_ROWS:
            break
    if header_row is not None and not seen:
        raise SettingsError(f"{path}: nothing stands in row {header_row} of the worksheet.")
    if not seen:
        raise RecordsError(f"{path}: the worksheet is empty. A row names the columns.")
    complete = set(columns.wanted) <= set(seen[-1][1].values())
    # Of rows that do not name all, the first with most cells is the likeliest header.
    number, names = seen[-1] if complete else max(seen, key=lambda one: len(one[1]))
    listed = [names.get(column, "") for column in range(max(names) + 1)]
    if not complete:
        check_columns(columns, [name for name in listed if name], str(path))
    check_columns(columns, listed, str(path))
    named = {column: name for column, name in enumerate(distinct(listed)) if column in names}
    return number, named, rows


def _names(cells: Mapping[int, Any]) -> dict[int, str]:
    """The cells that hold something, as names of columns."""
    names = {column: as_text(cell).strip() for column, cell in cells.items()}
    return {column: name for column, name in names.items() if name}


def _lower_names(
    rows: Iterator[tuple[int, Any]], number: int, names: dict[int, str], last: int
) -> tuple[int, dict[int, str], Iterator[tuple[int, Any]]]:
    """Take the further rows of a header, down to ``last``: names there go before those above."""
    for row in rows:
        if row[0] > last:
            return max(number, last), names, itertools.chain([row], rows)
        number, names = row[0], names | _names(row[1][0])
    return number, names, rows


def _named(
    rows: Iterable[tuple[int, Any]], names: Mapping[int, str], header: int, text: str
) -> Iterator[Row]:
    """Rows with their cells by name, what is merged among them."""
    before, empty = header, dict.fromkeys(names.values())
    for number, (cells, merged) in rows:
        if number - before <= _GAP:
            yield from (Row(gap, gap) for gap in range(before + 1, number))
        before = max(before, number)
        own = {
            names.get(column) or f"column {column_letters(column)}": cell
            for column, cell in cells.items()
        }
        if own:
            further = {names[c]: cell for c, (_, cell) in merged.items() if c in names}
            further.pop(text, None)
            own = empty | further | own
        yield Row(number, number, own)
