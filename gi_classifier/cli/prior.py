"""The command that estimates the share of each label in a file of unlabelled records: prior."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from gi_classifier.cli.inputs import in_chunks, read
from gi_classifier.cli.options import ForceOption, JsonOption, ModelOption, SkipBlank, TextColumn
from gi_classifier.cli.outputs import notes
from gi_classifier.data.writers import csv_for_excel
from gi_classifier.files import check_output, write_whole
from gi_classifier.model.predictor import Predictor
from gi_classifier.model.shipped import load_or_shipped
from gi_classifier.plots.style import check_plots

_COLUMNS = ("label", "name", "training", "predicted", "estimated", "low", "high")


def prior(
    file: Annotated[Path, typer.Argument(help="Records; labels in it are passed over.")],
    output: Annotated[
        Path | None, typer.Option(help="Write the table there: .csv, for Excel too.")
    ] = None,
    plot: Annotated[
        Path | None, typer.Option(help="Draw the shares as PNG (extra 'plots').")
    ] = None,
    resamples: Annotated[
        int, typer.Option(min=1, help="Bootstrap resamples of the interval.")
    ] = 1000,
    seed: Annotated[int, typer.Option(min=0, help="Of the bootstrap.")] = 0,
    text_column: TextColumn = "text",
    skip_blank: SkipBlank = False,
    model: ModelOption = None,
    force: ForceOption = False,
    as_json: JsonOption = False,
) -> None:
    """Estimate which share of a file's records has each label, where that differs from training."""
    from gi_classifier.decisions.priors import (
        estimate_prior,
        prior_interval,
        training_prior,
        unsmoothed,
    )
    from gi_classifier.plots.priors import prior_figure

    if output and output.suffix.lower() != ".csv":
        raise typer.BadParameter(f"--output ends in .csv. Received: {output}")
    if plot and plot.suffix.lower() != ".png":
        raise typer.BadParameter(f"--plot ends in .png. Received: {plot}")
    if plot:
        check_plots()
    for place in (output, plot):
        if place:
            check_output(place, force=force)
    directory = load_or_shipped(model)
    before = training_prior(directory)
    records = read(file, text_column=text_column, labelled=False, skip_blank=skip_blank)
    probabilities = in_chunks(Predictor.from_directory(directory).predict_proba, records.texts)
    names = directory.settings.names
    predicted = np.bincount(probabilities.argmax(axis=1), minlength=len(names)) / len(records)
    probabilities = unsmoothed(probabilities, directory)
    estimated = estimate_prior(probabilities, before)
    interval = prior_interval(probabilities, before, resamples=resamples, seed=seed)
    shares = (before, predicted, estimated, *interval)
    rows: list[dict[str, Any]] = [
        dict(zip(_COLUMNS, (label, name, *map(float, values)), strict=True))
        for label, (name, *values) in enumerate(zip(names, *shares, strict=True))
    ]
    picture = prior_figure(before, predicted, estimated, interval, names) if plot else b""
    for place, content in ((output, csv_for_excel(rows, _COLUMNS)), (plot, picture)):
        if place:
            write_whole(place, content)
    if as_json:
        table = {
            "file": str(file),
            "records": len(records),
            "resamples": resamples,
            "classes": rows,
        }
        typer.echo(json.dumps(table, ensure_ascii=False))
    else:
        _show(rows, len(records), resamples)
    for place in (output, plot):
        if place:
            notes.print(f"Written to {place}")


def _show(rows: list[dict[str, Any]], records: int, resamples: int) -> None:
    table = Table(box=None, pad_edge=False)
    headings = ("label", "in training", "predicted labels", "estimated", "95% interval")
    for number, heading in enumerate(headings):
        table.add_column(heading, justify="right" if number else "left", no_wrap=True)
    for row in rows:
        table.add_row(
            Text(f"{row['label']} {row['name']}"),
            *(f"{row[name]:.1%}" for name in ("training", "predicted", "estimated")),
            f"{row['low']:.1%} … {row['high']:.1%}",
        )
    Console(highlight=False, soft_wrap=True).print(table)
    typer.echo(
        f"{records} records. Interval: {resamples} bootstrap resamples of them; an error of the "
        "model's probabilities is not in it."
    )
