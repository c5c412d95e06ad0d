"""The command that looks a file of records through before anything is trained on it: inspect."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.console import Group
from rich.table import Table
from rich.text import Text

from gi_classifier.cli.inputs import in_chunks, read
from gi_classifier.cli.options import ForceOption, JsonOption, LabelColumn, ModelOption, TextColumn
from gi_classifier.cli.outputs import check_directory, notes, results_console
from gi_classifier.data.fingerprints import trained_on
from gi_classifier.data.records import Records
from gi_classifier.data.writers import csv_for_excel, encode
from gi_classifier.errors import RecordsError
from gi_classifier.files import write_directory
from gi_classifier.model.predictor import Predictor
from gi_classifier.model.shipped import load_or_shipped

if TYPE_CHECKING:
    from gi_classifier.evaluation.inspection import Inspection


JSON, FIGURE = "inspection.json", "inspection.png"
COLUMNS = {
    "label_errors.csv": (
        "line",
        "label",
        "suggested",
        "confidence",
        "suggested_confidence",
        "margin",
        "text",
    ),
    "conflicts.csv": ("conflict", "kind", "line", "label", "text"),
    "terms.csv": (
        "label",
        "rank",
        "term",
        "occurrences",
        "records",
        "share",
        "distinctiveness",
    ),
}
FILES = (JSON, FIGURE, *COLUMNS)
# Mean recall below which flags say more of the judge than of the labels.
_RELIABLE = 0.7


def inspect(
    data: Annotated[Path, typer.Option("--data", help="Records, with their labels if they have.")],
    output: Annotated[
        Path | None,
        typer.Option(help="A directory to write: JSON, CSV and a picture (extra 'plots')."),
    ] = None,
    no_labels: Annotated[
        bool, typer.Option("--no-labels", help="The file has no labels, or they are passed over.")
    ] = False,
    no_embeddings: Annotated[
        bool,
        typer.Option(
            "--no-embeddings", help="Do not run the model: quicker, without the map of embeddings."
        ),
    ] = False,
    top: Annotated[int, typer.Option(min=1, help="Rows of each table to print.")] = 10,
    text_column: TextColumn = "text",
    label_column: LabelColumn = "label",
    model: ModelOption = None,
    force: ForceOption = False,
    as_json: JsonOption = False,
) -> None:
    """Look a file of records through: counts, duplicates, conflicts, terms, label errors."""
    from gi_classifier.evaluation.inspection import inspect as look

    check_directory(output, FILES, force)
    directory = load_or_shipped(model)
    records = _read(data, text_column, label_column, labelled=not no_labels)
    # A file of other labels than the model's has no names for them.
    labels = set(records.labels or ())
    every = set(range(directory.settings.num_classes))
    known = labels <= every if model else labels == every
    embeddings = (
        None
        if no_embeddings
        else in_chunks(Predictor.from_directory(directory).embed, records.texts)
    )
    with notes.status(f"Looking at {len(records):,} records …"):
        found = look(
            records,
            names=directory.settings.names if known else (),
            embeddings=embeddings,
            trained=trained_on(directory.splits, records.texts),
            top=top,
        )
    if output:
        write_directory({**files(found), FIGURE: _picture(found)}, output)
    if as_json:
        typer.echo(json.dumps(found.table, ensure_ascii=False))
    else:
        _show(found, top)
    if output:
        notes.print(f"Written to {output}")


def _read(path: Path, text_column: str, label_column: str, *, labelled: bool) -> Records:
    try:
        return read(path, text_column=text_column, label_column=label_column, labelled=labelled)
    except RecordsError as error:
        if not labelled:
            raise
        hint = f"{error.summary}\n  If the file has no labels, say --no-labels."
        raise RecordsError(hint, error.problems) from error


def files(found: Inspection) -> dict[str, bytes]:
    """Content of ``inspection.json`` and the three ``.csv``, by name."""
    rows = (found.label_errors, found.conflicts, found.terms)
    tables = {
        name: csv_for_excel(part, columns)
        for (name, columns), part in zip(COLUMNS.items(), rows, strict=True)
    }
    return {JSON: encode(json.dumps(found.table, ensure_ascii=False, indent=2) + "\n"), **tables}


def _picture(found: Inspection) -> bytes:
    from gi_classifier.plots.inspection import inspection_figure

    return inspection_figure(
        found.lengths,
        found.labels,
        {row["label"]: row["name"] for row in found.table["labels"] or ()},
        flagged=found.flagged,
        projection=found.projection,
        explained_variance=found.table["explained_variance"] or (0.0, 0.0),
        seed=found.table["seed"],
    )


def _show(found: Inspection, top: int) -> None:
    """Tables on the terminal; no record's text is among them."""
    screen = results_console()
    for table in terminal_tables(found.table, top):
        screen.print(table)
        screen.print()
    if found.labels is None:
        typer.echo("Without labels: no priors, conflicts, terms by label or label errors.")


def terminal_tables(table: dict[str, Any], top: int) -> Iterator[Group]:
    """What was found, as a heading with a table for rich each."""
    titles: dict[int | None, str] = {None: "all"}
    for row in table["labels"] or ():
        named = row["name"] != str(row["label"])
        titles[row["label"]] = f"{row['label']} {row['name']}" if named else row["name"]
    yield Group(_heading("Records; lengths in characters"), _labels(table, titles))
    yield Group(_heading("Duplicates"), _duplicates(table))
    if table["conflicts"]:
        groups = [list(g) for _, g in groupby(table["conflicts"], key=lambda r: r["conflict"])]
        shown = f"; the first {top}" if len(groups) > top else ""
        title = _heading(f"Conflicting labels (groups): {len(groups):,}{shown}")
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
        found.add_row(part[0]["kind"], ", ".join(f"{r['line']}: {r['label']}" for r in part))
    return found


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
        found = _table("line", "label", "suggested", "confidence", "margin", left=(1, 2))
        for row in verdict["records"][:top]:
            found.add_row(
                str(row["line"]),
                Text(titles[row["label"]]),
                Text(titles[row["suggested"]]),
                f"{row['confidence']:.3f}",
                f"{row['margin']:+.3f}",
            )
        parts.append(found)
    if verdict["flagged"] > top:
        parts.append(Text(f"… and {verdict['flagged'] - top:,} more: --output writes them all"))
    return Group(*parts)
