"""Files of any length as commands answer them: chunk by chunk, with a bar and what is said of each.

In: files, and what answers texts. Out: rows, chunk by chunk, once they are in the journal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from gi_classifier.cli.inputs import check_chunks, check_readable, say_chunks, say_waiting
from gi_classifier.cli.outputs import notes, progress, say_how_to_go_on
from gi_classifier.data.chunks import Tally
from gi_classifier.data.records import Records
from gi_classifier.errors import RecordsError
from gi_classifier.model.directory import ModelDirectory
from gi_classifier.pipelines.file_answers import Answer, FileAnswers, State
from gi_classifier.pipelines.journal import Journal, open_journal


def open_files(files: Sequence[Path], several: bool, **form: Any) -> FileAnswers:
    """Files of records, each of which can be read; see :class:`FileAnswers`."""
    for file in files:
        say_waiting(file)
    return FileAnswers(files, several=several, **form)


def read_through(
    work: FileAnswers, tally: Tally, each: Callable[[Records], object] = lambda records: None
) -> None:
    """Read the one file of a command from where the tally stands, and say how it was read.

    Parameters
    ----------
    work : FileAnswers
    tally : Tally
        Changed in place.
    each : callable
        Given the records of each chunk, once they are in the tally.

    Raises
    ------
    RecordsError
        There is no record, or none that can be used.
    """
    source = work.open(0, tally)
    with progress(None, "records", tally.records) as step:
        for records in source:
            each(records)
            share = source.share
            step(len(records), "", round(tally.records / share) if share else None)
    say_chunks(source)
    check_chunks(source)
    check_readable(tally.readable)


def journal_for(
    work: FileAnswers,
    directory: ModelDirectory,
    told: dict[str, Any],
    output: Path | None,
    restart: bool,
) -> AbstractContextManager[Journal]:
    """The journal of a command's output.

    Parameters
    ----------
    work : FileAnswers
    directory : ModelDirectory
    told : dict
        What the command was told, of :func:`gi_classifier.cli.outputs.options_of`.
    output : Path or None
        Without, the journal ends with the process.
    restart : bool
        Drop what a stopped run left.
    """
    # Files and the model are known by what is in them.
    options = {name: told[name] for name in told if name not in ("model", "input", "file")}
    return open_journal(output, work.identity(directory, options), restart=restart)


def answered_parts(
    work: FileAnswers,
    answer: Answer,
    columns: Sequence[str],
    journal: Journal | None = None,
    *,
    hidden: bool = False,
) -> Iterator[list[dict[str, Any]]]:
    """Rows of files, chunk by chunk, from where the journal stands; how files were read is said.

    Parameters
    ----------
    work : FileAnswers
    answer, columns, journal
        Of :meth:`FileAnswers.parts`.
    hidden : bool
        Show no bar.

    Raises
    ------
    RecordsError
        There is no record.
    """
    done = State.from_dict(journal.state if journal else None).records
    if done:
        notes.print(f"Going on after {done} records.")
    try:
        with progress(None, "records", done, hidden=hidden) as step:
            for part in work.parts(answer, columns, journal):
                step(len(part.rows), "", part.total)
                if not part.is_last:
                    yield part.rows
                    continue
                say_chunks(part.source)
                if not work.several:
                    check_chunks(part.source)
    except KeyboardInterrupt:
        if journal and journal.state and journal.is_kept:
            say_how_to_go_on()
        raise
    if not work.state.records:
        raise RecordsError("No record in any of the files.")
