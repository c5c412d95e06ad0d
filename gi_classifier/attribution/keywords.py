"""The ranked keyword table of a corpus: which words decide for each label, and by how much.

In: records, one at a time, explained by integrated gradients. Out: a table with a row for each
keyword and label. Counting is streamed: what is held grows with the keywords, and by a number for
each distinct record that tells duplicates (some 60 bytes in a set).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np

from gi_classifier.attribution.attribution import Attribution, Span
from gi_classifier.attribution.words import STOP_WORDS, is_word
from gi_classifier.errors import SettingsError
from gi_classifier.option_checks import choice_problem, range_problem
from gi_classifier.text import normalise

Unit = Literal["word", "span"]
UNITS: tuple[str, ...] = get_args(Unit)


@dataclass(frozen=True)
class KeywordOptions:
    """What counts as a keyword; see :func:`gi_classifier.keyword_table`.

    ``share`` of a record's largest score is what that calls ``threshold``, as the reference did.
    """

    share: float = 0.2
    extracts_max: bool = False
    unit: Unit = "word"
    against: bool = False
    all_words: bool = False

    def __post_init__(self) -> None:
        if problems := self.problems(vars(self)):
            raise SettingsError("No keywords can be counted with these settings:", problems)

    @staticmethod
    def problems(given: Mapping[str, Any], share: str = "share") -> list[str]:
        """What is wrong with options by name; ``share`` is what the caller calls that one."""
        found = [
            range_problem(share, given["share"], 0, 1, open_low=True),
            choice_problem("unit", given["unit"], UNITS),
        ]
        found += [
            f"{name} must be a bool. Received: {given[name]!r}"
            for name in ("extracts_max", "against", "all_words")
            if not isinstance(given[name], bool)
        ]
        return [problem for problem in found if problem]


def rescaled(scores: np.ndarray) -> np.ndarray:
    """Divide a record's scores by the largest, and set those below 0 to 0: all in [0, 1].

    Zero stays zero, unlike with the reference's minimum-maximum rescaling, and equal scores, which
    that divides by zero, become 1 where they are positive. Without a positive score all are 0.
    """
    top = scores.max(initial=0.0)
    return np.asarray(np.maximum(scores, 0) / top if top > 0 else np.zeros_like(scores))


def keywords_of(attribution: Attribution, options: KeywordOptions) -> list[Span]:
    """Find one record's keywords.

    Parameters
    ----------
    attribution : Attribution
    options : KeywordOptions

    Returns
    -------
    list of Span
        In the order of the text, with unscaled scores (of ``against``: below 0).
        Words whose score, divided by the record's largest, reaches ``share``; with the unit
        "span", runs of adjacent tokens that do, broken by punctuation and white space. What can be
        no keyword (punctuation, stop words) has no part in it, so the largest is a keyword's. With
        ``extracts_max``, only the keyword that holds the record's largest score.
    """
    spans = attribution.spans("word" if options.unit == "word" else "token")
    allowed = [_allowed(span.text, options) for span in spans]
    scores = np.where(allowed, [span.score for span in spans], 0.0)
    shares = rescaled(-scores if options.against else scores)
    chosen = [bool(share >= options.share) for share in shares]
    if options.unit == "word":
        groups = [[i] for i, is_chosen in enumerate(chosen) if is_chosen]
    else:
        groups = _adjacent(spans, chosen)
    found = []
    for group in groups:
        start, end = spans[group[0]].start, max(spans[i].end for i in group)
        span = Span(attribution.text[start:end], start, end, float(scores[group].sum()))
        if is_word(span.text):
            found.append((float(shares[group].max()), span))
    if options.extracts_max and found:
        # The first of equals.
        found = [max(found, key=lambda pair: pair[0])]
    return [span for _, span in found]


def _allowed(part: str, options: KeywordOptions) -> bool:
    """Whether a word may stand in the table, or a token in a span."""
    if options.unit == "span":
        return any(c.isalnum() for c in part)
    return is_word(part) and (options.all_words or normalise(part) not in STOP_WORDS)


def _adjacent(spans: Sequence[Span], chosen: Sequence[bool]) -> list[list[int]]:
    """Runs of chosen tokens that touch each other."""
    groups: list[list[int]] = []
    for i, span in enumerate(spans):
        if not chosen[i]:
            continue
        # Two tokens may stem from one character, so a start may lie before the last end.
        touches = groups and groups[-1][-1] == i - 1 and span.start <= spans[i - 1].end
        if touches:
            groups[-1].append(i)
        else:
            groups.append([i])
    return groups
