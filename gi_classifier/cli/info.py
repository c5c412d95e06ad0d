"""The command info: what a model directory holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from gi_classifier.cli.measures import show_measures
from gi_classifier.cli.options import JsonOption
from gi_classifier.cli.outputs import print_json, say
from gi_classifier.model.shipped import load_or_shipped, shipped


def info(
    model: Annotated[
        Path | None,
        typer.Argument(metavar="MODEL", help="A model directory; without it, the one that ships."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Say what a model directory holds: settings, training, measures, files."""
    directory = load_or_shipped(model)
    table = {
        "path": str(model or shipped()),
        "digest": directory.digest,
        **directory.manifest(),
        "members": list(directory.members),
        "settings": directory.settings.to_dict(),
        **({"encoder": directory.config.to_dict()} if "albert" in directory.members else {}),
    }
    if as_json:
        print_json(table)
        return
    table["files"] = {name: f"{entry['bytes']:,} bytes" for name, entry in table["files"].items()}
    measured = table.pop("test", None)
    for line in _lines(table):
        say(line)
    if measured:
        show_measures({"test records": measured}, directory.settings.names)


def _lines(table: Mapping[str, Any], indent: str = "") -> Iterator[str]:
    """A line for each value, tables indented below their name."""
    for name, value in table.items():
        if isinstance(value, Mapping):
            yield f"{indent}{name}:"
            yield from _lines(value, indent + "  ")
        elif isinstance(value, (list, tuple)):
            yield f"{indent}{name}: {', '.join(map(str, value))}"
        else:
            yield f"{indent}{name}: {'not set' if value is None else value}"
