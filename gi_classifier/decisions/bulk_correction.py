"""What both members would say, guessed from the n-grams that the linear member reads.

In: passages that both members read. Out: a :class:`Correction` of the linear member's scores, which
says where its label is that of both: ridge regression, on the n-grams of whole texts, of how far
both members' scores lie from its own (a student of their difference; Hinton and others 2015).
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from gi_classifier.arrays import read_npz
from gi_classifier.errors import ModelError
from gi_classifier.model.linear import LinearModel, tfidf
from gi_classifier.model.ngrams import cleaned, ngrams

# Beyond it a label is certain, and how certain teaches nothing about where labels differ.
_CERTAIN = 8.0
_PENALTY, _PASSES, _PRECISION = 1.0, 60, 1e-3
_CHUNK = 4096
_LARGEST = 127


@dataclass(frozen=True, eq=False)
class Correction:
    """What is added to the linear member's scores, linear in its n-grams.

    Attributes
    ----------
    weights : ndarray of int8, shape (classes, ngrams)
        Times ``scales``; of whole numbers, since the file is read more often than it is fitted.
    scales, intercepts : ndarray of float64, shape (classes,)
    """

    weights: np.ndarray
    scales: np.ndarray
    intercepts: np.ndarray

    def reader(self, linear: LinearModel) -> LinearModel:
        """A model whose ``log_odds`` are the corrections of the scores of ``linear``.

        Raises
        ------
        ModelError
            It was learnt for another linear member.
        """
        if self.weights.shape != linear.weights.shape:
            raise ModelError(
                f"The correction is for weights of shape {self.weights.shape}. "
                f"Received: {linear.weights.shape}"
            )
        weights = (self.weights * self.scales[:, None]).astype(np.float16)
        return replace(linear, weights=weights, intercepts=self.intercepts)

    def to_npz(self) -> bytes:
        """The correction as a compressed ``.npz`` without pickles."""
        buffer = io.BytesIO()
        np.savez_compressed(
            buffer, weights=self.weights, scales=self.scales, intercepts=self.intercepts
        )
        return buffer.getvalue()

    @classmethod
    def from_npz(cls, content: bytes) -> Correction:
        """Read what :meth:`to_npz` wrote.

        Raises
        ------
        ModelError
            It is no such file, or its parts do not fit together.
        """
        try:
            parts = read_npz(content)
            found = cls(parts["weights"], parts["scales"], parts["intercepts"])
            classes, _ = found.weights.shape
            numbers = np.concatenate([found.scales, found.intercepts])
            fits = found.weights.dtype == np.int8 and numbers.shape == (2 * classes,)
            if not fits or not np.isfinite(numbers).all():
                raise ValueError("its parts do not fit together")
        except Exception as error:
            raise ModelError(
                f"The correction cannot be read ({type(error).__name__}). Choose the cut anew."
            ) from error
        return found


def fit_correction(
    linear: LinearModel, texts: Sequence[str], alone: np.ndarray, both: np.ndarray
) -> Correction:
    """Learn how far the scores of both members lie from those of the linear one.

    Parameters
    ----------
    linear : LinearModel
    texts : sequence of str
        Checked.
    alone, both : ndarray of float64, shape (texts, classes)
        Scores of the linear member, as it was calibrated by itself, and of both.
    """
    from scipy import sparse
    from sklearn.linear_model import Ridge

    parts = [sparse.csr_array((0, len(linear.keys)))]
    for begin in range(0, len(texts), _CHUNK):
        clean = [cleaned(text) for text in texts[begin : begin + _CHUNK]]
        places = ngrams(clean, linear.numbers)
        held = tfidf(places.owners, linear.columns(places.keys), linear.idf)
        shape = (len(clean), len(linear.keys))
        parts.append(sparse.coo_array((held.values, (held.rows, held.columns)), shape).tocsr())
    values = sparse.vstack(parts, format="csr")
    ridge = Ridge(alpha=_PENALTY, solver="sparse_cg", max_iter=_PASSES, tol=_PRECISION)
    ridge.fit(values, _leads(both) - _leads(alone))
    scales = np.abs(ridge.coef_).max(axis=1) / _LARGEST
    weights = np.rint(ridge.coef_ / np.where(scales, scales, 1.0)[:, None]).astype(np.int8)
    return Correction(weights, scales, np.asarray(ridge.intercept_, dtype=np.float64))


def _leads(scores: np.ndarray) -> np.ndarray:
    """How far each label lies before the first, as far as that matters."""
    return np.asarray(np.clip(scores - scores[:, :1], -_CERTAIN, _CERTAIN))
