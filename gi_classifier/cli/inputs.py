"""What commands read: records given as arguments or in files, and notes on how they were read."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import typer
from tqdm import tqdm

from gi_classifier.cli.outputs import notes
from gi_classifier.data.fingerprints import trained_on_warning
from gi_classifier.data.readers import FORMATS, Count, read_records
from gi_classifier.data.records import Records
from gi_classifier.display import shown
from gi_classifier.errors import RecordsError
from gi_classifier.model.directory import ModelDirectory
from gi_classifier.text_checks import check_texts

# Texts between two steps of a progress bar.
_CHUNK = 1024
# Columns that predict writes by itself, beside the probabilities.
_WRITTEN = ("file", "line", "text", "label", "name")


def read(path: Path, **options: Any) -> Records:
    """Read a file of records, at least one, and say on standard error how."""
    records = read_records(path, **options)
    check_some(path, len(records), records)
    return records


def read_unlabelled(
    path: Path, text_column: str, id_column: str | None, skip_blank: bool
) -> Records:
    """Read records whose labels are passed over, with what their file calls them."""
    return read(
        path,
        text_column=text_column,
        labelled=False,
        id_column=id_column,
        skip_blank=skip_blank,
    )


def check_some(path: Path, count: int, found: Records | Count) -> None:
    """Say how a file was read; raise where it has no record."""
    said = [f"{count} records, read as {found.encoding}", *found.notes]
    if found.empty:
        said.append(f"{found.empty} empty rows passed over")
    if found.blank:
        said.append(f"{found.blank} rows without text left out")
    notes.print(shown(f"{path}: {', '.join(said)}"))
    if not count:
        raise RecordsError(f"No record in {path}")


def check_source(
    texts: Sequence[str] | None, files: Sequence[Path] | None, id_column: str | None
) -> None:
    """Raise where not exactly one of records and files is given, or a file as a record.

    And where the column asked for has a name that the output has itself.
    """
    if bool(texts) == bool(files):
        raise typer.BadParameter("Give either TEXT… or --input FILE.")
    if id_column is not None and not files:
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
    files: Sequence[Path] | None,
    text_column: str,
    id_column: str | None,
    skip_blank: bool,
) -> tuple[list[str], list[dict[str, Any]]]:
    """Texts, and of files' where each stood and what its own file calls it.

    Of several files, "file" says which one.
    """
    if not files:
        checked = check_texts(texts)
        return checked, [{} for _ in checked]
    found: list[str] = []
    places: list[dict[str, Any]] = []
    for file in files:
        records = read_unlabelled(file, text_column, id_column, skip_blank)
        found += records.texts
        which = {"file": str(file)} if len(files) > 1 else {}
        ids = records.ids or [None] * len(records)
        for line, own in zip(records.lines, ids, strict=True):
            named = {} if id_column is None else {id_column: own}
            places.append({**which, "line": line, **named})
    return found, places


def in_chunks(work: Callable[[Sequence[str]], np.ndarray], texts: Sequence[str]) -> np.ndarray:
    """Join what ``work`` gives for parts of the texts, with a progress bar on a terminal."""
    parts = []
    with tqdm(total=len(texts), unit="record", disable=None, leave=False) as bar:
        for start in range(0, len(texts), _CHUNK):
            parts.append(work(texts[start : start + _CHUNK]))
            bar.update(len(parts[-1]))
    return np.concatenate(parts) if parts else work(texts)


def warn_of_known(
    directory: ModelDirectory, records: Records, held_out: Sequence[str] = ("test",)
) -> None:
    """Say on standard error why figures on these records would flatter a model, where they do."""
    warning = trained_on_warning(directory.splits, records.texts, records.source, held_out)
    if warning:
        notes.print(warning)
