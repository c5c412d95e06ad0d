"""Tables of scores: numbers of named columns, whether each row is valid, and what groups it.

In: a file of any form that records are read from, whose first row names its columns. Out: a
:class:`ScoreTable`, or one :class:`~gi_classifier.errors.RecordsError` with every bad row.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gi_classifier.data.cells import Cell, as_text, further_problem, is_blank, is_nothing
from gi_classifier.data.columns import Columns
from gi_classifier.data.opening import open_table
from gi_classifier.data.tables import Row
from gi_classifier.errors import RecordsError

# How a truth value is written, case aside.
_TRUE = ("1", "true", "yes", "valid", "是", "有效")
_FALSE = ("0", "false", "no", "invalid", "否", "无效")


@dataclass(frozen=True, eq=False)
class ScoreTable:
    """Rows with scores, in order.

    Attributes
    ----------
    names : tuple of str
        Of the scores.
    scores : ndarray of float64, shape (n, scores)
        Finite.
    valid : ndarray of bool, shape (n,)
    groups : tuple of str, or None
    lines : tuple of int
        1-based, of the file.
    source, encoding : str
    left_out : int
        Rows without a score, or without whether they are valid.
    """

    names: tuple[str, ...]
    scores: np.ndarray
    valid: np.ndarray
    groups: tuple[str, ...] | None
    lines: tuple[int, ...]
    source: str = "memory"
    encoding: str = "utf-8"
    left_out: int = 0

    def __len__(self) -> int:
        return len(self.valid)


def read_scores(
    path: Path,
    names: Sequence[str],
    *,
    valid_column: str = "valid",
    group_column: str | None = None,
    skip_blank: bool = False,
    sheet: str | None = None,
    header_row: int | None = None,
) -> ScoreTable:
    """Read a table of scores; an entirely empty row is passed over.

    Parameters
    ----------
    path : Path
    names : sequence of str
        Columns of scores: numbers.
    valid_column : str
        1 or 0, true or false, yes or no, valid or invalid, 是 or 否, 有效 or 无效.
    group_column : str, optional
        Kept as text; an empty cell is "".
    skip_blank : bool
        Leave out rows in which a score, or whether it is valid, is empty; they are bad otherwise.
    sheet, header_row
        As :func:`gi_classifier.data.readers.read_records` takes them.

    Raises
    ------
    MissingPathError, SettingsError
        As :func:`gi_classifier.data.readers.read_records`.
    RecordsError
        A column is missing, rows are bad (all of them, with their lines), or there is none.
    """
    given = (*names, valid_column, *([group_column] if group_column else []))
    columns = Columns(valid_column, group=group_column, given=given, further=tuple(names))
    table = open_table(path, columns, (), None, sheet, header_row)
    rows: list[Row] = []
    problems: list[str] = []
    left_out = 0
    for row in table.rows:
        if not row.problem and all(map(is_nothing, row.cells.values())):
            continue
        needed = (*names, valid_column)
        if skip_blank and not row.problem and any(is_blank(row.cells.get(n)) for n in needed):
            left_out += 1
        elif problem := row.problem or _problem(row, names, valid_column, group_column):
            problems.append(f"line {row.line}: {problem}")
        else:
            rows.append(row)
    if problems:
        raise RecordsError(
            f"{path} ({table.encoding}): {len(problems)} bad rows. Mend or drop, or leave out rows "
            "without a score (--skip-blank):",
            problems,
        )
    if not rows:
        raise RecordsError(f"No row with all scores in {path}.")
    return ScoreTable(
        tuple(names),
        np.array([[_number(row.cells[name]) for name in names] for row in rows], dtype=np.float64),
        np.array([_truth(row.cells[valid_column]) for row in rows], dtype=bool),
        tuple(as_text(row.cells.get(group_column)) for row in rows) if group_column else None,
        tuple(row.line for row in rows),
        str(path),
        table.encoding,
        left_out,
    )


def _problem(
    row: Row, names: Sequence[str], valid_column: str, group_column: str | None
) -> str | None:
    """Why a row cannot be used; never with what stands in it."""
    found = []
    for name in names:
        cell = row.cells.get(name)
        if is_blank(cell):
            found.append(f"no {name!r}")
        elif _number(cell) is None:
            found.append(f"{name!r} is no finite number")
    cell = row.cells.get(valid_column)
    if is_blank(cell):
        found.append(f"no {valid_column!r}")
    elif _truth(cell) is None:
        found.append(f"{valid_column!r} is neither 1 nor 0, true nor false, 是 nor 否")
    if group_column and (problem := further_problem(group_column, row.cells.get(group_column))):
        found.append(problem)
    return "; ".join(found) or None


def _number(cell: Any) -> float | None:
    """A finite number, or None; a date is none, though its file holds one."""
    if isinstance(cell, Cell) and cell.kind == "date":
        return None
    text = (cell.plain or cell.shown) if isinstance(cell, Cell) else as_text(cell)
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _truth(cell: Any) -> bool | None:
    """True or False, or None where it is neither."""
    word = as_text(cell).casefold()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    return {1.0: True, 0.0: False}.get(number) if (number := _number(cell)) is not None else None
