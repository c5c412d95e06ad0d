"""The command rules: how far a plain search for a table's keywords would go."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from gi_classifier.attribution.rules import keyword_rules, measure_search, search
from gi_classifier.cli.inputs import (
    read,
)
from gi_classifier.cli.options import (
    JsonOption,
    LabelColumn,
    TextColumn,
)
from gi_classifier.data.encodings import recognise
from gi_classifier.errors import RecordsError


def rules(
    table: Annotated[Path, typer.Argument(help="A .csv that keywords wrote.")],
    file: Annotated[Path, typer.Argument(help="Records with their true labels.")],
    top: Annotated[int, typer.Option(min=1, help="Keywords of each label.")] = 20,
    text_column: TextColumn = "text",
    label_column: LabelColumn = "label",
    as_json: JsonOption = False,
) -> None:
    """Measure how far a plain search for a table's keywords would go."""
    import pandas as pd

    if not table.is_file():
        raise FileNotFoundError(f"No keyword table at {table}")
    try:
        ranked = pd.read_csv(table, encoding=recognise(table).name, keep_default_na=False)
    except ValueError as error:
        raise RecordsError(f"{table} is no keyword table ({error})") from error
    chosen = keyword_rules(ranked, top)
    records = read(file, text_column=text_column, label_column=label_column)
    labels = np.array(records.labels)
    found = measure_search(labels, search(records.texts, chosen))
    if as_json:
        typer.echo(json.dumps({**found, "rules": chosen}, ensure_ascii=False))
        return
    for label, words in chosen.items():
        typer.echo(f"{label}: {' '.join(words)}")
    typer.echo(
        f"{found['records']} records: {found['coverage']:.1%} hold a keyword that decides; "
        f"accuracy {found['accuracy']:.3f} of all, macro-F1 {found['macro_f1']:.3f}"
    )
    for row in found["classes"]:
        precision = "–" if row["precision"] is None else f"{row['precision']:.3f}"
        coverage = "–" if row["coverage"] is None else f"{row['coverage']:.1%}"
        typer.echo(
            f"  {row['label']}: precision {precision}  recall {row['recall']:.3f}  "
            f"F1 {row['f1']:.3f}  covered {coverage} of {row['support']}"
        )
