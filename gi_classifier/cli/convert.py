"""The command convert: a model into another form."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from gi_classifier.cli.options import ForceOption
from gi_classifier.cli.outputs import say_written
from gi_classifier.cli.training_options import SetOption, begin_long_work, settings_table
from gi_classifier.settings import Settings


class Kind(StrEnum):
    """What a model can be turned into."""

    directory = "directory"


def convert(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="SOURCE",
            help="A fine-tuned .h5 (softmax head included), its config and vocab.txt beside it.",
        ),
    ],
    to: Annotated[Kind, typer.Option("--to", help="What to write: directory, a model directory.")],
    output: Annotated[Path, typer.Option(metavar="DIR", help="Where to write it.")],
    settings: SetOption = None,
    force: ForceOption = False,
) -> None:
    """Turn a model into another form, such as the reference's .h5 into a model directory."""
    from gi_classifier.training.convert import convert as to_directory

    chosen = Settings.from_dict(settings_table(settings))
    begin_long_work()
    writes = {Kind.directory: to_directory}
    writes[to](source, output, settings=chosen, force=force)
    say_written(output)
