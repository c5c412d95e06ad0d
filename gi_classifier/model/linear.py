"""The linear member: a sum over the n-grams of 1 to 4 characters of a record.

In: records as strings of any length. Out: for each label the log-odds that a one-vs-rest logistic
regression gives it, or what each character contributed to them. NumPy alone.

An n-gram that stands t times in a record has the value (1 + log t) times its inverse document
frequency, over the length of the vector of all values (sublinear TF-IDF; Manning, Raghavan and
Schütze 2008, chapter 6). The log-odds are linear in these values, so contributions add up exactly.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import NamedTuple

import numpy as np
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers

from gi_classifier.arrays import read_npz
from gi_classifier.errors import ModelError
from gi_classifier.model.fusion import odds_to_probabilities
from gi_classifier.model.key_table import KeyTable, search
from gi_classifier.model.pieces import pieces
from gi_classifier.model.windows import window_weights
from gi_classifier.text import SPACES, SURROGATE, folded

LONGEST = 4
# Each character of an n-gram takes 16 of a key's 64 bits.
_BITS = 16
MOST_CHARACTERS = 2**_BITS - 1
_CODE_POINTS = 0x110000
# The least silenced of those that are level on every set of records: scripts/dilution.py.
PIECE_SHARE = 0.65
# Few enough for a processor's cache.
_CHUNK = 1024
_MANY_KEYS = 30_000


class Ngrams(NamedTuple):
    """Where n-grams stand in some texts, one entry for each place.

    Attributes
    ----------
    owners : ndarray of int, shape (places,)
        The position of each n-gram's text.
    keys : ndarray of uint64, shape (places,)
    starts, lengths : ndarray of int, shape (places,)
        The first character of each n-gram in its folded text, and how many it has.
    """

    owners: np.ndarray
    keys: np.ndarray
    starts: np.ndarray
    lengths: np.ndarray


def code_points(texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """The characters of texts, one behind the other, and how many each text has.

    Returns
    -------
    points : ndarray of uint32, shape (characters,)
    sizes : ndarray of int, shape (texts,)
    """
    points = np.frombuffer("".join(texts).encode("utf-32-le"), dtype="<u4")
    return points, np.array([len(text) for text in texts], dtype=int)


def ngrams(texts: Sequence[str], numbers: np.ndarray) -> Ngrams:
    """Every n-gram of 1 to 4 characters that all have a number.

    Parameters
    ----------
    texts : sequence of str
        Folded.
    numbers : ndarray of uint16, shape (0x110000,)
        Each character's number; 0 for those that have none.
    """
    points, sizes = code_points(texts)
    numbered = numbers[points].astype(np.uint64)
    owners = np.repeat(np.arange(len(texts)), sizes)
    begins = np.concatenate(([0], np.cumsum(sizes)[:-1])) if len(sizes) else np.zeros(0, int)
    places = np.arange(len(points)) - np.repeat(begins, sizes)
    left = np.repeat(sizes, sizes) - places
    keys, whole = np.zeros_like(numbered), np.ones(len(points), dtype=bool)
    found = []
    for length in range(1, LONGEST + 1):
        last = np.zeros_like(numbered)
        last[: max(0, len(points) - length + 1)] = numbered[length - 1 :]
        keys = (keys << np.uint64(_BITS)) | last
        whole = whole & (left >= length) & (last > 0)
        at = np.flatnonzero(whole)
        found.append((owners[at], keys[at], places[at], np.full(len(at), length)))
    return Ngrams(*(np.concatenate(parts) for parts in zip(*found, strict=True)))


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
    piece_share : float
        How much a text's pieces count beside the whole: 0 to 1.
    """

    characters: str
    keys: np.ndarray
    frequencies: np.ndarray
    records: int
    weights: np.ndarray
    intercepts: np.ndarray
    piece_share: float = PIECE_SHARE

    @property
    def num_classes(self) -> int:
        """How many labels it tells apart."""
        return len(self.intercepts)

    @cached_property
    def numbers(self) -> np.ndarray:
        """Each code point's number: uint16, 0 for those that have none."""
        return numbers_of(self.characters)

    @cached_property
    def _idf(self) -> np.ndarray:
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
        found = [np.zeros((0, self.num_classes))]
        for begin in range(0, len(texts), _CHUNK):
            part = [folded(text) for text in texts[begin : begin + _CHUNK]]
            places = ngrams(part, self.numbers)
            held = tfidf(places.owners, self.columns(places.keys), self._idf)
            scores = np.tile(self.intercepts, (len(part), 1))
            for label, weights in enumerate(self._weights):
                worth = held.values * weights[held.columns]
                scores[:, label] += np.bincount(held.rows, worth, len(part))
            found.append(scores)
        return np.concatenate(found)

    def decision_function(self, texts: Sequence[str]) -> np.ndarray:
        """Log-odds of each label, the whole text and its pieces weighed: float64 (texts, classes).

        The whole counts ``1 - piece_share``, the pieces together ``piece_share``, each by
        :func:`~gi_classifier.model.windows.window_weights`: a diagnosis among normal findings
        is diluted in the whole, and is not in its own piece.
        """
        scores = self.log_odds(texts)
        for row, _, parts, weights in self._read_pieces(texts):
            scores[row] = (1 - self.piece_share) * scores[row] + self.piece_share * weights @ parts
        return scores

    def _read_pieces(
        self, texts: Sequence[str]
    ) -> Iterator[tuple[int, list[tuple[int, int]], np.ndarray, np.ndarray]]:
        """Of each text in several pieces: its position, its pieces, their log-odds and weights."""
        cut = [pieces(text) if self.piece_share else [] for text in texts]
        many = [row for row, spans in enumerate(cut) if len(spans) > 1]
        parts = self.log_odds([texts[row][a:b] for row in many for a, b in cut[row]])
        begin = 0
        for row in many:
            own = parts[begin : begin + len(cut[row])]
            begin += len(own)
            yield row, cut[row], own, window_weights(odds_to_probabilities(own))

    def contributions(self, text: str) -> tuple[np.ndarray, np.ndarray]:
        """What each character adds to the log-odds of an empty text.

        The weight of an n-gram is spread evenly over its places and their characters; the pieces'
        weights are held as they are at the text.

        Returns
        -------
        scores : ndarray of float64, shape (places, classes)
            Their sum, and the intercepts, are :meth:`decision_function`.
        offsets : ndarray of int, shape (places, 2)
            Start and end of each place in ``text``; one may come twice, and rows sum.
        """
        scores, offsets = self._contributions(text)
        found = list(self._read_pieces([text]))
        if not found:
            return scores, offsets
        all_scores, all_offsets = [(1 - self.piece_share) * scores], [offsets]
        _, spans, _, weights = found[0]
        for (begin, end), weight in zip(spans, weights, strict=True):
            scores, offsets = self._contributions(text[begin:end])
            all_scores.append(self.piece_share * weight * scores)
            all_offsets.append(begin + offsets)
        return np.concatenate(all_scores), np.concatenate(all_offsets)

    def _contributions(self, text: str) -> tuple[np.ndarray, np.ndarray]:
        """:meth:`contributions` to :meth:`log_odds`: one row for each character once folded."""
        clean, offsets = aligned(text)
        scores = np.zeros((len(clean), self.num_classes))
        places = ngrams([clean], self.numbers)
        columns = self.columns(places.keys)
        kept = np.flatnonzero(columns >= 0)
        columns, starts, lengths = columns[kept], places.starts[kept], places.lengths[kept]
        held = tfidf(np.zeros(len(kept), dtype=int), columns, self._idf)
        which = np.searchsorted(held.columns, columns)
        share = held.values[which] / held.counts[which] / lengths
        for step in range(LONGEST):
            rows = lengths > step
            np.add.at(
                scores, starts[rows] + step, (share[rows] * self._weights[:, columns[rows]]).T
            )
        return scores, offsets

    def to_npz(self) -> bytes:
        """The model as a compressed ``.npz`` without pickles."""
        buffer = io.BytesIO()
        np.savez_compressed(
            buffer,
            characters=np.frombuffer(self.characters.encode("utf-32-le"), dtype="<u4"),
            # Differences of rising numbers compress to half.
            keys=np.diff(self.keys, prepend=np.uint64(0)),
            frequencies=self.frequencies.astype(np.uint32),
            records=np.int64(self.records),
            weights=self.weights.astype(np.float16),
            intercepts=self.intercepts.astype(np.float64),
            piece_share=np.float64(self.piece_share),
        )
        return buffer.getvalue()

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
                piece_share=float(parts["piece_share"]),
            )
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
        if not 0 <= self.piece_share <= 1:
            problems.append(f"a piece share of {self.piece_share}")
        if count > 1 and not (self.keys[1:] > self.keys[:-1]).all():
            problems.append("n-grams that do not rise")
        if problems:
            raise ModelError("The linear model's parts do not fit together:", problems)


