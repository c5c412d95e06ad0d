"""One record's attribution: how much each token, word or clause moved a label's score.

In: scores of tokens with their offsets. Out: sums over words, clauses and sentences, as spans,
as a table or as a dict for JSON.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, get_args

import numpy as np

from gi_classifier.attribution.words import cut
from gi_classifier.errors import SettingsError
from gi_classifier.option_checks import choice_problem

if TYPE_CHECKING:
    import pandas as pd


# What scores are summed over; "token" are the model's.
SpanUnit = Literal["token", "word", "clause", "sentence"]
SPAN_UNITS: tuple[str, ...] = get_args(SpanUnit)


class Span(NamedTuple):
    """A part of the text with the sum of its tokens' scores.

    Examples
    --------
    >>> from gi_classifier import explain
    >>> span = explain(["直肠息肉切除术后"])[0].words()[0]
    >>> span.text, span.start, span.end, span.score > 0
    ('直肠', 0, 2, True)
    """

    text: str
    start: int
    end: int
    score: float


# Without equality: that of arrays is not one truth.
@dataclass(frozen=True, eq=False)
class Attribution:
    """Which tokens speak for a label, and which against it.

    The scores of all tokens and ``special`` sum to ``score`` - ``baseline_score``, up to
    ``error``. The weights of a long text's windows, and of its pieces, are held as they are at the
    text.

    Attributes
    ----------
    text : str
        The record, unchanged.
    label : int
        The label that is explained.
    label_name : str
    tokens : tuple of str
        The model's tokens; [UNK] where it does not know a character.
    offsets : ndarray of int, shape (tokens, 2)
        Start and end of each token in ``text``.
    scores : ndarray of float64, shape (tokens,)
        Above 0 where the token speaks for the label, below where against it.
    albert, linear : ndarray of float64, shape (tokens,)
        The part of each member in ``scores``.
    special : float
        The share of [CLS] and [SEP].
    probability, baseline_probability : float
        Of the label, at the text and at the baseline.
    score, baseline_score : float
        Of the label: a weighted sum of the members' log-odds, see
        :meth:`gi_classifier.GIClassifier.decision_function`.
    error : float
        Completeness error: the distance of the sum from ``score`` - ``baseline_score``,
        relative to that difference (of at least 0.001).
    steps : int
        Points of the rule that the scores come from; coarser ones may have been tried before.
    converged : bool
        Whether ``error`` is within the tolerance.
    baseline : str
        The baseline's name.

    Examples
    --------
    >>> from gi_classifier import explain
    >>> found = explain(["直肠息肉"])[0]
    >>> found.label, found.label_name, found.converged
    (2, 'lower 下消化道', True)
    >>> gained = found.score - found.baseline_score
    >>> bool(abs(found.scores.sum() + found.special - gained) < 0.02 * abs(gained))
    True
    """

    text: str = field(repr=False)
    label: int
    label_name: str
    tokens: tuple[str, ...] = field(repr=False)
    offsets: np.ndarray = field(repr=False)
    scores: np.ndarray = field(repr=False)
    albert: np.ndarray = field(repr=False)
    linear: np.ndarray = field(repr=False)
    special: float
    probability: float
    baseline_probability: float
    score: float
    baseline_score: float
    error: float
    steps: int
    converged: bool
    baseline: str

    def __post_init__(self) -> None:
        # Equal texts share one attribution.
        for array in (self.offsets, self.scores, self.albert, self.linear):
            array.flags.writeable = False

    def spans(self, unit: SpanUnit = "word") -> list[Span]:
        """Sum the scores over tokens, words, clauses or sentences.

        Every token counts once, in the span that holds its first character. Spans without a
        token, such as white space, are left out, so the scores sum to those of the tokens.

        Parameters
        ----------
        unit : {"token", "word", "clause", "sentence"}

        Raises
        ------
        SettingsError
            No such unit.
        """
        if unit == "token":
            found = [(int(a), int(b)) for a, b in self.offsets]
            return [
                Span(self.text[a:b], a, b, float(score))
                for (a, b), score in zip(found, self.scores, strict=True)
            ]
        if problem := choice_problem("unit", unit, SPAN_UNITS):
            raise SettingsError(problem)
        parts = cut(self.text, unit)
        owners = np.searchsorted([start for start, _ in parts], self.offsets[:, 0], "right") - 1
        sums = np.bincount(owners, self.scores, len(parts))
        held = np.bincount(owners, minlength=len(parts))
        return [
            Span(self.text[a:b], a, b, float(total))
            for (a, b), total, count in zip(parts, sums, held, strict=True)
            if count
        ]

    def words(self) -> list[Span]:
        """The scores by word."""
        return self.spans("word")

    def to_frame(self, unit: SpanUnit = "token") -> pd.DataFrame:
        """One row for each token (or word, clause, sentence): text, start, end, score.

        By token, the column ``token`` holds what the model read.
        """
        import pandas as pd

        table = pd.DataFrame(self.spans(unit), columns=list(Span._fields))
        if unit == "token":
            table.insert(0, "token", list(self.tokens))
        return table

    def to_dict(self) -> dict[str, Any]:
        """Everything, ready for JSON."""
        table = {name: getattr(self, name) for name in self.__dataclass_fields__}
        arrays = ("offsets", "scores", "albert", "linear")
        return {**table, **{name: table[name].tolist() for name in arrays}}
