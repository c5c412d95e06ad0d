"""Measures how plausible scores are: do they point at what a clinician would underline?

In: the scores of a text's parts, and the spans that decide. Out: one number for each text.
Average precision is the area under the precision-recall curve of soft scores by which ERASER
(DeYoung et al. 2020) and ferret (Attanasio et al. 2023) measure plausibility; a character is the
unit, so that models with other tokens can be compared.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

Bounds = tuple[int, int]


def marked(length: int, spans: Iterable[Bounds]) -> np.ndarray:
    """Which characters of a text stand in a span: bool (length,)."""
    found = np.zeros(length, dtype=bool)
    for start, end in spans:
        found[start:end] = True
    return found


def character_scores(length: int, offsets: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Spread each token's score evenly over its characters: float64 (length,).

    Parameters
    ----------
    length : int
        Characters of the text; those in no token have 0.
    offsets : ndarray of int, shape (tokens, 2)
        Start and end of each token.
    scores : ndarray, shape (tokens,)
    """
    spread = np.zeros(length)
    for (start, end), score in zip(offsets, scores, strict=True):
        spread[start:end] += score / max(1, end - start)
    return spread


def average_precision(inside: np.ndarray, scores: np.ndarray) -> float:
    """Area under the precision-recall curve, as a sum of steps (scikit-learn).

    Parameters
    ----------
    inside : ndarray of bool, shape (characters,)
        Whether each stands in a span; one does at least.
    scores : ndarray, shape (characters,)
        Signed. Equal ones count at once, in no order.
    """
    from sklearn.metrics import average_precision_score

    return float(average_precision_score(inside, scores))


def top_word_inside(inside: np.ndarray, words: Sequence[tuple[Bounds, float]]) -> bool:
    """Whether at least half of the word with the highest score stands in spans.

    Parameters
    ----------
    inside : ndarray of bool, shape (characters,)
    words : sequence of (start, end), score
        Of equal scores the first counts.
    """
    (start, end), _ = max(words, key=lambda word: word[1])
    return bool(inside[start:end].mean() >= 0.5)
