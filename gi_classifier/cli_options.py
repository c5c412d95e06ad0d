"""What several commands share: options, the console for all that is no result, and progress."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console
from tqdm import tqdm

from gi_classifier.errors import RecordsError
from gi_classifier.model_dir import check_output, check_owned
from gi_classifier.plots import check_plots
from gi_classifier.records import Records, read_records

notes = Console(stderr=True, soft_wrap=True, highlight=False, markup=False)

_CHUNK = 1024

ModelOption = Annotated[
    Path | None, typer.Option("--model", help="A model directory; without, the one that ships.")
]
SkipBlank = Annotated[
    bool, typer.Option("--skip-blank", help="Leave out rows without text; else they are errors.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
ForceOption = Annotated[bool, typer.Option("--force", help="Replace what is at the output.")]
TextColumn = Annotated[str, typer.Option(help="Column of the text in .csv, .jsonl and .xlsx.")]
LabelColumn = Annotated[str, typer.Option(help="Column of the label in .csv, .jsonl and .xlsx.")]


def read(path: Path, **options: Any) -> Records:
    """Read a file of records, at least one, and say on standard error how."""
    records = read_records(path, **options)
    check_some(path, len(records), records.encoding, records.blank)
    return records


def check_some(path: Path, count: int, encoding: str, blank: int) -> None:
    """Say how a file was read; raise where it has no record."""
    left_out = f", {blank} rows without text left out" if blank else ""
    notes.print(f"{path}: {count} records, read as {encoding}{left_out}")
    if not count:
        raise RecordsError(f"No record in {path}")


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
