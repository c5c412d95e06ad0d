"""The command predict: classify records given as arguments, or in files."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from gi_classifier.cli.inputs import checked_source, form_of, in_chunks, read_source
from gi_classifier.cli.options import (
    EngineOption,
    ForceOption,
    HeaderRow,
    IdColumn,
    InputOption,
    JsonOption,
    KeepColumns,
    ModelOption,
    SheetOption,
    SkipBlank,
    StrictOption,
    TextColumn,
    UseOption,
    check_engine,
)
from gi_classifier.cli.outputs import (
    check_file,
    check_further_columns,
    options_of,
    print_json,
    say,
    say_columns,
    say_written,
    write_origin,
)
from gi_classifier.data.writers import OUTPUT_FORMATS, check_holds, write_results
from gi_classifier.decisions.decision import Decider, Decision
from gi_classifier.decisions.rows import results
from gi_classifier.display import shown
from gi_classifier.errors import SettingsError
from gi_classifier.labels import label_number
from gi_classifier.model.directory import ModelDirectory
from gi_classifier.model.origin import origin
from gi_classifier.model.predictor import Predictor
from gi_classifier.model.shipped import load_or_shipped
from gi_classifier.settings import Use
from gi_classifier.training.keras_engine import open_any_engine

# Records that are also printed when they are written to a file.
_SHOWN = 100


def predict(
    context: typer.Context,
    text: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="TEXT", help="Records to classify; - reads them from standard input."
        ),
    ] = None,
    input: InputOption = None,
    output: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help=f"Write the answers: {', '.join(OUTPUT_FORMATS)}."),
    ] = None,
    text_column: TextColumn = "text",
    id_column: IdColumn = None,
    keep_columns: KeepColumns = False,
    sheet: SheetOption = None,
    header_row: HeaderRow = None,
    skip_blank: SkipBlank = False,
    strict: StrictOption = False,
    model: ModelOption = None,
    engine: EngineOption = None,
    use: UseOption = None,
    prior: Annotated[
        str | None,
        typer.Option(
            metavar="SHARES",
            help="Each label's share among these records, if you know it: 0.9,0.05,0.05.",
        ),
    ] = None,
    label: Annotated[
        str | None,
        typer.Option(metavar="LABEL", help="The label that --threshold is for, by number or name."),
    ] = None,
    threshold: Annotated[
        str | None,
        typer.Option(
            metavar="NUMBER",
            help="Answer --label from this probability on; or 'stored': that of `thresholds`.",
        ),
    ] = None,
    min_confidence: Annotated[
        float | None,
        typer.Option(metavar="NUMBER", help="Leave records to a person below this probability."),
    ] = None,
    reject_novel: Annotated[
        bool,
        typer.Option("--reject-novel", help="Give no answer to what is unlike a medical record."),
    ] = False,
    force: ForceOption = False,
    as_json: JsonOption = False,
) -> None:
    """Classify records given as arguments, or files of them."""
    check_engine(engine)
    texts, files = checked_source(text, input, id_column)
    if not files and (keep_columns or sheet is not None or header_row is not None):
        raise typer.BadParameter("--keep-columns, --sheet and --header-row are for --input FILE.")
    check_further_columns(id_column, keep_columns, output, as_json)
    check_file("--output", output, OUTPUT_FORMATS, *files, force=force)
    directory = load_or_shipped(model)
    number = None if label is None else label_number(label, directory.settings.names)
    decision = _decision(prior, number, threshold, min_confidence, reject_novel)
    source = read_source(texts, files, **form_of(context, directory.settings.names))
    if output:
        check_holds(output, source.answered([{"text": text} for text in source.texts]))
    rows = source.answered(_answers(directory, engine, use, source.texts, decision))
    summary = _summary(rows, directory.settings.names)
    if output:
        write_results(rows, output)
        write_origin(output, origin(directory, **options_of(context)))
    if as_json:
        print_json(
            {
                "records": rows,
                "summary": summary,
                "errors": source.bad,
                "output": output and str(output),
            }
        )
    else:
        if not output or len(rows) <= _SHOWN:
            _show(rows)
        counts = ", ".join(f"{name} {count}" for name, count in summary.items())
        bad = f"; {source.bad} bad rows without an answer" if source.bad else ""
        say(f"{len(rows)} records: {counts}{bad}")
    if output:
        say_written(output)
    if source.bad:
        raise typer.Exit(1)


def _answers(
    directory: ModelDirectory,
    engine: str | None,
    use: Use | None,
    texts: Sequence[str],
    decision: Decision,
) -> list[dict[str, Any]]:
    """A row for each text, in order."""
    predictor = Predictor.from_directory(directory, open_any_engine(directory, engine), use=use)
    if decision.is_plain:
        return results(texts, in_chunks(predictor.predict_proba, texts), directory.settings)
    answers, probabilities = Decider(directory, predictor).predict(texts, decision)
    return results(texts, probabilities, directory.settings, answers.tolist())


def _summary(rows: Sequence[dict[str, Any]], names: Sequence[str]) -> dict[str, int]:
    """How often each label was answered, and why there is no answer."""
    counts = Counter(row["name"] for row in rows if not row.get("error"))
    return {name: counts[name] for name in dict.fromkeys([*names, *counts])}


def _show(rows: Sequence[dict[str, Any]]) -> None:
    """A table on a terminal, tab-separated lines in a pipe."""
    if not sys.stdout.isatty():
        for row in rows:
            say("\t".join(_cells(row)))
        return
    columns = ("label", "name", "probability", "record")
    say_columns(columns, [_cells(row) for row in rows], left=("name",))


def _cells(row: dict[str, Any]) -> tuple[str, str, str, str]:
    """Label, name, probability and text of an answer; of a bad row, why it has none."""
    if row.get("error"):
        return "–", "error", "–", shown(row["error"])
    label = "–" if row["label"] is None else str(row["label"])
    return label, shown(row["name"]), f"{row['probability']:.4f}", shown(row["text"])


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
