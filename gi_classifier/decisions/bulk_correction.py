"""What both members would say, guessed from the n-grams that the linear member reads.

In: passages that both members read. Out: a :class:`Correction` of the linear member's scores, which
says where its label is that of both: ridge regression, on the n-grams of whole texts, of how far
both members' scores lie from its own (a student of their difference; Hinton and others 2015).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from gi_classifier.arrays import read_npz, to_npz
from gi_classifier.errors import ModelError
from gi_classifier.model.linear import LinearModel, weighed

# Beyond it a label is certain, and how certain teaches nothing about where labels differ.
_CERTAIN = 8.0
_PENALTY, _PRECISION = 1.0, 1e-3
_CHUNK = 1024
_LARGEST, _HUGE = 127, 1e6


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

    @cached_property
    def _weights(self) -> np.ndarray:
        return np.asarray(self.weights * self.scales[:, None])

    def of(self, linear: LinearModel, texts: Sequence[str]) -> np.ndarray:
        """What is added to the scores of texts: float64 (texts, classes)."""
        found = [np.zeros((0, len(self.scales)))]
        for begin in range(0, len(texts), _CHUNK):
            some = texts[begin : begin + _CHUNK]
            held = linear.values(some)
            found.append(weighed(held, self._weights, self.intercepts, len(some)))
        return np.concatenate(found)

    def check(self, linear: LinearModel) -> None:
        """Raise ModelError where it was learnt for another linear member, or is none."""
        classes = len(linear.intercepts)
        numbers = (self.scales, self.intercepts)
        if (
            self.weights.dtype != np.int8
            or self.weights.shape != linear.weights.shape
            or any(part.shape != (classes,) or part.dtype.kind != "f" for part in numbers)
            or not (np.abs(numbers) < _HUGE).all()
        ):
            raise ModelError(
                f"a correction of weights {self.weights.shape}, scales {self.scales.shape} and "
                f"intercepts {self.intercepts.shape} does not fit a linear member of weights "
                f"{linear.weights.shape}, or its numbers are not finite"
            )

    def to_npz(self) -> bytes:
        """The correction as a compressed ``.npz`` without pickles."""
        return to_npz(
            {"weights": self.weights, "scales": self.scales, "intercepts": self.intercepts}
        )

    @classmethod
    def from_npz(cls, content: bytes) -> Correction:
        """Read what :meth:`to_npz` wrote.

        Raises
        ------
        ModelError
            It is no such file.
        """
        try:
            parts = read_npz(content)
            return cls(parts["weights"], parts["scales"], parts["intercepts"])
        except Exception as error:
            raise ModelError(f"it cannot be read ({type(error).__name__})") from error


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

    Returns
    -------
    Correction
        Of differences between labels: what is added to the first label's score is 0.
    """
    from scipy import sparse
    from sklearn.linear_model import Ridge

    parts = [sparse.csr_array((0, len(linear.keys)), dtype=np.float32)]
    for begin in range(0, len(texts), _CHUNK):
        some = texts[begin : begin + _CHUNK]
        held = linear.values(some)
        places = (held.values.astype(np.float32), (held.rows, held.columns))
        parts.append(sparse.coo_array(places, (len(some), len(linear.keys))).tocsr())
    values = sparse.vstack(parts, format="csr")
    del parts
    ridge = Ridge(alpha=_PENALTY, solver="sparse_cg", tol=_PRECISION, copy_X=False)
    ridge.fit(values, _leads(both) - _leads(alone))
    scales = np.abs(ridge.coef_).max(axis=1) / _LARGEST
    weights = np.rint(ridge.coef_ / np.where(scales, scales, 1.0)[:, None]).astype(np.int8)
    return Correction(weights, scales, np.asarray(ridge.intercept_, dtype=np.float64))


def _leads(scores: np.ndarray) -> np.ndarray:
    """How far each label lies before the first, as far as that matters."""
    return np.asarray(np.clip(scores - scores[:, :1], -_CERTAIN, _CERTAIN))
