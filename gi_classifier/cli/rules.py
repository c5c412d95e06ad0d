"""The command rules: how far a plain search for a table's keywords would go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from gi_classifier.attribution.rules import keyword_rules, measure_search, search
from gi_classifier.cli.inputs import form_of, read
from gi_classifier.cli.options import (
    HeaderRow,
    JsonOption,
    LabelColumn,
    LabelledArgument,
    ModelOption,
    SheetOption,
    TextColumn,
)
from gi_classifier.cli.outputs import print_json
from gi_classifier.data.encodings import recognise
from gi_classifier.display import shown
from gi_classifier.errors import MissingPathError, RecordsError
from gi_classifier.model.shipped import load_or_shipped

if TYPE_CHECKING:
    import pandas as pd


def rules(
    context: typer.Context,
    file: LabelledArgument,
    keywords: Annotated[
        Path,
        typer.Option(
            metavar="FILE",
            help="The table whose words are searched for: .csv, as `keywords --output` wrote it.",
        ),
    ],
    top: Annotated[
        int,
        typer.Option(
            metavar="NUMBER",
            min=1,
            help="How many of each label's first keywords are searched for.",
        ),
    ] = 20,
    text_column: TextColumn = "text",
    label_column: LabelColumn = "label",
    sheet: SheetOption = None,
    header_row: HeaderRow = None,
    model: ModelOption = None,
    as_json: JsonOption = False,
) -> None:
    """Measure how far a plain search for a table's keywords would go."""
    chosen = keyword_rules(_table(keywords), top)
    settings = load_or_shipped(model).settings
    records = read(
        file,
        # A table of another model than the one that ships may have more labels.
        **form_of(context, settings.names) | ({} if model else {"num_classes": None}),
    )
    found = measure_search(np.array(records.labels), search(records.texts, chosen))
    if as_json:
        print_json({**found, "rules": chosen})
    else:
        _show(found, chosen)


def _table(path: Path) -> pd.DataFrame:
    import pandas as pd

    if not path.is_file():
        raise MissingPathError(f"No keyword table at {path}")
    try:
        return pd.read_csv(path, encoding=recognise(path).name, keep_default_na=False)
    except ValueError as error:
        raise RecordsError(
            f"{path} is no keyword table. Give a .csv that `keywords --output` wrote."
        ) from error


def _show(found: Mapping[str, Any], chosen: Mapping[int, Sequence[str]]) -> None:
    for label, words in chosen.items():
        typer.echo(f"{label}: {shown(' '.join(words))}")
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
