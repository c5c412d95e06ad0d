"""Records read from pictures: scans, photos and PDFs, recognised on this machine.

In: files and folders. Out: a :class:`~gi_classifier.cli.inputs.Source`, a row for each page. What
was read is kept beside an output until that is written, so that a stopped run can go on.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from gi_classifier._version import __version__
from gi_classifier.cli.inputs import Source
from gi_classifier.cli.outputs import notes, progress
from gi_classifier.cli.saved_state import SavedState
from gi_classifier.data.pictures.page import page_problem
from gi_classifier.data.pictures.page_reading import read_pages
from gi_classifier.data.pictures.picture_files import check_ocr, listed
from gi_classifier.display import shown
from gi_classifier.errors import GIClassifierError

ImageOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--image",
        metavar="FILE",
        help="A picture, PDF or folder of them, to be recognised; may be repeated (needs the "
        "extra 'ocr').",
    ),
]
_STATE = "pages.json"
# Options that say how records are read from tables, or drawn.
_OF_RECORDS = (
    *("text_column", "id_column", "keep_columns", "sheet", "header_row"),
    *("skip_blank", "strict", "plot"),
)


def check_pictures(context: typer.Context, images: Sequence[Path] | None) -> list[Path]:
    """The files that are asked for, checked before any work is done; [] without ``--image``.

    Raises
    ------
    typer.BadParameter
        Texts or files of records are given as well, or options that are for those.
    MissingExtraError, MissingPathError, RecordsError
        See :mod:`gi_classifier.data.pictures.picture_files`.
    """
    if not images:
        return []
    if context.params["text"] or context.params["input"]:
        raise typer.BadParameter("Give TEXT…, --input FILE or --image FILE, one of them.")
    given = [
        f"--{name.replace('_', '-')}"
        for name in _OF_RECORDS
        if getattr(context.get_parameter_source(name), "name", "") == "COMMANDLINE"
    ]
    if given:
        raise typer.BadParameter(f"--image goes without {', '.join(given)}.")
    check_ocr()
    return list(dict.fromkeys(file for image in images for file in listed(image)))


def read_pictures(
    files: Sequence[Path], output: Path | None, restart: bool
) -> tuple[Source, SavedState]:
    """Read pages; one that cannot be read, or has no text, is a bad row with its reason.

    Parameters
    ----------
    files : sequence of Path
        Of :func:`check_pictures`.
    output : Path or None
        What is kept stands beside it.
    restart : bool
        Drop what a stopped run of the same files left, instead of going on.

    Returns
    -------
    Source
    SavedState
        To be dropped once the output is written.

    Raises
    ------
    OutputExistsError
        What a stopped run left is of other files.
    """
    identity = {"version": __version__, "input": stamps_of(files)}
    state = SavedState(output, identity, restart=restart)
    rows = rows_of_files(files, state, _rows)
    _say(rows, len(files))
    good = [row for row in rows if not row["error"]]
    source = Source(
        [row["text"] for row in good],
        [row["place"] for row in rows],
        [row["error"] for row in rows],
        ["" if row["error"] else row["text"] for row in rows],
    )
    return source, state


def rows_of_files(
    files: Sequence[Path], state: SavedState, rows: Callable[[Path], Iterator[dict[str, Any]]]
) -> list[dict[str, Any]]:
    """The rows of each file, ready for JSON; those that a stopped run left are not made again."""
    done: list[list[dict[str, Any]]] = json.loads(state.read(_STATE) or b"[]")
    if done:
        notes.print(f"Going on after {len(done)} of {len(files)} files.")
    with state.noting_stops(), progress(len(files), "files", len(done)) as step:
        try:
            for file in files[len(done) :]:
                done.append(list(rows(file)))
                state.write_seldom(_STATE, lambda: json.dumps(done).encode())
                step(1, shown(file.name))
        except KeyboardInterrupt:
            state.write(_STATE, json.dumps(done).encode())
            raise
    return [row for part in done for row in part]


def _rows(file: Path) -> Iterator[dict[str, Any]]:
    number = 0
    try:
        for page in read_pages(file):
            number = page.number
            yield {
                "text": page.text,
                "place": page.place(),
                "error": page_problem(page.text),
                "notes": [f"{page.name}, page {page.number}: {note}" for note in page.notes],
            }
    except GIClassifierError as error:
        place = {"file": str(file), "page": number + 1, "confidence": None, "coverage": None}
        place["corrected"] = ""
        yield {"text": "", "place": place, "error": str(error), "notes": []}


def _say(rows: Sequence[dict[str, Any]], files: int) -> None:
    """Note how pages were read, and which could not be; no text of theirs."""
    bad = [row for row in rows if row["error"]]
    notes.print(f"pages: {len(rows)}, of files: {files}, not read: {len(bad)}")
    for line in (note for row in rows for note in row["notes"]):
        notes.print(f"  {shown(line)}")
    for row in bad:
        notes.print(f"  {shown(row['place']['file'])}: {shown(row['error'])}")


def stamps_of(files: Sequence[Path]) -> dict[str, dict[str, int]]:
    """What changes when one of the files is written."""
    states = {str(file): file.stat() for file in files}
    return {
        name: {"bytes": state.st_size, "modified": state.st_mtime_ns}
        for name, state in states.items()
    }
