"""An evaluation report on the terminal, and as files.

In: what :func:`gi_classifier.evaluation.evaluation_report.evaluation_report` returned. Out: tables
for rich, or the content of ``metrics.json``, ``metrics.csv`` and ``errors.csv``.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from rich.table import Table
from rich.text import Text

from gi_classifier.data.records import PLACE
from gi_classifier.data.writers import columns_of, csv_for_excel
from gi_classifier.display import shown
from gi_classifier.evaluation.evaluation_report import long_rows
from gi_classifier.files import to_json

METRICS_JSON, METRICS_CSV, ERRORS_CSV = "metrics.json", "metrics.csv", "errors.csv"
# A directory of version 0.1.0 holds the picture too, and may be replaced.
OWNED = (METRICS_JSON, METRICS_CSV, ERRORS_CSV, "evaluation.png")
_COLUMNS = ("model", "group", "measure", "class", "value", "low", "high", "records")
_WHOLE = {
    "macro_f1": "macro-F1",
    "weighted_f1": "weighted F1",
    "accuracy": "accuracy",
    "roc_auc": "ROC AUC",
    "average_precision": "avg. precision",
    "brier_score": "Brier score",
    "expected_calibration_error": "ECE",
    "log_loss": "log loss",
}
_CLASS = {
    "precision": "precision",
    "recall": "recall",
    "f1": "F1",
    "roc_auc": "ROC AUC",
    "average_precision": "avg. precision",
}
# Below tables with intervals; how many resamples is put in.
INTERVALS = (
    "[low, high]: 95% interval, exact for accuracy, precision, recall and counts, for the others\n"
    "of {} weighted resamples."
)
# A value with its interval.
_CELL_WIDTH = len("0.929 [0.918, 0.940]")
_GROUP = {"macro_f1": "macro-F1", "accuracy": "accuracy"}


def files(table: Mapping[str, Any]) -> dict[str, bytes]:
    """Content of ``metrics.json``, ``metrics.csv`` and ``errors.csv``, by name."""
    shares = [f"probability_{label}" for label in range(len(table["labels"]))]
    columns = (*_places(table["errors"]), "truth", "predicted", "probability", *shares, "text")
    # Behind them, columns of the file that were kept.
    columns = tuple(dict.fromkeys((*columns, *columns_of(table["errors"]))))
    return {
        METRICS_JSON: to_json(table),
        METRICS_CSV: csv_for_excel(list(long_rows(table)), _COLUMNS),
        ERRORS_CSV: csv_for_excel(table["errors"], columns),
    }


def terminal_tables(table: Mapping[str, Any]) -> Iterator[Table]:
    """Tables of a report: measures, classes, groups, confusion, worst errors."""
    models = list(table["models"].values())
    names = table["labels"]
    whole = _table(table, "all records")
    _add(whole, "", _WHOLE, models, records=models[0]["records"])
    yield whole
    classes = _table(table, "class")
    for label in range(len(names)):
        rows = [model["classes"][label] for model in models]
        _add(classes, _title(label, names), _CLASS, rows, support=rows[0]["support"])
    yield classes
    places = list(enumerate(models[0]["groups"]))
    for by, part in groupby(places, key=lambda entry: str(entry[1]["by"])):
        grouped = _table(table, by)
        for place, group in part:
            rows = [model["groups"][place] for model in models]
            _add(grouped, shown(group["group"]), _GROUP, rows, records=group["records"])
        yield grouped
    yield _confusion(models[0], names)
    if table["errors"]:
        yield _errors(table["errors"], len(names))


def _title(label: int, names: Sequence[str]) -> str:
    return f"{label}" if names[label] == str(label) else f"{label} {names[label]}"


def _table(table: Mapping[str, Any], heading: str) -> Table:
    # Three models fit a terminal of 80 columns.
    found = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    found.add_column(Text(shown(heading)))
    for title in table["models"]:
        found.add_column(textwrap.fill(title, _CELL_WIDTH), min_width=_CELL_WIDTH, no_wrap=True)
    return found


def _add(
    table: Table,
    heading: str,
    measures: Mapping[str, str],
    rows: Sequence[Mapping[str, Any]],
    **counts: int,
) -> None:
    """Add a heading, counts, and below them one row a measure with a cell for each model."""
    if heading:
        table.add_row(Text(shown(heading), style="bold"))
    for name, count in counts.items():
        table.add_row(f" {name}", f"{count:,}")
    for name, title in measures.items():
        cells = (_cell(row[name], row[f"{name}_interval"]) for row in rows)
        table.add_row(f" {title}", *cells)


def _cell(value: float | None, interval: Sequence[float] | None, form: str = ".3f") -> Text:
    if value is None:
        return Text("–")
    if interval is None:
        return Text(f"{value:{form}}")
    low, high = interval
    return Text(f"{value:{form}} [{low:{form}}, {high:{form}}]")


def _confusion(model: Mapping[str, Any], names: Sequence[str]) -> Table:
    found = Table(box=None, pad_edge=False)
    found.add_column("truth / predicted", no_wrap=True)
    for label in range(len(names)):
        found.add_column(Text(shown(_title(label, names))), no_wrap=True)
    low, high = model["confusion_interval"]
    for truth, row in enumerate(model["confusion"]):
        cells = (
            _cell(count, bounds, ".0f")
            for count, *bounds in zip(row, low[truth], high[truth], strict=True)
        )
        found.add_row(Text(shown(_title(truth, names))), *cells)
    return found


def _errors(errors: Sequence[Mapping[str, Any]], classes: int) -> Table:
    found = Table(box=None, pad_edge=False, expand=True)
    places = _places(errors)
    for heading in (*places, "truth", "predicted"):
        found.add_column(heading, justify="right")
    # Of many classes, the first few; errors.csv holds them all.
    found.add_column("probabilities", no_wrap=True, overflow="ellipsis", max_width=30)
    found.add_column(f"the {len(errors)} surest errors", no_wrap=True, overflow="ellipsis", ratio=1)
    for row in errors:
        shares = " ".join(f"{row[f'probability_{label}']:.2f}" for label in range(classes))
        cells = (Text(shown(str(row[name]))) for name in (*places, "truth", "predicted"))
        found.add_row(*cells, shares, Text(shown(row["text"])))
    return found


def _places(errors: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """What says where an error stands."""
    return tuple(name for name in PLACE if name in (errors[0] if errors else ("line",)))
