"""The command predict: classify records given as arguments, or in files."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal

import typer

from gi_classifier.cli.bulk import open_for_bulk
from gi_classifier.cli.chunked import open_files
from gi_classifier.cli.inputs import checked_source, form_of
from gi_classifier.cli.options import (
    EngineOption,
    ForceOption,
    HeaderRow,
    IdColumn,
    InputOption,
    JsonOption,
    KeepColumns,
    ModelOption,
    RestartOption,
    SheetOption,
    SkipBlank,
    StrictOption,
    TextColumn,
    UseOption,
    check_engine,
)
from gi_classifier.cli.outputs import (
    STANDARD_OUTPUT,
    check_file,
    check_further_columns,
    options_of,
    say_written,
    write_origin,
)
from gi_classifier.cli.pictures import ImageOption, check_pictures, read_pictures
from gi_classifier.cli.predicted import (
    Printed,
    answer_files,
    answer_source,
    answer_texts,
)
from gi_classifier.data.writers import OUTPUT_FORMATS
from gi_classifier.decisions.decision import Decision
from gi_classifier.errors import SettingsError
from gi_classifier.labels import label_number
from gi_classifier.model.directory import ModelDirectory
from gi_classifier.model.origin import origin
from gi_classifier.model.predictor import Predictor
from gi_classifier.model.shipped import load_or_shipped
from gi_classifier.pipelines.answering import Answering, check_bulk
from gi_classifier.pipelines.sources import files_of
from gi_classifier.settings import Use
from gi_classifier.text_checks import check_texts
from gi_classifier.training.keras_engine import open_any_engine


def predict(
    context: typer.Context,
    text: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="TEXT", help="Records to classify; - reads them from standard input."
        ),
    ] = None,
    input: InputOption = None,
    image: ImageOption = None,
    output: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help=f"Write the answers: {', '.join(OUTPUT_FORMATS)}; - prints them as .jsonl.",
        ),
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
    bulk: Annotated[
        bool,
        typer.Option(
            "--bulk",
            help="Let the linear member answer where it is sure: faster, and of records like those "
            "that chose its cut one label in a thousand changes at most.",
        ),
    ] = False,
    unlabelled: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            help="Text that chooses --bulk's cut, 10,000 passages or more; without it, the model's "
            "own cut, or 10,000 of the records choose one. May be repeated.",
        ),
    ] = None,
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
    restart: RestartOption = False,
    as_json: JsonOption = False,
) -> None:
    """Classify records given as arguments, files of them, of any length, or pictures of pages."""
    check_engine(engine)
    pictures = check_pictures(context, image)
    texts, given = ([], []) if pictures else checked_source(text, input, id_column)
    if not given and (keep_columns or sheet is not None or header_row is not None):
        raise typer.BadParameter("--keep-columns, --sheet and --header-row are for --input FILE.")
    check_further_columns(id_column, keep_columns, output, as_json)
    streamed = output == STANDARD_OUTPUT
    if streamed and as_json:
        raise typer.BadParameter("--output - writes a line of JSON for each record; --json is one.")
    target = None if streamed else output
    files, several = files_of(given, but=[target] if target else [])
    check_file("--output", target, OUTPUT_FORMATS, *files, *pictures, force=force)
    directory = load_or_shipped(model)
    number = None if label is None else label_number(label, directory.settings.names)
    decision = _decision(prior, number, threshold, min_confidence, reject_novel)
    _check_bulk(bulk, unlabelled, use, decision)
    printed = Printed(target, streamed=streamed, as_json=as_json)
    if files:
        work = open_files(files, several, **form_of(context, directory.settings.names))
        work.check(target)
        answering = _answering(directory, engine, use, decision)
        if bulk:
            printed.bulk = _set_bulk(answering, work.texts(), unlabelled)
        answer_files(work, answering, options_of(context), printed, restart=restart)
    elif pictures:
        answering = _answering(directory, engine, use, decision)
        if bulk:
            printed.bulk = _set_bulk(answering, [], unlabelled)
        source, state = read_pictures(pictures, target, restart)
        answer_source(source, answering, printed)
        state.drop()
    else:
        checked = check_texts(texts)
        answering = _answering(directory, engine, use, decision)
        if bulk:
            printed.bulk = _set_bulk(answering, checked, unlabelled)
        answer_texts(checked, answering, printed)
    printed.end(directory.settings.names)
    if target:
        write_origin(target, origin(directory, **options_of(context)))
        say_written(target)
    if printed.bad:
        raise typer.Exit(1)


def _answering(
    directory: ModelDirectory, engine: str | None, use: Use | None, decision: Decision
) -> Answering:
    """The model, ready to answer."""
    predictor = Predictor.from_directory(directory, open_any_engine(directory, engine), use=use)
    return Answering(directory, predictor, decision)


def _check_bulk(
    bulk: bool, unlabelled: list[Path] | None, use: Use | None, decision: Decision
) -> None:
    """Raise where bulk is asked for with what it has no promise for."""
    if unlabelled and not bulk:
        raise typer.BadParameter("--unlabelled is for --bulk.")
    if bulk:
        try:
            check_bulk(use, decision)
        except SettingsError as error:
            raise typer.BadParameter(str(error)) from error


def _set_bulk(answering: Answering, records: Iterable[str], unlabelled: list[Path] | None) -> bool:
    """Answer in bulk from here on, if there is a cut to answer by."""
    answering.bulk = open_for_bulk(answering.directory, answering.predictor, records, unlabelled)
    return answering.bulk is not None


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
        shares = None if prior is None else [float(share) for share in prior.split(",")]
    except ValueError as error:
        raise typer.BadParameter(
            f"--prior takes numbers with commas between: 0.9,0.05,0.05. Received: {prior!r}"
        ) from error
    try:
        return Decision(
            prior=shares,
            label=label,
            threshold=_threshold(threshold),
            min_confidence=min_confidence,
            reject_novel=reject_novel,
        )
    except SettingsError as error:
        raise typer.BadParameter(str(error)) from error
    except ValueError as error:
        raise typer.BadParameter(
            f"--threshold takes a number or 'stored'. Received: {threshold!r}"
        ) from error
