"""The linear member: a sum over the n-grams of 1 to 4 characters of a record.

In: records as strings of any length. Out: for each label the log-odds that a one-vs-rest logistic
regression gives it, or what each character contributed to them. NumPy alone.

An n-gram that stands t times in a record has the value (1 + log t) times its inverse document
frequency, over the length of the vector of all values (sublinear TF-IDF; Manning, Raghavan and
Schütze 2008, chapter 6). The log-odds are linear in these values, so contributions add up exactly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from gi_classifier.arrays import read_npz, to_npz
from gi_classifier.errors import ModelError
from gi_classifier.model.fusion import odds_to_probabilities
from gi_classifier.model.key_table import KeyTable, search
from gi_classifier.model.ngrams import (
    LONGEST,
    MOST_CHARACTERS,
    Ngrams,
    aligned,
    cleaned,
    ngrams,
    numbers_of,
)
from gi_classifier.model.pieces import Spans, clauses, sentences
from gi_classifier.model.windows import window_weights

# How much sentences and clauses count beside the whole: scripts/dilution.py.
PIECE_SHARES = (0.3, 0.4)
# Few enough for a processor's cache.
_CHUNK = 1024
_MANY_KEYS = 30_000


@dataclass(frozen=True)
class Cut:
    """Texts in pieces.

    Attributes
    ----------
    sizes : ndarray of int, shape (pieces,)
        The characters of each piece, one text behind the other.
    rows : dict of int to slice
        The pieces of each text that has several.
    """

    sizes: np.ndarray
    rows: dict[int, slice]

    @classmethod
    def of(cls, spans: Sequence[Spans]) -> Cut:
        """From where the pieces of each text stand."""
        sizes = np.array([end - start for each in spans for start, end in each], dtype=int)
        bounds = np.cumsum([0, *map(len, spans)]).tolist()
        rows = {i: slice(bounds[i], bounds[i + 1]) for i, each in enumerate(spans) if len(each) > 1}
        return cls(sizes, rows)

    def owners(self, places: Ngrams) -> np.ndarray:
        """The piece that holds each n-gram: int (places,).

        -1 for those across two pieces, and for all of a text in one piece.
        """
        numbers = np.full(len(self.sizes), -1)
        for own in self.rows.values():
            numbers[own] = range(own.start, own.stop)
        pieces = np.repeat(numbers, self.sizes)
        first = pieces[places.firsts]
        return np.where(first == pieces[places.firsts + places.lengths - 1], first, -1)


def views(clean: Sequence[str], shares: tuple[float, float]) -> list[tuple[float, Cut]]:
    """How much each way of cutting texts counts, of those that count at all."""
    ways = zip(shares, (sentences, clauses), strict=True)
    return [(share, Cut.of([way(text) for text in clean])) for share, way in ways if share]


@dataclass(frozen=True, eq=False)
class LinearModel:
    """One-vs-rest log-odds of labels, linear in the n-grams of a record.

    Attributes
    ----------
    characters : str
        Those that n-grams are made of; a character's number is its place, from 1.
    keys : ndarray of uint64, shape (ngrams,)
        The n-grams, rising.
    frequencies : ndarray of uint32, shape (ngrams,)
        The training records that hold each.
    records : int
        All training records.
    weights : ndarray of float16, shape (classes, ngrams)
    intercepts : ndarray of float64, shape (classes,)
        The log-odds of an empty text.
    piece_shares : tuple of float
        How much a text's sentences and its clauses count beside the whole: 0 to 1 together.
    """

    characters: str
    keys: np.ndarray
    frequencies: np.ndarray
    records: int
    weights: np.ndarray
    intercepts: np.ndarray
    piece_shares: tuple[float, float] = PIECE_SHARES

    @property
    def num_classes(self) -> int:
        """How many labels it tells apart."""
        return len(self.intercepts)

    @cached_property
    def numbers(self) -> np.ndarray:
        """Each code point's number: uint16, 0 for those that have none."""
        return numbers_of(self.characters)

    @cached_property
    def idf(self) -> np.ndarray:
        """The inverse document frequency of each n-gram: float64 (ngrams,)."""
        return inverse_document_frequencies(self.frequencies, self.records)

    @cached_property
    def _weights(self) -> np.ndarray:
        return self.weights.astype(np.float64)

    @cached_property
    def _table(self) -> KeyTable:
        return KeyTable(self.keys)

    def columns(self, keys: np.ndarray) -> np.ndarray:
        """The place of each key among the model's n-grams: int, -1 for those it lacks."""
        # A table takes 20 ms to make, which few texts are not worth.
        return search(self.keys, keys) if len(keys) < _MANY_KEYS else self._table.find(keys)

    def log_odds(self, texts: Sequence[str]) -> np.ndarray:
        """Log-odds of each label against all others, texts whole: float64 (texts, classes)."""
        return self._answers(texts, (0.0, 0.0))

    def decision_function(self, texts: Sequence[str]) -> np.ndarray:
        """Log-odds of each label, the whole text and its pieces weighed: float64 (texts, classes).

        Sentences together and clauses together count their shares, the whole the rest, each piece
        by :func:`~gi_classifier.model.windows.window_weights`: a diagnosis among normal findings
        is diluted in the whole, and is not in its own piece.
        """
        return self._answers(texts, self.piece_shares)

    def _answers(self, texts: Sequence[str], shares: tuple[float, float]) -> np.ndarray:
        """Log-odds where sentences and clauses count so much: float64 (texts, classes)."""
        found = [np.zeros((0, self.num_classes))]
        for begin in range(0, len(texts), _CHUNK):
            clean = [cleaned(text) for text in texts[begin : begin + _CHUNK]]
            places = ngrams(clean, self.numbers)
            columns = self.columns(places.keys)
            whole = self._scores(places.owners, columns, len(clean))
            scores = whole.copy()
            for share, cut in views(clean, shares):
                parts = self._scores(cut.owners(places), columns, len(cut.sizes))
                for row, own in cut.rows.items():
                    weights = window_weights(odds_to_probabilities(parts[own]))
                    scores[row] += share * (weights @ parts[own] - whole[row])
            found.append(scores)
        return np.concatenate(found)

    def _scores(self, owners: np.ndarray, columns: np.ndarray, count: int) -> np.ndarray:
        """Log-odds of so many texts or pieces that own n-grams: float64 (count, classes)."""
        return weighed(tfidf(owners, columns, self.idf), self._weights, self.intercepts, count)

    def values(self, texts: Sequence[str]) -> Values:
        """What the log-odds of whole texts are linear in."""
        clean = [cleaned(text) for text in texts]
        places = ngrams(clean, self.numbers)
        return tfidf(places.owners, self.columns(places.keys), self.idf)

    def contributions(self, text: str) -> tuple[np.ndarray, np.ndarray]:
        """What each character adds to the log-odds of an empty text.

        The weight of an n-gram is spread evenly over its places and their characters; the pieces'
        weights are held as they are at the text.

        Returns
        -------
        scores : ndarray of float64, shape (characters, classes)
            One row for each character of the cleaned text. Their sum, and the intercepts, are
            :meth:`decision_function`.
        offsets : ndarray of int, shape (characters, 2)
            Start and end of each in ``text``.
        """
        clean, offsets = aligned(text)
        places = ngrams([clean], self.numbers)
        columns = self.columns(places.keys)
        scores, left = np.zeros((len(clean), self.num_classes)), 1.0
        for share, cut in views([clean], self.piece_shares):
            if not cut.rows:
                continue
            owners = cut.owners(places)
            parts = self._scores(owners, columns, len(cut.sizes))
            weights = window_weights(odds_to_probabilities(parts))
            self._spread(scores, places, owners, columns, share * weights)
            left -= share
        self._spread(scores, places, places.owners, columns, np.array([left]))
        return scores, offsets

    def _spread(
        self,
        scores: np.ndarray,
        places: Ngrams,
        owners: np.ndarray,
        columns: np.ndarray,
        counting: np.ndarray,
    ) -> None:
        """Add to each character what n-grams that their owners count so much give it."""
        kept = np.flatnonzero((columns >= 0) & (owners >= 0))
        owners, columns = owners[kept], columns[kept]
        starts, lengths = places.starts[kept], places.lengths[kept]
        held, width = tfidf(owners, columns, self.idf), len(self.keys)
        which = np.searchsorted(held.rows * width + held.columns, owners * width + columns)
        share = counting[owners] * held.values[which] / held.counts[which] / lengths
        for step in range(LONGEST):
            rows = lengths > step
            worth = (share[rows] * self._weights[:, columns[rows]]).T
            np.add.at(scores, starts[rows] + step, worth)

    def to_npz(self) -> bytes:
        """The model as a compressed ``.npz`` without pickles."""
        return to_npz(
            {
                "characters": np.frombuffer(self.characters.encode("utf-32-le"), dtype="<u4"),
                # Differences of rising numbers compress to half.
                "keys": np.diff(self.keys, prepend=np.uint64(0)),
                "frequencies": self.frequencies.astype(np.uint32),
                "records": np.array(self.records, dtype=np.int64),
                "weights": self.weights.astype(np.float16),
                "intercepts": self.intercepts.astype(np.float64),
                "piece_shares": np.array(self.piece_shares, dtype=np.float64),
            }
        )

    @classmethod
    def from_npz(cls, content: bytes) -> LinearModel:
        """Read what :meth:`to_npz` wrote.

        Raises
        ------
        ModelError
            It is no such file, or its parts do not fit together.
        """
        try:
            parts = read_npz(content)
            found = cls(
                characters=parts["characters"].astype("<u4").tobytes().decode("utf-32-le"),
                keys=np.cumsum(parts["keys"], dtype=np.uint64),
                frequencies=parts["frequencies"],
                records=int(parts["records"]),
                weights=parts["weights"],
                intercepts=parts["intercepts"],
                piece_shares=_pair(parts["piece_shares"]),
            )
            if found.weights.ndim != 2 or found.intercepts.ndim != 1:
                raise ValueError
        except Exception as error:
            raise ModelError(
                f"The linear model cannot be read ({type(error).__name__}). Train it anew."
            ) from error
        found.check()
        return found

    def check(self) -> None:
        """Raise ModelError where the parts do not fit together."""
        count, classes = len(self.keys), self.num_classes
        problems = []
        if len(self.characters) > MOST_CHARACTERS:
            problems.append(f"{len(self.characters)} characters; at most {MOST_CHARACTERS}")
        if self.frequencies.shape != (count,) or self.weights.shape != (classes, count):
            problems.append(
                f"{count} n-grams, frequencies {self.frequencies.shape}, weights "
                f"{self.weights.shape}, {classes} intercepts"
            )
        elif not (np.isfinite(self.weights).all() and np.isfinite(self.intercepts).all()):
            problems.append("weights that are not finite")
        shares = self.piece_shares
        if len(shares) != 2 or not (all(share >= 0 for share in shares) and sum(shares) <= 1):
            problems.append(f"piece shares of {shares}")
        if count > 1 and not (self.keys[1:] > self.keys[:-1]).all():
            problems.append("n-grams that do not rise")
        if problems:
            raise ModelError("The linear model's parts do not fit together:", problems)


