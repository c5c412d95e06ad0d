"""How far the keyword tables of two halves of the records agree.

In: two tables of :func:`gi_classifier.attribution.keyword_table.keyword_table`. Out: for each
label, how many keywords the tops share, and the rank correlation over all that both have.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from gi_classifier.errors import InputError
from gi_classifier.text import folded

if TYPE_CHECKING:
    import pandas as pd


class Stability(NamedTuple):
    """How well two halves' rankings agree.

    Attributes
    ----------
    correlation : float
        Spearman's, of the ranks over the union of both tops.
    shared, compared : int
        Keywords in both tops, and in their union.
    """

    correlation: float
    shared: int
    compared: int


def stability(first: pd.DataFrame, second: pd.DataFrame, top: int = 50) -> dict[int, Stability]:
    """Rank correlation of two halves' tables, by label.

    Parameters
    ----------
    first, second : DataFrame
        Tables of :func:`keyword_table`.
    top : int
        Of each table's label, so many of the highest totals.

    Returns
    -------
    dict of int to Stability
        A keyword that a table lacks stands behind its last, so tops that share little correlate
        below 0. nan where fewer than three keywords are compared.

    Raises
    ------
    InputError
        A table has no labels.
    """
    if not all("label" in table for table in (first, second)):
        raise InputError("Stability is measured by label; these tables pool the labels.")
    from scipy.stats import spearmanr

    found = {}
    for label in sorted({*first["label"], *second["label"]}):
        words = [
            [folded(word) for word in table["keyword"][table["label"] == label]]
            for table in (first, second)
        ]
        union = list(dict.fromkeys([*words[0][:top], *words[1][:top]]))
        ranks = [
            [{w: i for i, w in enumerate(part)}.get(word, len(part)) for word in union]
            for part in words
        ]
        correlation = float(spearmanr(*ranks)[0]) if len(union) > 2 else float("nan")
        shared = len({*words[0][:top]} & {*words[1][:top]})
        found[int(label)] = Stability(correlation, shared, len(union))
    return found
