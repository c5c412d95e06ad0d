"""Cuts a record into sentences and clauses, for what is read piece by piece.

In: a text. Out: where its pieces stand; together they are the whole text.
"""

from __future__ import annotations

import itertools
import re

# A shorter piece alone says too little; it goes with its neighbour.
LEAST_SENTENCE, LEAST_CLAUSE = 4, 8
_SENTENCE_END = re.compile(r"[。；;！!？?\r\n]+")
# No time, ratio or thousands are cut.
_CLAUSE_END = re.compile(r"[。；;！!？?\r\n，：]+|(?<!\d)[,:]+|[,:]+(?!\d)")
Spans = list[tuple[int, int]]


def sentences(text: str, least: int = LEAST_SENTENCE) -> Spans:
    """Cut a text behind the marks that end sentences, and at line ends.

    Returns
    -------
    list of (start, end)
        One behind the other. Each has at least ``least`` characters, unless the text has fewer.
    """
    return _cut(text, _SENTENCE_END, least)


def clauses(text: str, least: int = LEAST_CLAUSE) -> Spans:
    """Cut a text as :func:`sentences` does, and behind commas and colons."""
    return _cut(text, _CLAUSE_END, least)


def _cut(text: str, end: re.Pattern[str], least: int) -> Spans:
    bounds = [0]
    for mark in end.finditer(text):
        if mark.end() - bounds[-1] >= least:
            bounds.append(mark.end())
    if len(text) - bounds[-1] < least and len(bounds) > 1:
        bounds.pop()
    if bounds[-1] < len(text) or len(bounds) == 1:
        bounds.append(len(text))
    return list(itertools.pairwise(bounds))
