"""The command that says how unlike the training records a file's are: novelty."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from tqdm import tqdm

from gi_classifier.cli.inputs import in_chunks, read
from gi_classifier.cli.options import ForceOption, JsonOption, ModelOption, SkipBlank, TextColumn
from gi_classifier.cli.outputs import check_not_shipped, notes
from gi_classifier.data.writers import csv_for_excel
from gi_classifier.errors import OutputExistsError
from gi_classifier.files import check_output, write_whole
from gi_classifier.model.directory import NOVELTY, ModelDirectory, check_model_output, load, save
from gi_classifier.model.shipped import load_or_shipped
from gi_classifier.plots.style import check_plots

# Validation records below which the threshold is rough.
FEW = 200
COLUMNS = ("line", "novelty", "rejected", "text")


def novelty(
    file: Annotated[
        Path | None, typer.Argument(help="Records; labels in it are passed over.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="Write every record's score there: .csv, for Excel too.")
    ] = None,
    plot: Annotated[
        Path | None, typer.Option(help="Draw the scores as PNG (extra 'plots').")
    ] = None,
    top: Annotated[int, typer.Option(min=0, help="Most novel records to print.")] = 10,
    fit: Annotated[
        Path | None, typer.Option(help="Fit anew on these records, those the model learnt from.")
    ] = None,
    val: Annotated[
        Path | None, typer.Option(help="With --fit: other records, that set the threshold.")
    ] = None,
    seed: Annotated[int, typer.Option(help="With --fit: draws the records that are read.")] = 42,
    text_column: TextColumn = "text",
    skip_blank: SkipBlank = False,
    model: ModelOption = None,
    force: ForceOption = False,
    as_json: JsonOption = False,
) -> None:
    """Score how unlike the training records a file's are; or fit that score (--fit)."""
    if fit is not None and file is None:
        if val is None or model is None:
            raise typer.BadParameter("--fit needs --val VAL and --model DIRECTORY.")
        if output is not None or plot is not None or as_json:
            raise typer.BadParameter(
                "--fit writes into the model directory; leave out --output, --plot and --json."
            )
        _fit(fit, val, model, text_column, skip_blank, seed, force)
        return
    if file is None or fit is not None:
        raise typer.BadParameter("Give either FILE, or --fit TRAIN --val VAL --model DIRECTORY.")
    if val is not None:
        raise typer.BadParameter("--val goes with --fit.")
    if output is not None and output.suffix.lower() != ".csv":
        raise typer.BadParameter(f"--output ends in .csv. Received: {output}")
    if plot is not None:
        check_plots()
    for place in (output, plot):
        if place is not None:
            check_output(place, force=force)
    _score(file, output, plot, top, text_column, skip_blank, model, as_json)


def _score(
    file: Path,
    output: Path | None,
    plot: Path | None,
    top: int,
    text_column: str,
    skip_blank: bool,
    model: Path | None,
    as_json: bool,
) -> None:
    from gi_classifier.decisions.novelty import open_novelty

    records = read(file, text_column=text_column, labelled=False, skip_blank=skip_blank)
    scorer = open_novelty(load_or_shipped(model))
    scores = in_chunks(scorer.scores, records.texts)
    rejected = scores > scorer.threshold
    rows: list[dict[str, Any]] = [
        {"line": line, "novelty": float(score), "rejected": bool(novel), "text": text}
        for line, score, novel, text in zip(
            records.lines, scores, rejected, records.texts, strict=True
        )
    ]
    most = [rows[i] for i in np.argsort(-scores, kind="stable")[:top]]
    if output is not None:
        write_whole(output, csv_for_excel(rows, COLUMNS))
    if plot is not None:
        from gi_classifier.plots.novelty import novelty_figure

        sets = {"records 记录": {file.name: scores}}
        write_whole(plot, novelty_figure(sets, scorer.threshold))
    if as_json:
        found = {
            "records": len(rows),
            "threshold": scorer.threshold,
            "rejected": int(rejected.sum()),
            "rejected_share": float(rejected.mean()),
            "scores": scores.tolist(),
            "most_novel": most,
        }
        typer.echo(json.dumps(found, ensure_ascii=False))
    else:
        typer.echo(
            f"{len(rows)} records: {rejected.sum()} ({rejected.mean():.1%}) are novel, their score "
            f"above {scorer.threshold}."
        )
        for row in most:
            mark = "novel" if row["rejected"] else ""
            body = " ".join(row["text"].split())
            typer.echo(f"{row['line']}\t{row['novelty']:.6f}\t{mark}\t{body}")
    for place in (output, plot):
        if place is not None:
            notes.print(f"Written to {place}")


def _fit(
    train: Path,
    val: Path,
    model: Path,
    text_column: str,
    skip_blank: bool,
    seed: int,
    force: bool,
) -> None:
    from gi_classifier.decisions.novelty import THRESHOLD
    from gi_classifier.decisions.novelty_fit import MOST_RECORDS, fit_novelty

    check_not_shipped("--fit", model)
    texts, held_out = (
        read(path, text_column=text_column, labelled=False, skip_blank=skip_blank).texts
        for path in (train, val)
    )
    directory = load(model)
    check_model_output(model, force=True)
    if not force and NOVELTY in directory.files:
        raise OutputExistsError(
            f"{model / NOVELTY} exists. Fit it anew with --force; training fits it by itself."
        )
    count = sum(min(len(set(part)), MOST_RECORDS) for part in (texts, held_out))
    with tqdm(total=count, unit="record", disable=None, leave=False) as bar:
        content = fit_novelty(directory, texts, held_out, seed, bar.update)
    save(
        ModelDirectory({**directory.files, NOVELTY: content}, directory.metadata), model, force=True
    )
    if common := len(set(texts) & set(held_out)):
        notes.print(
            f"{common} records stand in both files: the threshold is stricter than it should be."
        )
    if len(held_out) < FEW:
        notes.print(
            f"{len(held_out)} validation records are few: the share that is rejected may be far "
            f"from {1 - THRESHOLD:.0%}. Give some hundred or more."
        )
    typer.echo(
        f"Fitted on {len(texts)} records, scaled on {len(held_out)}: about {1 - THRESHOLD:.0%} of "
        f"records like these are novel. Stored in {model / NOVELTY} ({len(content):,} bytes)"
    )
