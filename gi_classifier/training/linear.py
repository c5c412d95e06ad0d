"""Train the linear member: one logistic regression for each label, on n-grams of characters.

In: texts and labels. Out: a :class:`~gi_classifier.model.linear.LinearModel`. Seconds for tens of
thousands of records, no TensorFlow.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Sequence

import numpy as np
from scipy import sparse

from gi_classifier.model.linear import (
    PIECE_SHARES,
    LinearModel,
    inverse_document_frequencies,
    tfidf,
)
from gi_classifier.model.ngrams import MOST_CHARACTERS, cleaned, ngrams, numbers_of

# N-grams of one record alone teach nothing about others.
_LEAST_RECORDS = 2
_MAX_ITERATIONS = 1000


def fit_linear(
    texts: Sequence[str],
    labels: Sequence[int] | np.ndarray,
    num_classes: int,
    *,
    piece_shares: tuple[float, float] = PIECE_SHARES,
    penalty: float = 0.1,
    class_weights: np.ndarray | None = None,
    seed: int = 0,
    max_ngrams: int = 360_000,
) -> LinearModel:
    """Fit the linear member by penalised likelihood (scikit-learn's liblinear).

    Parameters
    ----------
    texts : sequence of str
    labels : sequence of int, shape (texts,)
        0 to ``num_classes`` - 1; a label that no text has gets no weights and small log-odds.
    num_classes : int
    piece_shares : tuple of float
        See :class:`~gi_classifier.model.linear.LinearModel`.
    penalty : float
        Of the squared weights; scikit-learn's C is its inverse.
    class_weights : ndarray, shape (num_classes,), optional
        How much a record of each label weighs.
    seed : int
    max_ngrams : int
        The most that are kept, those of the most records first.
    """
    clean = [cleaned(text) for text in texts]
    counts = Counter(character for text in clean for character in text if character != "\n")
    characters = "".join(sorted(c for c, _ in counts.most_common(MOST_CHARACTERS)))
    places = ngrams(clean, numbers_of(characters))
    keys, columns = np.unique(places.keys, return_inverse=True)
    presence = sparse.coo_array(
        (np.ones(len(columns), dtype=np.int64), (places.owners, columns)),
        shape=(len(clean), len(keys)),
    ).tocsr()
    frequencies = np.bincount(presence.indices, minlength=len(keys))
    kept = frequencies >= _LEAST_RECORDS
    if kept.sum() > max_ngrams:
        order = np.argsort(-frequencies, kind="stable")[:max_ngrams]
        kept = np.isin(np.arange(len(keys)), order)
    new = np.where(kept, np.cumsum(kept) - 1, -1)
    idf = inverse_document_frequencies(frequencies[kept], len(clean))
    held = tfidf(places.owners, new[columns], idf)
    # scikit-learn's liblinear takes 32-bit indices alone.
    ends = np.searchsorted(held.rows, np.arange(len(clean) + 1)).astype(np.int32)
    values = sparse.csr_array(
        (held.values, held.columns.astype(np.int32), ends), shape=(len(clean), len(idf))
    )
    label_array = np.asarray(labels, dtype=int)
    record_weights = np.ones(num_classes)[label_array]
    if class_weights is not None:
        record_weights = class_weights.astype(np.float64)[label_array]
    weights, intercepts = _one_vs_rest(
        values, label_array, record_weights, num_classes, penalty, seed
    )
    return LinearModel(
        characters=characters,
        keys=keys[kept],
        frequencies=frequencies[kept].astype(np.uint32),
        records=len(clean),
        weights=weights.astype(np.float16),
        intercepts=intercepts,
        piece_shares=piece_shares,
    )


def _one_vs_rest(
    values: sparse.csr_array,
    labels: np.ndarray,
    record_weights: np.ndarray,
    num_classes: int,
    penalty: float,
    seed: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Weights (classes, ngrams) and intercepts (classes,)."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    records, columns = values.shape
    weights, intercepts = np.zeros((num_classes, columns)), np.zeros(num_classes)
    for label in range(num_classes):
        positive = labels == label
        if positive.all() or not positive.any() or not columns:
            # One record half of this label, half of the others, bounds the odds.
            share = (positive.sum() + 0.5) / (records + 1)
            intercepts[label] = np.log(share / (1 - share))
            continue
        model = LogisticRegression(
            C=1 / penalty, solver="liblinear", max_iter=_MAX_ITERATIONS, random_state=seed
        )
        with warnings.catch_warnings():
            warnings.simplefilter("error", ConvergenceWarning)
            model.fit(values, positive, record_weights)
        weights[label], intercepts[label] = model.coef_[0], model.intercept_[0]
    return weights, intercepts
