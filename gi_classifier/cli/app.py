"""The command line ``gi-classifier``; each command has a file of its own.

Results go to standard output, everything else to standard error. Exit codes: 0, 1 the work
failed, 2 the command was used wrongly.
"""

from __future__ import annotations

import io
import os
import sys
from typing import Annotated

import typer

from gi_classifier._version import __version__
from gi_classifier.cli.abstain import abstain
from gi_classifier.cli.compare import compare
from gi_classifier.cli.continue_training import continue_
from gi_classifier.cli.convert import convert
from gi_classifier.cli.engines import engines
from gi_classifier.cli.evaluate import evaluate
from gi_classifier.cli.explain import explain
from gi_classifier.cli.fit_bulk import fit_bulk
from gi_classifier.cli.fit_novelty import fit_novelty
from gi_classifier.cli.head import head
from gi_classifier.cli.info import info
from gi_classifier.cli.inspect import inspect
from gi_classifier.cli.keywords import keywords
from gi_classifier.cli.novelty import novelty
from gi_classifier.cli.options import Command, CommandGroup
from gi_classifier.cli.outputs import notes
from gi_classifier.cli.predict import predict
from gi_classifier.cli.pretrain import pretrain
from gi_classifier.cli.prior import prior
from gi_classifier.cli.report import report
from gi_classifier.cli.rules import rules
from gi_classifier.cli.screen import screen
from gi_classifier.cli.serve import serve
from gi_classifier.cli.thresholds import thresholds
from gi_classifier.cli.train import train
from gi_classifier.cpus import THREADS
from gi_classifier.errors import GIClassifierError, LabelError, SettingsError

app = typer.Typer(
    cls=CommandGroup,
    help="Chinese medical records: upper GI tract (1), lower (2) or neither (0).",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"gi-classifier {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
    threads: Annotated[
        int | None,
        typer.Option(
            metavar="NUMBER",
            min=1,
            help="Threads to compute with; without, one for each usable processor.",
        ),
    ] = None,
) -> None:
    """Chinese medical records: upper GI tract (1), lower (2) or neither (0)."""
    if threads:
        os.environ[THREADS] = str(threads)


for command in (
    predict,
    evaluate,
    info,
    explain,
    keywords,
    rules,
    report,
    train,
    continue_,
    pretrain,
    convert,
    thresholds,
    abstain,
    prior,
    novelty,
    fit_novelty,
    fit_bulk,
    engines,
    compare,
    inspect,
    serve,
):
    app.command(name=command.__name__.removesuffix("_").replace("_", "-"), cls=Command)(command)
app.add_typer(head)
app.add_typer(screen)


def main() -> None:
    """Run the command line; errors that users can mend are one message, without a traceback."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal may not hold every character of a record.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    try:
        app()
    except GIClassifierError as error:
        notes.print("\n  ".join([f"Error: {error.summary}", *error.problems]))
        sys.exit(2 if isinstance(error, (LabelError, SettingsError)) else 1)
    except OSError as error:
        notes.print(f"Error: {error}")
        sys.exit(1)
