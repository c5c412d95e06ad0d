"""What commands read: records given as arguments or in files, and notes on how they were read."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import typer

from gi_classifier.cli.outputs import notes, progress
from gi_classifier.cli.path_like import path_like
from gi_classifier.data.cells import read_label
from gi_classifier.data.chunks import RecordChunks
from gi_classifier.data.encodings import STANDARD_INPUT
from gi_classifier.data.fingerprints import fingerprint, trained_on_warning
from gi_classifier.data.pictures.picture_files import ENDINGS as PICTURES
from gi_classifier.data.readers import read_records
from gi_classifier.data.records import Records
from gi_classifier.display import shown
from gi_classifier.errors import SHOWN_PROBLEMS, RecordsError
from gi_classifier.model.directory import ModelDirectory
from gi_classifier.pipelines.rows import is_written, placed, places_of
from gi_classifier.text_checks import check_texts

# Options that say how a file is read; they mean the same in every command.
_FORM = ("text_column", "label_column", "skip_blank", "strict", "sheet", "header_row")
_FURTHER_COLUMNS = ("id_column", "group_column", "keep_columns")
# Different words in a label column that can be meant as labels.
_MOST_WORDS = 100
# Characters of a name that a message repeats.
_LONGEST_SAID = 80
# Texts between two steps of a progress bar.
_CHUNK = 1024


def read(path: Path, **options: Any) -> Records:
    """Read a file of records, at least one, and say on standard error how.

    Parameters
    ----------
    path : Path
    **options
        Of :func:`gi_classifier.data.readers.read_records`.
    """
    say_waiting(path)
    records = read_records(path, **options)
    further = (records.encoding, records.notes, records.empty, records.blank)
    _say_read(path, len(records), *further)
    _say_bad(len(records.bad), records.bad)
    if not len(records):
        raise RecordsError(f"No record in {_called(path)}")
    return records


def say_waiting(path: Path) -> None:
    """Say on a terminal that records are to be typed."""
    if path == STANDARD_INPUT and sys.stdin is not None and sys.stdin.isatty():
        notes.print("Reading records from standard input, one a line; Ctrl-D ends it.")


def form_of(
    context: typer.Context, names: Sequence[str] | None = None, *, further: bool = True
) -> dict[str, Any]:
    """How a command was told to read its files, as options of :func:`read`.

    Parameters
    ----------
    context : typer.Context
        Holds those of the options that the command has.
    names : sequence of str, optional
        Of a model's labels, one for each: what labels in the file may be.
    further : bool
        Whether columns beside text and label are read as well.
    """
    asked = (*_FORM, *(_FURTHER_COLUMNS if further else ()))
    form = {name: context.params[name] for name in asked if name in context.params}
    labels = {} if names is None else {"num_classes": len(names), "label_names": tuple(names)}
    return form | labels


def keep_columns_of(records: Records, *others: str | None) -> Records:
    """The records, of their columns kept only those that no other option names."""
    if records.kept is None:
        return records
    kept = ({n: cell for n, cell in row.items() if n not in others} for row in records.kept)
    return replace(records, kept=tuple(kept))


def read_any_labels(
    path: Path, known: Sequence[str], **options: Any
) -> tuple[Records, tuple[str, ...]]:
    """Read records whose labels are numbers, known names, or words of the user's own.

    Parameters
    ----------
    known : sequence of str
        Names of the labels 0, 1 and so on.
    **options
        Of :func:`gi_classifier.data.readers.read_records`.

    Returns
    -------
    Records
        With numbers for labels.
    tuple of str
        Words of the user's own in sorted order, numbered so; else empty.

    Raises
    ------
    RecordsError
        There are more words than labels can be meant.
    """
    records = read(path, label_texts=True, **options)
    words = records.label_texts or ()
    read_words = [read_label(word, None, known) for word in words]
    if not any(problem for _, problem in read_words):
        return replace(records, labels=tuple(number for number, _ in read_words)), ()
    classes = sorted(set(words))
    if len(classes) > _MOST_WORDS:
        raise RecordsError(
            f"{path}: the label column holds {len(classes):,} different words, too many for "
            f"labels. Name another with --label-column, or merge labels to {_MOST_WORDS} at most."
        )
    numbers = {word: number for number, word in enumerate(classes)}
    return replace(records, labels=tuple(numbers[word] for word in words)), tuple(classes)


def say_chunks(source: RecordChunks) -> None:
    """Say how a file was read that was read in chunks, and list its first bad rows."""
    tally = source.tally
    _say_read(source.path, tally.records, source.encoding, source.notes, tally.empty, tally.blank)
    _say_bad(tally.bad, tally.shown)


def check_chunks(source: RecordChunks) -> None:
    """Raise where a file that was read in chunks has no record."""
    if not source.tally.records:
        raise RecordsError(f"No record in {_called(source.path)}")


def _called(path: Path) -> str:
    return "standard input" if path == STANDARD_INPUT else str(path)


def _say_read(
    path: Path, count: int, encoding: str, further: Sequence[str], empty: int, blank: int
) -> None:
    said = [f"{count} records, read as {encoding}", *further]
    if empty:
        said.append(f"{empty} empty rows passed over")
    if blank:
        said.append(f"{blank} rows without text left out")
    notes.print(shown(f"{_called(path)}: {', '.join(said)}"))


def _say_bad(count: int, problems: Sequence[str]) -> None:
    if not count:
        return
    notes.print(f"{count} bad rows get no answer:")
    more = count - SHOWN_PROBLEMS
    listed = [*problems[:SHOWN_PROBLEMS], *([f"… and {more} more"] if more > 0 else [])]
    notes.print("\n".join(f"  {shown(problem)}" for problem in listed))


def checked_source(
    texts: Sequence[str] | None, files: Sequence[Path] | None, id_column: str | None
) -> tuple[list[str], list[Path]]:
    """Records or files to read, one of the two empty; the text ``-`` is standard input.

    Raises
    ------
    typer.BadParameter
        Not exactly one of them is given, a text is the name of a file, or the column asked for has
        a name that the output has itself.
    """
    texts, files = list(texts or ()), list(files or ())
    if texts == ["-"] and not files:
        texts, files = [], [STANDARD_INPUT]
    if "-" in texts:
        raise typer.BadParameter("- (standard input) stands alone, or as --input -.")
    # A long one may be a record after all, which no message repeats.
    named = [
        (text if len(text) <= _LONGEST_SAID else f"Text {place}", text, found)
        for place, text in enumerate(texts, 1)
        if (found := path_like(text))
    ]
    if named and files:
        several = " ".join(f"--input {name}" for name in (*files, *(one[0] for one in named)))
        raise typer.BadParameter(f"--input is said before each file: {several}")
    if bool(texts) == bool(files):
        raise typer.BadParameter("Give either TEXT… or --input FILE.")
    if named:
        said, text, found = named[0]
        option = "--image" if text.lower().endswith(tuple(PICTURES)) else "--input"
        raise typer.BadParameter(
            f"{said} is {found}, not a text. Give a file with {option} FILE, repeated for several. "
            "If it is meant as a text, write it to standard input, with - in its place."
        )
    if id_column is not None and not files:
        raise typer.BadParameter("--id-column names a column of --input FILE.")
    if id_column is not None and is_written(id_column):
        raise column_taken(id_column)
    return texts, files


def column_taken(id_column: str) -> typer.BadParameter:
    """The error of a column asked for whose name the output has itself."""
    return typer.BadParameter(
        f"--id-column {id_column}: a column of the output has this name. Rename yours."
    )


def check_readable(count: int) -> None:
    """Raise where no record could be read."""
    if not count:
        raise RecordsError("No record can be read: every row is bad.")


@dataclass(frozen=True)
class Source:
    """Records to answer, from the command line or files.

    Attributes
    ----------
    texts : list of str
        Those that can be read.
    rows : list of dict
        Of every row, bad ones too: where it stood (of several files, in which), what its own file
        calls it, and with ``--keep-columns`` all that stands there.
    errors : list of (str or None)
        Of every row, why it gets no answer.
    unread : list of str
        Of every row that gets no answer, what stands as its text, as far as it can be read.
    """

    texts: list[str]
    rows: list[dict[str, Any]]
    errors: list[str | None]
    unread: list[str]

    @property
    def bad(self) -> int:
        """How many rows get no answer."""
        return sum(error is not None for error in self.errors)

    def check_some(self) -> None:
        """Raise where no record can be read."""
        check_readable(len(self.texts))

    def answered(self, answers: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Each row in its place with its answer; where some are bad, with the column "error".

        Where lines are not the rows that a spreadsheet counts, those follow as "row".

        Parameters
        ----------
        answers : sequence of mapping
            One for each of ``texts``.
        """
        columns = tuple(answers[0]) if answers else ("text", "label", "name")
        found = placed((dict(row) for row in self.rows), answers, self.errors, self.unread, columns)
        if not self.bad:
            for row in found:
                del row["error"]
        return found