def _pair(values: np.ndarray) -> tuple[float, float]:
    first, second = values.tolist()
    return float(first), float(second)


def inverse_document_frequencies(frequencies: np.ndarray, records: int) -> np.ndarray:
    """log((1 + records) / (1 + records with the n-gram)) + 1, as scikit-learn has it: float64."""
    return np.asarray(np.log((1 + records) / (1 + frequencies.astype(np.float64))) + 1)


class Values(NamedTuple):
    """A sparse matrix (texts, ngrams), row by row, columns rising.

    Attributes
    ----------
    rows, columns : ndarray of int, shape (entries,)
    values : ndarray of float64, shape (entries,)
    counts : ndarray of int, shape (entries,)
        How often the n-gram stands in the text.
    """

    rows: np.ndarray
    columns: np.ndarray
    values: np.ndarray
    counts: np.ndarray


def weighed(held: Values, weights: np.ndarray, intercepts: np.ndarray, count: int) -> np.ndarray:
    """Values of texts times weights, and intercepts.

    Parameters
    ----------
    held : Values
    weights : ndarray, shape (classes, ngrams)
    intercepts : ndarray, shape (classes,)
    count : int
        The texts.

    Returns
    -------
    ndarray of float64, shape (count, classes)
    """
    scores = np.tile(intercepts, (count, 1))
    for label, own in enumerate(weights):
        scores[:, label] += np.bincount(held.rows, held.values * own[held.columns], count)
    return scores


def tfidf(owners: np.ndarray, columns: np.ndarray, idf: np.ndarray) -> Values:
    """Sublinear TF-IDF of length 1 of each text; an owner or column of -1 is passed over.

    Parameters
    ----------
    owners, columns : ndarray of int, shape (places,)
        The text and the n-gram of each place.
    idf : ndarray of float64, shape (ngrams,)
    """
    known = (columns >= 0) & (owners >= 0)
    entries, counts = np.unique(owners[known] * len(idf) + columns[known], return_counts=True)
    rows, places = np.divmod(entries, max(1, len(idf)))
    values = (1 + np.log(counts)) * idf[places]
    lengths = np.sqrt(np.bincount(rows, values**2))
    return Values(rows, places, values / lengths[rows], counts)
