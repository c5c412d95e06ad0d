"""The command train: a classifier from labelled records."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from gi_classifier.cli.measures import show_measures
from gi_classifier.cli.options import (
    ForceOption,
    HeaderRow,
    JsonOption,
    LabelColumn,
    RestartOption,
    SheetOption,
    TextColumn,
)
from gi_classifier.cli.outputs import notes, print_json, say_written
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
from gi_classifier.data.fingerprints import known_warning
from gi_classifier.settings import Settings, Use


def train(
    file: RecordsArgument,
    output: OutputOption,
    val: ValOption = None,
    test: TestOption = None,
    base: Annotated[
        Path | None,
        typer.Option(
            metavar="PATH",
            help="What to start from: a model directory, a directory of TensorFlow's checkpoint or "
            "of Hugging Face transformers (safetensors), an .h5, or a config .json for random "
            "weights; without it, the model that ships.",
        ),
    ] = None,
    unlabelled: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            help="Text without labels, one passage a line, to learn from as well; of 20,000 or "
            "more, 10,000 choose the cut of predict --bulk instead. May be repeated.",
        ),
    ] = None,
    use: Annotated[
        Use | None,
        typer.Option(
            metavar="MEMBER",
            help="Which members will answer. linear trains the linear member alone: seconds, no "
            "TensorFlow, enough for some hundred records; without it, both are trained.",
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
    """Train a classifier on your records; stopped, the same command goes on."""
    from gi_classifier.training.train import train as run

    data = data_of(file, val, test)
    chosen = Settings.from_dict(settings_table(settings))
    begin_long_work()
    directory = run(
        data,
        output,
        settings=chosen,
        base=base,
        unlabelled=unlabelled or (),
        use=use,
        text_column=text_column,
        label_column=label_column,
        sheet=sheet,
        header_row=header_row,
        force=force,
        restart=restart,
    )
    show_trained(directory.metadata, output, as_json)


def show_trained(metadata: dict[str, Any], output: Path, as_json: bool) -> None:
    """Show what a training run measured, and where its model is."""
    if as_json:
        print_json({**metadata, "output": str(output)})
    elif "test" in metadata:
        found = {"this model": metadata["test"]}
        if shipped := metadata.get("test_shipped"):
            found["the model that ships"] = shipped
        for name, one in found.items():
            if warning := known_warning(one["known"], one["records"], "the test split"):
                notes.print(f"{name[0].upper()}{name[1:]}: {warning}")
        show_measures(found, metadata["labels"])
    say_written(output)
