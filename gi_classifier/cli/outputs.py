"""Where results of commands go: places checked before the work, consoles, writing.

Results go to standard output, notes to standard error.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import typer
from rich.cells import cell_len
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from gi_classifier.data.parquet import PARQUET, check_parquet
from gi_classifier.data.tables import PLAIN
from gi_classifier.display import json_text, visible
from gi_classifier.files import (
    beside,
    check_output,
    check_output_directory,
    check_owned,
    to_json,
    write_directory,
    write_whole,
)
from gi_classifier.model.origin import ORIGIN_FILE
from gi_classifier.model.shipped import shipped
from gi_classifier.plots.style import check_plots


class Screen(Console):
    """A console on which nothing from outside acts: no markup, no codes of emoji, no escapes."""

    def __init__(self, **options: Any) -> None:
        super().__init__(highlight=False, markup=False, emoji=False, **options)

    def render_str(self, text: str, **options: Any) -> Text:
        """See rich; a cell of type ``Text`` comes by another way, so give that ``shown`` text."""
        return super().render_str(visible(text), **options)


notes = Screen(stderr=True, soft_wrap=True)
STANDARD_OUTPUT = Path("-")
# Cells that a long column has at least, where a terminal has no room.
_LEAST_WIDTH = 4


class _RateColumn(ProgressColumn):
    """How many steps a second."""

    def render(self, task: Task) -> Text:
        """The rate, or nothing before there is one."""
        return Text("" if task.speed is None else f"{task.speed:,.0f}/s")


class Step(Protocol):
    """Shows that work went on."""

    def __call__(self, count: int, what: str = "", total: int | None = None) -> None:
        """Show further steps, what they were of, and how many there are in all, if that is new."""


@contextmanager
def progress(
    total: int | None, unit: str, done: int = 0, *, hidden: bool = False
) -> Iterator[Step]:
    """Show on a terminal how far work is and how fast, with a clock that runs between its steps.

    Parameters
    ----------
    total, done : int
        Steps in all, if they are known, and those that were done before.
    unit : str
        Of a step: "records".
    hidden : bool
        Show nothing.

    Yields
    ------
    Step
    """
    columns = (
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.description}", markup=False),
        _RateColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    hidden = hidden or not notes.is_terminal
    with Progress(*columns, console=notes, transient=True, disable=hidden) as bar:
        task = bar.add_task(unit, total=total, completed=done)

        def step(count: int, what: str = "", total: int | None = None) -> None:
            described = f"{unit}  {what}" if what else unit
            bar.update(task, advance=count, total=total, description=described)

        yield step


def print_json(table: Any) -> None:
    """Print a result for machines: nothing is lost, whatever the console's encoding."""
    utf8 = (sys.stdout.encoding or "").lower().replace("-", "").startswith("utf8")
    typer.echo(json_text(table, ascii_only=not utf8))


def results_console() -> Console:
    """The console for tables of results; a pipe has no width of its own."""
    return Screen(width=None if sys.stdout.isatty() else 120)


def say(line: str) -> None:
    """Print a line of a result; nothing in it acts on a terminal."""
    typer.echo(visible(line))


def say_columns(names: Sequence[str], rows: Sequence[Sequence[str]], left: Collection[str]) -> None:
    """Print columns on a terminal, the last cut to the width that is left, the others never.

    Parameters
    ----------
    names : sequence of str
        Of the columns, the last being the long one.
    rows : sequence of sequence of str
        Cells on one line each, as of :func:`gi_classifier.display.shown`.
    left : collection of str
        Columns that are set flush left.
    """
    table = [tuple(names), *map(tuple, rows)]
    widths = [max(cell_len(row[i]) for row in table) for i in range(len(names) - 1)]
    remaining = max(results_console().width - sum(widths) - 2 * len(widths), _LEAST_WIDTH)
    for *cells, long in table:
        text = Text(long)
        text.truncate(remaining, overflow="ellipsis")
        padded = [
            cell + " " * (width - cell_len(cell))
            if name in left
            else " " * (width - cell_len(cell)) + cell
            for name, cell, width in zip(names, cells, widths, strict=False)
        ]
        say("  ".join([*padded, text.plain]).rstrip())


