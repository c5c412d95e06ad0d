"""The command that estimates the share of each label in a file of unlabelled records: prior."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.table import Table
from rich.text import Text

from gi_classifier.cli.chunked import answered_parts, journal_for, open_files
from gi_classifier.cli.inputs import check_readable, form_of
from gi_classifier.cli.options import (
    EngineOption,
    ForceOption,
    HeaderRow,
    JsonOption,
    ModelOption,
    RecordsArgument,
    RestartOption,
    SeedOption,
    SheetOption,
    SkipBlank,
    StrictOption,
    TextColumn,
    UseOption,
    check_engine,
)
from gi_classifier.cli.outputs import (
    check_file,
    notes,
    options_of,
    print_json,
    results_console,
    say,
    write_file,
)
from gi_classifier.data.chunks import CHUNK_ROWS
from gi_classifier.data.writers import csv_for_excel
from gi_classifier.display import shown
from gi_classifier.model.directory import ModelDirectory
from gi_classifier.model.origin import origin
from gi_classifier.model.predictor import Predictor
from gi_classifier.model.shipped import load_or_shipped
from gi_classifier.pipelines.sampling import Sample
from gi_classifier.training.keras_engine import open_any_engine

_SHARES = "probabilities"
_COLUMNS = ("label", "name", "training", "predicted", "estimated", "low", "high")
# Records below which an estimate says little, and its interval is too short.
_FEW = 200
# Records that the estimate rests on at most: the interval of so many is narrow.
_MOST = 100_000


def prior(
    context: typer.Context,
    file: RecordsArgument,
    output: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write the table: .csv, for Excel too."),
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Draw the shares: .png (needs the extra 'plots')."),
    ] = None,
    resamples: Annotated[
        int,
        typer.Option(
            metavar="NUMBER", min=1, help="How often the records are drawn again for the interval."
        ),
    ] = 1000,
    seed: SeedOption = 0,
    text_column: TextColumn = "text",
    sheet: SheetOption = None,
    header_row: HeaderRow = None,
    skip_blank: SkipBlank = False,
    strict: StrictOption = False,
    model: ModelOption = None,
    engine: EngineOption = None,
    use: UseOption = None,
    force: ForceOption = False,
    restart: RestartOption = False,
    as_json: JsonOption = False,
) -> None:
    """Estimate how common each label is among a file's records, without reading them yourself.

    Better than counting the predicted labels where the labels are not as common as they were among
    the records that the model was fitted on. The shares can be given to predict as --prior.
    """
    from gi_classifier.decisions.priors import training_prior

    check_engine(engine)
    check_file("--output", output, (".csv",), file, force=force)
    check_file("--plot", plot, (".png",), file, force=force)
    directory = load_or_shipped(model)
    before = training_prior(directory)
    work = open_files([file], several=False, **form_of(context, directory.settings.names))
    work.check(None)
    predictor = Predictor.from_directory(directory, open_any_engine(directory, engine), use=use)
    counts, sample = np.zeros(len(before), dtype=int), Sample(_MOST, len(before), seed)

    def read(texts: Sequence[str]) -> list[dict[str, Any]]:
        return [{_SHARES: shares} for shares in predictor.predict_proba(texts).tolist()]

    told = options_of(context)
    made_from = origin(directory, **told)
    with journal_for(work, directory, told, output or plot, restart) as journal:
        for _ in answered_parts(work, read, (_SHARES,), journal):
            pass
        for probabilities in _readable(journal.rows()):
            counts += np.bincount(probabilities.argmax(axis=1), minlength=len(counts))
            sample.add(probabilities)
        if sample.seen:
            shares = _shares(counts, sample.rows, before, directory, resamples, seed)
            rows = _rows(directory.settings.names, shares)
            write_file(output, csv_for_excel(rows, _COLUMNS), made_from)
            if plot:
                write_file(plot, _picture(shares, directory.settings.names), made_from)
    check_readable(sample.seen)
    warnings = _warnings(sample.seen)
    if as_json:
        found = {"file": str(file), "records": sample.seen, "errors": work.state.bad}
        print_json({**found, "resamples": resamples, "warnings": warnings, "classes": rows})
    else:
        _show(rows, sample.seen, resamples)
    for warning in warnings:
        notes.print(warning)
    if work.state.bad:
        raise typer.Exit(1)


def _readable(rows: Iterator[dict[str, Any]]) -> Iterator[np.ndarray]:
    """The probabilities of rows that could be read, some at a time: float64 (n, classes)."""
    while part := list(itertools.islice(rows, CHUNK_ROWS)):
        found = [row[_SHARES] for row in part if not row["error"]]
        if found:
            yield np.array(found)


def _shares(
    counts: np.ndarray,
    probabilities: np.ndarray,
    before: np.ndarray,
    directory: ModelDirectory,
    resamples: int,
    seed: int,
) -> dict[str, np.ndarray]:
    """Shares (classes,) in training, among the predicted labels, as estimated, and its interval."""
    from gi_classifier.decisions.priors import estimate_prior, prior_interval, unsmoothed

    plain = unsmoothed(probabilities, directory)
    low, high = prior_interval(plain, before, resamples=resamples, seed=seed)
    return {
        "training": before,
        "predicted": counts / counts.sum(),
        "estimated": estimate_prior(plain, before),
        "low": low,
        "high": high,
    }


def _rows(names: Sequence[str], shares: Mapping[str, np.ndarray]) -> list[dict[str, Any]]:
    """One for each label."""
    return [
        {"label": label, "name": name, **{key: float(part[label]) for key, part in shares.items()}}
        for label, name in enumerate(names)
    ]


def _warnings(records: int) -> list[str]:
    """Why the estimate may not be believed, or is of some of the records."""
    if records > _MOST:
        return [
            f"Estimate and interval are of {_MOST:,} of the {records:,} records, drawn by --seed; "
            "the predicted labels are counted over all."
        ]
    if records >= _FEW:
        return []
    return [
        f"{records} records are few: the estimate says little, and its interval is too short. "
        "Give some hundred or more."
    ]


def _picture(shares: Mapping[str, np.ndarray], names: Sequence[str]) -> bytes:
    from gi_classifier.plots.priors import prior_figure

    interval = np.stack([shares["low"], shares["high"]])
    return prior_figure(
        shares["training"], shares["predicted"], shares["estimated"], interval, names
    )


def _show(rows: Sequence[Mapping[str, Any]], records: int, resamples: int) -> None:
    table = Table(box=None, pad_edge=False)
    headings = ("label", "in training", "predicted labels", "estimated", "95% interval")
    for number, heading in enumerate(headings):
        table.add_column(heading, justify="right" if number else "left", no_wrap=True)
    for row in rows:
        table.add_row(
            Text(shown(f"{row['label']} {row['name']}")),
            *(f"{row[name]:.1%}" for name in ("training", "predicted", "estimated")),
            f"{row['low']:.1%} … {row['high']:.1%}",
        )
    results_console().print(table)
    say(
        f"{records} records. Interval: {resamples} bootstrap resamples of them; an error of the "
        "model's probabilities is not in it."
    )
