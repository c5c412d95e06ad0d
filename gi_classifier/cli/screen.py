"""The commands ``screen …``: which pages and records are worth a costly step."""

from __future__ import annotations

import typer

from gi_classifier.cli.options import Command, CommandGroup
from gi_classifier.cli.screen_report import report

screen = typer.Typer(
    name="screen",
    cls=CommandGroup,
    help="What is worth a costly step: filter pages and records by their scores.",
    no_args_is_help=True,
)
screen.command("report", cls=Command)(report)
