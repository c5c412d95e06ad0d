"""Says how unlike the records a model was trained on a text is.

In: activations of layers (n, hidden) and token ids, of texts. Out: scores (n,), of which higher
means more novel. :class:`Novelty` is the score that ships: surprise at neighbouring tokens and the
distance of a layer's mean activation, each judged among records of like length, as the share of
validation records that are less novel. Why this one is measured in docs/novelty.md.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gi_classifier.arrays import read_npz, to_npz
from gi_classifier.decisions.novelty_scale import KNOTS, share_below, total
from gi_classifier.decisions.pairs import Pairs
from gi_classifier.errors import ModelError
from gi_classifier.model.activations import ActivationReader
from gi_classifier.model.directory import NOVELTY, ModelDirectory
from gi_classifier.settings import AlbertConfig

FORMAT = 1
# A text is novel if more than this share of the validation records are less novel.
THRESHOLD = 0.98
REFIT = "Fit it: gi-classifier fit-novelty TRAIN --val VAL --model DIRECTORY"
_CHUNK = 2048
_TINY = 1e-12


def mahalanobis(vectors: np.ndarray, centres: np.ndarray, whitening: np.ndarray) -> np.ndarray:
    """Squared Mahalanobis distance to the nearest centre: float64 (n,), at least 0.

    With the classes' means and their shared covariance it is that of Lee et al. (2018); with one
    centre it knows no classes.

    Parameters
    ----------
    vectors : ndarray, shape (n, hidden)
    centres : ndarray, shape (classes, hidden)
    whitening : ndarray, shape (hidden, hidden)
        Of :func:`gi_classifier.decisions.novelty_fit.whiten`.
    """
    whole, points = vectors @ whitening.T, centres @ whitening.T
    distances = [((whole - point) ** 2).sum(axis=1) for point in points]
    return np.asarray(np.min(distances, axis=0), dtype=np.float64)


@dataclass(frozen=True)
class Novelty:
    """The score that ships; fitted to one classifier and of no use to another.

    Attributes
    ----------
    digest : str
        Of the classifier's weights.
    layer : int
        Whose input's mean over positions is judged.
    centre : ndarray of float32, shape (hidden,)
    whitening : ndarray of float32, shape (hidden, hidden)
    pairs : Pairs
    scales : ndarray of float64, shape (2, 9)
        Of the log distance and of the surprise, see :mod:`gi_classifier.decisions.novelty_scale`.
    knots : ndarray of float64, shape (100,)
        See :func:`gi_classifier.decisions.novelty_scale.share_below`.
    """

    digest: str
    layer: int
    centre: np.ndarray
    whitening: np.ndarray
    pairs: Pairs
    scales: np.ndarray
    knots: np.ndarray

    def scores(self, means: np.ndarray, ids: Sequence[np.ndarray]) -> np.ndarray:
        """Share of the validation records that are less novel: float64 (n,) in 0…1.

        Parameters
        ----------
        means : ndarray, shape (n, hidden)
            Mean activations before the layer.
        ids : sequence of ndarray of int, shape (tokens,)
            With [CLS] and [SEP].
        """
        if not len(ids):
            return np.zeros(0)
        lengths = np.array([len(row) for row in ids])
        parts = parts_of(means, ids, self.centre, self.whitening, self.pairs)
        return share_below(total(parts, lengths, self.scales), self.knots)

    def to_bytes(self, origin: Mapping[str, Any] | None = None) -> bytes:
        """As an ``.npz`` of arrays, nothing pickled, with its origin as JSON."""
        return to_npz(
            {
                "format": np.array(FORMAT),
                # So named since the first release.
                "fingerprint": np.array(self.digest),
                "layer": np.array(self.layer),
                "centre": self.centre,
                "whitening": self.whitening,
                "tokens": self.pairs.tokens,
                "keys": self.pairs.keys,
                "counts": self.pairs.counts,
                "scales": self.scales,
                "knots": self.knots,
                "origin": np.array(json.dumps(origin)),
            }
        )

    @classmethod
    def from_bytes(cls, content: bytes) -> Novelty:
        """Read what :meth:`to_bytes` wrote.

        Raises
        ------
        ModelError
            It is something else, or of another format.
        """
        try:
            stored = read_npz(content)
            version = int(stored["format"])
            found = cls(
                str(stored["fingerprint"]),
                int(stored["layer"]),
                stored["centre"],
                stored["whitening"],
                Pairs(stored["tokens"], stored["keys"], stored["counts"]),
                stored["scales"],
                stored["knots"],
            )
        except (ValueError, KeyError, TypeError) as error:
            raise ModelError(
                f"{NOVELTY} cannot be read ({type(error).__name__}: {error}). {REFIT}"
            ) from error
        if version != FORMAT:
            raise ModelError(
                f"{NOVELTY} is of format {version}; this version of gi_classifier reads "
                f"{FORMAT}. {REFIT}"
            )
        return found

    def check(self, config: AlbertConfig) -> None:
        """Raise where it does not fit an encoder, or its numbers are none.

        Raises
        ------
        ModelError
            With what is wrong.
        """
        size, pairs = config.hidden_size, self.pairs
        wanted = {"centre": (size,), "whitening": (size, size), "scales": (2, 9)}
        problems = [
            f"{name} of shape {getattr(self, name).shape}, not {shape}"
            for name, shape in wanted.items()
            if getattr(self, name).shape != shape
        ]
        if not 0 <= self.layer < config.num_hidden_layers:
            problems.append(f"layer {self.layer} of {config.num_hidden_layers}")
        if self.knots.shape != (KNOTS,):
            problems.append(f"knots of shape {self.knots.shape}")
        if pairs.tokens.shape != (config.vocab_size,) or pairs.keys.ndim != 1:
            problems.append(f"counts of {pairs.tokens.shape} tokens, not {config.vocab_size}")
        if pairs.keys.shape != pairs.counts.shape:
            problems.append(f"{pairs.keys.shape} pairs with {pairs.counts.shape} counts")
        whole = [pairs.tokens, pairs.keys, pairs.counts]
        if any(array.dtype.kind not in "iu" or (array < 0).any() for array in whole):
            problems.append("counts below 0, or not whole")
        elif (pairs.keys >= config.vocab_size**2).any() or (np.diff(pairs.keys) <= 0).any():
            problems.append("pairs of tokens that do not rise, or that there are not")
        numbers = [self.centre, self.whitening, self.scales, self.knots]
        if not all(a.dtype.kind == "f" and np.isfinite(a).all() for a in numbers):
            problems.append("numbers that are not finite")
        if problems:
            raise ModelError(f"{NOVELTY} does not fit the model. {REFIT}", problems)


def parts_of(
    means: np.ndarray,
    ids: Sequence[np.ndarray],
    centre: np.ndarray,
    whitening: np.ndarray,
    pairs: Pairs,
) -> list[np.ndarray]:
    """Log of the squared distance, and surprise: two of shape (n,).

    Parameters
    ----------
    means : ndarray, shape (n, hidden)
    ids : sequence of ndarray of int, shape (tokens,)
    centre, whitening, pairs
        As of :class:`Novelty`.
    """
    distances = mahalanobis(means, centre[None], whitening)
    return [np.log(np.maximum(distances, _TINY)), pairs.surprise(ids)]


class NoveltyScorer:
    """Scores texts with the novelty that is stored beside a classifier.

    Parameters
    ----------
    novelty : Novelty
    reader : ActivationReader
        Of the same classifier.

    Attributes
    ----------
    threshold : float
        A text is novel if its score is above it.
    """

    threshold = THRESHOLD

    def __init__(self, novelty: Novelty, reader: ActivationReader) -> None:
        self.novelty = novelty
        self.reader = reader

    def scores(self, texts: Sequence[str]) -> np.ndarray:
        """How novel texts are that were checked: float64 (n,) in 0…1.

        The share of the validation records that are less novel; the memory needed does not grow
        with the number of texts.
        """
        found = [np.zeros(0)]
        for start in range(0, len(texts), _CHUNK):
            read = self.reader.read(texts[start : start + _CHUNK])
            found.append(self.novelty.scores(read.means[:, self.novelty.layer], read.ids))
        return np.concatenate(found)


def open_novelty(directory: ModelDirectory) -> NoveltyScorer:
    """Open the novelty that a model directory holds.

    Raises
    ------
    ModelError
        It holds none, or one that was fitted to another classifier.
    """
    digest = directory.encoder_digest
    if NOVELTY not in directory.files:
        raise ModelError(f"This model directory holds no {NOVELTY}. {REFIT}")
    novelty = Novelty.from_bytes(directory.files[NOVELTY])
    if novelty.digest != digest:
        raise ModelError(
            f"{NOVELTY} was fitted to another classifier (sha256 of its weights "
            f"{novelty.digest[:12]}…, here {digest[:12]}…). {REFIT}"
        )
    novelty.check(directory.config)
    return NoveltyScorer(novelty, ActivationReader(directory))
