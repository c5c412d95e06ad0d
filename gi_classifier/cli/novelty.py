"""The command novelty: how unlike the model's training records those of a file are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from gi_classifier.cli.inputs import in_chunks, read_unlabelled
from gi_classifier.cli.options import (
    ForceOption,
    IdColumn,
    JsonOption,
    ModelOption,
    SkipBlank,
    TextColumn,
)
from gi_classifier.cli.outputs import check_file, options_of, print_json, write_file
from gi_classifier.data.writers import csv_for_excel
from gi_classifier.display import shown
from gi_classifier.model.origin import origin
from gi_classifier.model.shipped import load_or_shipped

_COLUMNS = ("line", "novelty", "rejected", "text")


def novelty(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="Records; labels in it are passed over.")],
    output: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write every record's score there: .csv, for Excel too."),
    ] = None,
    plot: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Draw the scores as PNG (extra 'plots').")
    ] = None,
    top: Annotated[int, typer.Option(min=0, help="How many of the most novel to print.")] = 10,
    text_column: TextColumn = "text",
    id_column: IdColumn = None,
    skip_blank: SkipBlank = False,
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
        raise typer.BadParameter(
            f"--id-column {id_column}: a column of the output has this name. Rename yours."
        )
    check_file("--output", output, (".csv",), file, force=force)
    check_file("--plot", plot, (".png",), file, force=force)
    directory = load_or_shipped(model)
    scorer = open_novelty(directory)
    records = read_unlabelled(file, text_column, id_column, skip_blank)
    scores = in_chunks(scorer.scores, records.texts)
    ids = {id_column: records.ids} if id_column and records.ids else {}
    rows = _rows(records.lines, ids, scores, scores > scorer.threshold, records.texts)
    columns = ("line", *ids, *_COLUMNS[1:])
    made_from = origin(directory, **options_of(context))
    write_file(output, csv_for_excel(rows, columns), made_from)
    if plot:
        write_file(plot, _picture(file.name, scores, scorer.threshold), made_from)
    most = [rows[i] for i in np.argsort(-scores, kind="stable")[:top]]
    if as_json:
        print_json(_summary(rows, scorer.threshold, most))
    else:
        _show(rows, scorer.threshold, most, id_column)


def _rows(
    lines: Sequence[int],
    ids: Mapping[str, Sequence[str]],
    scores: np.ndarray,
    novel: np.ndarray,
    texts: Sequence[str],
) -> list[dict[str, Any]]:
    """One for each record, in order."""
    return [
        {
            "line": line,
            **{name: column[i] for name, column in ids.items()},
            "novelty": float(scores[i]),
            "rejected": bool(novel[i]),
            "text": texts[i],
        }
        for i, line in enumerate(lines)
    ]


def _picture(name: str, scores: np.ndarray, threshold: float) -> bytes:
    from gi_classifier.plots.novelty import novelty_figure

    return novelty_figure({"records 记录": {name: scores}}, threshold)


def _summary(
    rows: Sequence[Mapping[str, Any]], threshold: float, most: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    rejected = sum(row["rejected"] for row in rows)
    return {
        "records": len(rows),
        "threshold": threshold,
        "rejected": rejected,
        "rejected_share": rejected / len(rows),
        "scores": [row["novelty"] for row in rows],
        "most_novel": list(most),
    }


def _show(
    rows: Sequence[Mapping[str, Any]],
    threshold: float,
    most: Sequence[Mapping[str, Any]],
    id_column: str | None,
) -> None:
    rejected = sum(row["rejected"] for row in rows)
    typer.echo(
        f"{len(rows)} records: {rejected} ({rejected / len(rows):.1%}) are novel, their score "
        f"above {threshold}."
    )
    for row in most:
        called = [shown(row[id_column])] if id_column else []
        verdict = "novel" if row["rejected"] else ""
        cells = (str(row["line"]), *called, f"{row['novelty']:.6f}", verdict, shown(row["text"]))
        typer.echo("\t".join(cells))
