"""Records in memory, with where each stood."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from gi_classifier.errors import RecordsError
from gi_classifier.text import folded

# Fields with one value for each record.
_BY_RECORD = (
    *(
        "texts",
        "labels",
        "lines",
        "rows",
        "label_texts",
        "groups",
        "ids",
        "kept",
        "problems",
        "unread",
    ),
)
# What says where a record stood, in tables.
PLACE = ("line", "row", "id")


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
    rows : tuple of int, or None
        The row of each record as a spreadsheet counts them: a cell with line ends is one.
    source, encoding : str
        The file, and the encoding that was recognised.
    notes : tuple of str
        What a user should know of how the file was read.
    unit : str
        What ``lines`` count, for messages.
    label_texts : tuple of str, or None
        Labels as written in the file, where they were asked for as text.
    groups : tuple of str, or None
        The value of the column to group by of each record, where one was asked for.
    ids : tuple of str, or None
        What the file itself calls each record, where a column was asked for.
    kept : tuple of dict, or None
        All columns of each record as text, by name, where they were asked for.
    problems : tuple of (str or None), or None
        Where bad rows were kept in their places, why each cannot be used; its text is "".
    unread : tuple of str, or None
        Where bad rows were kept, what stands as the text of each, as far as it can be read; a row
        that cannot be told into cells stands there whole. "" for the others.
    blank, empty : int
        Rows without text that were left out, and rows without anything that were passed over.
    """

    texts: tuple[str, ...]
    labels: tuple[int, ...] | None
    lines: tuple[int, ...]
    source: str = "memory"
    encoding: str = "utf-8"
    unit: str = "line"
    notes: tuple[str, ...] = ()
    rows: tuple[int, ...] | None = None
    label_texts: tuple[str, ...] | None = None
    groups: tuple[str, ...] | None = None
    ids: tuple[str, ...] | None = None
    kept: tuple[dict[str, str], ...] | None = None
    problems: tuple[str | None, ...] | None = None
    unread: tuple[str, ...] | None = None
    blank: int = 0
    empty: int = 0

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def readable(self) -> list[int]:
        """The 0-based places of the records that can be used: all but bad rows kept."""
        problems = self.problems or ()
        return [i for i in range(len(self)) if not problems or problems[i] is None]

    @property
    def bad(self) -> tuple[str, ...]:
        """Bad rows that were kept, each with its line."""
        pairs = zip(self.lines, self.problems or (), strict=False)
        return tuple(f"{self.unit} {line}: {problem}" for line, problem in pairs if problem)

    def take(self, rows: Iterable[int]) -> Records:
        """The records of these 0-based rows."""
        rows = list(rows)
        taken: dict[str, Any] = {}
        for name in _BY_RECORD:
            part = getattr(self, name)
            taken[name] = None if part is None else tuple(part[i] for i in rows)
        return replace(self, **taken)


def place_of(records: Records, place: int) -> dict[str, Any]:
    """Where a record stood: ``line``, and of :data:`PLACE` what else there is.

    ``row`` stands where a spreadsheet counts otherwise, ``id`` where a column was asked for.
    """
    found: dict[str, Any] = {"line": records.lines[place]}
    if records.rows is not None and records.rows != records.lines:
        found["row"] = records.rows[place]
    if records.ids is not None:
        found["id"] = records.ids[place]
    return found


def with_kept(records: Records, place: int, row: dict[str, Any]) -> dict[str, Any]:
    """A row of a result, and behind it the columns kept of its record, under names of their own."""
    kept = records.kept[place] if records.kept is not None else {}
    names = names_of_their_own(tuple(kept), row.__contains__)
    return row | {names[name]: value for name, value in kept.items()}


def names_of_their_own(names: Sequence[str], taken: Callable[[str], bool]) -> dict[str, str]:
    """What columns of a file are called beside columns that an output has by itself.

    Parameters
    ----------
    names : sequence of str
        The file's, no two alike.
    taken : callable
        Whether an output has a column of a name by itself.

    Returns
    -------
    dict of str to str
        From each name to one that is free: itself, or with " (input)" behind as often as it takes.
    """
    found: dict[str, str] = {}
    for name in names:
        own = name
        while taken(own) or (own != name and own in names):
            own += " (input)"
        found[name] = own
    return found


def drop_duplicates(records: Records) -> Records:
    """Keep the first of the records that are equal once normalised and lower-cased.

    Raises
    ------
    RecordsError
        Equal texts carry different labels: all of them, with their lines.
    """
    first: dict[str, int] = {}
    problems, kept = [], []
    labels: Sequence[Any] | None = records.labels or records.label_texts
    for i, text in enumerate(records.texts):
        before = first.setdefault(folded(text), i)
        if before == i:
            kept.append(i)
        elif labels is not None and labels[before] != labels[i]:
            shown = f"labels {labels[before]} and {labels[i]}" if records.labels else "two labels"
            problems.append(
                f"{records.unit}s {records.lines[before]} and {records.lines[i]}: one text, {shown}"
            )
    if problems:
        raise RecordsError(f"{records.source}: one text with two labels. Mend or drop:", problems)
    return records.take(kept)
