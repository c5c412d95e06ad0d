"""The command info: what a model directory holds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gi_classifier.cli.options import (
    JsonOption,
)
from gi_classifier.model.directory import load
from gi_classifier.model.shipped import shipped

if TYPE_CHECKING:
    pass


def info(
    model: Annotated[Path | None, typer.Argument(help="Without, the model that ships.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Say what a model directory holds."""
    path = model or shipped()
    directory = load(path)
    table = {
        "path": str(path),
        **directory.manifest(),
        "settings": directory.settings.to_dict(),
        "encoder": directory.config.to_dict(),
    }
    if as_json:
        typer.echo(json.dumps(table, ensure_ascii=False))
        return
    for section, values in table.items():
        if section == "files":
            values = {name: f"{entry['bytes']:,} bytes" for name, entry in values.items()}
        if not isinstance(values, dict):
            typer.echo(f"{section}: {values}")
            continue
        typer.echo(f"{section}:")
        for name, value in values.items():
            if name != "classes":
                typer.echo(f"  {name}: {value}")
