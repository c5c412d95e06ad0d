"""The commands ``head train`` and ``head label``: labels of a user's own."""

from __future__ import annotations

import typer

from gi_classifier.cli.head_label import label
from gi_classifier.cli.head_train import train
from gi_classifier.cli.options import Command, CommandGroup

head = typer.Typer(
    name="head",
    cls=CommandGroup,
    help="Labels of your own: train a small classifier on a few hundred records, label with it.",
    no_args_is_help=True,
)
head.command("train", cls=Command)(train)
head.command("label", cls=Command)(label)
