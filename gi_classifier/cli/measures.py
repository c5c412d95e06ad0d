"""Figures of models on labelled records, as lines for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gi_classifier.cli.outputs import say


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
