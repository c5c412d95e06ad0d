"""Texts longer than a model reads at once, cut into windows that overlap.

In: encoded texts and settings. Out: each window's token ids, with special tokens, its text, and
which of the text's tokens it holds.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gi_classifier.settings import Settings, WindowRule
from gi_classifier.text import Encoded, Vocabulary


@dataclass(frozen=True)
class Windows:
    """The windows of some texts, in the texts' order.

    Attributes
    ----------
    ids : list of ndarray of int32
        Each window's ids, with special tokens.
    owners : ndarray of int, shape (windows,)
        The position of each window's text; they rise, and every text has one window at least.
    spans : list of (start, end)
        The tokens of its text that each window holds.
    """

    ids: list[np.ndarray]
    owners: np.ndarray
    spans: list[tuple[int, int]]

    def by_text(self) -> list[slice]:
        """The windows of each text."""
        count = self.owners[-1] + 1 if len(self.owners) else 0
        bounds = np.searchsorted(self.owners, np.arange(count + 1))
        return [slice(a, b) for a, b in itertools.pairwise(bounds.tolist())]


def cut_windows(encoded: Sequence[Encoded], vocabulary: Vocabulary, settings: Settings) -> Windows:
    """Cut encoded texts into windows of at most ``settings.maxlen`` tokens, special ones included.

    A text that fits is one window. Neighbours share ``settings.window_overlap`` tokens, the last
    two maybe more.
    """
    ids: list[np.ndarray] = []
    owners: list[int] = []
    spans: list[tuple[int, int]] = []
    size, overlap = settings.maxlen - 2, settings.window_overlap
    for owner, tokens in enumerate(encoded):
        for start, end in window_spans(len(tokens.ids), size, overlap):
            ids.append(vocabulary.with_special(tokens.ids[start:end]))
            owners.append(owner)
            spans.append((start, end))
    return Windows(ids, np.array(owners, dtype=int), spans)


def window_spans(length: int, size: int, overlap: int) -> list[tuple[int, int]]:
    """Cut ``length`` tokens into windows of at most ``size`` that overlap.

    Returns
    -------
    list of (start, end)
        They cover every token; neighbours share ``overlap`` tokens, the last two maybe more.
    """
    if length <= size:
        return [(0, length)]
    starts = [*range(0, length - size, size - overlap), length - size]
    return [(start, start + size) for start in starts]


def window_weights(probabilities: np.ndarray, rule: WindowRule = "evidence") -> np.ndarray:
    """Weight of each of one text's windows: float64 (windows,), summing to 1.

    "evidence" weighs by a window's mass off label 0, the background: a window that describes a
    tract outweighs several that clearly describe neither; where all describe neither, so does
    the text. The mean is not monotone: a window that turns towards a tract, but is less sure of it
    than the others, lowers the tract's probability. "mean" gives every window the same weight.

    Parameters
    ----------
    probabilities : ndarray, shape (windows, classes)
        Rows sum to 1.
    rule : {"evidence", "mean"}
    """
    if len(probabilities) == 1 or rule == "mean":
        return np.full(len(probabilities), 1 / len(probabilities))
    weights = np.maximum(1 - probabilities[:, 0], 1e-9)
    return np.asarray(weights / weights.sum())
