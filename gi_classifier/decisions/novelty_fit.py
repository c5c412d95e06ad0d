"""Fits the novelty of a classifier, on records alone: no labels, nothing out of distribution.

In: a model directory, training and validation texts. Out: the file ``novelty.npz`` of that model
directory.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from gi_classifier.decisions.novelty import Novelty, parts_of
from gi_classifier.decisions.novelty_scale import fit_length_scale, knots_of, total
from gi_classifier.decisions.pairs import Pairs
from gi_classifier.errors import RecordsError
from gi_classifier.model.activations import ActivationReader, encode
from gi_classifier.model.directory import ModelDirectory
from gi_classifier.model.origin import origin

# Records whose activations are read to fit; pairs of tokens are counted in all.
MOST_RECORDS = 3000
_CHUNK = 2048
_TINY = 1e-12


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


def fit(
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
        Of the classifier's weights.
    """
    # What is stored is what is used: a loaded score equals the fitted one.
    centre = train_means.mean(axis=0, dtype=np.float64).astype(np.float32)
    whitening = whiten(train_means - centre).astype(np.float32)
    pairs = Pairs.fit(train_ids, vocabulary)
    lengths = np.array([len(row) for row in val_ids])
    parts = parts_of(val_means, val_ids, centre, whitening, pairs)
    scales = np.stack([fit_length_scale(part, lengths) for part in parts])
    knots = knots_of(total(parts, lengths, scales))
    return Novelty(digest, layer, centre, whitening, pairs, scales, knots)


def fit_novelty(
    directory: ModelDirectory,
    train_texts: Sequence[str],
    val_texts: Sequence[str],
    seed: int,
    progress: Callable[[int], object] | None = None,
) -> bytes:
    """Fit the novelty of a classifier, for its model directory.

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
    # The second, if there is one: its input's mean tells best, see docs/novelty.md.
    layer = min(1, directory.config.num_hidden_layers - 1)

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
    found = fit(
        train_means,
        encode(directory.vocabulary, train),
        val_means,
        encode(directory.vocabulary, val_drawn),
        vocabulary=len(directory.vocabulary),
        layer=layer,
        digest=directory.encoder_digest,
    )
    made_from = origin(directory, seed=seed, train_records=len(train), val_records=len(val))
    return found.to_bytes(made_from)
