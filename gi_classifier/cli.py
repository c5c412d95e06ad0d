"""The command line ``gi-classifier``; commands of their own kind are in the modules ``cli_…``.

Results go to standard output, everything else to standard error. Exit codes: 0, 1 the work
failed, 2 the command was used wrongly.
"""

from __future__ import annotations

import dataclasses
import io
import json
import logging
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from gi_classifier import (
    cli_attribution,
    cli_compare,
    cli_decisions,
    cli_head,
    cli_inspect,
    cli_novelty,
    cli_priors,
)
from gi_classifier._version import __version__
from gi_classifier.cli_options import (
    ForceOption,
    IdColumn,
    JsonOption,
    LabelColumn,
    ModelOption,
    SkipBlank,
    TextColumn,
    check_directory,
    check_place,
    check_source,
    in_chunks,
    label_of,
    notes,
    read,
    read_source,
    results_console,
)
from gi_classifier.decisions import Decider, Decision
from gi_classifier.engine import PRECISIONS
from gi_classifier.errors import GIClassifierError, RecordsError, SettingsError
from gi_classifier.model_dir import check_output, load, shipped, write_directory
from gi_classifier.predict import Predictor
from gi_classifier.records import FORMATS, PLAIN, drop_duplicates
from gi_classifier.results import OUTPUT_FORMATS, results, write_results
from gi_classifier.settings import PretrainingSettings, Settings
from gi_classifier.splitting import fingerprint, known_marks

if TYPE_CHECKING:
    from gi_classifier.train import Data

app = typer.Typer(
    help="Chinese medical records: upper GI tract (1), lower (2) or neither (0).",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
# Records that are also printed when they are written to a file.
_SHOWN = 100

EngineOption = Annotated[
    str | None, typer.Option(help="fp32, int8 or keras; default: the model's.")
]
RestartOption = Annotated[bool, typer.Option("--restart", help="Drop an interrupted run's state.")]
DataOption = Annotated[
    Path | None, typer.Option("--data", help="One file of records; it is split 8:1:1.")
]
TrainOption = Annotated[Path | None, typer.Option("--train", help="Ready training records.")]
ValOption = Annotated[Path | None, typer.Option("--val", help="Ready validation records.")]
TestOption = Annotated[Path | None, typer.Option("--test", help="Ready test records.")]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", help="A setting, as in --set epochs=20; `info` lists them all."),
]


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"gi-classifier {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Chinese medical records: upper GI tract (1), lower (2) or neither (0)."""


@app.command()
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
    _check_engine(engine)
    check_source(text, input, id_column)
    if id_column is not None and not as_json and (not output or output.suffix.lower() in PLAIN):
        raise typer.BadParameter(
            "--id-column is written to .csv, .jsonl and .xlsx, and printed with --json."
        )
    check_place("--output", output, OUTPUT_FORMATS, *([input] if input else []))
    bundle = load(model or shipped())
    number = None if label is None else label_of(label, bundle.settings.names)
    decision = _decision(prior, number, threshold, min_confidence, reject_novel)
    if output:
        check_output(output, force=force).parent.mkdir(parents=True, exist_ok=True)
    texts, places = read_source(text, input, text_column, id_column, skip_blank)
    predictor = Predictor.from_bundle(bundle, engine)
    if decision.is_plain:
        found = results(texts, in_chunks(predictor.predict_proba, texts), bundle.settings)
    else:
        answers, probabilities = Decider(bundle, predictor).predict(texts, decision)
        found = results(texts, probabilities, bundle.settings, answers.tolist())
    found = [place | row for place, row in zip(places, found, strict=True)]
    summary = dict.fromkeys([row["name"] for row in found if row["label"] is None], 0)
    summary = dict.fromkeys(bundle.settings.names, 0) | summary
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


def _check_engine(engine: str | None) -> None:
    if engine not in (None, *PRECISIONS):
        raise typer.BadParameter(f"--engine is one of {', '.join(PRECISIONS)}.")


def _settings(pairs: list[str] | None, kind: Any = Settings) -> dict[str, Any]:
    """Turn ``name=value`` into settings; values are JSON, or else text."""
    known = [field.name for field in dataclasses.fields(kind)]
    found = {}
    for pair in pairs or ():
        name, equals, value = pair.partition("=")
        if not equals:
            raise typer.BadParameter(f"--set takes NAME=VALUE. Received: {pair!r}")
        if name.strip() not in known:
            raise typer.BadParameter(f"no setting {name!r}; there are {', '.join(known)}")
        try:
            found[name.strip()] = json.loads(value)
        except ValueError:
            found[name.strip()] = value
    return found


