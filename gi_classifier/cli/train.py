"""The command train: a classifier from labelled records."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gi_classifier.cli.options import (
    ForceOption,
    JsonOption,
    LabelColumn,
    TextColumn,
)
from gi_classifier.settings import Settings

if TYPE_CHECKING:
    pass
from gi_classifier.cli.training_options import (
    DataOption,
    RestartOption,
    SetOption,
    TestOption,
    TrainOption,
    ValOption,
    begin_long_work,
    checked_settings,
    data_of,
)


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
    from gi_classifier.training.train import train as run

    begin_long_work()
    chosen = checked_settings(Settings, settings)
    directory = run(
        data_of(data, train, val, test),
        output,
        settings=chosen,
        base=base,
        unlabelled=unlabelled or (),
        text_column=text_column,
        label_column=label_column,
        force=force,
        restart=restart,
    )
    finished(directory.metadata, output, as_json)


def finished(metadata: dict[str, Any], output: Path, as_json: bool) -> None:
    """Show what a training run measured, and where its model is."""
    if as_json:
        typer.echo(json.dumps({**metadata, "output": str(output)}, ensure_ascii=False))
        return
    if "test" in metadata:
        _measures({"this model": metadata["test"]}, metadata["labels"])
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
