"""The classifiers of a comparison, each unfitted, with the features that it reads.

In: which of them, and a seed. Out: :class:`ComparisonModel`, whose classifiers take texts or the
encoder's vectors and follow scikit-learn's conventions. What is fitted, features included, is one
pipeline.
"""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Callable, Collection, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import sklearn
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.decomposition import TruncatedSVD
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from gi_classifier.errors import SettingsError
from gi_classifier.labels import Label
from gi_classifier.metrics.baselines import keyword_rule
from gi_classifier.settings import Settings

FEATURES = ("tfidf", "embedding")
FAMILIES = {
    "rule": "keyword rule 关键词规则",
    "knn": "k nearest neighbours k近邻",
    "svc": "support vector machine 支持向量机",
    "logistic": "logistic regression 逻辑回归",
    "tree": "decision tree 决策树",
    "forest": "random forest 随机森林",
    "network": "neural network 神经网络",
    "albert": "ALBERT-tiny, fine-tuned 微调",
}
# Layers of 256, 128, 64 and 32 units, as many as the network is deep.
_WIDTHS = (256, 128, 64, 32)
# Networks see the so many most frequent n-grams, reduced to so many numbers.
_NGRAMS, _COMPONENTS = 5000, 256
# Passes over the records at most; training stops earlier where the loss falls no more.
_EPOCHS, _STALLED, _LEAST_FALL = 100, 10, 1e-4
_EXTRA = ("tensorflow", "tf_keras", "bert4keras")


class ComparisonModel(NamedTuple):
    """A classifier to compare.

    Attributes
    ----------
    name : str
        What the command line calls it: "svc-linear".
    family : str
        A key of :data:`FAMILIES`.
    features : str
        "tfidf", "embedding", or "text" where it reads the records themselves.
    title : str
        For people.
    make : callable
        Returns it unfitted, a scikit-learn classifier.
    """

    name: str
    family: str
    features: str
    title: str
    make: Callable[[], Any]

    @property
    def key(self) -> str:
        """Name and features, unlike any other model's."""
        return f"{self.name}.{self.features}"

    @property
    def linear(self) -> bool:
        """Whether its classes part at planes."""
        return self.family == "logistic" or self.name == "svc-linear"


