"""The command compare: standard classifiers on a user's own records."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gi_classifier.cli.inputs import form_of, read_any_labels
from gi_classifier.cli.options import (
    DirectoryOption,
    ForceOption,
    HeaderRow,
    JsonOption,
    LabelColumn,
    ModelOption,
    PlotOption,
    RestartOption,
    SeedOption,
    SheetOption,
    TextColumn,
)
from gi_classifier.cli.outputs import (
    check_directory,
    check_file,
    notes,
    options_of,
    print_json,
    progress,
    results_console,
    say,
    write_file,
    write_files,
)
from gi_classifier.cli.saved_state import SavedState
from gi_classifier.errors import SettingsError
from gi_classifier.labels import DEFAULT_NAMES, Label, label_number
from gi_classifier.model.origin import origin

if TYPE_CHECKING:
    from gi_classifier.data.records import Records
    from gi_classifier.evaluation.comparison import Comparison, Outcome


def compare(
    context: typer.Context,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="Records with their labels: numbers or words.")
    ],
    folds: Annotated[
        int,
        typer.Option(
            metavar="NUMBER",
            min=2,
            help="Parts of the file; each is predicted by models of the others.",
        ),
    ] = 3,
    models: Annotated[
        str | None,
        typer.Option(
            metavar="NAMES",
            help="Which models to compare, families or single ones, commas between: "
            "rule,logistic,knn-3. Without it, all of them.",
        ),
    ] = None,
    features: Annotated[
        str,
        typer.Option(
            metavar="KINDS",
            help="What the models read: tfidf (counts of characters), embedding (the encoder's "
            "vectors), or both, a comma between.",
        ),
    ] = "tfidf,embedding",
    label: Annotated[
        str | None,
        typer.Option(
            metavar="LABEL", help="Tell only this label, by number or name, from all others."
        ),
    ] = None,
    sample: Annotated[
        int | None,
        typer.Option(metavar="NUMBER", min=2, help="Use only so many records, drawn at random."),
    ] = None,
    albert: Annotated[
        bool,
        typer.Option(
            "--albert/--no-albert",
            help="Also train the encoder itself on the records, which takes long (needs the extra "
            "'train').",
        ),
    ] = False,
    epochs: Annotated[
        int,
        typer.Option(
            metavar="NUMBER", min=1, help="With --albert: passes over the records, at most."
        ),
    ] = 10,
    seed: SeedOption = 42,
    output: DirectoryOption = None,
    plot: PlotOption = None,
    restart: RestartOption = False,
    text_column: TextColumn = "text",
    label_column: LabelColumn = "label",
    sheet: SheetOption = None,
    header_row: HeaderRow = None,
    model: ModelOption = None,
    force: ForceOption = False,
    as_json: JsonOption = False,
) -> None:
    """Compare standard classifiers on your own records: is a simple one enough?"""
    from gi_classifier.evaluation.comparison_output import OWNED, encoder_notes, files
    from gi_classifier.evaluation.comparison_setup import prepare
    from gi_classifier.evaluation.comparison_table import tabulate

    names, kinds = _wanted(models, features)
    check_directory(output, OWNED, force)
    check_file("--plot", plot, (".png",), file, force=force)
    records, words = read_any_labels(file, DEFAULT_NAMES, **form_of(context))
    comparison = prepare(
        records,
        folds=folds,
        models=names,
        features=kinds,
        fine_tune=_classifier() if albert or "albert" in (names or ()) else None,
        epochs=epochs,
        names=words,
        label=None if label is None else _label(label, records, words),
        sample=sample,
        encoder=model,
        seed=seed,
    )
    for key, reason in comparison.left_out.items():
        notes.print(f"{key} is left out: {reason}")
    state = SavedState(output, comparison.identity, restart=restart)
    table = {"file": str(file), **tabulate(comparison, _run(comparison, state))}
    for line in encoder_notes(table):
        notes.print(line)
    made_from = origin(comparison.encoder, **options_of(context))
    write_files(output, files(table), made_from)
    if plot:
        write_file(plot, _picture(table), made_from)
    state.drop()
    if as_json:
        print_json(table)
    else:
        _show(table)


def _wanted(models: str | None, features: str) -> tuple[list[str] | None, list[str]]:
    from gi_classifier.evaluation.comparison_models import check_wanted

    names, kinds = None if models is None else _listed(models), _listed(features)
    try:
        check_wanted(names, kinds)
    except SettingsError as error:
        raise typer.BadParameter(str(error)) from error
    return names, kinds


def _label(given: str, records: Records, words: tuple[str, ...]) -> int:
    """The label to tell from the rest; one that no record has is told by the comparison."""
    if not words and given.strip().isdecimal():
        return int(given)
    known = words or (DEFAULT_NAMES if set(records.labels or ()) <= set(Label) else ())
    return label_number(given, known)


def _listed(value: str) -> list[str]:
    return [part.strip() for part in value.split(",") if part.strip()]


def _classifier() -> Any:
    from gi_classifier.classifier import GIClassifier

    return GIClassifier


def _run(comparison: Comparison, state: SavedState) -> dict[tuple[str, int], Outcome]:
    """The outcome of each model on each fold; beside an output, what is done is kept."""
    from gi_classifier.evaluation.comparison import Outcome

    found: dict[tuple[str, int], Outcome] = {}
    for model, fold in comparison.jobs:
        name = _part(model.key, fold)
        content = state.read(name)
        if content is not None:
            found[model.key, fold] = Outcome.from_bytes(content, f"{state.path}/{name}")
    total = len(comparison.jobs)
    if found:
        notes.print(f"Going on after {len(found)} of {total} fits.")
    with state.noting_stops(), progress(total, "fits", len(found)) as step:
        for model, fold, outcome in comparison.run(set(found)):
            found[model.key, fold] = outcome
            state.write(_part(model.key, fold), outcome.to_bytes())
            step(1, f"{model.key}, fold {fold + 1}")
    return found


def _part(key: str, fold: int) -> str:
    return f"{key}.{fold}.npz"


def _picture(table: dict[str, Any]) -> bytes:
    from gi_classifier.plots.comparison import compare_figure

    return compare_figure(table)


def _show(table: dict[str, Any]) -> None:
    from gi_classifier.evaluation.comparison_output import conclusions, terminal_tables

    screen = results_console()
    for part in terminal_tables(table, screen.width):
        screen.print(part)
        screen.print()
    for line in conclusions(table):
        say(line)
