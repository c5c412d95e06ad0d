"""The command novelty: how unlike the model's training records those of a file are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from gi_classifier.cli.inputs import column_taken, form_of, in_chunks, read_source
from gi_classifier.cli.options import (
    ForceOption,
    HeaderRow,
    IdColumn,
    JsonOption,
    KeepColumns,
    ModelOption,
    RecordsArgument,
    SheetOption,
    SkipBlank,
    StrictOption,
    TextColumn,
)
from gi_classifier.cli.outputs import check_file, options_of, print_json, say, write_file
from gi_classifier.data.writers import columns_of, csv_for_excel
from gi_classifier.display import shown
from gi_classifier.model.origin import origin
from gi_classifier.model.shipped import load_or_shipped

_COLUMNS = ("line", "novelty", "rejected", "text", "row", "error")


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
    source = read_source(None, [file], **form_of(context, directory.settings.names))
    scores = in_chunks(scorer.scores, source.texts)
    answers = _answers(scores, scorer.threshold, source.texts)
    rows = source.answered(answers)
    made_from = origin(directory, **options_of(context))
    write_file(output, csv_for_excel(rows, columns_of(rows, _COLUMNS[:4])), made_from)
    if plot:
        write_file(plot, _picture(file.name, scores, scorer.threshold), made_from)
    readable = [row for row in rows if row.get("novelty") is not None]
    most = [readable[i] for i in np.argsort(-scores, kind="stable")[:top]]
    if as_json:
        print_json(_summary(rows, scorer.threshold, most))
    else:
        _show(rows, scorer.threshold, most, id_column)
    if source.bad:
        raise typer.Exit(1)


def _answers(scores: np.ndarray, threshold: float, texts: Sequence[str]) -> list[dict[str, Any]]:
    """One for each text, in order."""
    return [
        {"novelty": float(score), "rejected": bool(score > threshold), "text": text}
        for score, text in zip(scores, texts, strict=True)
    ]


def _picture(name: str, scores: np.ndarray, threshold: float) -> bytes:
    from gi_classifier.plots.novelty import novelty_figure

    return novelty_figure({"records 记录": {name: scores}}, threshold)


def _counts(rows: Sequence[Mapping[str, Any]]) -> tuple[int, int]:
    """How many records are novel, and how many could be read."""
    return sum(row.get("rejected") is True for row in rows), sum(
        row.get("novelty") is not None for row in rows
    )


def _summary(
    rows: Sequence[Mapping[str, Any]], threshold: float, most: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    rejected, read = _counts(rows)
    return {
        "records": len(rows),
        "errors": len(rows) - read,
        "threshold": threshold,
        "rejected": rejected,
        "rejected_share": rejected / read if read else None,
        "scores": [row.get("novelty") for row in rows],
        "most_novel": list(most),
    }


def _show(
    rows: Sequence[Mapping[str, Any]],
    threshold: float,
    most: Sequence[Mapping[str, Any]],
    id_column: str | None,
) -> None:
    rejected, read = _counts(rows)
    bad = f"; {len(rows) - read} bad rows without a score" if read < len(rows) else ""
    say(
        f"{len(rows)} records: {rejected} ({rejected / max(read, 1):.1%}) are novel, their score "
        f"above {threshold}{bad}."
    )
    for row in most:
        called = [shown(row[id_column])] if id_column else []
        verdict = "novel" if row["rejected"] else ""
        cells = (str(row["line"]), *called, f"{row['novelty']:.6f}", verdict, shown(row["text"]))
        say("\t".join(cells))
