"""What several commands share: options, the console for all that is no result, and progress."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gi_classifier.training.keras_engine import ENGINES

if TYPE_CHECKING:
    pass


ModelOption = Annotated[
    Path | None, typer.Option("--model", help="A model directory; without, the one that ships.")
]
SkipBlank = Annotated[
    bool, typer.Option("--skip-blank", help="Leave out rows without text; else they are errors.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
ForceOption = Annotated[bool, typer.Option("--force", help="Replace what is at the output.")]
TextColumn = Annotated[str, typer.Option(help="Column of the text in .csv, .jsonl and .xlsx.")]
IdColumn = Annotated[
    str | None, typer.Option("--id-column", help="A column to keep beside each record, as text.")
]
LabelColumn = Annotated[str, typer.Option(help="Column of the label in .csv, .jsonl and .xlsx.")]

EngineOption = Annotated[
    str | None, typer.Option(help="fp32, int8 or keras; default: the model's.")
]


def check_engine(engine: str | None) -> None:
    """Raise where no engine has this name."""
    if engine not in (None, *ENGINES):
        raise typer.BadParameter(f"--engine is one of {', '.join(ENGINES)}.")