def read_source(
    texts: Sequence[str] | None,
    files: Sequence[Path] | None,
    *,
    several: bool = False,
    **form: Any,
) -> Source:
    """Texts of the command line, or of files whose labels are passed over.

    Parameters
    ----------
    several : bool
        Whether rows name their file.
    **form
        Of :func:`form_of`. With ``strict=False``, bad rows are kept in their places and listed on
        standard error.
    """
    if not files:
        checked = check_texts(texts)
        nothing = [""] * len(checked)
        return Source(checked, [{} for _ in checked], [None] * len(checked), nothing)
    found = Source([], [], [], [])
    for file in files:
        records = read(file, labelled=False, **form)
        which = {"file": str(file)} if several else {}
        found.texts.extend(records.texts[i] for i in records.readable)
        found.errors.extend(records.problems or [None] * len(records))
        found.unread.extend(records.unread or [""] * len(records))
        found.rows.extend(
            {**which, **row}
            for row in places_of(records, form["text_column"], form.get("id_column"))
        )
    return found


def apart(records: Records, others: Records) -> Records:
    """The records that are not among others too; a note says how many are left out."""
    held = set(map(fingerprint, others.texts))
    kept = [i for i, text in enumerate(records.texts) if fingerprint(text) not in held]
    if left_out := len(records) - len(kept):
        notes.print(f"{left_out} records of {records.source} are in {others.source}: left out.")
    return records.take(kept)


def in_chunks(work: Callable[[Sequence[str]], np.ndarray], texts: Sequence[str]) -> np.ndarray:
    """Join what ``work`` gives for parts of the texts, with a progress bar on a terminal."""
    parts = []
    with progress(len(texts), "records") as step:
        for start in range(0, len(texts), _CHUNK):
            parts.append(work(texts[start : start + _CHUNK]))
            step(len(parts[-1]))
    return np.concatenate(parts) if parts else work(texts)


def warn_of_known(
    directory: ModelDirectory, records: Records, held_out: Sequence[str] = ("test",)
) -> None:
    """Say on standard error why figures on these records would flatter a model, where they do."""
    warning = trained_on_warning(directory.splits, records.texts, records.source, held_out)
    if warning:
        notes.print(warning)
