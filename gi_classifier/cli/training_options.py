"""What the commands that train share: their options, settings, signals and log."""

from __future__ import annotations

import dataclasses
import json
import logging
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gi_classifier.cli.outputs import notes
from gi_classifier.settings import Settings

if TYPE_CHECKING:
    from gi_classifier.training.splits import Data

OutputOption = Annotated[
    Path, typer.Option("--output", metavar="DIR", help="The model directory to write.")
]
RecordsArgument = Annotated[
    Path,
    typer.Argument(
        metavar="FILE",
        help="Records with labels. Alone, it is split 8:1:1; with --val and --test it is "
        "what is trained on.",
    ),
]
ValOption = Annotated[
    Path | None,
    typer.Option("--val", metavar="FILE", help="Records that choose when to stop (with --test)."),
]
TestOption = Annotated[
    Path | None,
    typer.Option("--test", metavar="FILE", help="Records to measure the result on (with --val)."),
]
SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="NAME=VALUE",
        help="Change a setting, as in --set epochs=20; may be repeated. `info` lists a model's.",
    ),
]


def settings_table(pairs: list[str] | None, kind: Any = Settings) -> dict[str, Any]:
    """Turn ``name=value`` into settings; values are JSON, or else text."""
    known = [field.name for field in dataclasses.fields(kind)]
    found = {}
    for pair in pairs or ():
        name, equals, value = pair.partition("=")
        if not equals:
            raise typer.BadParameter(f"--set takes NAME=VALUE. Received: {pair!r}")
        if name.strip() not in known:
            raise typer.BadParameter(f"no setting {name!r}; there are {', '.join(known)}")
        try:
            found[name.strip()] = json.loads(value)
        except ValueError:
            found[name.strip()] = value
    return found


def data_of(file: Path, val: Path | None, test: Path | None) -> Data:
    """One file to be split, or three that are ready; one of --val and --test is wrong use."""
    if val and test:
        return {"train": file, "val": val, "test": test}
    if val or test:
        raise typer.BadParameter(
            "Give both --val and --test beside FILE, or neither: FILE alone is split 8:1:1."
        )
    return file


def begin_long_work() -> None:
    """Show the library's log on standard error, and let a signal end the process at once.

    An exception out of a signal can be swallowed inside TensorFlow; the state on disk is whole at
    any moment, so nothing needs one.
    """

    def stop(*_: Any) -> None:
        notes.print("Stopped. The same command goes on where this one stood.")
        os._exit(1)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    logger = logging.getLogger("gi_classifier")
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(message)s"))
    logger.addHandler(handler)
    logger.propagate = False
    logger.setLevel(logging.INFO)
