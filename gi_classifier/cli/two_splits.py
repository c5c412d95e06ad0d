"""What thresholds and abstain share: validation records to choose on, test records to check on.

In: two files of labelled records. Out: labels and probabilities of both, and tables of what was
found on them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.table import Table

from gi_classifier.cli.inputs import apart, in_chunks, read, warn_of_known
from gi_classifier.data.fingerprints import says_what_it_knows
from gi_classifier.data.records import drop_duplicates
from gi_classifier.decisions.policies import SPLITS
from gi_classifier.errors import RecordsError
from gi_classifier.model.directory import ModelDirectory
from gi_classifier.model.predictor import Predictor
from gi_classifier.settings import Use
from gi_classifier.training.keras_engine import open_any_engine

ValArgument = Annotated[
    Path,
    typer.Argument(
        metavar="VAL",
        help="Validation records with their true labels, which the model did not see.",
    ),
]
TestOption = Annotated[
    Path,
    typer.Option(
        "--test", metavar="FILE", help="Other such records, to measure on what was chosen."
    ),
]


def read_validation_and_test(
    directory: ModelDirectory,
    val: Path,
    test: Path,
    *,
    engine: str | None,
    use: Use | None,
    guarantee: bool = False,
    **form: Any,
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Labels (n,) and probabilities (n, classes) of both files by :data:`SPLITS`.

    ``form`` is options of :func:`gi_classifier.data.readers.read_records`. Duplicates, and
    test records that are in validation, are left out; notes say so, and what would flatter. Where
    a ``guarantee`` is wanted, that is validation records that chose the weights, too.

    Raises
    ------
    RecordsError
        A file has no record, or no test record is left.
    """
    options = {
        **form,
        "num_classes": directory.settings.num_classes,
        "label_names": directory.settings.names,
    }
    validation, tested = (drop_duplicates(read(path, **options)) for path in (val, test))
    tested = apart(tested, validation)
    if not len(tested):
        raise RecordsError(f"No record is left in {test}. Give test records that are not in {val}.")
    # The validation records that chose the weights may choose a threshold too.
    warn_of_known(directory, validation, ("test",) if guarantee else ("val", "test"))
    if says_what_it_knows(directory.splits):
        warn_of_known(directory, tested)
    predictor = Predictor.from_directory(directory, open_any_engine(directory, engine), use=use)
    return {
        split: (np.array(records.labels), in_chunks(predictor.predict_proba, records.texts))
        for split, records in zip(SPLITS, (validation, tested), strict=True)
    }


def flat_intervals(row: Mapping[str, Any]) -> dict[str, Any]:
    """Each NAME_interval as NAME_low and NAME_high."""
    flat: dict[str, Any] = {}
    for name, value in row.items():
        if name.endswith("_interval"):
            stem = name.removesuffix("_interval")
            flat[f"{stem}_low"], flat[f"{stem}_high"] = value or (None, None)
        else:
            flat[name] = value
    return flat


def cell(row: Mapping[str, Any], name: str, *, interval: bool = False, form: str = ".3f") -> str:
    """Show a value with its interval, or a dash."""
    if row[name] is None:
        return "–"
    if not interval:
        return f"{row[name]:{form}}"
    low, high = row[f"{name}_interval"]
    return f"{row[name]:{form}} [{low:{form}}, {high:{form}}]"


def results_table(first: str, headings: Sequence[str]) -> Table:
    """An empty table whose columns but the first are numbers."""
    table = Table(box=None, pad_edge=False, title_justify="left")
    table.add_column(first, no_wrap=True)
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True)
    return table
