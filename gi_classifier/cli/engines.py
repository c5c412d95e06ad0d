"""The command engines: measure on records of one's own, here, which engine to set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import typer
from rich.table import Table

from gi_classifier.cli.inputs import form_of, read
from gi_classifier.cli.options import (
    HeaderRow,
    JsonOption,
    ModelOption,
    RecordsArgument,
    SheetOption,
    SkipBlank,
    TextColumn,
)
from gi_classifier.cli.outputs import notes, print_json, progress, results_console, say
from gi_classifier.errors import ModelError
from gi_classifier.model.directory import NO_ALBERT
from gi_classifier.model.shipped import load_or_shipped


def engines(
    context: typer.Context,
    file: RecordsArgument,
    text_column: TextColumn = "text",
    sheet: SheetOption = None,
    header_row: HeaderRow = None,
    skip_blank: SkipBlank = False,
    model: ModelOption = None,
    as_json: JsonOption = False,
) -> None:
    """Measure which engine reads your records fastest here, and as fp32 does.

    Every engine that is installed reads them: records a second, memory, and how many labels are
    those of fp32. What int8 and bfloat16 answer depends on the processor. Nothing is written.
    """
    from gi_classifier.evaluation.engines import ROUNDS, how_to_set, measure_engines, recommended

    directory = load_or_shipped(model)
    if "albert" not in directory.members:
        raise ModelError(NO_ALBERT)
    records = read(file, labelled=False, **form_of(context, directory.settings.names))
    with progress(3 * (ROUNDS + 2), "turns") as step:
        rows, missing = measure_engines(directory, records.texts, lambda name: step(1, name))
    best = recommended(rows)
    if as_json:
        print_json({"engines": rows, "missing": missing, "recommended": best})
        return
    _show(rows, missing)
    say(how_to_set(best))


def _show(rows: Sequence[Mapping[str, Any]], missing: Mapping[str, str]) -> None:
    table = Table(box=None, pad_edge=False)
    for number, name in enumerate(
        ("engine", "records/s", "times fp32", "MiB", "labels as fp32", "differ at most")
    ):
        table.add_column(name, justify="right" if number else "left")
    for row in rows:
        precision = f" ({row['precision']})" if row["precision"] else ""
        memory = row["memory_mib"]
        table.add_row(
            row["engine"] + precision,
            f"{row['records_per_second']:,.0f}",
            f"{row['times_fp32']:.2f}",
            "–" if memory is None else f"{memory:,.0f}",
            f"{row['equal']:,} of {row['records']:,}",
            f"{row['differ_at_most']:.2%}",
        )
    results_console().print(table)
    for reason in missing.values():
        notes.print(reason)
