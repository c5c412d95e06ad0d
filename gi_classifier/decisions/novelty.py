"""Says how unlike the records a model was trained on a text is.

In: activations of layers (n, hidden), logits (n, classes) or token ids, all of texts. Out: scores
(n,), of which higher means more novel; and :class:`Novelty`, the one that ships: surprise at
neighbouring tokens and the distance of a layer's mean activation, each judged among records of
like length, as the share of validation records that are less novel. It is fitted on records
alone, no outsiders; why this one is measured in docs/novelty.md.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gi_classifier.decisions.pairs import Pairs
from gi_classifier.errors import ModelError, RecordsError
from gi_classifier.model.activations import ActivationReader, encode
from gi_classifier.model.directory import NOVELTY, ModelDirectory

FORMAT = 1
# A text is novel if more than this share of the validation records are less novel.
THRESHOLD = 0.98
# Records whose activations are read to fit; pairs of tokens are counted in all.
MOST_RECORDS = 3000
# Shares of the validation records at which the scale is stored; beyond the last it is exponential.
_LEVELS = np.linspace(0, 0.99, 100)
_CHUNK = 2048
REFIT = "Fit it: gi-classifier novelty --fit TRAIN --val VAL --model DIRECTORY"
_TINY = 1e-12
# Deviations below it are rounding.
_ROUNDING = 1e-6


def whiten(vectors: np.ndarray) -> np.ndarray:
    """Factor W of a shrunk precision matrix, with W'W = (shrunk covariance)^-1.

    The covariance is shrunk towards a multiple of the identity (Ledoit and Wolf 2004), so that it
    has an inverse for any number of vectors.

    Parameters
    ----------
    vectors : ndarray, shape (n, hidden)
        Centred: as a whole, or each class by itself.

    Returns
    -------
    ndarray of float64, shape (hidden, hidden)
        Lower triangular.
    """
    from sklearn.covariance import ledoit_wolf

    size = vectors.shape[1]
    covariance = np.zeros((size, size))
    if len(vectors) > 1:
        covariance += ledoit_wolf(vectors.astype(np.float64), assume_centered=True)[0]
    covariance += max(_TINY, 1e-6 * np.trace(covariance) / size) * np.eye(size)
    return np.asarray(np.linalg.inv(np.linalg.cholesky(covariance)))


def mahalanobis(vectors: np.ndarray, centres: np.ndarray, whitening: np.ndarray) -> np.ndarray:
    """Squared Mahalanobis distance to the nearest centre: float64 (n,), at least 0.

    With the classes' means and their shared covariance it is that of Lee et al. (2018); with one
    centre it knows no classes.

    Parameters
    ----------
    vectors : ndarray, shape (n, hidden)
    centres : ndarray, shape (classes, hidden)
    whitening : ndarray, shape (hidden, hidden)
        Of :func:`whiten`.
    """
    whole, points = vectors @ whitening.T, centres @ whitening.T
    distances = [((whole - point) ** 2).sum(axis=1) for point in points]
    return np.asarray(np.min(distances, axis=0), dtype=np.float64)


def class_means(vectors: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean of each class that has vectors (classes, hidden), and the vectors less theirs."""
    _, places = np.unique(labels, return_inverse=True)
    centres = np.stack([vectors[places == i].mean(axis=0) for i in range(int(np.max(places)) + 1)])
    return centres, vectors - centres[places]


def energy(logits: np.ndarray) -> np.ndarray:
    """Minus the log-sum-exp of logits (n, classes): float64 (n,) (Liu et al. 2020)."""
    top = logits.max(axis=1, keepdims=True).astype(np.float64)
    return np.asarray(-(top[:, 0] + np.log(np.exp(logits - top).sum(axis=1))))


def one_less_max_softmax(probabilities: np.ndarray) -> np.ndarray:
    """1 less the likeliest class's probability: (n,) (Hendrycks and Gimpel 2017)."""
    return np.asarray(1 - probabilities.max(axis=1))


def active_share(vectors: np.ndarray, usual: np.ndarray) -> np.ndarray:
    """Share of units above their usual level, in 0…1: float64 (n,).

    Parameters
    ----------
    vectors : ndarray, shape (n, hidden)
    usual : ndarray, shape (hidden,)
        A high quantile of each unit over training records.
    """
    return np.asarray((vectors > usual).mean(axis=1))


