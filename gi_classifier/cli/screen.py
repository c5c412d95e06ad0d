"""The commands ``screen …``: which pages and records are worth a costly step."""

from __future__ import annotations

import typer

from gi_classifier.cli.options import Command, CommandGroup
from gi_classifier.cli.screen_report import report
from gi_classifier.cli.screen_run import run
from gi_classifier.cli.screen_train import train

screen = typer.Typer(
    name="screen",
    cls=CommandGroup,
    help="What is worth a costly step: kinds of pages before they are recognised, and a filter of "
    "pages and records by their scores.",
    no_args_is_help=True,
)
screen.command("run", cls=Command)(run)
screen.command("train", cls=Command)(train)
screen.command("report", cls=Command)(report)
