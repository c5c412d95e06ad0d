"""The command head label: label a file of records with a head."""

from __future__ import annotations

from collections import Counter
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
    SheetOption,
    SkipBlank,
    StrictOption,
    TextColumn,
)
from gi_classifier.cli.outputs import (
    check_file,
    check_further_columns,
    options_of,
    print_json,
    say,
    say_written,
    write_origin,
)
from gi_classifier.data.writers import OUTPUT_FORMATS, check_holds, write_results
from gi_classifier.display import shown
from gi_classifier.model.origin import origin

# Records that are also printed when they are written to a file.
_SHOWN = 100


def label(
    context: typer.Context,
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", help="Records to label; labels in the file are passed over."
        ),
    ],
    head: Annotated[
        Path, typer.Option("--head", metavar="FILE", help="The head that `head train` wrote: .npz.")
    ],
    output: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help=f"Write the labels: {', '.join(OUTPUT_FORMATS)}."),
    ] = None,
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
    """Label records with a head that was trained on the same model's vectors."""
    from gi_classifier.heads.text_head import TextHead

    check_further_columns(id_column, keep_columns, output, as_json)
    check_file("--output", output, OUTPUT_FORMATS, file, head, force=force)
    found = TextHead.load(head, model)
    names = [str(name) for name in found.classes_.tolist()]
    known = found.directory.settings.names
    _check_id_column(id_column, names)
    source = read_source(
        None,
        [file],
        **form_of(context, (*names, *known)) | {"num_classes": max(len(names), len(known))},
    )
    if output:
        check_holds(output, source.answered([{"text": text} for text in source.texts]))
    probabilities = found.head_.predict_proba(in_chunks(found.embed, source.texts))
    rows = source.answered(_answers(source.texts, probabilities, names))
    counts = Counter(row["label"] for row in rows)
    summary = {name: counts[name] for name in names}
    if output:
        write_results(rows, output)
        write_origin(output, origin(found.directory, **options_of(context)))
        say_written(output)
    if as_json:
        told = {"errors": source.bad, "output": output and str(output)}
        print_json({"records": rows, "summary": summary, **told})
    else:
        _show(rows, summary, source.bad, everything=not output or len(rows) <= _SHOWN)
    if source.bad:
        raise typer.Exit(1)


def _check_id_column(id_column: str | None, names: Sequence[str]) -> None:
    written = ("line", "row", "text", "label", "name", "probability", "error")
    if id_column in (*written, *(f"probability_{name}" for name in names)):
        raise column_taken(id_column)


def _answers(
    texts: Sequence[str], probabilities: np.ndarray, names: Sequence[str]
) -> list[dict[str, Any]]:
    """One for each text, in order."""
    return [
        {
            "text": text,
            "label": names[int(row.argmax())],
            "probability": round(float(row.max()), 6),
            **{f"probability_{n}": round(float(p), 6) for n, p in zip(names, row, strict=True)},
        }
        for text, row in zip(texts, probabilities, strict=True)
    ]


def _show(
    rows: Sequence[Mapping[str, Any]], summary: Mapping[str, int], bad: int, *, everything: bool
) -> None:
    for row in rows if everything else ():
        if row.get("error"):
            say(f"–\terror\t{shown(row['error'])}")
        else:
            say(f"{shown(row['label'])}\t{row['probability']:.4f}\t{shown(row['text'])}")
    counts = ", ".join(f"{shown(name)} {count}" for name, count in summary.items())
    without = f"; {bad} bad rows without an answer" if bad else ""
    say(f"{len(rows)} records: {counts}{without}")
