"""Which labels of a data set are probably wrong: confident learning.

In: features (n, columns), labels (n,) and near-duplicate groups (n,). Out: probabilities (n,
classes) from models that did not see the record, and the records whose label they contradict.
Northcutt, Jiang and Chuang 2021, "Confident Learning: Estimating Uncertainty in Dataset Labels",
https://arxiv.org/abs/1911.00068.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gi_classifier.errors import RecordsError, SettingsError
from gi_classifier.metrics.baselines import tfidf_logistic_regression
from gi_classifier.metrics.calibration import check_predictions
from gi_classifier.option_checks import integer_problem

FOLDS = 5
# A threshold is a mean of floats; a probability that equals it reaches it.
_SLACK = 1e-6


@dataclass(frozen=True)
class LabelErrors:
    """What confident learning says of a set of labels.

    Attributes
    ----------
    flagged : ndarray of bool, shape (n,)
        The records whose label is probably wrong.
    order : ndarray of int, shape (flagged,)
        Their places, the least margin first.
    margin : ndarray of float64, shape (n,)
        Probability of the given label less the largest of the others (the normalised margin), in
        -1…1; below 0, another label is more probable.
    joint : ndarray of float64, shape (classes, classes)
        Estimated number of records by given label (rows) and true label (columns). Rows sum to
        the counts of the given labels.
    informed : bool
        False where the probabilities find the labels no better than guessing does.
    """

    flagged: np.ndarray
    order: np.ndarray
    margin: np.ndarray
    joint: np.ndarray
    informed: bool = True

    @property
    def estimated_share(self) -> float:
        """Estimated share of wrong labels, 0…1: the joint's mass off the diagonal."""
        return float(1 - np.trace(self.joint) / self.joint.sum())


def linear_tfidf(seed: int) -> Any:
    """A linear classifier on TF-IDF, trained by stochastic gradient descent.

    The log loss and regularisation of logistic regression, one class against the rest; at 28,000
    records it fits in seconds where logistic regression itself takes minutes.
    """
    from sklearn.linear_model import SGDClassifier

    return SGDClassifier(loss="log_loss", alpha=1e-5, random_state=seed)


def linear_embeddings() -> Any:
    """Linear discriminant analysis, its covariance shrunk as Ledoit and Wolf 2004 do.

    In closed form; fits with more columns than records, too.
    """
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    return LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")


def judgeable(labels: np.ndarray, groups: np.ndarray, folds: int = FOLDS) -> np.ndarray:
    """Find the records whose label is frequent enough to be judged.

    Parameters
    ----------
    labels, groups : ndarray of int, shape (n,)
    folds : int

    Returns
    -------
    ndarray of bool, shape (n,)
        Those whose label has at least ``folds`` groups of near-duplicates. None where fewer than
        two labels have: there is nothing to be mistaken for.
    """
    enough = [k for k in np.unique(labels) if len(np.unique(groups[labels == k])) >= folds]
    return np.isin(labels, enough if len(enough) > 1 else [])


def out_of_fold(
    model: Any,
    features: Any,
    labels: np.ndarray,
    groups: np.ndarray,
    *,
    folds: int = FOLDS,
    seed: int = 0,
) -> np.ndarray:
    """Ask a model about each record after training it on the others.

    Parameters
    ----------
    model : scikit-learn classifier with ``predict_proba``
        Cloned for each fold.
    features : ndarray or sparse matrix, shape (n, columns)
    labels : ndarray of int, shape (n,)
        In 0…classes - 1, each of them there.
    groups : ndarray of int, shape (n,)
        Near-duplicates share a number and are held out together: a record's twin would tell its
        label, right or wrong.
    folds, seed : int

    Returns
    -------
    ndarray of float64, shape (n, classes)
        Rows sum to 1.

    Raises
    ------
    SettingsError
        There are fewer than 2 folds.
    RecordsError
        A label has fewer groups than there are folds, or there is only one label.
    """
    from sklearn.base import clone
    from sklearn.model_selection import StratifiedGroupKFold

    if problem := integer_problem("folds", folds, 2):
        raise SettingsError(problem)
    if not len(labels) or not judgeable(labels, groups, folds).all():
        raise RecordsError(
            "Out-of-fold probabilities need two labels or more, each with at least "
            f"{folds} records that are not near-duplicates. Leave out the others: judgeable finds "
            "them."
        )
    out = np.zeros((len(labels), int(labels.max()) + 1))
    splitter = StratifiedGroupKFold(n_splits=folds, shuffle=True, random_state=seed)
    for trained, held in splitter.split(np.zeros(len(labels)), labels, groups):
        fitted = clone(model).fit(features[trained], labels[trained])
        out[np.ix_(held, fitted.classes_)] = fitted.predict_proba(features[held])
    return np.asarray(out / out.sum(axis=1, keepdims=True))


