"""The command pretrain: an encoder from unlabelled text."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gi_classifier.cli.options import (
    ForceOption,
)
from gi_classifier.model.shipped import shipped_directory
from gi_classifier.settings import PretrainingSettings

if TYPE_CHECKING:
    pass
from gi_classifier.cli.training_options import (
    RestartOption,
    SetOption,
    begin_long_work,
    checked_settings,
)


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
    from gi_classifier.text import Vocabulary
    from gi_classifier.training.pretrain import pretrain as run

    if vocabulary and base:
        raise typer.BadParameter("Give --vocabulary or --base; a base brings its own.")
    start = Vocabulary.from_file(vocabulary) if vocabulary else shipped_directory().vocabulary
    begin_long_work()
    run(
        corpus,
        output,
        vocabulary=None if base else start,
        base=base,
        settings=checked_settings(PretrainingSettings, settings),
        force=force,
        restart=restart,
    )
    typer.echo(f"Written to {output}")
