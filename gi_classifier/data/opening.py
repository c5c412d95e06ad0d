"""A file of records, opened by its ending; and its rows, each with what is wrong with it.

In: a path, the wanted columns and how the file is read. Out: a
:class:`~gi_classifier.data.tables.Table`, and its rows checked one by one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from gi_classifier.data.cells import further_problem, is_blank, is_nothing, text_problem
from gi_classifier.data.columns import Columns
from gi_classifier.data.encodings import STANDARD_INPUT
from gi_classifier.data.memory_file import Source
from gi_classifier.data.parquet import PARQUET, open_parquet_table
from gi_classifier.data.pictures.picture_files import ENDINGS as PICTURES
from gi_classifier.data.tables import PLAIN, Row, Table, open_text_table
from gi_classifier.errors import MissingPathError, RecordsError, SettingsError

FORMATS = (*PLAIN, ".csv", ".jsonl", ".xlsx", PARQUET)
# What to do with files of other endings.
_ADVICE = {
    (".xls", ".xlsm", ".xlsb", ".et", ".ods"): "Save it as .xlsx in Excel or WPS.",
    tuple(PICTURES): "Pictures and PDFs are read with --image.",
    (".docx", ".doc", ".wps", ".odt", ".rtf", ".html", ".htm", ".md"): (
        "Save its records as a .txt, one a line, or as a table with the column text."
    ),
    (".json",): "Write one object a line, as .jsonl.",
    (".gz", ".zip", ".7z", ".rar", ".tar", ".bz2", ".xz"): "Unpack it first.",
    ("", ".dat", ".log", ".text"): "If it is text with a record a line, rename it to .txt.",
}


def open_table(
    given: str | Source,
    columns: Columns,
    names: Sequence[str],
    num_classes: int | None,
    sheet: str | None,
    header_row: int | None,
) -> Table:
    """Open a file of records that exists and whose format is read here."""
    path = Path(given) if isinstance(given, str) else given
    # Standard input is read as a .txt is.
    suffix = PLAIN[0] if path == STANDARD_INPUT else path.suffix.lower()
    if path.is_dir():
        raise MissingPathError(
            f"No file of records at {path}: it is a folder. Name the files in it, each by itself: "
            f"{', '.join(FORMATS)}."
        )
    if suffix not in FORMATS:
        advice = next((f" {what}" for endings, what in _ADVICE.items() if suffix in endings), "")
        raise RecordsError(
            f"{path}: unknown format {path.suffix or '(no ending)'!r}; "
            f"this reads {', '.join(FORMATS)}.{advice}"
        )
    if path != STANDARD_INPUT and not path.is_file():
        raise MissingPathError(f"No file of records at {path}")
    if suffix == ".xlsx":
        from gi_classifier.data.workbooks import open_workbook_table

        return open_workbook_table(path, columns, sheet, header_row)
    if sheet is not None:
        raise SettingsError(f"{path}: {path.suffix} has no worksheets; leave out --sheet.")
    if suffix == PARQUET:
        return open_parquet_table(path, columns, header_row)
    return open_text_table(
        path, columns, names=names, num_classes=num_classes, header_row=header_row
    )


class CheckedRows:
    """A table's rows with what is wrong with each; empty ones are passed over and counted.

    Attributes
    ----------
    blank, empty : int
        Once iterated: rows without text left out, and rows without anything.
    taken : int
        Rows of the table, all of them, that were read so far.
    """

    def __init__(self, table: Table, columns: Columns, skip_blank: bool) -> None:
        self.table, self.columns, self.skip_blank = table, columns, skip_blank
        self.blank = self.empty = self.taken = 0

    def __iter__(self) -> Iterator[tuple[Row, str | None]]:
        for row in self.table.rows:
            self.taken += 1
            if not row.problem and all(map(is_nothing, row.cells.values())):
                self.empty += 1
            elif self.skip_blank and not row.problem and is_blank(row.cells.get(self.columns.text)):
                self.blank += 1
            else:
                yield row, self._problem(row)

    def _problem(self, row: Row) -> str | None:
        if row.problem:
            return row.problem
        further = (self.columns.group, self.columns.id)
        found = [
            text_problem(row.cells.get(self.columns.text)),
            *(further_problem(name, row.cells.get(name)) for name in further if name),
        ]
        return "; ".join(filter(None, found)) or None
