"""The command continue: go on training a model on new or more records."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gi_classifier.cli.options import (
    ForceOption,
    JsonOption,
    LabelColumn,
    TextColumn,
)

if TYPE_CHECKING:
    pass
from gi_classifier.cli.train import finished
from gi_classifier.cli.training_options import (
    DataOption,
    RestartOption,
    SetOption,
    TestOption,
    TrainOption,
    ValOption,
    begin_long_work,
    data_of,
    settings_table,
)


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
    from gi_classifier.training.continue_training import continue_training

    begin_long_work()
    directory = continue_training(
        model,
        data_of(data, train, val, test),
        output,
        changes=settings_table(settings),
        text_column=text_column,
        label_column=label_column,
        force=force,
        restart=restart,
    )
    finished(directory.metadata, output, as_json)
