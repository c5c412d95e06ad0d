"""The command keywords: a ranked table of the words that decide over a file of records."""

from __future__ import annotations

import time
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.cells import cell_len
from rich.table import Table
from rich.text import Text
from tqdm import tqdm

from gi_classifier.attribution.integrated_gradients import Explainer, PathOptions
from gi_classifier.attribution.keyword_counts import Progress, count_keywords, mark_of
from gi_classifier.attribution.keyword_table import COUNTING, check_min_frequency
from gi_classifier.attribution.keywords import KeywordOptions
from gi_classifier.attribution.stability import stability
from gi_classifier.cli.attribution_options import (
    BaselineOption,
    StepsOption,
    ThresholdOption,
    ToleranceOption,
    checked_options,
)
from gi_classifier.cli.inputs import (
    check_some,
)
from gi_classifier.cli.options import (
    ForceOption,
    ModelOption,
    SkipBlank,
    TextColumn,
)
from gi_classifier.cli.outputs import check_file, notes, results_console
from gi_classifier.data.readers import check_texts_of, iterate_texts
from gi_classifier.data.writers import csv_for_excel
from gi_classifier.files import check_output, write_whole
from gi_classifier.model.shipped import load_or_shipped
from gi_classifier.plots.keywords import keyword_figure
from gi_classifier.plots.style import check_plots
from gi_classifier.settings import Settings
from gi_classifier.text import folded

# Seconds between two states of a count.
_STATE_SECONDS = 10.0
# Shared keywords from which the ranks of two halves are compared.
_LEAST_SHARED = 10
# Columns that an example in its context needs on a screen.
_LEAST_EXAMPLE = 16


class Format(StrEnum):
    """How the keyword table is printed."""

    table = "table"
    csv = "csv"
    json = "json"
    reference = "reference"


def keywords(
    file: Annotated[Path, typer.Argument(help="Records; labels in it are passed over.")],
    output: Annotated[
        Path | None, typer.Option(help="Write the whole table there: .csv, for Excel too.")
    ] = None,
    threshold: ThresholdOption = KeywordOptions.threshold,
    extracts_max: Annotated[
        bool, typer.Option("--extracts-max", help="Of each record, only the strongest keyword.")
    ] = False,
    unit: Annotated[str, typer.Option(help="word, or span: the reference's runs of tokens.")] = (
        KeywordOptions.unit
    ),
    against: Annotated[
        bool, typer.Option("--against", help="Words that speak against the label that won.")
    ] = False,
    all_words: Annotated[
        bool, typer.Option("--all-words", help="Also words that name nothing alone: 右侧, 急性 …")
    ] = False,
    pooled: Annotated[
        bool, typer.Option("--pooled", help="One ranking for all labels together.")
    ] = False,
    min_frequency: Annotated[int, typer.Option(help="Leave out rarer keywords.")] = 1,
    top: Annotated[
        int,
        typer.Option(
            min=1, help="Rows of each label that the printed table shows; other formats have all."
        ),
    ] = 20,
    format: Annotated[
        Format, typer.Option(help="reference: its list of (keyword, frequency).")
    ] = Format.table,
    show_stability: Annotated[
        bool, typer.Option("--stability", help="Compare the tables of two halves of the records.")
    ] = False,
    plot: Annotated[
        Path | None, typer.Option(help="Draw the top keywords as PNG (extra 'plots').")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on where an interrupted run stood (--output).")
    ] = False,
    baseline: BaselineOption = COUNTING.baseline,
    steps: StepsOption = COUNTING.steps,
    tolerance: ToleranceOption = COUNTING.tolerance,
    text_column: TextColumn = "text",
    skip_blank: SkipBlank = False,
    model: ModelOption = None,
    force: ForceOption = False,
) -> None:
    """Rank the words that decide for each label over a file of records, of any size."""
    options = checked_options(
        KeywordOptions,
        threshold=threshold,
        extracts_max=extracts_max,
        unit=unit,
        against=against,
        all_words=all_words,
    )
    path = checked_options(PathOptions, baseline=baseline, steps=steps, tolerance=tolerance)
    checked_options(check_min_frequency, value=min_frequency)
    if resume and not output:
        raise typer.BadParameter("--resume needs --output, beside which the state is kept.")
    check_file("--output", output, [".csv"], file, force=force)
    check_file("--plot", plot, [".png"], force=force)
    if plot and pooled:
        raise typer.BadParameter("--plot draws the labels side by side; leave out --pooled.")
    if plot:
        check_plots()
    for place in (output, plot):
        if place:
            check_output(place, force=force)
    directory = load_or_shipped(model)
    counted = check_texts_of(file, text_column=text_column, skip_blank=skip_blank)
    count = counted.records
    check_some(file, count, counted)
    state = output.with_name(f".{output.name}.state") if output else None
    mark = mark_of(file, text_column, directory, options, path) if state else ""
    progress = Progress()
    if resume and state and state.is_file():
        progress = Progress.from_json(state.read_bytes(), mark, str(state))
        notes.print(f"Going on after {progress.read} of {count} records.")
    elif resume:
        notes.print(f"There is no {state} to go on from: this begins anew.")
    texts = iterate_texts(file, text_column=text_column)
    written = time.monotonic()
    try:
        with tqdm(
            total=count, initial=progress.read, unit="record", disable=None, leave=False
        ) as bar:
            for done in count_keywords(texts, Explainer(directory), options, path, progress):
                bar.update(done)
                if state and time.monotonic() - written > _STATE_SECONDS:
                    write_whole(state, progress.to_json(mark))
                    written = time.monotonic()
    except KeyboardInterrupt:
        if state and state.is_file():
            notes.print("Stopped. The same command with --resume goes on where this one stood.")
        raise
    table = progress.whole.to_frame(by_label=not pooled, min_frequency=min_frequency)
    if output:
        columns = list(table.columns)
        rows = [dict(zip(columns, row, strict=True)) for row in table.itertuples(index=False)]
        write_whole(output, csv_for_excel(rows, columns))
    if plot:
        write_whole(plot, keyword_figure(table, directory.settings.names))
    if state:
        state.unlink(missing_ok=True)
    _print_table(table, directory.settings, format, top, against)
    if table.empty:
        notes.print(f"No keyword occurs {min_frequency} times or more.")
    if show_stability:
        first, second = (half.to_frame(min_frequency=min_frequency) for half in progress.halves)
        for label, found in stability(first, second).items():
            agreement = (
                f"rank correlation {found.correlation:.2f} over all {found.compared}"
                if found.shared >= _LEAST_SHARED
                else "too few to compare their ranks"
            )
            notes.print(
                f"{directory.settings.names[label]}: of two halves of the records, the top 50 "
                f"share {found.shared} keywords; {agreement}"
            )
    notes.print(
        f"{progress.read} records, {progress.duplicates} of them duplicates, counted once; "
        f"{progress.unconverged} with a completeness error above {tolerance:.2%}."
    )
    for place in (output, plot):
        if place:
            notes.print(f"Written to {place}")


