"""The command convert: a model into another form."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from gi_classifier.cli.options import ForceOption
from gi_classifier.cli.outputs import notes, say_written
from gi_classifier.cli.training_options import SetOption, begin_long_work, settings_table
from gi_classifier.settings import Settings


class Kind(StrEnum):
    """What a model can be turned into."""

    directory = "directory"
    transformers = "transformers"


def convert(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="SOURCE",
            help="To directory: a fine-tuned .h5 (softmax head included), its config and vocab.txt "
            "beside it, or what --to transformers wrote. To transformers: a model directory.",
        ),
    ],
    to: Annotated[
        Kind,
        typer.Option(
            "--to",
            help="What to write: directory, a model directory; transformers, its ALBERT for "
            "Hugging Face transformers, in safetensors.",
        ),
    ],
    output: Annotated[Path, typer.Option(metavar="DIR", help="Where to write it.")],
    settings: SetOption = None,
    force: ForceOption = False,
) -> None:
    """Turn a model into another form, such as the reference's .h5 into a model directory."""
    from gi_classifier.training.convert import convert as to_directory
    from gi_classifier.training.convert import to_transformers

    if settings and to is not Kind.directory:
        raise typer.BadParameter("--set is for --to directory; a model directory has its settings.")
    chosen = Settings.from_dict(settings_table(settings))
    if to is Kind.directory:
        begin_long_work()
        to_directory(source, output, settings=chosen, force=force)
    else:
        to_transformers(source, output, force=force)
        notes.print(
            "It is ALBERT alone: no linear member, no windows, no thresholds "
            "(docs/transformers.md says what differs)."
        )
    say_written(output)
