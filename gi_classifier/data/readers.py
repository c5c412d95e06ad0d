r"""Records on disk: read and checked.

In: ``.txt``/``.tsv`` (``text<TAB>label`` lines, or a table with tabs), ``.csv``, ``.jsonl`` or
``.xlsx``. Out: :class:`Records`, or one :class:`~gi_classifier.errors.RecordsError` with every bad
row (a :class:`~gi_classifier.errors.LabelError` where only labels are wrong); or, for what only
predicts, bad rows kept in their places with their reasons.
Nothing here logs or prints a record's text.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from gi_classifier.data.cells import (
    EMPTY_TEXT,
    as_text,
    further_problem,
    label_text_problem,
    read_label,
)
from gi_classifier.data.columns import LABEL, TEXT, Columns
from gi_classifier.data.memory_file import Source
from gi_classifier.data.opening import CheckedRows, open_table
from gi_classifier.data.records import Records
from gi_classifier.data.tables import Row
from gi_classifier.errors import SHOWN_PROBLEMS, LabelError, RecordsError, SettingsError

_SKIP = ", or leave out rows without text (skip_blank, --skip-blank)"


def read_records(
    path: str | Source,
    *,
    text_column: str = TEXT,
    label_column: str = LABEL,
    labelled: bool = True,
    num_classes: int | None = None,
    label_names: Sequence[str] = (),
    label_texts: bool = False,
    group_column: str | None = None,
    id_column: str | None = None,
    skip_blank: bool = False,
    strict: bool = True,
    keep_columns: bool = False,
    sheet: str | None = None,
    header_row: int | None = None,
) -> Records:
    r"""Read and check a file of records.

    An entirely empty row is passed over; a row with something in it but no text is a bad row, and
    so is one whose text only says that it is missing (``nan``, ``<NA>``, 无).

    Parameters
    ----------
    path : str, Path or MemoryFile
        A ``.csv``, ``.jsonl`` or ``.xlsx`` with named columns, or a ``.txt``/``.tsv`` (so is read
        ``-``, standard input): a table with
        tabs where its first line names the text column, else ``text<TAB>label`` lines. Of those
        without header, where no label is wanted, the last cell is a label only if every line has
        one in range; else it is part of the text.
    text_column, label_column : str
    labelled : bool
        Whether labels are needed; without, a label column is passed over.
    num_classes : int, optional
        Labels must lie below it.
    label_names : sequence of str
        Names that may stand for labels 0, 1 and so on (``upper``, ``上消化道``).
    label_texts : bool
        Keep labels as they are written, whatever they are, in ``Records.label_texts``; they are
        then no numbers, and ``labels`` is None.
    group_column, id_column : str, optional
        Further columns to keep with the records, as text: what to group them by, and what the
        file itself calls them. An empty cell is "".
    skip_blank : bool
        Leave out rows without text, which are bad otherwise.
    strict : bool
        Raise where rows are bad. Without, and without labels, they are kept in their places: their
        text is "", ``Records.problems`` says why and ``Records.unread`` what stands there.
    keep_columns : bool
        Keep all columns in ``Records.kept``, as text.
    sheet : str, optional
        The worksheet of a ``.xlsx``; without, the first that is visible.
    header_row : int, optional
        The row that names the columns; without, it is the first, or is looked for (``.xlsx``).

    Raises
    ------
    MissingPathError
        There is no such file.
    SettingsError
        A column, a worksheet or a header was asked for that the file's form cannot have; or labels
        without ``strict``.
    RecordsError
        The format is unknown, a column is missing, or rows are bad: all of them, with their lines.
    LabelError
        Rows are bad, by their labels alone.

    Examples
    --------
    >>> from pathlib import Path
    >>> from gi_classifier import read_records
    >>> _ = Path("mine.csv").write_text("text,label\n胃窦糜烂,1\n直肠息肉,2\n", "utf-8")
    >>> records = read_records("mine.csv")
    >>> records.texts, records.labels, records.lines
    (('胃窦糜烂', '直肠息肉'), (1, 2), (2, 3))
    """
    wants_label = labelled or label_texts
    if wants_label and not strict:
        raise SettingsError("strict=False reads no labels; give labelled=False with it.")
    label = label_column if wants_label else None
    columns = Columns.of(text_column, label, group_column, id_column)
    table = open_table(path, columns, label_names, num_classes, sheet, header_row)
    rows = CheckedRows(table, columns, skip_blank)
    found: list[Row] = []
    labels: list[int] = []
    problems: list[str | None] = []
    wrong_labels = 0
    for row, problem in rows:
        if wants_label and columns.label and not row.problem:
            cell = row.cells.get(columns.label)
            number, wrong = (
                (0, label_text_problem(cell))
                if label_texts
                else read_label(cell, num_classes, label_names)
            )
            labels.append(number)
            wrong_labels += problem is None and wrong is not None
            problem = "; ".join(filter(None, (problem, wrong))) or None
        found.append(row)
        problems.append(problem)
    if strict:
        places = [
            f"line {row.line}: {problem}"
            for row, problem in zip(found, problems, strict=True)
            if problem
        ]
        kind = LabelError if wrong_labels == len(places) else RecordsError
        _raise_bad(path, table.encoding, places, "" if wants_label else _SKIP, kind)

    records = records_of(found, problems, columns, keep_columns=keep_columns, strict=strict)
    return replace(
        records,
        labels=tuple(labels) if labelled and not label_texts else None,
        source=str(path),
        encoding=table.encoding,
        notes=(*table.notes, *(_lost_cells(found, columns) if keep_columns else ())),
        label_texts=_texts_of(found, columns.label) if label_texts else None,
        groups=_texts_of(found, group_column),
        blank=rows.blank,
        empty=rows.empty,
    )


def records_of(
    rows: Sequence[Row],
    problems: Sequence[str | None],
    columns: Columns,
    *,
    keep_columns: bool,
    strict: bool,
) -> Records:
    """Rows of a file as records without labels; options are those of :func:`read_records`."""
    pairs = list(zip(rows, problems, strict=True))
    text = columns.text
    unread = (as_text(row.cells.get(text)) if problem else "" for row, problem in pairs)
    return Records(
        tuple("" if problem else str(row.cells[text]) for row, problem in pairs),
        None,
        tuple(row.line for row in rows),
        rows=tuple(row.row for row in rows),
        ids=_texts_of(rows, columns.id),
        kept=tuple({name: as_text(cell) for name, cell in row.cells.items()} for row in rows)
        if keep_columns
        else None,
        problems=None if strict else tuple(problems),
        unread=None if strict else tuple(unread),
    )


def _texts_of(rows: Sequence[Row], column: str | None) -> tuple[str, ...] | None:
    return None if column is None else tuple(as_text(row.cells.get(column)) for row in rows)


def _lost_cells(rows: Sequence[Row], columns: Columns) -> Iterator[str]:
    """Say which cells of further columns are kept as empty though something stands there."""
    found: Lost = {}
    add_lost_cells(found, rows, columns)
    return lost_notes(found)


# What is wrong with cells of further columns: the first line of each problem, and how many.
Lost = dict[str, tuple[int, int]]


def add_lost_cells(found: Lost, rows: Sequence[Row], columns: Columns) -> None:
    """Count cells of further columns that are kept as empty though something stands there."""
    for row in rows:
        for name, cell in row.cells.items():
            if name not in columns.wanted and (problem := further_problem(name, cell)):
                line, count = found.get(problem, (row.line, 0))
                found[problem] = (line, count + 1)


def lost_notes(found: Lost) -> Iterator[str]:
    """What :func:`add_lost_cells` counted, as notes."""
    for problem, (line, count) in [*found.items()][:SHOWN_PROBLEMS]:
        more = f" and {count - 1} more" if count > 1 else ""
        yield f"{problem}: kept as empty in line {line}{more}"
    if len(found) > SHOWN_PROBLEMS:
        yield f"so are cells of {len(found) - SHOWN_PROBLEMS} more columns"


def raise_bad_rows(path: Path, encoding: str, problems: Sequence[str]) -> None:
    """Raise a RecordsError with all bad rows of a file whose labels are passed over, if any."""
    _raise_bad(path, encoding, problems, _SKIP)


def _raise_bad(
    path: str | Source,
    encoding: str,
    problems: Sequence[str],
    advice: str,
    kind: type[LabelError | RecordsError] = RecordsError,
) -> None:
    if problems:
        advice = advice if any(EMPTY_TEXT in problem for problem in problems) else ""
        summary = f"{path} ({encoding}): {len(problems)} bad rows. Mend or drop{advice}:"
        raise kind(summary, problems)