def label_probabilities(
    texts: Sequence[str],
    labels: np.ndarray,
    groups: np.ndarray,
    *,
    embeddings: np.ndarray | None = None,
    trained: np.ndarray | None = None,
    seed: int = 0,
) -> tuple[np.ndarray, np.ndarray]:
    """Out-of-fold probabilities of texts' labels, by linear models.

    Parameters
    ----------
    texts : sequence of str
        Normalised.
    labels, groups : ndarray of int, shape (n,)
        As :func:`out_of_fold` takes them.
    embeddings : ndarray, shape (n, hidden), optional
        A frozen encoder's.
    trained : ndarray of bool, shape (n,), optional
        Records that the encoder was fine-tuned on; without it, none. It has learnt their labels,
        the wrong ones too, so on these its embeddings have no say.
    seed : int

    Returns
    -------
    ndarray of float64, shape (n, classes)
        By TF-IDF; where embeddings have a say, the mean of both.
    ndarray of bool, shape (n,)
        Where they had. Nowhere, if a label has too few records that the encoder does not know.
    """
    # The vocabulary and its weights know no label, so the folds may share them.
    features = tfidf_logistic_regression(seed)[0].fit_transform(texts)
    found = out_of_fold(linear_tfidf(seed), features, labels, groups, seed=seed)
    with_embeddings = np.zeros(len(labels), dtype=bool)
    if embeddings is not None:
        fresh = np.ones(len(labels), dtype=bool) if trained is None else ~trained
        enough = judgeable(labels[fresh], groups[fresh])
        if enough.all() and len(set(labels[fresh])) == len(set(labels)):
            further = out_of_fold(
                linear_embeddings(), embeddings[fresh], labels[fresh], groups[fresh], seed=seed
            )
            found[fresh] = (found[fresh] + further) / 2
            with_embeddings = fresh
    return found, with_embeddings


def find_label_errors(probabilities: np.ndarray, labels: np.ndarray) -> LabelErrors:
    """Find the labels that out-of-fold probabilities contradict.

    Confident learning (Northcutt et al. 2021). A record counts as confidently of class k where its
    probability of k reaches the mean probability that records labelled k have for k. Counts by
    given and confident label, scaled to the number of records, estimate the joint distribution of
    given and true labels. Of each given label, as many records as the joint estimates to be wrong
    are flagged, those of least probability for their label first ("prune by class", their
    equation 5 and method 3), except where the given label is still the most probable one.

    Parameters
    ----------
    probabilities : ndarray, shape (n, classes)
        From models that did not see the record; rows sum to 1.
    labels : ndarray of int, shape (n,)

    Returns
    -------
    LabelErrors
        Nothing is flagged, and ``informed`` is False, where the probabilities find the labels no
        better than guessing does (mean recall at most 1/classes): they know nothing that could
        contradict a label.

    Raises
    ------
    RecordsError
        The shapes do not match, no record carries a class, or rows are no probabilities.
    LabelError
        A label is no class.
    """
    check_predictions(probabilities, labels)
    classes, rows = probabilities.shape[1], np.arange(len(labels))
    counts = np.bincount(labels, minlength=classes)
    if classes < 2 or not counts.all():
        raise RecordsError(
            "Label errors need two classes or more, and a record of each. Received records by "
            f"class: {counts.tolist()}"
        )
    own = probabilities[rows, labels]
    others = probabilities.copy()
    others[rows, labels] = -np.inf
    margin = own - others.max(axis=1)
    predicted = probabilities.argmax(axis=1)
    if mean_recall(predicted, labels, classes) <= 1 / classes + _SLACK:
        none = np.zeros(len(labels), dtype=bool)
        unchanged = np.diag(counts).astype(float)
        return LabelErrors(none, np.zeros(0, dtype=int), margin, unchanged, informed=False)
    joint = confident_joint(probabilities, labels)
    flagged = np.zeros(len(labels), dtype=bool)
    for label, wrong in enumerate(np.rint(counts - joint.diagonal()).astype(int)):
        # At least one record of a label keeps it.
        members = np.flatnonzero(labels == label)
        worst = np.argsort(own[members], kind="stable")[: min(wrong, len(members) - 1)]
        flagged[members[worst]] = True
    flagged &= predicted != labels
    places = np.flatnonzero(flagged)
    return LabelErrors(flagged, places[np.argsort(margin[places], kind="stable")], margin, joint)


def confident_joint(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Estimated number of records by given and true label (Northcutt et al. 2021, equations 1-3).

    Parameters
    ----------
    probabilities : ndarray, shape (n, classes)
    labels : ndarray of int, shape (n,)
        Each class is there.

    Returns
    -------
    ndarray of float64, shape (classes, classes)
        Given labels are rows, and sum to their counts; true labels are columns.
    """
    classes = probabilities.shape[1]
    thresholds = np.array([probabilities[labels == k, k].mean() for k in range(classes)])
    reached = np.where(probabilities >= thresholds - _SLACK, probabilities, -1.0)
    sure = reached.max(axis=1) >= 0
    joint = np.zeros((classes, classes))
    np.add.at(joint, (labels[sure], reached.argmax(axis=1)[sure]), 1)
    # A class without one confident record of its own would have no row to scale.
    np.fill_diagonal(joint, np.maximum(joint.diagonal(), 1))
    counts = np.bincount(labels, minlength=classes)[:, None]
    return np.asarray(joint / joint.sum(axis=1, keepdims=True) * counts)


def mean_recall(predicted: np.ndarray, labels: np.ndarray, classes: int) -> float:
    """Mean over the classes of the share of their records that were found: 1/classes by guessing.

    Parameters
    ----------
    predicted, labels : ndarray of int, shape (n,)
        Each class is among the labels.
    classes : int
    """
    right = np.bincount(labels, weights=predicted == labels, minlength=classes)
    return float((right / np.bincount(labels, minlength=classes)).mean())