class KeywordRule(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """:func:`~gi_classifier.metrics.baselines.keyword_rule` as a classifier of texts.

    Parameters
    ----------
    label : int, optional
        Tell this default label from the rest.
    """

    def __init__(self, label: int | None = None) -> None:
        self.label = label

    def fit(self, texts: Any, labels: np.ndarray) -> KeywordRule:
        """Learn nothing."""
        self.classes_ = np.arange(len(Label) if self.label is None else 2)
        return self

    def predict_proba(self, texts: Any) -> np.ndarray:
        """One 1 in each row: float64 (n, classes)."""
        found = keyword_rule(list(texts))
        if self.label is None:
            return found
        return np.stack([1 - found[:, self.label], found[:, self.label]], axis=1)

    def predict(self, texts: Any) -> np.ndarray:
        """The label of the 1: int (n,)."""
        return np.asarray(self.predict_proba(texts).argmax(axis=1))


class CappedSVD(TruncatedSVD):  # type: ignore[misc]
    """Truncated SVD that keeps as many components as the matrix has, where those are fewer.

    Parameters
    ----------
    most : int
        Components at most.
    random_state : int
        Of the randomised algorithm (Halko et al. 2011).
    """

    def __init__(self, most: int = _COMPONENTS, random_state: int = 0) -> None:
        super().__init__(most, random_state=random_state)
        self.most = most

    def fit_transform(self, matrix: Any, labels: Any = None) -> np.ndarray:
        """Reduce (n, columns) to (n, components)."""
        self.n_components = min(self.most, *matrix.shape)
        return np.asarray(super().fit_transform(matrix))


class SourceNetwork(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """The network 256-256-BN-128-128-BN-64-64-BN-32-32-BN-16×6-1 on dense features.

    Layers are dense with ReLU, BN is batch normalisation, 16×6 six layers of 16. Of two classes
    the last is one logistic unit, of k it is a softmax of k. Adam, batches of 32; at most 100
    epochs, fewer where the training loss has not fallen by 1e-4 for 10, as in scikit-learn's
    networks.

    Parameters
    ----------
    random_state : int
        Of the weights and of the order of records.
    """

    def __init__(self, random_state: int = 0) -> None:
        self.random_state = random_state

    def fit(self, features: np.ndarray, labels: np.ndarray) -> SourceNetwork:
        """Train on float (n, columns) and int (n,)."""
        from gi_classifier.training.keras_backend import tf, tf_keras

        self.classes_, places = np.unique(labels, return_inverse=True)
        layers, two = tf_keras.layers, len(self.classes_) == 2
        seeds = iter(range(self.random_state * 100, self.random_state * 100 + 100))

        def dense(units: int, activation: str) -> Any:
            start = tf_keras.initializers.GlorotUniform(next(seeds))
            return layers.Dense(units, activation, kernel_initializer=start)

        stack: list[Any] = [layers.Input(features.shape[1:])]
        for width in _WIDTHS:
            stack += [dense(width, "relu"), dense(width, "relu"), layers.BatchNormalization()]
        stack += [dense(16, "relu") for _ in range(6)]
        stack += [dense(1, "sigmoid") if two else dense(len(self.classes_), "softmax")]
        self.model_ = tf_keras.Sequential(stack)
        loss = "binary_crossentropy" if two else "sparse_categorical_crossentropy"
        self.model_.compile(optimizer=tf_keras.optimizers.Adam(), loss=loss)
        data = tf.data.Dataset.from_tensor_slices((features.astype(np.float32), places))
        stop = tf_keras.callbacks.EarlyStopping("loss", min_delta=_LEAST_FALL, patience=_STALLED)
        self.model_.fit(
            data.shuffle(len(places), seed=self.random_state).batch(32),
            epochs=_EPOCHS,
            callbacks=[stop],
            verbose=0,
        )
        if not stop.stopped_epoch:
            warnings.warn(f"not converged in {_EPOCHS} epochs", ConvergenceWarning, stacklevel=2)
        return self

    def predict_proba(self, features: np.ndarray) -> np.ndarray:
        """Probability of each class: float (n, classes)."""
        # Called, not predict(): a small network answers before its graph would be traced.
        found = self.model_(features.astype(np.float32), training=False).numpy()
        return np.concatenate([1 - found, found], axis=1) if found.shape[1] == 1 else found

    def predict(self, features: np.ndarray) -> np.ndarray:
        """The class of the largest probability: (n,)."""
        return np.asarray(self.classes_[self.predict_proba(features).argmax(axis=1)])


def _logistic(inverse_strength: float, penalty: str, seed: int) -> Any:
    """Logistic regression; with L1, one against the rest, for liblinear, which converges there."""
    options = {"C": inverse_strength, "max_iter": 1000, "random_state": seed}
    if penalty == "l2":
        return LogisticRegression(**options)
    version = tuple(map(int, sklearn.__version__.split(".")[:2]))
    # scikit-learn 1.8 renamed it.
    l1 = {"l1_ratio": 1.0} if version >= (1, 8) else {"penalty": "l1"}
    return OneVsRestClassifier(LogisticRegression(solver="liblinear", **l1, **options))


def _classifiers(seed: int) -> Iterator[tuple[str, str, str, Callable[[], Any]]]:
    """Name, family, title and maker of each model that reads numbers."""
    for k in (1, 3, 10, 30):
        yield f"knn-{k}", "knn", f"kNN, k = {k}", partial(KNeighborsClassifier, k)
    for kernel in ("linear", "rbf", "poly"):
        make = partial(SVC, kernel=kernel, random_state=seed)
        yield f"svc-{kernel}", "svc", f"SVC, {kernel}", make
    for penalty in ("l1", "l2"):
        for c in (0.01, 0.1, 1.0, 10.0):
            title = f"logistic {penalty.upper()}, C = {c:g}"
            yield (
                f"logistic-{penalty}-{c:g}",
                "logistic",
                title,
                partial(_logistic, c, penalty, seed),
            )
    for depth in (5, 10):
        make = partial(DecisionTreeClassifier, max_depth=depth, random_state=seed)
        yield f"tree-{depth}", "tree", f"tree, depth {depth}", make
    make = partial(RandomForestClassifier, random_state=seed)
    yield "random-forest", "forest", "random forest, 100 trees", make
    for depth in range(1, len(_WIDTHS) + 1):
        widths = _WIDTHS[:depth]
        make = partial(MLPClassifier, widths, max_iter=_EPOCHS, random_state=seed)
        yield f"network-{depth}", "network", f"network {'-'.join(map(str, widths))}", make
    title = "network of the source"
    yield "source-network", "network", title, partial(SourceNetwork, seed)


def _pipeline(features: str, family: str, make: Callable[[], Any], seed: int) -> Any:
    """Features and classifier as one, so that a fold's test records fit neither."""
    if features == "embedding":
        return make_pipeline(StandardScaler(), make())
    few = family == "network"
    steps: list[Any] = [
        TfidfVectorizer(
            analyzer="char",
            ngram_range=(1, 3),
            sublinear_tf=True,
            max_features=_NGRAMS if few else None,
        )
    ]
    if few:
        steps += [CappedSVD(_COMPONENTS, seed), StandardScaler()]
    return make_pipeline(*steps, make())


def comparison_models(features: Collection[str] = FEATURES, seed: int = 0) -> list[ComparisonModel]:
    """Every model that reads numbers, on each kind of features.

    Parameters
    ----------
    features : collection of {"tfidf", "embedding"}
        Character TF-IDF (1 to 3 characters; for networks the 5,000 most frequent, reduced to 256
        numbers by truncated SVD and standardised); or the encoder's vectors, standardised.
    seed : int
    """
    return [
        ComparisonModel(name, family, kind, title, partial(_pipeline, kind, family, make, seed))
        for kind in FEATURES
        if kind in features
        for name, family, title, make in _classifiers(seed)
    ]


KNOWN = (*(name for name, *_ in _classifiers(0)), "rule", "albert")


def check_wanted(models: Sequence[str] | None, features: Sequence[str]) -> None:
    """Raise where a model or a kind of features is not known.

    Raises
    ------
    SettingsError
        Naming all that are unknown, and what there is.
    """
    problems = [f"model {name!r}" for name in models or () if name not in (*KNOWN, *FAMILIES)]
    problems += [f"features {kind!r}" for kind in features if kind not in FEATURES]
    if problems or not features or (models is not None and not models):
        raise SettingsError(
            f"Models are families ({', '.join(FAMILIES)}) or of these: {', '.join(KNOWN)}. "
            f"Features are {' and '.join(FEATURES)}. Received:",
            problems or ["nothing"],
        )


def missing_extra() -> str:
    """What a network of Keras lacks, and how to install it; empty where it lacks nothing."""
    missing = [name for name in _EXTRA if not importlib.util.find_spec(name)]
    return f"needs {', '.join(missing)}: pip install 'gi_classifier[train]'" if missing else ""


def fine_tuned(
    make: Callable[..., Any],
    settings: Settings,
    base: Path,
    records: int,
    epochs: int,
    classes: int,
    seed: int,
    background: bool,
) -> ComparisonModel:
    """ALBERT-tiny from an encoder's weights, by the recipe of the model that they are from.

    Parameters
    ----------
    make : callable
        Takes the parameters of :class:`gi_classifier.GIClassifier` and returns it unfitted.
    settings : Settings
        That recipe. Its rate rises for a tenth of the steps and falls until the last.
    base : Path
        The model directory.
    records : int
        That it will be trained on.
    epochs : int
        At most so many.
    classes, seed : int
    background : bool
        Whether the first class says that a text is of no other, so that windows may be weighed by
        how little they are of it.
    """
    # Fitting holds out about a tenth for early stopping.
    steps = max(1, round(0.9 * records / settings.batch_size)) * epochs
    derived = ("num_classes", "label_names", "class_weight", "seed")
    recipe = {name: value for name, value in settings.to_dict().items() if name not in derived} | {
        "base": base,
        "use": "albert",
        "window_rule": settings.window_rule if background else "mean",
        "epochs": epochs,
        "warmup_steps": steps // 10,
        "decay_steps": steps,
        "random_state": seed,
    }
    title = f"ALBERT-tiny, {epochs} epochs"
    return ComparisonModel("albert", "albert", "text", title, partial(make, **recipe))
