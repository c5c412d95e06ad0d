"""Files of records answered chunk by chunk, in memory that their length does not change.

In: files, how they are read, and what answers texts. Out: rows in the order of the files, each
chunk in a journal before the next is read; after a stop they go on behind the last.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from gi_classifier._version import __version__
from gi_classifier.data.chunks import RecordChunks, Tally, iterate_texts
from gi_classifier.data.readers import raise_bad_rows
from gi_classifier.data.records import Records
from gi_classifier.data.writers import check_holds
from gi_classifier.errors import RecordsError
from gi_classifier.files import to_json
from gi_classifier.model.directory import ModelDirectory
from gi_classifier.pipelines.journal import Journal
from gi_classifier.pipelines.rows import placed, places_of
from gi_classifier.pipelines.sources import contents_of, stamp_of

Answer = Callable[[Sequence[str]], Sequence[Mapping[str, Any]]]


@dataclass(frozen=True)
class Part:
    """A chunk of a file that was answered.

    Attributes
    ----------
    source : RecordChunks
        The file, with what is known of it so far.
    rows : list of dict
    total : int or None
        About how many records all files hold; None while nothing tells.
    is_last : bool
        Whether the file ends here.
    """

    source: RecordChunks
    rows: list[dict[str, Any]]
    total: int | None
    is_last: bool


class FileAnswers:
    """Files of records with their answers.

    Parameters
    ----------
    files : sequence of Path
    several : bool
        Whether rows name their file.
    strict : bool
        Raise if any row of any file is bad, before anything is answered.
    **form
        Of :class:`gi_classifier.data.chunks.RecordChunks`.

    Attributes
    ----------
    state : State
        How far they were answered.

    Raises
    ------
    MissingPathError, RecordsError, SettingsError
        A file is not there or cannot be read so; all files are opened before any is answered.
    """

    def __init__(
        self,
        files: Sequence[Path],
        *,
        several: bool,
        strict: bool = False,
        **form: Any,
    ) -> None:
        self.files, self.several, self.strict, self.form = list(files), several, strict, form
        self.state = State()
        # The first is read on; of thousands, the others cannot all stay open.
        self._first = RecordChunks(self.files[0], **form)
        for file in self.files[1:]:
            RecordChunks(file, **form)
        self._stamps = {file: stamp_of(file) for file in self.files}

    def identity(self, directory: ModelDirectory, told: Mapping[str, Any]) -> dict[str, Any]:
        """What the rows depend on: the files, the model, and what the work was told."""
        listing = directory.manifest()["files"]
        return {
            "version": __version__,
            "model": hashlib.sha256(to_json(listing)).hexdigest(),
            "input": contents_of(self.files),
            "option": dict(told),
        }

    def open(self, number: int, tally: Tally | None = None) -> RecordChunks:
        """One of the files, to be read once more, behind what the tally has."""
        return RecordChunks(self.files[number], tally, **self.form)

    def texts(self) -> Iterator[str]:
        """All readable records of all files, which are read once more for them."""
        for file in self.files:
            yield from iterate_texts(file, **self.form)

    def check(self, output: Path | None) -> None:
        """Read all files, where a bad row or a cell that is too long stops the work.

        Raises
        ------
        RecordsError
            With ``strict``, of the first file that has any, all bad rows; or the output cannot
            hold what there is.
        """
        holds = output is not None and output.suffix.lower() == ".xlsx"
        if not self.strict and not holds:
            return
        count = 0
        for number, file in enumerate(self.files):
            source = self.open(number)
            bad: list[str] = []
            for records in source:
                bad += records.bad
                if output is not None and holds:
                    check_holds(output, self._unanswered(records), count)
                count += len(records)
            if self.strict:
                raise_bad_rows(file, source.encoding, bad)

    def _unanswered(self, records: Records) -> list[dict[str, Any]]:
        texts = [{"text": records.texts[i]} for i in records.readable]
        return self._rows(records, {}, texts, ("text",))

    def _rows(
        self,
        records: Records,
        which: Mapping[str, Any],
        answers: Sequence[Mapping[str, Any]],
        columns: Sequence[str],
    ) -> list[dict[str, Any]]:
        places = places_of(
            records, self.form["text_column"], self.form.get("id_column"), with_rows=True
        )
        return placed(
            ({**which, **place} for place in places),
            answers,
            records.problems or (),
            records.unread or (),
            columns,
        )

    def parts(
        self, answer: Answer, columns: Sequence[str], journal: Journal | None = None
    ) -> Iterator[Part]:
        """Answer what the journal does not hold yet, and yield each chunk once it is kept.

        Parameters
        ----------
        answer : callable
            A row for each text.
        columns : sequence of str
            Of such a row.
        journal : Journal, optional

        Raises
        ------
        RecordsError
            A file was changed while it was read.
        """
        self.state = state = State.from_dict(journal.state if journal else None)
        for number in range(state.file, len(self.files)):
            file = self.files[number]
            state.go_on_to(number)
            source = self._first if number == 0 else self.open(number)
            source.tally = state.tally
            which = {"file": str(file)} if self.several else {}
            for records in source:
                texts = [records.texts[i] for i in records.readable]
                rows = self._rows(records, which, answer(texts), columns)
                state.add(rows, len(records.bad), str(file))
                if journal:
                    journal.add(rows, state.to_dict())
                yield Part(source, rows, self._total(state.records, number, source.share), False)
            if stamp_of(file) != self._stamps[file]:
                raise RecordsError(f"{file} was changed while it was read. Begin anew (--restart).")
            yield Part(source, [], self._total(state.records, number, 1.0), True)

    def shown_columns(self) -> list[str]:
        """The columns of :meth:`shown` rows."""
        left_out = {"row": bool(self.state.with_rows), "error": bool(self.state.bad)}
        return [name for name in self.state.columns if left_out.get(name, True)]

    def shown(self, rows: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        """Rows without what says nothing: a ``row`` that is the line, an ``error`` if none is bad.

        Parameters
        ----------
        rows : iterable of dict
            Of all parts, once they were answered; changed in place.
        """
        for row in rows:
            if not self.state.bad:
                row.pop("error", None)
            # Of one file, a column called "file" is the user's.
            file = row["file"] if self.several else str(self.files[0])
            if file not in self.state.with_rows:
                row.pop("row", None)
            yield row

    def _total(self, done: int, number: int, share: float | None) -> int | None:
        """About how many records all files hold, by their bytes."""
        if number + 1 == len(self.files) and share == 1:
            return done
        sizes = [0 if stamp is None else stamp[0] for stamp in self._stamps.values()]
        read = sum(sizes[:number]) + sizes[number] * (share or 0)
        return round(done * sum(sizes) / read) if share and read else None


@dataclass
class State:
    """How far files were answered: what a journal keeps beside their rows.

    Attributes
    ----------
    file : int
        The file that is being read.
    tally : Tally
        Of that file.
    columns : list of str
        Of all rows, in the order of their first appearance.
    with_rows : list of str
        Files in which a spreadsheet counts rows otherwise than there are lines.
    records, bad : int
        Of all files.
    """

    file: int = 0
    tally: Tally = field(default_factory=Tally)
    columns: list[str] = field(default_factory=list)
    with_rows: list[str] = field(default_factory=list)
    records: int = 0
    bad: int = 0

    @classmethod
    def from_dict(cls, table: Mapping[str, Any] | None) -> State:
        """Undo :meth:`to_dict`; without a table, the beginning."""
        if table is None:
            return cls()
        return cls(**{**table, "tally": Tally(**table["tally"])})

    def to_dict(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)

    def go_on_to(self, number: int) -> None:
        """Begin a file, unless it was begun before."""
        if number != self.file:
            self.file, self.tally = number, Tally()

    def add(self, rows: Sequence[Mapping[str, Any]], bad: int, file: str) -> None:
        """Count rows of a file."""
        self.records += len(rows)
        self.bad += bad
        for names in {tuple(row): None for row in rows}:
            self.columns += [name for name in names if name not in self.columns]
        if self.tally.has_rows and file not in self.with_rows:
            self.with_rows.append(file)
