"""The command novelty: how unlike the model's training records those of a file are."""

from __future__ import annotations

import heapq
import math
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from gi_classifier.cli.chunked import answered_parts, journal_for, open_files
from gi_classifier.cli.inputs import column_taken, form_of
from gi_classifier.cli.options import (
    ForceOption,
    HeaderRow,
    IdColumn,
    JsonOption,
    KeepColumns,
    ModelOption,
    RecordsArgument,
    RestartOption,
    SheetOption,
    SkipBlank,
    StrictOption,
    TextColumn,
)
from gi_classifier.cli.outputs import (
    check_file,
    options_of,
    print_json,
    say,
    say_written,
    write_file,
    write_origin,
)
from gi_classifier.data.writers import write_rows
from gi_classifier.display import shown
from gi_classifier.model.origin import origin
from gi_classifier.model.shipped import load_or_shipped

_ANSWER = ("novelty", "rejected", "text")
_COLUMNS = ("line", *_ANSWER, "row", "error")


def novelty(
    context: typer.Context,
    file: RecordsArgument,
    output: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write every record's score: .csv, for Excel too."),
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Draw the scores: .png (needs the extra 'plots')."),
    ] = None,
    top: Annotated[
        int, typer.Option(metavar="NUMBER", min=0, help="How many of the most novel to print.")
    ] = 10,
    text_column: TextColumn = "text",
    id_column: IdColumn = None,
    keep_columns: KeepColumns = False,
    sheet: SheetOption = None,
    header_row: HeaderRow = None,
    skip_blank: SkipBlank = False,
    strict: StrictOption = False,
    model: ModelOption = None,
    force: ForceOption = False,
    restart: RestartOption = False,
    as_json: JsonOption = False,
) -> None:
    """Say how unlike the records that the model was trained on each record of a file is.

    What is novel may be no medical record at all, or one of a kind that the model never saw: its
    label is worth little.
    """
    from gi_classifier.decisions.novelty import open_novelty

    if id_column in _COLUMNS:
        raise column_taken(id_column)
    check_file("--output", output, (".csv",), file, force=force)
    check_file("--plot", plot, (".png",), file, force=force)
    directory = load_or_shipped(model)
    scorer = open_novelty(directory)
    work = open_files([file], several=False, **form_of(context, directory.settings.names))
    work.check(None)
    seen = _Seen(scorer.threshold, top, keep=as_json or plot is not None)

    def answer(texts: Sequence[str]) -> list[dict[str, Any]]:
        return _answers(scorer.scores(texts), scorer.threshold, texts)

    made_from = origin(directory, **options_of(context))
    if output:
        with journal_for(work, directory, options_of(context), output, restart) as journal:
            for _ in answered_parts(work, answer, _ANSWER, journal):
                pass
            rows = seen.passing(work.shown(journal.rows()))
            write_rows(rows, work.shown_columns(), output, no_formula=True)
        write_origin(output, made_from)
        say_written(output)
    else:
        for part in answered_parts(work, answer, _ANSWER):
            for _ in seen.passing(part):
                pass
    if plot:
        write_file(plot, _picture(file.name, seen.readable, scorer.threshold), made_from)
    most = list(work.shown(seen.most))
    if as_json:
        print_json(_summary(seen, most))
    else:
        _show(seen, most, id_column)
    if seen.count > seen.read:
        raise typer.Exit(1)


class _Seen:
    """What is said of scores once all are known.

    Attributes
    ----------
    count, read, rejected : int
        Rows, those with a score, those that are novel.
    """

    def __init__(self, threshold: float, top: int, *, keep: bool) -> None:
        self.threshold, self._top, self._keep = threshold, top, keep
        self.count = self.read = self.rejected = 0
        # Of every row, NaN where there is none.
        self.scores = array("d")
        self._most: list[tuple[float, int, dict[str, Any]]] = []

    def passing(self, rows: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        """The same rows, each counted."""
        for row in rows:
            score = row["novelty"]
            if self._keep:
                self.scores.append(math.nan if score is None else score)
            if score is not None:
                self.read += 1
                self.rejected += row["rejected"]
                # Of equal scores, the first; the heap's first is the one that goes.
                entry = (score, -self.count, row)
                if len(self._most) < self._top:
                    heapq.heappush(self._most, entry)
                elif self._most and entry[:2] > self._most[0][:2]:
                    heapq.heapreplace(self._most, entry)
            self.count += 1
            yield row

    @property
    def most(self) -> list[dict[str, Any]]:
        """The most novel rows, the first of them first."""
        return [row for *_, row in sorted(self._most, key=lambda one: one[:2], reverse=True)]

    @property
    def readable(self) -> np.ndarray:
        """The scores that there are: float64."""
        found = np.array(self.scores)
        return np.asarray(found[~np.isnan(found)])


def _answers(scores: np.ndarray, threshold: float, texts: Sequence[str]) -> list[dict[str, Any]]:
    """One for each text, in order."""
    return [
        {"novelty": float(score), "rejected": bool(score > threshold), "text": text}
        for score, text in zip(scores, texts, strict=True)
    ]


def _picture(name: str, scores: np.ndarray, threshold: float) -> bytes:
    from gi_classifier.plots.novelty import novelty_figure

    return novelty_figure({"records 记录": {name: scores}}, threshold)


def _summary(seen: _Seen, most: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {
        "records": seen.count,
        "errors": seen.count - seen.read,
        "threshold": seen.threshold,
        "rejected": seen.rejected,
        "rejected_share": seen.rejected / seen.read if seen.read else None,
        "scores": [None if math.isnan(score) else score for score in seen.scores],
        "most_novel": list(most),
    }


def _show(seen: _Seen, most: Sequence[Mapping[str, Any]], id_column: str | None) -> None:
    bad = f"; {seen.count - seen.read} bad rows without a score" if seen.read < seen.count else ""
    say(
        f"{seen.count} records: {seen.rejected} ({seen.rejected / max(seen.read, 1):.1%}) are "
        f"novel, their score above {seen.threshold}{bad}."
    )
    for row in most:
        called = [shown(row[id_column])] if id_column else []
        verdict = "novel" if row["rejected"] else ""
        cells = (str(row["line"]), *called, f"{row['novelty']:.6f}", verdict, shown(row["text"]))
        say("\t".join(cells))