def _checked(kind: Any, pairs: list[str] | None) -> Any:
    """Build settings from ``name=value``; a value out of range is wrong use."""
    try:
        return kind.from_dict(_settings(pairs, kind))
    except SettingsError as error:
        raise typer.BadParameter(str(error)) from error


def _data(data: Path | None, train: Path | None, val: Path | None, test: Path | None) -> Data:
    ready = {"train": train, "val": val, "test": test}
    given = {name: path for name, path in ready.items() if path}
    if data and not given:
        return data
    if not data and len(given) == 3:
        return given
    raise typer.BadParameter("Give either --data FILE, or --train, --val and --test.")


def _begin_long_work() -> None:
    """Show the library's log on standard error, and let a signal end the process at once.

    An exception out of a signal can be swallowed inside TensorFlow; the state on disk is whole at
    any moment, so nothing needs one.
    """

    def stop(*_: Any) -> None:
        notes.print("Stopped. The same command goes on where this one stood.")
        os._exit(1)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    logger = logging.getLogger("gi_classifier")
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(message)s"))
    logger.addHandler(handler)
    logger.propagate = False
    logger.setLevel(logging.INFO)


@app.command()
def train(
    output: Annotated[Path, typer.Option(help="The model directory to write.")],
    data: DataOption = None,
    train: TrainOption = None,
    val: ValOption = None,
    test: TestOption = None,
    base: Annotated[
        Path | None,
        typer.Option(help="Start from: a model directory, checkpoint directory, .h5 or .json."),
    ] = None,
    unlabelled: Annotated[
        list[Path] | None,
        typer.Option(help="Unlabelled text, one passage a line; a linear teacher labels it."),
    ] = None,
    settings: SetOption = None,
    text_column: TextColumn = "text",
    label_column: LabelColumn = "label",
    force: ForceOption = False,
    restart: RestartOption = False,
    as_json: JsonOption = False,
) -> None:
    """Train a classifier; interrupted, the same command goes on."""
    from gi_classifier.train import train as run

    _begin_long_work()
    chosen = _checked(Settings, settings)
    bundle = run(
        _data(data, train, val, test),
        output,
        settings=chosen,
        base=base,
        unlabelled=unlabelled or (),
        text_column=text_column,
        label_column=label_column,
        force=force,
        restart=restart,
    )
    _finished(bundle.facts, output, as_json)


@app.command(name="continue")
def continue_(
    model: Annotated[Path, typer.Argument(help="The model directory to go on from.")],
    output: Annotated[Path, typer.Option(help="The model directory to write.")],
    data: DataOption = None,
    train: TrainOption = None,
    val: ValOption = None,
    test: TestOption = None,
    settings: SetOption = None,
    text_column: TextColumn = "text",
    label_column: LabelColumn = "label",
    force: ForceOption = False,
    restart: RestartOption = False,
    as_json: JsonOption = False,
) -> None:
    """Go on training a model on new or more records."""
    from gi_classifier.continue_training import continue_training

    _begin_long_work()
    bundle = continue_training(
        model,
        _data(data, train, val, test),
        output,
        changes=_settings(settings),
        text_column=text_column,
        label_column=label_column,
        force=force,
        restart=restart,
    )
    _finished(bundle.facts, output, as_json)


def _finished(facts: dict[str, Any], output: Path, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps({**facts, "output": str(output)}, ensure_ascii=False))
        return
    if "test" in facts:
        _measures({"this model": facts["test"]}, facts["labels"])
    typer.echo(f"Written to {output}")


@app.command()
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
    from gi_classifier.evaluation.account import account, groups_of
    from gi_classifier.evaluation.baselines import keyword_rule, tfidf_probabilities
    from gi_classifier.evaluation.report import FIGURE, FILES, files, terminal_tables
    from gi_classifier.plots import evaluation_figure

    _check_engine(engine)
    check_directory(output, FILES, force)
    bundle = load(model or shipped())
    settings = bundle.settings
    options: dict[str, Any] = {
        "text_column": text_column,
        "label_column": label_column,
        "num_classes": settings.num_classes,
    }
    records = drop_duplicates(read(file, group_column=by, **options))
    groups = groups_of(records, by)
    rows = read(train, **options) if train else None
    known = known_marks(bundle.splits)
    marks = [fingerprint(text) for text in records.texts]
    seen = sum(mark in known for mark in marks)
    if seen:
        notes.print(
            f"{seen} of {len(records)} records were trained on, or chose the weights and their "
            "calibration: figures on them flatter."
        )
    if rows is not None:
        held = set(marks)
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
    models = {"this model": in_chunks(Predictor.from_bundle(bundle, engine).predict_proba, texts)}
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
        picture = evaluation_figure(found, labels, models["this model"])
        write_directory({**files(found), FIGURE: picture}, output)
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False))
        return
    screen = results_console()
    for table in terminal_tables(found):
        screen.print(table)
        screen.print()
    typer.echo(
        f"[low, high]: 95% interval of {found['draws']} bootstrap resamples. "
        "Brier score, ECE (calibration error)\nand log loss: less is better."
    )
    if output:
        typer.echo(f"Written to {output}")


