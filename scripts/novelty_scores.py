"""Scores of novelty that were tried beside the one that ships; ``novelty.py`` compares them.

In: what a model read in some texts. Out: scores (n,), of which higher means more novel. Most are
fitted on records alone; logistic regression needs families of out-of-distribution texts, and a
family is scored by a model that was fitted without it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from sklearn.metrics import balanced_accuracy_score

from gi_classifier.decisions.novelty import mahalanobis
from gi_classifier.decisions.novelty_fit import whiten
from gi_classifier.decisions.pairs import Pairs
from gi_classifier.model.activations import Activations
from gi_classifier.model.engine import softmax

GROUPS = 4

Score = Callable[["Sample"], np.ndarray]


@dataclass(frozen=True)
class Sample:
    """Texts as a model reads them: logits (n, classes), and tokens of each text (n,)."""

    read: Activations
    logits: np.ndarray
    lengths: np.ndarray


def layer_of(sample: Sample, kind: str, layer: int) -> np.ndarray:
    """[CLS] after a layer, or the mean before it: (n, hidden)."""
    return (sample.read.firsts if kind == "[CLS] after" else sample.read.means)[:, layer]


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
    """Logistic regression of out-of-distribution texts (1) against records (0), both in balance.

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


def scores_of_records_alone(
    train: Sample, labels: np.ndarray, pairs: Pairs, layers: int
) -> dict[tuple[str, str], Score]:
    """Every score that records alone are enough for, by its name and its layer's."""
    scores: dict[tuple[str, str], Score] = {
        ("surprise of tokens", "–"): lambda s: pairs.surprise(s.read.ids),
        ("energy", "logits"): lambda s: energy(s.logits),
        ("1 − max softmax", "logits"): lambda s: one_less_max_softmax(softmax(s.logits)),
    }

    def distance(
        kind: str, layer: int, centres: np.ndarray, whitening: np.ndarray, sample: Sample
    ) -> np.ndarray:
        found = mahalanobis(layer_of(sample, kind, layer), centres, whitening)
        return np.asarray(np.log(np.maximum(found, 1e-12)))

    def share(kind: str, layer: int, usual: np.ndarray, sample: Sample) -> np.ndarray:
        return active_share(layer_of(sample, kind, layer), usual)

    def relative(classes: Score, whole: Score, sample: Sample) -> np.ndarray:
        return np.asarray(np.exp(classes(sample)) - np.exp(whole(sample)))

    for kind in ("[CLS] after", "mean before"):
        for layer in range(layers):
            name = f"{kind} {layer + 1}"
            vectors = layer_of(train, kind, layer)
            usual = np.quantile(vectors, 0.95, axis=0)
            scores["share of active units", name] = partial(share, kind, layer, usual)
            centres, rest = class_means(vectors, labels)
            classes = partial(distance, kind, layer, centres, whiten(rest))
            centre = vectors.mean(axis=0, keepdims=True)
            whole = partial(distance, kind, layer, centre, whiten(vectors - centre))
            scores["Mahalanobis, by class", name] = classes
            scores["Mahalanobis, relative", name] = partial(relative, classes, whole)
            scores["Mahalanobis", name] = whole
    return scores


def logistic(
    samples: Mapping[str, Sample], families: Sequence[str], kind: str, layer: int, seed: int
) -> list[tuple[list[str], dict[str, np.ndarray]]]:
    """For each group of families: their names, and all sets' scores by a model without them."""
    vectors = {name: layer_of(sample, kind, layer) for name, sample in samples.items()}
    records = vectors["train"][:1000]
    result = []
    for group in range(GROUPS):
        left_out = list(families[group::GROUPS])
        fitted = [vectors[name] for name in families if name not in left_out]
        known = np.concatenate([records, *fitted])
        novel = np.repeat([0, 1], [len(records), len(known) - len(records)])
        model = fit_logistic(known, novel, seed)
        wanted = [name for name in samples if name not in families or name in left_out]
        result.append((left_out, {name: model.decision_function(vectors[name]) for name in wanted}))
    return result


def accuracies(
    samples: Mapping[str, Sample], families: Sequence[str], kind: str, layer: int, seed: int
) -> tuple[float, float]:
    """Balanced accuracy of logistic regression: families known to it, and families that are not.

    Half of each family and of the records is left out of the first.
    """
    vectors = {name: layer_of(samples[name], kind, layer) for name in ("train", *families)}
    vectors["train"] = vectors["train"][:1000]
    halves = [np.concatenate([found[half::2] for found in vectors.values()]) for half in (0, 1)]
    truths = [
        np.concatenate([np.full(len(f[half::2]), n != "train") for n, f in vectors.items()])
        for half in (0, 1)
    ]
    model = fit_logistic(halves[0], truths[0], seed)
    known = balanced_accuracy_score(truths[1], model.predict(halves[1]))
    unknown = []
    for left_out, found in logistic(samples, families, kind, layer, seed):
        values = np.concatenate([found["test"], *(found[name] for name in left_out)])
        truth = np.arange(len(values)) >= len(found["test"])
        unknown.append(balanced_accuracy_score(truth, values > 0))
    return float(known), float(np.mean(unknown))
