"""Figures of models on labelled records, as lines for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gi_classifier.cli.outputs import results_console, say
from gi_classifier.display import shown


def show_measures(found: Mapping[str, Mapping[str, Any]], names: Sequence[str]) -> None:
    """Print a line for each model and label, and the first model's confusion matrix.

    Parameters
    ----------
    found : mapping
        From a model's title to what :func:`gi_classifier.metrics.measures.measure` found.
    names : sequence of str
        One for each label.
    """
    width = max(map(len, found))
    for title, values in found.items():
        low, high = values["macro_f1_interval"] or (None, None)
        interval = "" if low is None else f"[{low:.4f}, {high:.4f}]  "
        say(
            f"{title:<{width}}  macro-F1 {values['macro_f1']:.4f} {interval}"
            f"accuracy {values['accuracy']:.4f}  records {values['records']}"
        )
        for row in values["classes"]:
            say(
                f"  {row['label']} {names[row['label']]}: precision {row['precision']:.4f}  "
                f"recall {row['recall']:.4f}  F1 {row['f1']:.4f}  support {row['support']}"
            )
    title, values = next(iter(found.items()))
    say(f"confusion of {title} (a row for each true label, a column for each answer):")
    width = max(len(str(count)) for row in values["confusion"] for count in row)
    for name, row in zip(names, values["confusion"], strict=True):
        say(f"  {' '.join(f'{count:>{width}}' for count in row)}  {name}")


def show_report(table: Mapping[str, Any], further: str = "") -> None:
    """Print the tables of a report, on what it was measured if it says so, and how intervals are.

    Parameters
    ----------
    table : mapping
        As :func:`gi_classifier.evaluation.evaluation_report.evaluation_report` makes it.
    further : str
        What stands behind the last line.
    """
    from gi_classifier.evaluation.report_tables import INTERVALS, terminal_tables

    if "measured_on" in table:
        say(f"Measured on {shown(table['measured_on'])}")
    screen = results_console()
    for part in terminal_tables(table):
        screen.print(part)
        screen.print()
    say(f"{INTERVALS.format(table['resamples'])}{further}")
