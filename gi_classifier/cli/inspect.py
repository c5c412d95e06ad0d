"""The command that looks a file of records through before anything is trained on it: inspect."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gi_classifier.cli.inputs import form_of, in_chunks, keep_columns_of, read, read_any_labels
from gi_classifier.cli.options import (
    DirectoryOption,
    ForceOption,
    HeaderRow,
    IdColumn,
    JsonOption,
    KeepColumns,
    LabelColumn,
    ModelOption,
    PlotOption,
    SheetOption,
    TextColumn,
)
from gi_classifier.cli.outputs import (
    check_directory,
    check_file,
    check_kept,
    notes,
    options_of,
    print_json,
    results_console,
    say,
    write_file,
    write_files,
)
from gi_classifier.data.fingerprints import trained_on
from gi_classifier.data.records import Records
from gi_classifier.errors import LabelError, ModelError, RecordsError
from gi_classifier.model.directory import NO_ALBERT, ModelDirectory
from gi_classifier.model.origin import origin
from gi_classifier.model.predictor import Predictor
from gi_classifier.model.shipped import load_or_shipped

if TYPE_CHECKING:
    from gi_classifier.evaluation.inspection import Inspection


def inspect(
    context: typer.Context,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="Records, with their labels if they have any.")
    ],
    output: DirectoryOption = None,
    plot: PlotOption = None,
    no_labels: Annotated[
        bool, typer.Option("--no-labels", help="The file has no labels, or pass over them.")
    ] = False,
    no_embeddings: Annotated[
        bool,
        typer.Option(
            "--no-embeddings",
            help="Leave out the model: quicker, but no map of the records, and label errors are "
            "found by words alone.",
        ),
    ] = False,
    top: Annotated[
        int, typer.Option(metavar="NUMBER", min=1, help="Print so many rows of each table.")
    ] = 10,
    text_column: TextColumn = "text",
    label_column: LabelColumn = "label",
    id_column: IdColumn = None,
    keep_columns: KeepColumns = False,
    sheet: SheetOption = None,
    header_row: HeaderRow = None,
    model: ModelOption = None,
    force: ForceOption = False,
    as_json: JsonOption = False,
) -> None:
    """See what is in a file before you train: duplicates, conflicts, probable label errors."""
    from gi_classifier.evaluation.inspection_output import OWNED, files

    check_kept(keep_columns, output)
    check_directory(output, OWNED, force)
    check_file("--plot", plot, (".png",), file, force=force)
    directory = load_or_shipped(model)
    own_names = directory.settings.names
    records, names = _read(file, form_of(context), no_labels, own_names)
    records = keep_columns_of(records, text_column, id_column)
    # A file of other labels than the model's has no names for them.
    labels, every = set(records.labels or ()), set(range(len(own_names)))
    if not names and (labels <= every if model else labels == every):
        names = own_names
    found = _looked_through(directory, records, names, not no_embeddings, top)
    made_from = origin(directory, **options_of(context))
    write_files(output, files(found), made_from)
    if plot:
        write_file(plot, _picture(found), made_from)
    if as_json:
        print_json(found.table)
    else:
        _show(found, top)


def _read(
    path: Path, form: dict[str, Any], no_labels: bool, known: tuple[str, ...]
) -> tuple[Records, tuple[str, ...]]:
    """Records, and the names of labels that are words of the user's own."""
    if no_labels:
        return read(path, **form, num_classes=len(known), label_names=known, labelled=False), ()
    try:
        return read_any_labels(path, known, **form)
    except (LabelError, RecordsError) as error:
        hint = f"{error.summary}\n  If the file has no labels, say --no-labels."
        raise type(error)(hint, error.problems) from error


def _looked_through(
    directory: ModelDirectory,
    records: Records,
    names: tuple[str, ...],
    with_embeddings: bool,
    top: int,
) -> Inspection:
    from gi_classifier.evaluation.inspection import inspect as look

    embeddings = None
    if with_embeddings:
        if "albert" not in directory.members:
            raise ModelError(f"{NO_ALBERT} Or say --no-embeddings.")
        embeddings = in_chunks(Predictor.from_directory(directory).embed, records.texts)
    with notes.status(f"Looking at {len(records):,} records …"):
        return look(
            records,
            names=names,
            embeddings=embeddings,
            trained=trained_on(directory.splits, records.texts),
            top=top,
        )


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
    from gi_classifier.evaluation.inspection_output import terminal_tables

    screen = results_console()
    for table in terminal_tables(found.table, top):
        screen.print(table)
        screen.print()
    if found.labels is None:
        say("Without labels: no priors, conflicts, terms by label or label errors.")
