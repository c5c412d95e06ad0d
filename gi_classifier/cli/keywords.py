"""The command keywords: a ranked table of the words that decide over a file of records."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gi_classifier.attribution.integrated_gradients import Explainer, PathOptions
from gi_classifier.attribution.keyword_counts import Progress
from gi_classifier.attribution.keyword_table import COUNTING
from gi_classifier.attribution.keywords import KeywordOptions
from gi_classifier.attribution.stability import stability
from gi_classifier.cli.attribution_options import (
    BaselineOption,
    ShareOption,
    StepsOption,
    ToleranceOption,
    checked_options,
)
from gi_classifier.cli.chunked import open_files, read_through
from gi_classifier.cli.inputs import form_of
from gi_classifier.cli.keyword_count import counted, state_of_count
from gi_classifier.cli.keyword_screen import show_table
from gi_classifier.cli.options import (
    ForceOption,
    HeaderRow,
    JsonOption,
    ModelOption,
    RecordsArgument,
    RestartOption,
    SheetOption,
    SkipBlank,
    StrictOption,
    TextColumn,
    UseOption,
)
from gi_classifier.cli.outputs import (
    check_file,
    notes,
    options_of,
    print_json,
    write_file,
)
from gi_classifier.data.chunks import Tally
from gi_classifier.data.writers import csv_for_excel
from gi_classifier.display import shown
from gi_classifier.files import encode
from gi_classifier.model.directory import ModelDirectory
from gi_classifier.model.origin import origin
from gi_classifier.model.shipped import load_or_shipped
from gi_classifier.plots.keywords import keyword_figure
from gi_classifier.text import folded

if TYPE_CHECKING:
    import pandas as pd

# Shared keywords from which the ranks of two halves are compared.
_LEAST_SHARED = 10


class Format(StrEnum):
    """How the keyword table is printed."""

    table = "table"
    csv = "csv"
    reference = "reference"


def keywords(
    context: typer.Context,
    file: RecordsArgument,
    output: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write the whole table: .csv, for Excel too."),
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Draw each label's first keywords: .png (needs the extra 'plots')."
        ),
    ] = None,
    share: ShareOption = KeywordOptions.share,
    extracts_max: Annotated[
        bool, typer.Option("--extracts-max", help="Take only the strongest keyword of each record.")
    ] = False,
    unit: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="What is counted: word, or span, the reference's runs of neighbouring tokens.",
        ),
    ] = KeywordOptions.unit,
    against: Annotated[
        bool,
        typer.Option("--against", help="Rank the words that speak against the predicted label."),
    ] = False,
    all_words: Annotated[
        bool,
        typer.Option("--all-words", help="Count words too that name nothing alone: 右侧, 急性 …"),
    ] = False,
    pooled: Annotated[
        bool, typer.Option("--pooled", help="Rank the words of all labels in one table.")
    ] = False,
    min_frequency: Annotated[
        int,
        typer.Option(metavar="NUMBER", min=1, help="Leave out words that count less often."),
    ] = 1,
    top: Annotated[
        int,
        typer.Option(
            metavar="NUMBER",
            min=1,
            help="How many rows of each label are printed; --output, --json and --format have all.",
        ),
    ] = 20,
    format: Annotated[
        Format,
        typer.Option(help="How to print: a table, all of it as csv, or the reference's list."),
    ] = Format.table,
    show_stability: Annotated[
        bool,
        typer.Option(
            "--stability", help="Say how far the tables of two halves of the records agree."
        ),
    ] = False,
    restart: RestartOption = False,
    baseline: BaselineOption = COUNTING.baseline,
    steps: StepsOption = COUNTING.steps,
    tolerance: ToleranceOption = COUNTING.tolerance,
    text_column: TextColumn = "text",
    sheet: SheetOption = None,
    header_row: HeaderRow = None,
    skip_blank: SkipBlank = False,
    strict: StrictOption = False,
    model: ModelOption = None,
    use: UseOption = None,
    force: ForceOption = False,
    as_json: JsonOption = False,
) -> None:
    """Rank the words that decide for each label over a file of records, of any size."""
    options = checked_options(
        KeywordOptions,
        share=share,
        extracts_max=extracts_max,
        unit=unit,
        against=against,
        all_words=all_words,
    )
    path = checked_options(PathOptions, baseline=baseline, steps=steps, tolerance=tolerance)
    _check_outputs(file, output, plot, pooled, force)
    directory = load_or_shipped(model)
    work = open_files([file], several=False, **form_of(context, directory.settings.names))
    work.check(None)
    tally = Tally()
    read_through(work, tally)
    # First: what it refuses leaves no state behind.
    explainer = Explainer(directory, use=use)
    state = state_of_count(work, directory, use, options, path, output, restart)
    found = counted(work.texts(), tally.readable, explainer, options, path, state)
    table = found.whole.to_frame(by_label=not pooled, min_frequency=min_frequency)
    _write(table, output, plot, directory, options_of(context))
    state.drop()
    names = directory.settings.names
    if as_json:
        print_json(table.to_dict("records"))
    elif format == Format.table:
        show_table(table, names, top, against)
    else:
        _print_whole(table, format)
    if table.empty:
        notes.print(f"No keyword occurs {min_frequency} times or more.")
    if show_stability:
        _note_stability(found, names, min_frequency)
    notes.print(
        f"{found.read} records, {found.duplicates} of them duplicates, counted once; "
        f"{found.unconverged} with a completeness error above {tolerance:.2%}."
    )
    if tally.bad:
        raise typer.Exit(1)


def _check_outputs(
    file: Path, output: Path | None, plot: Path | None, pooled: bool, force: bool
) -> None:
    if plot and pooled:
        raise typer.BadParameter("--plot draws the labels side by side; leave out --pooled.")
    check_file("--output", output, [".csv"], file, force=force)
    check_file("--plot", plot, [".png"], force=force)


def _write(
    table: pd.DataFrame,
    output: Path | None,
    plot: Path | None,
    directory: ModelDirectory,
    told: dict[str, Any],
) -> None:
    made = origin(directory, **told)
    if output:
        rows: list[dict[str, Any]] = table.to_dict("records")
        write_file(output, csv_for_excel(rows, list(table.columns)), made)
    if plot:
        write_file(plot, keyword_figure(table, directory.settings.names), made)


def _print_whole(table: pd.DataFrame, format: Format) -> None:
    """Print all rows, for other programs."""
    if format == Format.csv:
        # In UTF-8, whatever the console's encoding: nothing is lost.
        typer.echo(encode(table.to_csv(index=False)), nl=False)
        return
    pairs: dict[str, tuple[str, int]] = {}
    for word, count in zip(table["keyword"], table["frequency"], strict=True):
        written, before = pairs.get(folded(word), (word, 0))
        pairs[folded(word)] = (written, before + int(count))
    typer.echo(sorted(pairs.values(), key=lambda pair: -pair[1]))


def _note_stability(progress: Progress, names: tuple[str, ...], min_frequency: int) -> None:
    first, second = (half.to_frame(min_frequency=min_frequency) for half in progress.halves)
    for label, found in stability(first, second).items():
        agreement = (
            f"rank correlation {found.correlation:.2f} over all {found.compared}"
            if found.shared >= _LEAST_SHARED
            else "too few to compare their ranks"
        )
        notes.print(
            f"{shown(names[label])}: of two halves of the records, the top 50 "
            f"share {found.shared} keywords; {agreement}"
        )