def _measures(found: dict[str, dict[str, Any]], names: list[str]) -> None:
    """One line a model and class, and this model's confusion matrix."""
    width = max(map(len, found))
    for title, values in found.items():
        typer.echo(
            f"{title:<{width}}  macro-F1 {values['macro_f1']:.4f} "
            f"[{values['macro_f1_interval'][0]:.4f}, {values['macro_f1_interval'][1]:.4f}]  "
            f"accuracy {values['accuracy']:.4f}  records {values['records']}"
        )
        for row in values["classes"]:
            typer.echo(
                f"  {row['label']} {names[row['label']]}: precision {row['precision']:.4f}  "
                f"recall {row['recall']:.4f}  F1 {row['f1']:.4f}  support {row['support']}"
            )
    typer.echo(
        f"confusion (rows: truth, columns: prediction): {next(iter(found.values()))['confusion']}"
    )


@app.command()
def info(
    model: Annotated[Path | None, typer.Argument(help="Without, the model that ships.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Say what a model directory holds."""
    path = model or shipped()
    bundle = load(path)
    table = {
        "path": str(path),
        **bundle.manifest(),
        "settings": bundle.settings.to_dict(),
        "encoder": bundle.config.to_dict(),
    }
    if as_json:
        typer.echo(json.dumps(table, ensure_ascii=False))
        return
    for section, values in table.items():
        if section == "files":
            values = {name: f"{entry['bytes']:,} bytes" for name, entry in values.items()}
        if not isinstance(values, dict):
            typer.echo(f"{section}: {values}")
            continue
        typer.echo(f"{section}:")
        for name, value in values.items():
            if name != "classes":
                typer.echo(f"  {name}: {value}")


@app.command()
def convert(
    source: Annotated[
        Path, typer.Argument(help="An .h5 with a softmax head, config and vocab.txt beside it.")
    ],
    output: Annotated[Path, typer.Argument(help="The model directory to write.")],
    settings: SetOption = None,
    force: ForceOption = False,
) -> None:
    """Turn the reference's fine-tuned .h5 into a model directory."""
    from gi_classifier.convert import convert as run

    run(source, output, settings=_checked(Settings, settings), force=force)
    typer.echo(f"Written to {output}")


@app.command()
def pretrain(
    corpus: Annotated[list[Path], typer.Argument(help="Unlabelled text, one passage a line.")],
    output: Annotated[Path, typer.Option(help="The directory to write; train --base takes it.")],
    vocabulary: Annotated[
        Path | None, typer.Option(help="A vocab.txt; without, that of the model that ships.")
    ] = None,
    base: Annotated[
        Path | None,
        typer.Option(help="Go on from these weights and their vocabulary, not from random ones."),
    ] = None,
    settings: SetOption = None,
    force: ForceOption = False,
    restart: RestartOption = False,
) -> None:
    """Pre-train an encoder on your own unlabelled text; interrupted, the same command goes on."""
    from gi_classifier.pretrain import pretrain as run
    from gi_classifier.text import Vocabulary

    if vocabulary and base:
        raise typer.BadParameter("Give --vocabulary or --base; a base brings its own.")
    start = Vocabulary.from_file(vocabulary) if vocabulary else load(shipped()).vocabulary
    _begin_long_work()
    run(
        corpus,
        output,
        vocabulary=None if base else start,
        base=base,
        settings=_checked(PretrainingSettings, settings),
        force=force,
        restart=restart,
    )
    typer.echo(f"Written to {output}")


for command in (
    cli_attribution.explain,
    cli_attribution.keywords,
    cli_attribution.rules,
    cli_attribution.report,
    cli_decisions.thresholds,
    cli_decisions.abstain,
    cli_compare.compare,
    cli_inspect.inspect,
    cli_head.head,
    cli_novelty.novelty,
    cli_priors.prior,
):
    app.command()(command)


def main() -> None:
    """Run the command line; errors that users can mend are one message, without a traceback."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal may not hold every character of a record.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    try:
        app()
    except GIClassifierError as error:
        notes.print("\n  ".join([f"Error: {error.summary}", *error.problems]))
        sys.exit(2 if isinstance(error, SettingsError) else 1)
    except OSError as error:
        notes.print(f"Error: {error}")
        sys.exit(1)
