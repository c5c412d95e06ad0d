"""Answers beside what their records' file says: one row each, bad rows in their places.

In: records as they were read, and what the model says of those that can be used. Out: dicts; those
of all commands have the same names of columns.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from gi_classifier.data.records import Records, names_of_their_own
from gi_classifier.errors import InputError

# Columns that commands write by themselves, beside the probabilities.
_WRITTEN = ("file", "line", "row", "text", "label", "name", "error")


@lru_cache(maxsize=1000)
def is_written(name: str) -> bool:
    """Whether an output has a column of this name by itself."""
    return name in _WRITTEN or bool(re.fullmatch(r"probability(_\d+)?", name))


def check_column(table: str, names: Sequence[Hashable], column: str) -> None:
    """Raise an InputError unless a table of these columns has the one column of texts once.

    Parameters
    ----------
    table : str
        What it is, for the message: "DataFrame".
    names : sequence of hashable
    column : str
    """
    count = sum(name == column for name in names)
    if count != 1:
        raise InputError(
            f"The {table} must have one column {column!r}. It has {count} so called, and "
            f"{len(names)} in all."
        )


def places_of(
    records: Records, text_column: str, id_column: str | None, *, with_rows: bool = False
) -> Iterator[dict[str, Any]]:
    """Where each record stood, its id, and the columns kept; the text stands in the answer.

    ``row`` is there if a spreadsheet counts rows otherwise than there are lines, or ``with_rows``.
    """
    nowhere: list[None] = [None] * len(records)
    # As lines, a spreadsheet counts rows: they say nothing.
    rows = (records.rows if with_rows or records.rows != records.lines else None) or nowhere
    columns = zip(records.lines, rows, records.ids or nowhere, records.kept or nowhere, strict=True)
    for line, row, own, kept in columns:
        place: dict[str, Any] = {"line": line}
        if row is not None:
            place["row"] = row
        if id_column is not None:
            place[id_column] = own
        held = kept or {}
        for name, own in _kept_names(tuple(held), text_column, id_column).items():
            place[own] = held[name]
        yield place


@lru_cache(maxsize=1000)
def _kept_names(names: tuple[str, ...], text: str, own: str | None) -> dict[str, str]:
    kept = [name for name in names if name not in (text, own)]
    return names_of_their_own(kept, lambda name: name == own or is_written(name))


def placed(
    places: Iterable[dict[str, Any]],
    answers: Iterable[Mapping[str, Any]],
    errors: Sequence[str | None],
    unread: Sequence[str],
    columns: Sequence[str],
) -> list[dict[str, Any]]:
    """Each row in its place with its answer, or empty with its reason.

    Parameters
    ----------
    places : iterable of dict
        Of :func:`places_of`, one for each row.
    answers : iterable of mapping
        One for each row without an error.
    errors : sequence of (str or None)
    unread : sequence of str
        What stands as the text of a row with an error.
    columns : sequence of str
        Of an answer.

    Returns
    -------
    list of dict
        Always with ``error`` ("" where there is none) and, if the place has it, ``row`` behind
        the answer.
    """
    waiting = iter(answers)
    none = {name: "" if name in ("text", "name") else None for name in columns}
    found = []
    for place, error, text in zip(places, errors, unread, strict=True):
        if error:
            answer: Mapping[str, Any] = {**none, "text": text} if "text" in none else none
        else:
            answer = next(waiting)
        row = place.pop("row", None)
        if not none.keys().isdisjoint(place):
            names = names_of_their_own(tuple(place), none.__contains__)
            place = {names[name]: value for name, value in place.items()}
        place.update(answer)
        if row is not None:
            place["row"] = row
        place["error"] = error or ""
        found.append(place)
    return found
