"""What an inspection found, on the terminal and as files.

In: an :class:`~gi_classifier.evaluation.inspection.Inspection`, or its table. Out: tables for
rich, none with a record's text, or the content of four files.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, Literal

from rich.console import Group
from rich.table import Table
from rich.text import Text

from gi_classifier.data.records import PLACE
from gi_classifier.data.writers import columns_of, csv_for_excel
from gi_classifier.display import shown
from gi_classifier.evaluation.inspection import Inspection
from gi_classifier.files import to_json

JSON = "inspection.json"
LABEL_ERRORS, CONFLICTS, TERMS = "label_errors.csv", "conflicts.csv", "terms.csv"
# A directory of version 0.1.0 holds the picture too, and may be replaced.
OWNED = (JSON, LABEL_ERRORS, CONFLICTS, TERMS, "inspection.png")
# Mean recall below which flags say more of the judge than of the labels.
_RELIABLE = 0.7


def files(found: Inspection) -> dict[str, bytes]:
    """Content of the four files, by name."""
    place = _places(found.label_errors or found.conflicts)
    doubts = ("label", "suggested", "confidence", "suggested_confidence", "margin", "text")
    counts = ("label", "rank", "term", "occurrences", "records", "share", "distinctiveness")
    return {
        JSON: to_json(found.table),
        LABEL_ERRORS: _rows(found.label_errors, (*place, *doubts)),
        CONFLICTS: _rows(found.conflicts, ("conflict", "kind", *place, "label", "text")),
        TERMS: csv_for_excel(found.terms, counts),
    }


def _rows(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> bytes:
    """Rows as CSV; behind their columns those of the file that were kept."""
    return csv_for_excel(rows, list(dict.fromkeys((*columns, *columns_of(rows)))))


def _places(rows: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """What says where a record stood."""
    return tuple(name for name in PLACE if name in (rows[0] if rows else ("line",)))


def terminal_tables(table: dict[str, Any], top: int) -> Iterator[Group]:
    """What was found, as a heading with a table for rich each."""
    titles: dict[int | None, str] = {None: "all"}
    for row in table["labels"] or ():
        named = row["name"] != str(row["label"])
        titles[row["label"]] = shown(f"{row['label']} {row['name']}" if named else row["name"])
    yield Group(_heading("Records; lengths in characters"), _labels(table, titles))
    yield Group(_heading("Duplicates"), _duplicates(table))
    if table["conflicts"]:
        groups = [list(g) for _, g in groupby(table["conflicts"], key=lambda r: r["conflict"])]
        first = f"; the first {top}" if len(groups) > top else ""
        title = _heading(f"Conflicting labels (groups): {len(groups):,}{first}")
        yield Group(title, _conflicts(groups[:top]))
    if table["terms"]:
        yield Group(_heading("Distinctive terms (in records)"), _terms(table["terms"], titles))
    if table["label_errors"]:
        yield _label_errors(table["label_errors"], titles, top)


def _heading(title: str) -> Text:
    # A rich table would break its own title at the table's width.
    return Text(title, style="bold")


def _table(*columns: str, left: Sequence[int] = (0,)) -> Table:
    found = Table(box=None, pad_edge=False)
    for place, column in enumerate(columns):
        justify: Literal["left", "right"] = "left" if place in left else "right"
        found.add_column(column, justify=justify, no_wrap=True, overflow="ellipsis")
    return found


def _labels(table: dict[str, Any], titles: dict[int | None, str]) -> Table:
    quantiles = [name for name in table["lengths"][0] if name != "label"]
    found = _table("label", "records", "prior", *quantiles)
    counts = {row["label"]: row for row in table["labels"] or ()}
    counts[None] = {"records": table["records"], "prior": 1.0}
    for row in table["lengths"]:
        own = counts[row["label"]]
        cells = (f"{row[name]:,.0f}" for name in quantiles)
        found.add_row(
            Text(titles[row["label"]]), f"{own['records']:,}", f"{own['prior']:.1%}", *cells
        )
    return found


def _duplicates(table: dict[str, Any]) -> Table:
    found = _table("", "groups", "records", "largest")
    for name, title in (("same_text", "same text"), ("near_duplicates", "near-duplicates")):
        sizes = [len(group) for group in table["duplicates"][name]]
        found.add_row(title, f"{len(sizes):,}", f"{sum(sizes):,}", f"{max(sizes, default=0):,}")
    return found


def _conflicts(groups: Sequence[Sequence[dict[str, Any]]]) -> Table:
    found = _table("kind", "line: label", left=(0, 1))
    for part in groups:
        found.add_row(part[0]["kind"], Text(", ".join(map(_conflicting, part))))
    return found


def _conflicting(row: Mapping[str, Any]) -> str:
    further = ", ".join(shown(str(row[name])) for name in _places([row])[1:])
    return f"{row['line']}{f' ({further})' if further else ''}: {row['label']}"


def _terms(rows: Sequence[dict[str, Any]], titles: dict[int | None, str]) -> Table:
    found = Table(box=None, pad_edge=False)
    found.add_column("label", no_wrap=True)
    found.add_column("terms")
    for label, part in groupby(rows, key=lambda row: row["label"]):
        words = ", ".join(f"{row['term']} ({row['records']:,})" for row in part)
        found.add_row(Text(titles[label]), Text(words))
    return found


def _label_errors(verdict: dict[str, Any], titles: dict[int | None, str], top: int) -> Group:
    title = f"Probable label errors: {verdict['flagged']:,} of {verdict['judged']:,} judged"
    parts: list[Text | Table] = [_heading(title)]
    if verdict["reason"]:
        parts.append(Text(verdict["reason"]))
    else:
        parts.append(
            Text(
                f"Estimated share of wrong labels {verdict['estimated_share']:.1%}; out-of-fold "
                f"mean recall {verdict['mean_recall']:.3f};\nembeddings used for "
                f"{verdict['with_embeddings']:,} records"
            )
        )
        if verdict["mean_recall"] < _RELIABLE:
            parts.append(
                Text(
                    "The judge itself is often wrong on these records (mean recall above): most of "
                    "what it flags may be its own errors. More records help."
                )
            )
    if verdict["not_judged"]:
        rare = ", ".join(f"{label} ({n})" for label, n in verdict["not_judged"].items())
        parts.append(Text(f"Not judged, too few of a label (records): {rare}"))
    if verdict["records"]:
        parts.append(_doubts(verdict["records"][:top], titles))
    if verdict["flagged"] > top:
        parts.append(Text(f"… and {verdict['flagged'] - top:,} more: --output writes them all"))
    return Group(*parts)


def _doubts(rows: Sequence[Mapping[str, Any]], titles: Mapping[int | None, str]) -> Table:
    place = _places(rows)
    labels = (len(place), len(place) + 1)
    found = _table(*place, "label", "suggested", "confidence", "margin", left=labels)
    for row in rows:
        found.add_row(
            *(Text(shown(str(row[name]))) for name in place),
            Text(titles[row["label"]]),
            Text(titles[row["suggested"]]),
            f"{row['confidence']:.3f}",
            f"{row['margin']:+.3f}",
        )
    return found