def numbers_of(characters: str) -> np.ndarray:
    """Number characters by their place, from 1: uint16 (0x110000,), 0 for all others."""
    numbers = np.zeros(_CODE_POINTS, dtype=np.uint16)
    numbers[code_points([characters])[0]] = np.arange(1, len(characters) + 1)
    return numbers


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


def tfidf(owners: np.ndarray, columns: np.ndarray, idf: np.ndarray) -> Values:
    """Sublinear TF-IDF of length 1 of each text; a column of -1 is passed over.

    Parameters
    ----------
    owners, columns : ndarray of int, shape (places,)
        The text and the n-gram of each place.
    idf : ndarray of float64, shape (ngrams,)
    """
    known = columns >= 0
    entries, counts = np.unique(owners[known] * len(idf) + columns[known], return_counts=True)
    rows, places = np.divmod(entries, max(1, len(idf)))
    values = (1 + np.log(counts)) * idf[places]
    lengths = np.sqrt(np.bincount(rows, values**2))
    return Values(rows, places, values / lengths[rows], counts)


@cache
def _characters() -> Tokenizer:
    """Cuts a text into the characters of its folded form, and knows where each stood."""
    tokenizer = Tokenizer(models.WordLevel({"?": 0}, unk_token="?"))
    tokenizer.normalizer = normalizers.Sequence(
        [
            normalizers.Replace(Regex(rf"\x{{fffd}}|(?![{SPACES}])\p{{Cc}}|\p{{Cf}}"), ""),
            normalizers.NFKC(),
            normalizers.Replace(Regex(f"[{SPACES}]+"), " "),
            normalizers.Strip(),
            normalizers.Lowercase(),
        ]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
    return tokenizer


def aligned(text: str) -> tuple[str, np.ndarray]:
    """The folded text, and where each of its characters stood.

    Returns
    -------
    clean : str
    offsets : ndarray of int, shape (characters of ``clean``, 2)
        Start and end in ``text``. They may overlap where one character stands for several (℃).
    """
    encoding = _characters().encode(SURROGATE.sub("\ufffd", text))
    return folded(text), np.array(encoding.offsets, dtype=int).reshape(-1, 2)
