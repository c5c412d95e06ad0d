"""Cuts a record into pieces of one or a few sentences, for what is read piece by piece.

In: a text. Out: where its pieces stand; together they are the whole text.
"""

from __future__ import annotations

import itertools
import re

# A shorter sentence alone says too little; it goes with its neighbour.
LEAST_CHARACTERS = 4
_END = re.compile(r"[。；;！!？?\r\n]+")


def pieces(text: str, least: int = LEAST_CHARACTERS) -> list[tuple[int, int]]:
    """Cut a text behind the marks that end sentences, and at line ends.

    Returns
    -------
    list of (start, end)
        One behind the other. Each has at least ``least`` characters, unless the text has fewer.
    """
    bounds = [0]
    for mark in _END.finditer(text):
        if mark.end() - bounds[-1] >= least:
            bounds.append(mark.end())
    if len(text) - bounds[-1] < least and len(bounds) > 1:
        bounds.pop()
    if bounds[-1] < len(text) or len(bounds) == 1:
        bounds.append(len(text))
    return list(itertools.pairwise(bounds))
