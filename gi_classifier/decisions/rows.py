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


def name_of(answer: int, settings: Settings) -> str:
    """What a label, or what stands for no answer, is called."""
    return _UNANSWERED[answer] if answer in _UNANSWERED else settings.names[answer]


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
    found = probabilities.argmax(axis=1).tolist() if answers is None else answers
    shown = np.round(np.asarray(probabilities, dtype=np.float64), 6).tolist()
    columns = [f"probability_{i}" for i in range(np.shape(probabilities)[1])]
    rows = []
    for text, row, answer in zip(texts, shown, found, strict=True):
        label = None if answer in _UNANSWERED else int(answer)
        rows.append(
            {
                "text": text,
                "label": label,
                "name": name_of(answer, settings),
                "probability": max(row) if label is None else row[label],
                **dict(zip(columns, row, strict=True)),
            }
        )
    return rows
