"""What several commands share: options, and the console for all that is no result."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

notes = Console(stderr=True, soft_wrap=True, highlight=False, markup=False)

ModelOption = Annotated[
    Path | None, typer.Option("--model", help="A model directory; without, the one that ships.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
ForceOption = Annotated[bool, typer.Option("--force", help="Replace what is at the output.")]
TextColumn = Annotated[str, typer.Option(help="Column of the text in .csv, .jsonl and .xlsx.")]
LabelColumn = Annotated[str, typer.Option(help="Column of the label in .csv, .jsonl and .xlsx.")]