def check_file(
    option: str,
    output: Path | None,
    endings: Sequence[str],
    *inputs: Path,
    force: bool = False,
) -> None:
    """Raise where a file may not be written, before any work is done.

    Parameters
    ----------
    option : str
        What names it on the command line.
    output : Path or None
        None is let through.
    endings : sequence of str
        Those that are written; a picture asks for the extra ``plots`` too.
    *inputs : Path
        What is read, and never replaced.
    force : bool
        Whether something that is there is replaced.
    """
    if output is None:
        return
    if output.suffix.lower() not in endings:
        one_of = f"in one of {', '.join(endings)}" if len(endings) > 1 else f"in {endings[0]}"
        raise typer.BadParameter(f"{option} ends {one_of}. Received: {output}")
    if any(output.resolve() == path.resolve() for path in inputs):
        raise typer.BadParameter(f"{option} {output} is the file to be read; name another.")
    if output.suffix.lower() == ".png":
        check_plots()
    if output.suffix.lower() == PARQUET:
        check_parquet()
    check_output(output, force=force)


def check_further_columns(
    id_column: str | None, keep_columns: bool, output: Path | None, as_json: bool
) -> None:
    """Raise where further columns are asked for that nothing would show."""
    option = "--keep-columns" if keep_columns else "--id-column" if id_column is not None else None
    shows_none = not output or output.suffix.lower() in PLAIN
    if option and not as_json and shows_none and output != STANDARD_OUTPUT:
        raise typer.BadParameter(
            f"{option} is written to .csv, .jsonl, .xlsx and .parquet, and printed with --json "
            "(by predict with --output - as well)."
        )


def check_kept(keep_columns: bool, output: Path | None, as_json: bool = False) -> None:
    """Raise where columns are kept for tables that are not written."""
    if keep_columns and not output and not as_json:
        raise typer.BadParameter("--keep-columns is for the tables of --output DIR.")


def check_directory(output: Path | None, names: Collection[str], force: bool) -> None:
    """Raise where a directory of files may not be written, before any work is done.

    Parameters
    ----------
    output : Path or None
        None is let through.
    names : collection of str
        Of the files, also those that only an earlier version wrote.
    force : bool
        Whether a directory of such files is replaced.

    Raises
    ------
    OutputExistsError
        Something is there and ``force`` was not given, or it is more than files of these names.
    """
    if output and check_output_directory(output, force=force).exists():
        check_owned(output, {*names, ORIGIN_FILE})


def check_not_shipped(option: str, model: Path) -> None:
    """Raise where a command would change the model that ships."""
    if model.resolve() == shipped().resolve():
        raise typer.BadParameter(
            f"{option} never changes the model that ships; copy its directory and name the copy."
        )


def write_file(path: Path | None, content: bytes, origin: Mapping[str, Any] | None = None) -> None:
    """Write a result whole, and say so; without a path, do nothing.

    Parameters
    ----------
    path : Path or None
    content : bytes
    origin : mapping, optional
        Of :func:`gi_classifier.model.origin.origin`, for a file that has no room for it: written
        beside it as ``NAME.origin.json``.
    """
    if path is None:
        return
    write_whole(path, content)
    if origin is not None:
        write_origin(path, origin)
    say_written(path)


def write_origin(path: Path, origin: Mapping[str, Any]) -> None:
    """Write beside a file, as ``NAME.origin.json``, what it was made with."""
    write_whole(beside(path, ORIGIN_FILE), to_json(origin))


def write_files(path: Path | None, files: Mapping[str, bytes], origin: Mapping[str, Any]) -> None:
    """Write a directory of results whole, with its origin, and say so; without a path, nothing."""
    if path is None:
        return
    write_directory({**files, ORIGIN_FILE: to_json(origin)}, path)
    say_written(path)


def say_written(path: Path) -> None:
    """Note where a result is."""
    notes.print(f"Written to {path}")


def say_how_to_go_on() -> None:
    """Note, after an interruption, that what is done is kept."""
    notes.print("Stopped. The same command goes on where this one stood; --restart begins anew.")


def options_of(context: typer.Context) -> dict[str, Any]:
    """What a command was told, for the origin of what it writes: ready for JSON, no record's text.

    What only says where and how to write is left out.
    """
    passed_over = ("text", "output", "plot", "force", "restart", "as_json")
    told = {name: value for name, value in context.params.items() if name not in passed_over}
    # "head train", not "train": without the program's own name.
    command = context.command_path.removeprefix(context.find_root().command_path).strip()
    return {"command": command or context.command.name, **json.loads(json.dumps(told, default=str))}
