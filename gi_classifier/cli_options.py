"""What several commands share: options, the console for all that is no result, and progress."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console
from tqdm import tqdm

from gi_classifier.errors import RecordsError
from gi_classifier.model_dir import check_output, check_owned, shipped
from gi_classifier.plots import check_plots
from gi_classifier.predict import check_texts
from gi_classifier.records import FORMATS, Records, read_records

notes = Console(stderr=True, soft_wrap=True, highlight=False, markup=False)

_CHUNK = 1024
# Columns that predict writes by itself, beside the probabilities.
_WRITTEN = ("line", "text", "label", "name")

ModelOption = Annotated[
    Path | None, typer.Option("--model", help="A model directory; without, the one that ships.")
]
SkipBlank = Annotated[
    bool, typer.Option("--skip-blank", help="Leave out rows without text; else they are errors.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
ForceOption = Annotated[bool, typer.Option("--force", help="Replace what is at the output.")]
TextColumn = Annotated[str, typer.Option(help="Column of the text in .csv, .jsonl and .xlsx.")]
IdColumn = Annotated[
    str | None, typer.Option("--id-column", help="A column to keep beside each record, as text.")
]
LabelColumn = Annotated[str, typer.Option(help="Column of the label in .csv, .jsonl and .xlsx.")]


def read(path: Path, **options: Any) -> Records:
    """Read a file of records, at least one, and say on standard error how."""
    records = read_records(path, **options)
    check_some(path, len(records), records.encoding, records.blank)
    return records


def read_unlabelled(
    path: Path, text_column: str, id_column: str | None, skip_blank: bool
) -> Records:
    """Read records whose labels are passed over, with what their file calls them."""
    return read(
        path,
        text_column=text_column,
        labelled=False,
        group_column=id_column,
        skip_blank=skip_blank,
    )


def check_some(path: Path, count: int, encoding: str, blank: int) -> None:
    """Say how a file was read; raise where it has no record."""
    left_out = f", {blank} rows without text left out" if blank else ""
    notes.print(f"{path}: {count} records, read as {encoding}{left_out}")
    if not count:
        raise RecordsError(f"No record in {path}")


def check_source(texts: Sequence[str] | None, file: Path | None, id_column: str | None) -> None:
    """Raise where not exactly one of records and a file is given, or a file as a record.

    And where the column asked for has a name that the output has itself.
    """
    if bool(texts) == bool(file):
        raise typer.BadParameter("Give either TEXT… or --input FILE.")
    if id_column is not None and not file:
        raise typer.BadParameter("--id-column names a column of --input FILE.")
    if id_column in _WRITTEN or re.fullmatch(r"probability(_\d+)?", id_column or ""):
        raise typer.BadParameter(
            f"--id-column {id_column}: a column of the output has this name. Rename yours."
        )
    for text in texts or ():
        if text.lower().endswith(FORMATS) and Path(text).is_file():
            raise typer.BadParameter(f"{text} is a file: give it with --input.")


def read_source(
    texts: Sequence[str] | None,
    file: Path | None,
    text_column: str,
    id_column: str | None,
    skip_blank: bool,
) -> tuple[list[str], list[dict[str, Any]]]:
    """Texts, and of a file's where each stood and what its own file calls it."""
    if not file:
        checked = check_texts(texts)
        return checked, [{} for _ in checked]
    records = read_unlabelled(file, text_column, id_column, skip_blank)
    places: list[dict[str, Any]] = [{"line": line} for line in records.lines]
    if id_column is not None:
        for place, value in zip(places, records.groups or (), strict=True):
            place[id_column] = value
    return list(records.texts), places


def check_place(option: str, output: Path | None, endings: Sequence[str], *inputs: Path) -> None:
    """Raise where an output has another ending, or would replace what is read."""
    if output is None:
        return
    if output.suffix.lower() not in endings:
        one_of = f"in one of {', '.join(endings)}" if len(endings) > 1 else f"in {endings[0]}"
        raise typer.BadParameter(f"{option} ends {one_of}. Received: {output}")
    if any(output.resolve() == path.resolve() for path in inputs):
        raise typer.BadParameter(f"{option} {output} is the file to be read; name another.")


def check_not_shipped(option: str, model: Path) -> None:
    """Raise where a command would change the model that ships."""
    if model.resolve() == shipped().resolve():
        raise typer.BadParameter(
            f"{option} never changes the model that ships; copy its directory and name the copy."
        )


def label_of(given: str, names: Sequence[str]) -> int:
    """The label that a number or a name, English or Chinese, stands for."""
    wanted = given.strip().casefold()
    spellings = [(name.casefold(), *name.casefold().split()) for name in names]
    found = [i for i in range(len(names)) if wanted == str(i)] or [
        i for i, spelling in enumerate(spellings) if wanted in spelling
    ]
    if len(found) != 1:
        listed = ", ".join(f"{i} ({name})" for i, name in enumerate(names))
        raise typer.BadParameter(f"--label is one of {listed}. Received: {given!r}")
    return found[0]


def results_console() -> Console:
    """The console for tables of results; a pipe has no width of its own."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else 120)


def check_directory(output: Path | None, names: Collection[str], force: bool) -> None:
    """Raise where a directory of files and a picture may not be written, before any work is done.

    Raises
    ------
    MissingExtraError
        Nothing can be drawn.
    OutputExistsError
        Something is there and ``force`` was not given, or it is more than files of these names.
    """
    if output:
        check_plots()
        if check_output(output, force=force).exists():
            check_owned(output, names)


def in_chunks(work: Callable[[Sequence[str]], np.ndarray], texts: Sequence[str]) -> np.ndarray:
    """Join what ``work`` gives for parts of the texts, with a progress bar on a terminal."""
    parts = []
    with tqdm(total=len(texts), unit="record", disable=None, leave=False) as bar:
        for start in range(0, len(texts), _CHUNK):
            parts.append(work(texts[start : start + _CHUNK]))
            bar.update(len(parts[-1]))
    return np.concatenate(parts) if parts else work(texts)
