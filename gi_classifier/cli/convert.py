"""The command convert: a model of another kind into a model directory."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gi_classifier.cli.options import (
    ForceOption,
)
from gi_classifier.settings import Settings

if TYPE_CHECKING:
    pass
from gi_classifier.cli.training_options import SetOption, checked_settings


def convert(
    source: Annotated[
        Path, typer.Argument(help="An .h5 with a softmax head, config and vocab.txt beside it.")
    ],
    output: Annotated[Path, typer.Argument(help="The model directory to write.")],
    settings: SetOption = None,
    force: ForceOption = False,
) -> None:
    """Turn the reference's fine-tuned .h5 into a model directory."""
    from gi_classifier.training.convert import convert as run

    run(source, output, settings=checked_settings(Settings, settings), force=force)
    typer.echo(f"Written to {output}")
