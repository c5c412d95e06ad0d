"""The command evaluate: measure a model on labelled records."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from gi_classifier.cli.inputs import in_chunks, read, warn_of_known
from gi_classifier.cli.options import (
    ForceOption,
    JsonOption,
    LabelColumn,
    ModelOption,
    TextColumn,
)
from gi_classifier.cli.outputs import check_directory, notes, results_console
from gi_classifier.data.fingerprints import fingerprint, says_what_it_knows, trained_on
from gi_classifier.data.records import drop_duplicates
from gi_classifier.errors import RecordsError
from gi_classifier.files import write_directory
from gi_classifier.model.predictor import Predictor
from gi_classifier.model.shipped import load_or_shipped
from gi_classifier.training.keras_engine import open_any_engine

if TYPE_CHECKING:
    pass
from gi_classifier.cli.options import EngineOption, check_engine


def evaluate(
    file: Annotated[Path, typer.Argument(help="Records with their true labels.")],
    model: ModelOption = None,
    engine: EngineOption = None,
    train: Annotated[
        Path | None,
        typer.Option(
            "--train", help="Records to train TF-IDF + logistic regression on, to compare."
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(help="A directory to write: JSON, CSV and a picture (extra 'plots')."),
    ] = None,
    by: Annotated[
        str | None, typer.Option(help="Also group by this column of .csv, .jsonl or .xlsx.")
    ] = None,
    errors: Annotated[int, typer.Option(min=0, help="List so many of the surest errors.")] = 20,
    text_column: TextColumn = "text",
    label_column: LabelColumn = "label",
    force: ForceOption = False,
    as_json: JsonOption = False,
) -> None:
    """Measure a model on labelled records, beside the keyword rule."""
    from gi_classifier.evaluation.evaluation_report import account, groups_of, titles
    from gi_classifier.evaluation.report_tables import FIGURE, FILES, files, terminal_tables
    from gi_classifier.metrics.baselines import keyword_rule, tfidf_probabilities
    from gi_classifier.plots.evaluation import evaluation_figure

    check_engine(engine)
    check_directory(output, FILES, force)
    directory = load_or_shipped(model)
    settings = directory.settings
    options: dict[str, Any] = {
        "text_column": text_column,
        "label_column": label_column,
        "num_classes": settings.num_classes,
    }
    records = drop_duplicates(read(file, group_column=by, **options))
    groups = groups_of(records, by)
    rows = read(train, **options) if train else None
    warn_of_known(directory, records)
    known = says_what_it_knows(directory.splits)
    seen = int(trained_on(directory.splits, records.texts).sum()) if known else None
    if rows is not None:
        held = {fingerprint(text) for text in records.texts}
        apart = [i for i, text in enumerate(rows.texts) if fingerprint(text) not in held]
        if len(apart) < len(rows):
            notes.print(f"{len(rows) - len(apart)} records of {train} are in {file}: left out.")
            rows = rows.take(apart)
    if rows is not None and len(set(rows.labels or ())) < 2:
        raise RecordsError(
            f"{train}: needs records of two labels or more, other than those of {file}, to train "
            f"on. It has {len(rows)} of {len(set(rows.labels or ()))}."
        )
    texts = list(records.texts)
    models = {
        "this model": in_chunks(
            Predictor.from_directory(directory, open_any_engine(directory, engine)).predict_proba,
            texts,
        )
    }
    if settings.num_classes == 3 and settings.label_names is None:
        models["keyword rule"] = keyword_rule(texts)
    if rows is not None:
        models["TF-IDF + logistic regression"] = tfidf_probabilities(
            rows.texts, rows.labels or (), texts, classes=settings.num_classes, seed=settings.seed
        )
    found = {
        "file": str(file),
        "trained_on": seen,
        **account(records, models, settings.names, groups=groups, errors=errors),
    }
    if output:
        labels = np.array(records.labels)
        picture = evaluation_figure(
            {title: found[title] for title in titles(found)},
            settings.names,
            labels,
            models["this model"],
        )
        write_directory({**files(found), FIGURE: picture}, output)
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False))
        return
    screen = results_console()
    for table in terminal_tables(found):
        screen.print(table)
        screen.print()
    typer.echo(
        f"[low, high]: 95% interval of {found['resamples']} bootstrap resamples. "
        "Brier score, ECE (calibration error)\nand log loss: less is better."
    )
    if output:
        typer.echo(f"Written to {output}")
