"""What predict does with records and prints of them: texts at once, files chunk by chunk.

In: texts or files, and the model. Out: rows on standard output, in a file, or both; a summary.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import typer

from gi_classifier.cli.chunked import answered_parts, journal_for
from gi_classifier.cli.inputs import Source
from gi_classifier.cli.outputs import notes, print_json, progress, say, say_columns
from gi_classifier.data.writers import check_holds, write_rows
from gi_classifier.display import json_text, shown
from gi_classifier.files import encode
from gi_classifier.pipelines.answering import Answering
from gi_classifier.pipelines.file_answers import FileAnswers
from gi_classifier.pipelines.prediction import Counts

# Rows that are also printed when they are written to a file.
_SHOWN = 100
# Texts answered at once, between two steps of a progress bar.
_AT_ONCE = 1024


class Printed:
    """Answers on their way to a file and to standard output.

    Parameters
    ----------
    output : Path or None
        The file that they are written to.
    streamed : bool
        Whether they are printed as lines of JSON.
    as_json : bool
        Whether all of them are printed as one document, at the end.

    Attributes
    ----------
    bulk : bool
        Whether a row says which member answered; a caller sets it once that is known.
    count, bad : int
        Rows so far, and those of them without an answer since they are bad.
    """

    def __init__(self, output: Path | None, *, streamed: bool, as_json: bool) -> None:
        self.output, self.streamed, self.as_json = output, streamed, as_json
        self.bulk = False
        self.count = self.bad = self._alone = 0
        self._counts = Counts()
        self._kept: list[dict[str, Any]] = []

    @property
    def is_immediate(self) -> bool:
        """Whether rows are printed as they come, and not kept."""
        return self.output is None and not self.as_json

    def show(self, rows: list[dict[str, Any]]) -> None:
        """Print rows, and count them."""
        for _ in self._counted(rows):
            pass
        if self.streamed:
            typer.echo(encode("".join(map(_json_line, rows))), nl=False)
        else:
            _show(rows)

    def passing(self, rows: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        """The same rows, counted; kept if they are printed at the end."""
        for row in self._counted(rows):
            if self.as_json or self.count <= _SHOWN:
                self._kept.append(row)
            yield row

    def _counted(self, rows: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        for row in self._counts.counting(rows):
            self.count += 1
            self.bad += bool(row.get("error"))
            self._alone += row.get("member") == "linear"
            yield row

    def end(self, names: Sequence[str]) -> None:
        """Print what was kept, and how often each label of these names was answered."""
        summary = self._counts.by_name(names)
        if self.as_json:
            table = {"records": self._kept, "summary": summary, "errors": self.bad}
            print_json({**table, "output": self.output and str(self.output)})
            return
        if self.count <= _SHOWN and self._kept:
            _show(self._kept)
        counts = ", ".join(f"{name} {count}" for name, count in summary.items())
        bad = f"; {self.bad} bad rows without an answer" if self.bad else ""
        alone = f"; the linear member answered {self._alone} alone" if self.bulk else ""
        said = f"{self.count} records: {counts}{alone}{bad}"
        if self.streamed:
            notes.print(shown(said))
        else:
            say(said)


def answer_files(
    work: FileAnswers,
    answering: Answering,
    told: dict[str, Any],
    printed: Printed,
    *,
    restart: bool,
) -> None:
    """Answer files: printed as this goes, or written at the end, from where a stopped run stood.

    Parameters
    ----------
    work : FileAnswers
    answering : Answering
    told : dict
        What the command was told.
    printed : Printed
    restart : bool
        Drop what a stopped run left.
    """
    if printed.output:
        with journal_for(work, answering.directory, told, printed.output, restart) as journal:
            for _ in answered_parts(work, answering, answering.columns, journal):
                pass
            rows = work.shown(journal.rows())
            write_rows(printed.passing(rows), work.shown_columns(), printed.output)
        return
    held: list[dict[str, Any]] = []
    # On a terminal a bar would stand among the rows.
    hidden = printed.is_immediate and sys.stdout.isatty()
    for part in answered_parts(work, answering, answering.columns, hidden=hidden):
        if printed.is_immediate:
            printed.show(part)
        else:
            held += part
    for _ in printed.passing(work.shown(held)):
        pass


def answer_texts(texts: Sequence[str], answering: Answering, printed: Printed) -> None:
    """Answer texts that were checked, and print or write them."""
    if printed.output:
        check_holds(printed.output, [{"text": text} for text in texts])
    _print_or_write(_answered(texts, answering), answering.columns, printed)


def answer_source(source: Source, answering: Answering, printed: Printed) -> None:
    """Answer records whose places are known; a bad row stands in its place with its reason."""
    if printed.output:
        check_holds(printed.output, source.answered([{"text": text} for text in source.texts]))
    rows = source.answered(_answered(source.texts, answering))
    _print_or_write(rows, list(rows[0]) if rows else [], printed)


def _answered(texts: Sequence[str], answering: Answering) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    with progress(len(texts), "records") as step:
        for start in range(0, len(texts), _AT_ONCE):
            rows += answering(texts[start : start + _AT_ONCE])
            step(min(_AT_ONCE, len(texts) - start))
    return rows


def _print_or_write(rows: list[dict[str, Any]], columns: Sequence[str], printed: Printed) -> None:
    if printed.output:
        write_rows(printed.passing(rows), columns, printed.output)
    elif printed.is_immediate:
        printed.show(rows)
    else:
        for _ in printed.passing(rows):
            pass


def _json_line(row: dict[str, Any]) -> str:
    """A row as a line of JSON, without what says nothing of this row."""
    kept = dict(row)
    if not kept.get("error"):
        kept.pop("error", None)
    if kept.get("row") == kept.get("line"):
        kept.pop("row", None)
    return json_text(kept) + "\n"


# What tells pages from one another.
_PLACE = ("file", "page")


def _show(rows: Sequence[dict[str, Any]]) -> None:
    """A table on a terminal, tab-separated lines in a pipe."""
    if not sys.stdout.isatty():
        for row in rows:
            say("\t".join(_cells(row)))
        return
    place = _PLACE if rows and _is_page(rows[0]) else ()
    # A whole path would leave no room for what the page says.
    short = [{**row, "file": Path(row["file"]).name} if place else row for row in rows]
    columns = ("label", "name", "probability", *place, "record")
    say_columns(columns, [_cells(row) for row in short], left=("name", "file"))


def _is_page(row: dict[str, Any]) -> bool:
    return all(name in row for name in _PLACE)


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    """Label, name, probability and text of an answer, of a page its place; or why it has none."""
    place = tuple(shown(str(row[name])) for name in _PLACE) if _is_page(row) else ()
    if row.get("error"):
        return "–", "error", "–", *place, shown(row["error"])
    label = "–" if row["label"] is None else str(row["label"])
    return label, shown(row["name"]), f"{row['probability']:.4f}", *place, shown(row["text"])
