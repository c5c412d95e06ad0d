"""The command continue: go on training a model on new or more records."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gi_classifier.cli.options import (
    ForceOption,
    HeaderRow,
    JsonOption,
    LabelColumn,
    RestartOption,
    SheetOption,
    TextColumn,
)
from gi_classifier.cli.train import show_trained
from gi_classifier.cli.training_options import (
    OutputOption,
    RecordsArgument,
    SetOption,
    TestOption,
    ValOption,
    begin_long_work,
    data_of,
    settings_table,
)


def continue_(
    model: Annotated[
        Path, typer.Argument(metavar="MODEL", help="The model directory to go on from.")
    ],
    file: RecordsArgument,
    output: OutputOption,
    val: ValOption = None,
    test: TestOption = None,
    unlabelled: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            help="Text without labels, one passage a line, to learn from as well: the model as it "
            "is labels it; of 20,000 or more, 10,000 choose the cut of predict --bulk instead. "
            "May be repeated.",
        ),
    ] = None,
    settings: SetOption = None,
    text_column: TextColumn = "text",
    label_column: LabelColumn = "label",
    sheet: SheetOption = None,
    header_row: HeaderRow = None,
    force: ForceOption = False,
    restart: RestartOption = False,
    as_json: JsonOption = False,
) -> None:
    """Go on training a model on new or more records; stopped, the same command goes on."""
    from gi_classifier.training.continue_training import continue_training

    data = data_of(file, val, test)
    changes = settings_table(settings)
    begin_long_work()
    directory = continue_training(
        model,
        data,
        output,
        changes=changes,
        unlabelled=unlabelled or (),
        text_column=text_column,
        label_column=label_column,
        sheet=sheet,
        header_row=header_row,
        force=force,
        restart=restart,
    )
    show_trained(directory.metadata, output, as_json)
