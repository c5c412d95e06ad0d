"""The command evaluate: measure a model on labelled records."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from gi_classifier.cli.inputs import apart, form_of, in_chunks, keep_columns_of, read, warn_of_known
from gi_classifier.cli.measures import show_report
from gi_classifier.cli.options import (
    DirectoryOption,
    EngineOption,
    ForceOption,
    HeaderRow,
    IdColumn,
    JsonOption,
    KeepColumns,
    LabelColumn,
    LabelledArgument,
    ModelOption,
    PlotOption,
    SheetOption,
    TextColumn,
    UseOption,
    check_engine,
)
from gi_classifier.cli.outputs import (
    check_directory,
    check_file,
    check_kept,
    notes,
    options_of,
    print_json,
    write_file,
    write_files,
)
from gi_classifier.data.fingerprints import says_what_it_knows, trained_on
from gi_classifier.data.records import Records, drop_duplicates
from gi_classifier.errors import RecordsError
from gi_classifier.metrics.measures import RESAMPLES
from gi_classifier.model.directory import ModelDirectory
from gi_classifier.model.origin import origin
from gi_classifier.model.predictor import Predictor
from gi_classifier.model.shipped import load_or_shipped
from gi_classifier.settings import Use
from gi_classifier.training.keras_engine import open_any_engine

_THIS = "this model"


def evaluate(
    context: typer.Context,
    file: LabelledArgument,
    model: ModelOption = None,
    engine: EngineOption = None,
    use: UseOption = None,
    train: Annotated[
        Path | None,
        typer.Option(
            "--train",
            metavar="FILE",
            help="Labelled records to train a simple model on (TF-IDF + logistic regression) that "
            "is measured beside this one.",
        ),
    ] = None,
    output: DirectoryOption = None,
    plot: PlotOption = None,
    group_column: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Also measure each group of records that share a value of this column, such as a "
            "ward (.csv, .jsonl, .xlsx).",
        ),
    ] = None,
    resamples: Annotated[
        int,
        typer.Option(
            metavar="NUMBER", min=1, help="How often records are drawn anew for the 95% intervals."
        ),
    ] = RESAMPLES,
    errors: Annotated[
        int,
        typer.Option(
            metavar="NUMBER", min=0, help="List at most so many errors, the surest first."
        ),
    ] = 20,
    text_column: TextColumn = "text",
    label_column: LabelColumn = "label",
    id_column: IdColumn = None,
    keep_columns: KeepColumns = False,
    sheet: SheetOption = None,
    header_row: HeaderRow = None,
    force: ForceOption = False,
    as_json: JsonOption = False,
) -> None:
    """Measure how often a model is right on labelled records, beside simple models."""
    from gi_classifier.evaluation.evaluation_report import evaluation_report, groups_of
    from gi_classifier.evaluation.report_tables import OWNED, files

    check_engine(engine)
    check_kept(keep_columns, output, as_json)
    check_directory(output, OWNED, force)
    check_file("--plot", plot, (".png",), file, *([train] if train else []), force=force)
    directory = load_or_shipped(model)
    settings = directory.settings
    records = drop_duplicates(read(file, **form_of(context, settings.names)))
    records = keep_columns_of(records, text_column, id_column)
    groups = groups_of(records, group_column)
    rows = (
        _to_train_on(read(train, **form_of(context, settings.names, further=False)), records)
        if train
        else None
    )
    warn_of_known(directory, records)
    models = _probabilities(directory, engine, use, records, rows)
    report = {
        "file": str(file),
        "trained_on": _known(directory, records),
        **evaluation_report(
            records, models, settings.names, groups=groups, errors=errors, resamples=resamples
        ),
    }
    made_from = origin(directory, **options_of(context))
    write_files(output, files(report), made_from)
    if plot:
        write_file(plot, _picture(report, records, models[_THIS]), made_from)
    if as_json:
        print_json(report)
    else:
        show_report(
            report,
            " Brier score, ECE (calibration error) and log loss:\nless is better.",
        )


def _to_train_on(rows: Records, records: Records) -> Records:
    """Records to train on that are not among those to measure on."""
    rows = apart(rows, records)
    found = len(set(rows.labels or ()))
    if found < 2:
        raise RecordsError(
            f"{rows.source}: needs records of two labels or more, other than those of "
            f"{records.source}, to train on. It has {len(rows)} of {found}."
        )
    return rows


def _known(directory: ModelDirectory, records: Records) -> int | None:
    """How many of the records the model was trained on; None where it does not say."""
    if not says_what_it_knows(directory.splits):
        return None
    return int(trained_on(directory.splits, records.texts).sum())


def _probabilities(
    directory: ModelDirectory,
    engine: str | None,
    use: Use | None,
    records: Records,
    rows: Records | None,
) -> dict[str, np.ndarray]:
    """Probabilities (n, classes) of the model, and of what it is compared with."""
    from gi_classifier.metrics.baselines import keyword_rule, tfidf_probabilities

    settings, texts = directory.settings, list(records.texts)
    predictor = Predictor.from_directory(directory, open_any_engine(directory, engine), use=use)
    models = {_THIS: in_chunks(predictor.predict_proba, texts)}
    if settings.num_classes == 3 and settings.label_names is None:
        models["keyword rule"] = keyword_rule(texts)
    if rows is not None:
        with notes.status("Training TF-IDF + logistic regression …"):
            models["TF-IDF + logistic regression"] = tfidf_probabilities(
                rows.texts,
                rows.labels or (),
                texts,
                classes=settings.num_classes,
                seed=settings.seed,
            )
    return models


def _picture(report: dict[str, Any], records: Records, probabilities: np.ndarray) -> bytes:
    from gi_classifier.plots.evaluation import evaluation_figure

    labels = np.array(records.labels)
    return evaluation_figure(report["models"], report["labels"], labels, probabilities)