def _print_table(table: Any, settings: Settings, format: Format, top: int, against: bool) -> None:
    if format == Format.reference:
        pairs: dict[str, tuple[str, int]] = {}
        for word, count in zip(table["keyword"], table["frequency"], strict=True):
            shown, before = pairs.get(folded(word), (word, 0))
            pairs[folded(word)] = (shown, before + int(count))
        typer.echo(sorted(pairs.values(), key=lambda pair: -pair[1]))
        return
    if format == Format.json:
        typer.echo(table.to_json(orient="records", force_ascii=False))
        return
    if format == Format.csv:
        typer.echo(table.to_csv(index=False), nl=False)
        return
    parts = table.groupby("label") if "label" in table else [(None, table)]
    for label, part in parts:
        title = "all labels" if label is None else f"{label} {settings.names[int(label)]}"
        title = f"against {title}" if against else title
        rows = part.head(top)
        screen = results_console()
        cells = {
            name: [v if isinstance(v, str) else _number(v) for v in rows[name]]
            for name in table.columns
            if name != "label"
        }
        widths = {n: max(map(cell_len, [n, *column])) for n, column in cells.items()}
        room = screen.width - sum(widths.values()) + widths["example"] - 2 * len(widths)
        if room < _LEAST_EXAMPLE:
            del cells["example"]
        shown = Table(title=title, box=None, pad_edge=False, title_justify="left")
        for name in cells:
            text = name in ("keyword", "example")
            shown.add_column(
                name,
                justify="left" if text else "right",
                no_wrap=True,
                overflow="ellipsis",
                min_width=None if name == "example" else widths[name],
            )
        for row in zip(*cells.values(), strict=True):
            shown.add_row(*map(Text, row))
        screen.print(shown)
        if len(part) > top:
            typer.echo(f"… and {len(part) - top} more")


def _number(value: float) -> str:
    return f"{value:,}" if float(value).is_integer() else f"{value:.3f}"
