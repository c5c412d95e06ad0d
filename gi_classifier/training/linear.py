"""Train the linear member: one logistic regression for each label, on n-grams of characters.

In: texts and labels. Out: a :class:`~gi_classifier.model.linear.LinearModel`. Two minutes for a
hundred thousand records, no TensorFlow.

It is fitted twice: on texts whole, then on what it reads, each piece weighed as the first fit does
it, since a record's label is that of some of its pieces (multiple instances; Andrews et al. 2002).
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy import sparse

from gi_classifier.errors import RecordsError
from gi_classifier.model.fusion import odds_to_probabilities
from gi_classifier.model.linear import (
    PIECE_SHARES,
    LinearModel,
    Values,
    inverse_document_frequencies,
    tfidf,
    views,
)
from gi_classifier.model.ngrams import MOST_CHARACTERS, cleaned, ngrams, numbers_of
from gi_classifier.model.windows import window_weights

# N-grams of one record alone teach nothing about others.
_LEAST_RECORDS = 2
_MAX_ITERATIONS = 1000
_CHUNK = 4096


def fit_linear(
    texts: Sequence[str],
    labels: Sequence[int] | np.ndarray,
    num_classes: int,
    *,
    piece_shares: tuple[float, float] = PIECE_SHARES,
    penalty: float = 0.05,
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
    characters, keys, frequencies, whole = _counted(clean, max_ngrams)
    label_array = np.asarray(labels, dtype=int)
    record_weights = np.ones(num_classes)[label_array]
    if class_weights is not None:
        record_weights = class_weights.astype(np.float64)[label_array]
    fitting = (label_array, record_weights, num_classes, penalty, seed)
    weights, intercepts = _one_vs_rest(whole, *fitting)
    model = LinearModel(
        characters=characters,
        keys=keys,
        frequencies=frequencies.astype(np.uint32),
        records=len(clean),
        weights=weights.astype(np.float16),
        intercepts=intercepts,
        piece_shares=piece_shares,
    )
    if not any(piece_shares):
        return model
    del whole
    weights, intercepts = _one_vs_rest(read_values(model, clean), *fitting)
    return replace(model, weights=weights.astype(np.float16), intercepts=intercepts)


def _counted(
    clean: Sequence[str], max_ngrams: int
) -> tuple[str, np.ndarray, np.ndarray, sparse.csr_array]:
    """Characters, n-grams that are kept, the texts that hold each, and the values of all texts."""
    counts = Counter(character for text in clean for character in text if character != "\n")
    characters = "".join(sorted(c for c, _ in counts.most_common(MOST_CHARACTERS)))
    places = ngrams(clean, numbers_of(characters))
    keys, columns = np.unique(places.keys, return_inverse=True)
    held = np.unique(places.owners * len(keys) + columns)
    frequencies = np.bincount(held % max(1, len(keys)), minlength=len(keys))
    kept = frequencies >= _LEAST_RECORDS
    if kept.sum() > max_ngrams:
        order = np.argsort(-frequencies, kind="stable")[:max_ngrams]
        kept = np.isin(np.arange(len(keys)), order)
    new = np.where(kept, np.cumsum(kept) - 1, -1)
    idf = inverse_document_frequencies(frequencies[kept], len(clean))
    whole = _matrix(tfidf(places.owners, new[columns], idf), len(clean), len(idf))
    return characters, keys[kept], frequencies[kept], whole


def read_values(model: LinearModel, clean: Sequence[str]) -> sparse.csr_array:
    """What the log-odds of a model are linear in, with the weights that it gives to pieces.

    Parameters
    ----------
    model : LinearModel
    clean : sequence of str
        Cleaned.

    Returns
    -------
    csr_array of float64, shape (texts, ngrams)
        Times the model's weights, and its intercepts: ``decision_function``.
    """
    weights, width = model.weights.astype(np.float64), len(model.keys)
    idf = inverse_document_frequencies(model.frequencies, model.records)
    found = [sparse.csr_array((0, width))]
    for begin in range(0, len(clean), _CHUNK):
        texts = clean[begin : begin + _CHUNK]
        places = ngrams(texts, model.numbers)
        columns = model.columns(places.keys)
        whole = _matrix(tfidf(places.owners, columns, idf), len(texts), width)
        left, mixed = np.ones(len(texts)), sparse.csr_array(whole.shape)
        for share, cut in views(texts, model.piece_shares):
            parts = _matrix(tfidf(cut.owners(places), columns, idf), len(cut.sizes), width)
            likely = odds_to_probabilities(parts @ weights.T + model.intercepts)
            counting = np.zeros(len(cut.sizes))
            owners = np.zeros(len(cut.sizes), dtype=int)
            for row, own in cut.rows.items():
                counting[own], owners[own] = share * window_weights(likely[own]), row
                left[row] -= share
            to_texts = sparse.coo_array(
                (counting, (owners, np.arange(len(owners)))), shape=(len(texts), len(owners))
            )
            mixed = mixed + to_texts.tocsr() @ parts
        found.append(mixed + sparse.diags_array(left) @ whole)
    return _narrow(sparse.vstack(found, format="csr"))


def _matrix(held: Values, rows: int, columns: int) -> sparse.csr_array:
    """Values as a matrix of so many rows and columns."""
    ends = np.searchsorted(held.rows, np.arange(rows + 1))
    return _narrow(sparse.csr_array((held.values, held.columns, ends), shape=(rows, columns)))


def _narrow(values: sparse.csr_array) -> sparse.csr_array:
    """The same with 32-bit indices: scikit-learn's liblinear takes no others."""
    values.sort_indices()
    parts = (values.data, values.indices.astype(np.int32), values.indptr.astype(np.int32))
    return sparse.csr_array(parts, shape=values.shape)


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
            try:
                model.fit(values, positive, record_weights)
            except ConvergenceWarning as error:
                raise RecordsError(
                    f"The linear member finds no weights for label {label} in {_MAX_ITERATIONS:,} "
                    "passes. Set class_weight to numbers nearer to 1, or train on more records."
                ) from error
        weights[label], intercepts[label] = model.coef_[0], model.intercept_[0]
    return weights, intercepts
