"""The command pretrain: an encoder from unlabelled text."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gi_classifier.cli.options import (
    ForceOption,
    RestartOption,
)
from gi_classifier.cli.outputs import say_written
from gi_classifier.cli.training_options import (
    SetOption,
    begin_long_work,
    settings_table,
)
from gi_classifier.model.shipped import shipped_directory
from gi_classifier.settings import PretrainingSettings
from gi_classifier.text import Vocabulary


def pretrain(
    corpus: Annotated[
        list[Path],
        typer.Argument(metavar="CORPUS", help="Text without labels, one passage a line."),
    ],
    output: Annotated[
        Path, typer.Option(metavar="DIR", help="The encoder to write; `train --base` takes it.")
    ],
    vocabulary: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="A vocab.txt to begin with; without it, the shipped model's."
        ),
    ] = None,
    base: Annotated[
        Path | None,
        typer.Option(
            metavar="PATH",
            help="Go on from these weights and their vocabulary, not from random: what "
            "`train --base` takes.",
        ),
    ] = None,
    settings: SetOption = None,
    force: ForceOption = False,
    restart: RestartOption = False,
) -> None:
    """Teach an encoder the language of your own text; stopped, the same command goes on."""
    from gi_classifier.training.pretrain import pretrain as run

    if vocabulary and base:
        raise typer.BadParameter("Give --vocabulary or --base; a base brings its own.")
    chosen = PretrainingSettings.from_dict(settings_table(settings, PretrainingSettings))
    tokens = None
    if not base:
        tokens = Vocabulary.from_file(vocabulary) if vocabulary else shipped_directory().vocabulary
    begin_long_work()
    run(
        corpus,
        output,
        vocabulary=tokens,
        base=base,
        settings=chosen,
        force=force,
        restart=restart,
    )
    say_written(output)