def fit_logistic(vectors: np.ndarray, novel: np.ndarray, seed: int) -> Any:
    """Logistic regression of outsiders (1) against records (0), both in balance.

    C and tol are those of the least log loss in 3 folds.

    Parameters
    ----------
    vectors : ndarray, shape (n, hidden)
    novel : ndarray of int, shape (n,)
        At least three of each.
    seed : int

    Returns
    -------
    A fitted scikit-learn estimator; its ``decision_function`` is the score.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV, StratifiedKFold
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(
        StandardScaler(), LogisticRegression(class_weight="balanced", max_iter=500)
    )
    grid = {"logisticregression__C": [1e-3, 1e-2, 1e-1], "logisticregression__tol": [1e-4, 1e-2]}
    folds = StratifiedKFold(3, shuffle=True, random_state=seed)
    search: Any = GridSearchCV(model, grid, scoring="neg_log_loss", cv=folds)
    return search.fit(vectors, novel)


def fit_length_scale(scores: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Learn what score is usual at a length, since the mean of few tokens varies more.

    Parameters
    ----------
    scores : ndarray, shape (n,)
    lengths : ndarray of int, shape (n,)
        Tokens, at least 1.

    Returns
    -------
    ndarray of float64, shape (9,)
        Least and greatest log length; four coefficients of the score and two of its mean
        deviation, as polynomials in log length, highest first; the least deviation. Of lower
        degree where the records have few different lengths.
    """
    x = np.log(lengths)
    kinds = len(np.unique(lengths))
    location = np.polyfit(x, scores, min(3, kinds // 8))
    deviation = np.abs(scores - np.polyval(location, x))
    spread = np.polyfit(x, deviation, min(1, kinds // 8))
    floor = max(0.1 * deviation.mean(), _ROUNDING)
    padded = [np.pad(part, (size - len(part), 0)) for part, size in ((location, 4), (spread, 2))]
    return np.concatenate([[x.min(), x.max()], *padded, [floor]])


def at_length(scores: np.ndarray, lengths: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Deviations from the score usual at a length, by :func:`fit_length_scale`: (n,).

    Lengths beyond those of the records it was fitted on count as the nearest of them.
    """
    x = np.clip(np.log(lengths), scale[0], scale[1])
    spread = np.maximum(np.polyval(scale[6:8], x), scale[8])
    return np.asarray((scores - np.polyval(scale[2:6], x)) / spread)


def knots_of(totals: np.ndarray) -> np.ndarray:
    """Quantiles of the validation records' totals, for :func:`share_below`: float64 (100,).

    The largest of n records is taken for the level n / (n + 1), as in conformal prediction; what
    fewer than 99 records leave open above it is filled with the same exponential tail.

    Parameters
    ----------
    totals : ndarray, shape (n,)
        Of validation records, one or more.
    """
    count = len(totals)
    top = count / (count + 1)
    knots = np.quantile(totals, np.minimum(_LEVELS / top, 1))
    spread = max(knots.max() - np.quantile(totals, 0.5), _TINY)
    rate = np.log(max(0.5 / (1 - top), 2)) / spread
    return np.asarray(knots + np.log(np.maximum((1 - top) / (1 - _LEVELS), 1)) / rate)


def share_below(totals: np.ndarray, knots: np.ndarray) -> np.ndarray:
    """Share of validation records that are less novel: float64 (n,) in 0…1, rising with totals.

    Beyond the last knot the share above falls off exponentially, as fast as from the median to
    that knot (the tail of a peaks-over-threshold model, Smith 1987, with one parameter), so that
    what is beyond every validation record keeps its order.

    Parameters
    ----------
    totals : ndarray, shape (n,)
    knots : ndarray, shape (100,)
        Quantiles of the validation records' totals, from 0 to 0.99.
    """
    # Of equal knots the first: a record like all others is not novel.
    distinct, first = np.unique(knots, return_index=True)
    inside = np.interp(totals, distinct, _LEVELS[first], left=0.0)
    last = 1 - _LEVELS[-1]
    rate = np.log(0.5 / last) / max(knots[-1] - np.interp(0.5, _LEVELS, knots), _TINY)
    beyond = np.maximum(totals - knots[-1], 0)
    return np.asarray(np.where(beyond > 0, 1 - last * np.exp(-rate * beyond), inside))


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
        Of the log distance and of the surprise, see :func:`fit_length_scale`.
    knots : ndarray of float64, shape (100,)
        See :func:`share_below`.
    """

    digest: str
    layer: int
    centre: np.ndarray
    whitening: np.ndarray
    pairs: Pairs
    scales: np.ndarray
    knots: np.ndarray

    @classmethod
    def fit(
        cls,
        train_means: np.ndarray,
        train_ids: Sequence[np.ndarray],
        val_means: np.ndarray,
        val_ids: Sequence[np.ndarray],
        *,
        vocabulary: int,
        layer: int,
        digest: str,
    ) -> Novelty:
        """Fit distance and pairs on training records, and the scale on validation records.

        Parameters
        ----------
        train_means, val_means : ndarray, shape (records, hidden)
            Mean activations before the layer. A sample of the training records will do.
        train_ids, val_ids : sequence of ndarray of int, shape (tokens,)
            With [CLS] and [SEP]; all training records', and those of ``val_means``.
        vocabulary : int
            Its size.
        layer : int
        digest : str
        """
        # What is stored is what is used: a loaded score equals the fitted one.
        centre = train_means.mean(axis=0, dtype=np.float64).astype(np.float32)
        whitening = whiten(train_means - centre).astype(np.float32)
        pairs = Pairs.fit(train_ids, vocabulary)
        lengths = np.array([len(row) for row in val_ids])
        parts = _parts(val_means, val_ids, centre, whitening, pairs)
        scales = np.stack([fit_length_scale(part, lengths) for part in parts])
        knots = knots_of(total(parts, lengths, scales))
        return cls(digest, layer, centre, whitening, pairs, scales, knots)

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
        parts = _parts(means, ids, self.centre, self.whitening, self.pairs)
        return share_below(total(parts, lengths, self.scales), self.knots)

    def to_bytes(self) -> bytes:
        """As an ``.npz`` of arrays, nothing pickled."""
        content = io.BytesIO()
        np.savez_compressed(
            content,
            format=np.array(FORMAT),
            fingerprint=np.array(self.digest),
            layer=np.array(self.layer),
            centre=self.centre,
            whitening=self.whitening,
            tokens=self.pairs.tokens,
            keys=self.pairs.keys,
            counts=self.pairs.counts,
            scales=self.scales,
            knots=self.knots,
        )
        return content.getvalue()

    @classmethod
    def from_bytes(cls, content: bytes) -> Novelty:
        """Read what :meth:`to_bytes` wrote.

        Raises
        ------
        ModelError
            It is something else, or of another format.
        """
        try:
            with np.load(io.BytesIO(content), allow_pickle=False) as stored:
                version = int(stored["format"])
                if version != FORMAT:
                    raise ModelError(
                        f"{NOVELTY} is of format {version}; this version of gi_classifier reads "
                        f"{FORMAT}. {REFIT}"
                    )
                return cls(
                    str(stored["fingerprint"]),
                    int(stored["layer"]),
                    stored["centre"],
                    stored["whitening"],
                    Pairs(stored["tokens"], stored["keys"], stored["counts"]),
                    stored["scales"],
                    stored["knots"],
                )
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise ModelError(f"{NOVELTY} cannot be read ({error!r}). {REFIT}") from error


def _parts(
    means: np.ndarray,
    ids: Sequence[np.ndarray],
    centre: np.ndarray,
    whitening: np.ndarray,
    pairs: Pairs,
) -> list[np.ndarray]:
    """Log of the squared distance, and surprise: two of shape (n,)."""
    distances = mahalanobis(means, centre[None], whitening)
    return [np.log(np.maximum(distances, _TINY)), pairs.surprise(ids)]


def total(parts: Sequence[np.ndarray], lengths: np.ndarray, scales: np.ndarray) -> np.ndarray:
    """Sum of the parts' deviations from what is usual at a length: (n,)."""
    found = [at_length(part, lengths, scale) for part, scale in zip(parts, scales, strict=True)]
    return np.asarray(np.sum(found, axis=0))


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
    if NOVELTY not in directory.files:
        raise ModelError(f"This model directory holds no {NOVELTY}. {REFIT}")
    novelty = Novelty.from_bytes(directory.files[NOVELTY])
    if novelty.digest != directory.digest:
        raise ModelError(
            f"{NOVELTY} was fitted to another classifier (sha256 of its weights "
            f"{novelty.digest[:12]}…, here {directory.digest[:12]}…). {REFIT}"
        )
    return NoveltyScorer(novelty, ActivationReader(directory))


def fit_novelty(
    directory: ModelDirectory,
    train_texts: Sequence[str],
    val_texts: Sequence[str],
    seed: int,
    progress: Callable[[int], object] | None = None,
) -> bytes:
    """Fit the novelty of a classifier; no labels and no outsiders are needed.

    Parameters
    ----------
    directory : ModelDirectory
        The classifier's files.
    train_texts, val_texts : sequence of str
        Checked, at least one each, and not the same ones: the scale is set on records that were
        not trained on. Equal texts count once. Of each, the activations of at most 3,000 are
        read, drawn by the seed; all training texts' pairs of tokens are counted.
    seed : int
    progress : callable, optional
        Is told how many more texts were read.

    Returns
    -------
    bytes
        The ``novelty.npz`` of the model directory.

    Raises
    ------
    RecordsError
        There is no training or no validation text.
    """
    train, val = list(dict.fromkeys(train_texts)), list(dict.fromkeys(val_texts))
    if not train or not val:
        raise RecordsError(
            "Novelty is fitted on training records and scaled on validation records. "
            f"Received: {len(train)} and {len(val)}"
        )
    source = np.random.default_rng(seed)
    reader = ActivationReader(directory)
    # The middle of the encoder: its input's mean tells best, see docs/novelty.md.
    layer = directory.config.num_hidden_layers // 2

    def drawn(texts: list[str]) -> tuple[list[str], np.ndarray]:
        rows = source.permutation(len(texts))[:MOST_RECORDS]
        chosen, found = [texts[row] for row in rows], []
        for start in range(0, len(chosen), _CHUNK):
            part = chosen[start : start + _CHUNK]
            found.append(reader.read(part).means[:, layer])
            if progress:
                progress(len(part))
        return chosen, np.concatenate(found)

    train_means = drawn(train)[1]
    val_drawn, val_means = drawn(val)
    return Novelty.fit(
        train_means,
        encode(directory.vocabulary, train),
        val_means,
        encode(directory.vocabulary, val_drawn),
        vocabulary=len(directory.vocabulary),
        layer=layer,
        digest=directory.digest,
    ).to_bytes()
