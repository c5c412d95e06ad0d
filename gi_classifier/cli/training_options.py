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
from gi_classifier.errors import SettingsError
from gi_classifier.settings import Settings

if TYPE_CHECKING:
    from gi_classifier.training.splits import Data

RestartOption = Annotated[bool, typer.Option("--restart", help="Drop an interrupted run's state.")]
DataOption = Annotated[
    Path | None, typer.Option("--data", help="One file of records; it is split 8:1:1.")
]
TrainOption = Annotated[Path | None, typer.Option("--train", help="Ready training records.")]
ValOption = Annotated[Path | None, typer.Option("--val", help="Ready validation records.")]
TestOption = Annotated[Path | None, typer.Option("--test", help="Ready test records.")]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", help="A setting, as in --set epochs=20; `info` lists them all."),
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


def checked_settings(kind: Any, pairs: list[str] | None) -> Any:
    """Build settings from ``name=value``; a value out of range is wrong use."""
    try:
        return kind.from_dict(settings_table(pairs, kind))
    except SettingsError as error:
        raise typer.BadParameter(str(error)) from error


def data_of(data: Path | None, train: Path | None, val: Path | None, test: Path | None) -> Data:
    """One file to be split, or three that are ready; anything else is wrong use."""
    ready = {"train": train, "val": val, "test": test}
    given = {name: path for name, path in ready.items() if path}
    if data and not given:
        return data
    if not data and len(given) == 3:
        return given
    raise typer.BadParameter("Give either --data FILE, or --train, --val and --test.")


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
