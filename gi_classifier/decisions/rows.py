"""Predictions as rows: text, label, name, probability.

In: texts, probabilities (n, classes) and answers. Out: one dict for each record, in order.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gi_classifier.decisions.decision import NOVEL, UNDECIDED
from gi_classifier.settings import Settings

# What a record without an answer is called.
_UNANSWERED = {UNDECIDED: "undecided 未定", NOVEL: "novel 陌生"}


def results(
    texts: Sequence[str],
    probabilities: np.ndarray,
    settings: Settings,
    answers: Sequence[int] | None = None,
) -> list[dict[str, Any]]:
    """Join texts and what the model says of them to one row for each record, in order.

    Parameters
    ----------
    texts : sequence of str
    probabilities : ndarray, shape (n, classes)
    settings : Settings
    answers : sequence of int, optional
        Labels, or what :mod:`gi_classifier.decisions.decision` has for no answer; without, the
        likeliest ones. A row without an answer has label None, and as ``probability`` the largest
        one.
    """
    rows = []
    found = probabilities.argmax(axis=1).tolist() if answers is None else answers
    for text, row, answer in zip(texts, probabilities, found, strict=True):
        label = None if answer in _UNANSWERED else int(answer)
        probability = row.max() if label is None else row[label]
        rows.append(
            {
                "text": text,
                "label": label,
                "name": _UNANSWERED[answer] if label is None else settings.names[label],
                "probability": round(float(probability), 6),
                **{f"probability_{i}": round(float(p), 6) for i, p in enumerate(row)},
            }
        )
    return rows
