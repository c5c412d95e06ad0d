"""The command predict: classify records given as arguments, or in a file."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from gi_classifier.cli.inputs import check_source, in_chunks, label_of, read_source
from gi_classifier.cli.options import (
    ForceOption,
    IdColumn,
    JsonOption,
    ModelOption,
    SkipBlank,
    TextColumn,
)
from gi_classifier.cli.outputs import check_place
from gi_classifier.data.readers import FORMATS, PLAIN
from gi_classifier.data.writers import OUTPUT_FORMATS, write_results
from gi_classifier.decisions.decision import Decider, Decision
from gi_classifier.decisions.rows import results
from gi_classifier.errors import SettingsError
from gi_classifier.files import check_output
from gi_classifier.model.predictor import Predictor
from gi_classifier.model.shipped import load_or_shipped
from gi_classifier.training.keras_engine import open_any_engine

if TYPE_CHECKING:
    pass
from gi_classifier.cli.options import EngineOption, check_engine

# Records that are also printed when they are written to a file.
_SHOWN = 100


def predict(
    text: Annotated[list[str] | None, typer.Argument(help="Records to classify.")] = None,
    input: Annotated[Path | None, typer.Option(help=f"A file: {', '.join(FORMATS)}.")] = None,
    output: Annotated[
        Path | None, typer.Option(help=f"Where to write: {', '.join(OUTPUT_FORMATS)}.")
    ] = None,
    text_column: TextColumn = "text",
    id_column: IdColumn = None,
    skip_blank: SkipBlank = False,
    model: ModelOption = None,
    engine: EngineOption = None,
    prior: Annotated[
        str | None,
        typer.Option(help="Shares of the labels in these records, as in 0.9,0.05,0.05."),
    ] = None,
    label: Annotated[
        str | None, typer.Option(help="The label that --threshold is for, by number or name.")
    ] = None,
    threshold: Annotated[
        str | None,
        typer.Option(help="Least probability of --label to answer it; or 'stored'."),
    ] = None,
    min_confidence: Annotated[
        float | None, typer.Option(help="No answer where the largest probability is below.")
    ] = None,
    reject_novel: Annotated[
        bool, typer.Option("--reject-novel", help="No answer to what is unlike a record.")
    ] = False,
    force: ForceOption = False,
    as_json: JsonOption = False,
) -> None:
    """Classify records given as arguments, or a file of them."""
    check_engine(engine)
    check_source(text, input, id_column)
    if id_column is not None and not as_json and (not output or output.suffix.lower() in PLAIN):
        raise typer.BadParameter(
            "--id-column is written to .csv, .jsonl and .xlsx, and printed with --json."
        )
    check_place("--output", output, OUTPUT_FORMATS, *([input] if input else []))
    directory = load_or_shipped(model)
    number = None if label is None else label_of(label, directory.settings.names)
    decision = _decision(prior, number, threshold, min_confidence, reject_novel)
    if output:
        check_output(output, force=force)
    texts, places = read_source(text, input, text_column, id_column, skip_blank)
    predictor = Predictor.from_directory(directory, open_any_engine(directory, engine))
    if decision.is_plain:
        found = results(texts, in_chunks(predictor.predict_proba, texts), directory.settings)
    else:
        answers, probabilities = Decider(directory, predictor).predict(texts, decision)
        found = results(texts, probabilities, directory.settings, answers.tolist())
    found = [place | row for place, row in zip(places, found, strict=True)]
    summary = dict.fromkeys([row["name"] for row in found if row["label"] is None], 0)
    summary = dict.fromkeys(directory.settings.names, 0) | summary
    for row in found:
        summary[row["name"]] += 1
    if output:
        write_results(found, output)
    if as_json:
        typer.echo(
            json.dumps(
                {"records": found, "summary": summary, "output": output and str(output)},
                ensure_ascii=False,
            )
        )
        return
    if not output or len(found) <= _SHOWN:
        _show(found)
    typer.echo(
        f"{len(found)} records: " + ", ".join(f"{n} {count}" for n, count in summary.items())
    )
    if output:
        typer.echo(f"Written to {output}")


def _show(found: list[dict[str, Any]]) -> None:
    """A table on a terminal, tab-separated lines in a pipe."""
    if not sys.stdout.isatty():
        for row in found:
            body = " ".join(row["text"].split())
            typer.echo(f"{_digit(row)}\t{row['name']}\t{row['probability']:.4f}\t{body}")
        return
    table = Table(box=None, pad_edge=False)
    table.add_column("label", justify="right")
    table.add_column("name", no_wrap=True)
    table.add_column("probability", justify="right")
    table.add_column("record", no_wrap=True, overflow="ellipsis", ratio=1)
    for row in found:
        body = " ".join(row["text"].split())
        table.add_row(_digit(row), row["name"], f"{row['probability']:.4f}", Text(body))
    Console(highlight=False).print(table)


def _digit(row: dict[str, Any]) -> str:
    return "–" if row["label"] is None else str(row["label"])


def _threshold(given: str | None) -> float | Literal["stored"] | None:
    if given is None:
        return None
    return "stored" if given == "stored" else float(given)


def _decision(
    prior: str | None,
    label: int | None,
    threshold: str | None,
    min_confidence: float | None,
    reject_novel: bool,
) -> Decision:
    """Options of the command as a decision; a value out of range is wrong use."""
    try:
        return Decision(
            prior=None if prior is None else [float(share) for share in prior.split(",")],
            label=label,
            threshold=_threshold(threshold),
            min_confidence=min_confidence,
            reject_novel=reject_novel,
        )
    except SettingsError as error:
        raise typer.BadParameter(str(error)) from error
    except ValueError as error:
        raise typer.BadParameter(
            "--prior takes numbers with commas between, --threshold a number or 'stored'. "
            f"Received: {prior!r}, {threshold!r}"
        ) from error
