"""A small classifier on frozen features: a user's own classes from a few hundred records.

In: vectors (n, d) and labels of any kind (:class:`HeadClassifier`), or texts and labels
(:class:`TextHead`, which asks the encoder for vectors). Out: labels, probabilities and one
``.npz`` file.

The network is one hidden layer of 138 units, batch norm (Ioffe & Szegedy 2015) and ELU (Clevert
et al. 2016), trained with AdamW (Loshchilov & Hutter 2019) under cosine warm restarts (Loshchilov
& Hutter 2017), and stopped early by F1. It is written in NumPy: so small a network trains in
seconds without TensorFlow's 600 MB and 4 s of import, a plain ``pip install`` is enough, and the
statistics of the batch norm are those of all records after each epoch, where Keras' moving
average is far off after the few steps that 200 records give.
"""

from __future__ import annotations

import io
import itertools
import json
import math
import zipfile
from collections.abc import Hashable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple, cast

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.metrics import f1_score
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold
from sklearn.preprocessing import StandardScaler
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from gi_classifier.activations import ActivationReader
from gi_classifier.engine import softmax
from gi_classifier.errors import ModelError, RecordsError, SettingsError
from gi_classifier.model_dir import Bundle, check_output, load, shipped, write_whole
from gi_classifier.predict import Predictor, check_texts
from gi_classifier.splitting import near_duplicate_groups

Features = Literal["means", "cls"]

FORMAT = 1
_EPSILON = 1e-5
# Of Adam: decay of the mean of the gradients and of their squares, and what keeps from dividing
# by 0.
_FIRST, _SECOND, _TINY = 0.9, 0.999, 1e-8


class Parameters(NamedTuple):
    """What is trained; all float32.

    Attributes
    ----------
    kernel : ndarray, shape (d, hidden)
        Without bias, which the batch norm would take away again.
    scale, shift : ndarray, shape (hidden,)
        Of the batch norm.
    output : ndarray, shape (hidden, classes)
    bias : ndarray, shape (classes,)
    """

    kernel: np.ndarray
    scale: np.ndarray
    shift: np.ndarray
    output: np.ndarray
    bias: np.ndarray


# AdamW shrinks matrices, not scales, shifts and biases.
_DECAYED = (1, 0, 0, 1, 0)


def initial_parameters(d: int, hidden: int, classes: int, seed: int) -> Parameters:
    """Draw the weights to begin with: normal of variance 1 / inputs, scales 1, the rest 0."""
    source = np.random.default_rng(seed)
    kernel = source.standard_normal((d, hidden)) / math.sqrt(d)
    output = source.standard_normal((hidden, classes)) / math.sqrt(hidden)
    arrays = (kernel, np.ones(hidden), np.zeros(hidden), output, np.zeros(classes))
    return Parameters(*(array.astype(np.float32) for array in arrays))


def _elu(x: np.ndarray) -> np.ndarray:
    return np.where(x > 0, x, np.expm1(np.minimum(x, 0)))


def loss_and_gradients(
    parameters: Parameters, features: np.ndarray, codes: np.ndarray, weights: np.ndarray
) -> tuple[float, Parameters]:
    """Weighted mean of -log of the true class' probability on one batch, and its gradients.

    Parameters
    ----------
    parameters : Parameters
    features : ndarray, shape (n, d)
        Two records or more; the batch norm takes their mean and variance.
    codes : ndarray of int, shape (n,)
        The class of each, from 0.
    weights : ndarray, shape (n,)
        Of each record, above 0.

    Returns
    -------
    loss : float
    gradients : Parameters
    """
    kernel, scale, shift, output, bias = parameters
    products = features @ kernel
    deviation = np.sqrt(products.var(axis=0) + _EPSILON)
    normal = (products - products.mean(axis=0)) / deviation
    active = _elu(normal * scale + shift)
    logits = active @ output + bias
    logits -= logits.max(axis=1, keepdims=True)
    logarithms = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    shares, rows = weights / weights.sum(), np.arange(len(codes))
    loss = -float(shares @ logarithms[rows, codes])

    to_logits = np.exp(logarithms)
    to_logits[rows, codes] -= 1
    to_logits *= shares[:, None]
    # The slope of ELU is 1 above 0 and ELU + 1 below.
    to_inner = (to_logits @ output.T) * (1 + np.minimum(active, 0))
    to_scale = (to_inner * normal).sum(axis=0)
    to_shift = to_inner.sum(axis=0)
    to_products = (to_inner - (to_shift + normal * to_scale) / len(codes)) * (scale / deviation)
    return loss, Parameters(
        features.T @ to_products, to_scale, to_shift, active.T @ to_logits, to_logits.sum(axis=0)
    )


def learning_rates(highest: float, first_cycle: int, steps: int) -> Iterator[float]:
    """Cosine annealing with warm restarts, each cycle twice as long as the one before, without end.

    Parameters
    ----------
    highest : float
        The rate that each cycle begins with; it falls to nearly 0.
    first_cycle : int
        Epochs.
    steps : int
        In an epoch.
    """
    for cycle in itertools.count():
        length = first_cycle * 2**cycle * steps
        for step in range(length):
            yield highest * (1 + math.cos(math.pi * step / length)) / 2


class HeadClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """One hidden layer with batch norm and ELU on vectors, stopped early by F1.

    Parameters
    ----------
    hidden : int
        Units.
    learning_rate : float
        The highest rate of each cycle.
    weight_decay : float
        Of AdamW, times the rate, at each step; 0 or more.
    batch_size : int
        Records of a step, about; the batches of an epoch are equally large.
    first_cycle : int
        Epochs of the first cycle of the learning rate; each further one is twice as long.
    max_epochs : int
    patience : int
        Epochs without a better validation F1 after which training stops.
    positive : label, optional
        The class whose F1 is judged. Without, the second of two classes (in sorted order), or
        the mean of all (macro F1) where there are more.
    class_weight : "balanced", mapping or None
        "balanced" weighs each class as if all were equally frequent; a mapping holds the weight
        of each label, 1 where it holds none. They weigh the training records only; the F1 that
        stops the training is the one that is reported.
    seed : int
        Of the first weights, the order of the records and the records held out.

    Attributes
    ----------
    classes_ : ndarray, shape (classes,)
        The labels, sorted.
    n_features_in_ : int
    layers_ : list of ndarray of float64
        Kernel (d, hidden) and bias (hidden,) with the batch norm folded in, kernel
        (hidden, classes) and bias (classes,).
    history_ : list of dict
        For each epoch: ``loss`` (training), ``validation_loss`` and ``validation_f1``.
    best_epoch_ : int
        The epoch, from 1, whose weights were kept: the highest validation F1; of equal ones the
        lowest validation loss.
    trained_on_ : str
        What computed the vectors, as :class:`TextHead` notes it; "" where nobody said.
    """

    def __init__(
        self,
        *,
        hidden: int = 138,
        learning_rate: float = 1e-3,
        weight_decay: float = 1e-2,
        batch_size: int = 32,
        first_cycle: int = 10,
        max_epochs: int = 310,
        patience: int = 40,
        positive: Any = None,
        class_weight: Literal["balanced"] | Mapping[Any, float] | None = None,
        seed: int = 0,
    ) -> None:
        self.hidden = hidden
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.batch_size = batch_size
        self.first_cycle = first_cycle
        self.max_epochs = max_epochs
        self.patience = patience
        self.positive = positive
        self.class_weight = class_weight
        self.seed = seed

    def fit(
        self,
        X: Any,  # noqa: N803
        y: Any,
        validation: tuple[Any, Any] | None = None,
        groups: Any = None,
    ) -> HeadClassifier:
        """Train anew.

        Parameters
        ----------
        X : array-like, shape (n, d)
        y : array-like, shape (n,)
            Labels of two classes or more: numbers, strings, booleans.
        validation : (X, y), optional
            Records for early stopping. Without, about a tenth is held out, in proportion to the
            classes; more where a class has fewer than 10 records.
        groups : array-like, shape (n,), optional
            Records of one group, such as near-duplicates, are held out together.

        Returns
        -------
        HeadClassifier
            Itself.

        Raises
        ------
        SettingsError
            Parameters are out of range: all of them are named.
        RecordsError
            There is one class only, or one with a single group of records, so that none can be
            held out; or the validation records have a class of their own.
        ValueError
            By scikit-learn: X or y has a wrong shape, or holds NaN.
        """
        self._check_settings()
        X, y = validate_data(self, X, y, dtype=np.float64)  # noqa: N806
        check_classification_targets(y)
        self.classes_, codes = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise RecordsError(
                "A head needs records of two classes or more. "
                f"Received: the one class {self.classes_.tolist()[0]!r}"
            )
        if self.positive is not None and self.positive not in self.classes_:
            raise SettingsError(
                f"positive must be one of the labels {self.classes_.tolist()}. "
                f"Received: {self.positive!r}"
            )
        weights = compute_class_weight(self.class_weight, classes=self.classes_, y=y)
        if validation is None:
            held = self._held_out(codes, groups)
            checked = X[held], codes[held]
            X, codes = X[~held], codes[~held]  # noqa: N806
        else:
            checked = self._checked_validation(*validation)
        self.trained_on_ = ""
        scaler = StandardScaler().fit(X)
        self._train(scaler, X, codes, weights, *checked)
        return self

    def _check_settings(self) -> None:
        problems = [
            f"{name} must be an integer of at least 1. Received: {getattr(self, name)!r}"
            for name in ("hidden", "first_cycle", "max_epochs", "patience")
            if not (isinstance(getattr(self, name), (int, np.integer)) and getattr(self, name) >= 1)
        ]
        if not (isinstance(self.batch_size, (int, np.integer)) and self.batch_size >= 2):
            problems.append(
                "batch_size must be an integer of at least 2, since the batch norm takes means. "
                f"Received: {self.batch_size!r}"
            )
        if not (math.isfinite(self.learning_rate) and self.learning_rate > 0):
            problems.append(f"learning_rate must be above 0. Received: {self.learning_rate!r}")
        if not (math.isfinite(self.weight_decay) and self.weight_decay >= 0):
            problems.append(f"weight_decay must be 0 or more. Received: {self.weight_decay!r}")
        if problems:
            raise SettingsError("These parameters are out of range:", problems)

    def _held_out(self, codes: np.ndarray, groups: Any) -> np.ndarray:
        """Which records choose the weights and are not trained on: bool (n,)."""
        owners = np.arange(len(codes)) if groups is None else np.asarray(groups)
        counts = [len(np.unique(owners[codes == code])) for code in range(len(self.classes_))]
        if min(counts) < 2:
            raise RecordsError(
                "Each class needs two records or more that are not near-duplicates, or one for "
                "training and a validation set. Received (class: records): "
                f"{dict(zip(self.classes_.tolist(), counts, strict=True))}"
            )
        kind = StratifiedKFold if groups is None else StratifiedGroupKFold
        folds = kind(min(10, *counts), shuffle=True, random_state=self.seed)
        held = np.zeros(len(codes), dtype=bool)
        held[next(folds.split(codes, codes, groups))[1]] = True
        return held

    def _checked_validation(self, X: Any, y: Any) -> tuple[np.ndarray, np.ndarray]:  # noqa: N803
        X, y = validate_data(self, X, y, dtype=np.float64, reset=False)  # noqa: N806
        strange = np.setdiff1d(y, self.classes_)
        if len(strange):
            raise RecordsError(
                f"The validation records have labels that no training record has: "
                f"{strange.tolist()}. The training records have {self.classes_.tolist()}."
            )
        return X, np.searchsorted(self.classes_, y)

    def _train(
        self,
        scaler: Any,
        X: np.ndarray,  # noqa: N803
        codes: np.ndarray,
        class_weights: np.ndarray,
        held: np.ndarray,
        held_codes: np.ndarray,
    ) -> None:
        features = scaler.transform(X).astype(np.float32)
        weights = class_weights[codes].astype(np.float32)
        parameters = initial_parameters(
            features.shape[1], self.hidden, len(self.classes_), self.seed
        )
        first = second = Parameters(*map(np.zeros_like, parameters))
        # No batch has less than two records.
        batches = max(1, min(math.ceil(len(features) / self.batch_size), len(features) // 2))
        rates = learning_rates(self.learning_rate, self.first_cycle, batches)
        source = np.random.default_rng(self.seed)
        self.history_: list[dict[str, float]] = []
        best, best_f1_epoch, step = (-1.0, 0.0), 0, 0
        for epoch in range(1, self.max_epochs + 1):
            losses = []
            for rows in np.array_split(source.permutation(len(features)), batches):
                loss, gradients = loss_and_gradients(
                    parameters, features[rows], codes[rows], weights[rows]
                )
                losses.append(loss)
                step, rate = step + 1, next(rates)
                first = _mixed(first, gradients, _FIRST)
                second = _mixed(second, Parameters(*(g * g for g in gradients)), _SECOND)
                # Both means begin with 0, and are made up for it (Kingma & Ba 2015).
                size = rate * math.sqrt(1 - _SECOND**step) / (1 - _FIRST**step)
                shrink = rate * self.weight_decay
                parameters = Parameters(
                    *(
                        p * (1 - shrink * decayed) - size * m / (np.sqrt(v) + _TINY)
                        for p, m, v, decayed in zip(
                            parameters, first, second, _DECAYED, strict=True
                        )
                    )
                )
            layers = _folded(parameters, features, scaler)
            found = _probabilities(layers, held)
            f1 = self._f1(held_codes, found.argmax(axis=1))
            mass = np.maximum(found[np.arange(len(held)), held_codes], 1e-12)
            judged = (f1, float(np.log(mass).mean()))
            self.history_.append(
                {
                    "loss": float(np.mean(losses)),
                    "validation_loss": -judged[1],
                    "validation_f1": f1,
                }
            )
            if f1 > best[0]:
                best_f1_epoch = epoch
            if judged > best:
                best, self.layers_, self.best_epoch_ = judged, layers, epoch
            if epoch - best_f1_epoch >= self.patience:
                break

    def _f1(self, codes: np.ndarray, predicted: np.ndarray) -> float:
        judged: list[int] | None = None
        if self.positive is not None:
            judged = np.flatnonzero(self.classes_ == self.positive).tolist()
        elif len(self.classes_) == 2:
            judged = [1]
        return float(f1_score(codes, predicted, labels=judged, average="macro", zero_division=0))

    def predict_proba(self, X: Any) -> np.ndarray:  # noqa: N803
        """Probability of each class, float64 (n, classes), columns as ``classes_``."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float64, reset=False)  # noqa: N806
        return _probabilities(self.layers_, X)

    def predict(self, X: Any) -> np.ndarray:  # noqa: N803
        """The label of the largest probability for each vector: (n,)."""
        # Asked first, for scikit-learn's own error where nothing was fitted.
        probabilities = self.predict_proba(X)
        return np.asarray(self.classes_[probabilities.argmax(axis=1)])

    def save(self, path: str | Path, *, force: bool = False) -> Path:
        """Write the fitted head as ``.npz``, whole or not at all; nothing is pickled.

        Parameters
        ----------
        path : str or Path
        force : bool
            Replace a file that is there.

        Raises
        ------
        OutputExistsError
            Something is at ``path``.
        ModelError
            The labels are neither numbers nor strings.
        """
        check_is_fitted(self)
        path = check_output(path, force=force)
        classes = np.array(self.classes_.tolist())
        if classes.dtype.hasobject or classes.tolist() != self.classes_.tolist():
            raise ModelError(
                "The labels of a head that is saved are numbers, strings or booleans. "
                f"Received: {self.classes_.tolist()}"
            )
        weight = self.class_weight
        settings = {
            **self.get_params(),
            "positive": None
            if self.positive is None
            else int(np.flatnonzero(self.classes_ == self.positive)[0]),
            "class_weight": [float(weight.get(label, 1)) for label in self.classes_]
            if isinstance(weight, Mapping)
            else weight,
        }
        arrays: dict[str, Any] = {
            "format": FORMAT,
            "settings": json.dumps(settings, default=lambda value: value.item()),
            "trained_on": self.trained_on_,
            "classes": classes,
            **{f"layer_{i}": layer for i, layer in enumerate(self.layers_)},
        }
        content = io.BytesIO()
        np.savez(content, **arrays)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, content.getvalue())
        return path

    @classmethod
    def load(cls, path: str | Path) -> HeadClassifier:
        """Read a saved head.

        Raises
        ------
        FileNotFoundError
            There is no such file.
        ModelError
            It is no saved head.
        """
        path = Path(path)
        if not path.is_file():
            raise FileNotFoundError(f"No head at {path}")
        try:
            with np.load(path, allow_pickle=False) as file:
                stored = dict(file)
            version, trained_on = int(stored["format"]), str(stored["trained_on"])
            settings = json.loads(str(stored["settings"]))
            classes, layers = stored["classes"], [stored[f"layer_{i}"] for i in range(4)]
            shapes = [layer.shape for layer in layers]
            (d, hidden), count = shapes[0], len(classes)
            if shapes != [(d, hidden), (hidden,), (hidden, count), (count,)]:
                raise ValueError(f"shapes {shapes} for {count} classes")
            if settings["positive"] is not None:
                settings["positive"] = classes[settings["positive"]].item()
            if isinstance(settings["class_weight"], list):
                pairs = zip(classes.tolist(), settings["class_weight"], strict=True)
                settings["class_weight"] = dict(pairs)
            found = cls(**settings)
        except (ValueError, KeyError, TypeError, IndexError, EOFError, zipfile.BadZipFile) as error:
            raise ModelError(
                f"{path} is no head that was saved here. `gi-classifier head` writes one."
            ) from error
        if version != FORMAT:
            raise ModelError(
                f"{path} is of format {version}; this version of gi_classifier reads {FORMAT}."
            )
        found.classes_, found.layers_, found.n_features_in_ = classes, layers, d
        found.trained_on_ = trained_on
        return found


def _mixed(mean: Parameters, new: Parameters, decay: float) -> Parameters:
    return Parameters(*(decay * m + (1 - decay) * n for m, n in zip(mean, new, strict=True)))


def _folded(parameters: Parameters, features: np.ndarray, scaler: Any) -> list[np.ndarray]:
    """Four arrays of float64 that take raw vectors: scaling and batch norm become one layer."""
    products = features @ parameters.kernel
    factor = parameters.scale / np.sqrt(products.var(axis=0) + _EPSILON)
    kernel = parameters.kernel.astype(np.float64) * factor / scaler.scale_[:, None]
    bias = parameters.shift - products.mean(axis=0) * factor - scaler.mean_ @ kernel
    return [kernel, bias, *(p.astype(np.float64) for p in parameters[3:])]


def _probabilities(layers: Sequence[np.ndarray], features: np.ndarray) -> np.ndarray:
    kernel, bias, output, output_bias = layers
    return np.asarray(softmax(_elu(features @ kernel + bias) @ output + output_bias))


class TextHead(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Texts to a user's own labels: the encoder's vectors of them, and a head on these.

    Parameters
    ----------
    model : str or Path, optional
        A model directory, whose encoder stays as it is; without, the model that ships.
    features : {"means", "cls"}
        "means": of each layer, the mean of the vectors that enter it, over all tokens (1,248
        numbers by the model that ships). "cls": the last layer's [CLS] vector (312 numbers),
        which holds little but what the encoder was trained to tell apart; for such labels.
    head : HeadClassifier, optional
        With its parameters; it is copied. Without, the default one.

    Attributes
    ----------
    classes_ : ndarray, shape (classes,)
    head_ : HeadClassifier
        The fitted head.

    Examples
    --------
    >>> from gi_classifier.head import TextHead
    >>> head = TextHead().fit(texts, labels)  # doctest: +SKIP
    >>> head.predict(["肠镜病理：管状腺瘤"])  # doctest: +SKIP
    array(['病理'], dtype='<U2')
    """

    def __init__(
        self,
        model: str | Path | None = None,
        *,
        features: Features = "means",
        head: HeadClassifier | None = None,
    ) -> None:
        self.model = model
        self.features = features
        self.head = head

    def fit(
        self,
        texts: Sequence[str],
        labels: Sequence[Hashable],
        validation: tuple[Sequence[str], Sequence[Hashable]] | None = None,
    ) -> TextHead:
        """Train a head anew.

        Parameters
        ----------
        texts : sequence of str
        labels : sequence
        validation : (texts, labels), optional
            Records for early stopping. Without, about a tenth is held out, with near-duplicates
            kept together.

        Raises
        ------
        InputError
            Some texts are not strings or blank: all positions are named.
        RecordsError, SettingsError, ValueError
            As :meth:`HeadClassifier.fit`.
        """
        checked = check_texts(texts)
        held = None if validation is None else (self.embed(validation[0]), validation[1])
        groups = near_duplicate_groups(checked) if held is None else None
        return self.fit_vectors(self.embed(checked), labels, held, groups)

    def fit_vectors(
        self, vectors: np.ndarray, labels: Any, validation: Any = None, groups: Any = None
    ) -> TextHead:
        """Train a head anew on what :meth:`embed` gave, as :meth:`HeadClassifier.fit` does."""
        head = clone(self.head) if self.head is not None else HeadClassifier()
        self.head_ = head.fit(vectors, labels, validation, groups)
        self.head_.trained_on_ = f"{self.features} {self.bundle.fingerprint}"
        self.classes_ = self.head_.classes_
        return self

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """The vectors that the head is given: float32 (texts, d).

        Raises
        ------
        InputError
            Some texts are not strings or blank: all positions are named.
        SettingsError
            ``features`` is none of those above.
        """
        checked = check_texts(texts)
        if self.features not in ("means", "cls"):
            raise SettingsError(f"features must be 'means' or 'cls'. Received: {self.features!r}")
        bundle = self.bundle
        if getattr(self, "_runs", None) != (self.model, self.features):
            cls = self.features == "cls"
            self._runner: Any = Predictor.from_bundle(bundle) if cls else ActivationReader(bundle)
            self._runs = (self.model, self.features)
        if self.features == "cls":
            return np.asarray(self._runner.embed(checked))
        means = self._runner.read(checked).means
        return np.asarray(means.reshape(len(checked), means.shape[1] * means.shape[2]))

    @property
    def bundle(self) -> Bundle:
        """The model's files, read by the first call that needs them."""
        # Keyed, since set_params may name another model.
        if getattr(self, "_files_of", "") != self.model:
            self._files = load(self.model or shipped())
            self._files_of: Any = self.model
        return self._files

    def __getstate__(self) -> dict[str, Any]:
        state: dict[str, Any] = super().__getstate__()
        opened = ("_files", "_files_of", "_runner", "_runs")
        return {name: part for name, part in state.items() if name not in opened}

    def predict_proba(self, texts: Sequence[str]) -> np.ndarray:
        """Probability of each class, float64 (texts, classes), columns as ``classes_``."""
        check_is_fitted(self)
        return self.head_.predict_proba(self.embed(texts))

    def predict(self, texts: Sequence[str]) -> np.ndarray:
        """The label of the largest probability for each text: (texts,)."""
        check_is_fitted(self)
        return self.head_.predict(self.embed(texts))

    def save(self, path: str | Path, *, force: bool = False) -> Path:
        """Write the head as :meth:`HeadClassifier.save` does, with its encoder's fingerprint."""
        check_is_fitted(self)
        return self.head_.save(path, force=force)

    @classmethod
    def load(cls, path: str | Path, model: str | Path | None = None) -> TextHead:
        """Read a saved head, and check that it was trained on this model's features.

        Parameters
        ----------
        path : str or Path
        model : str or Path, optional
            The model directory; without, the model that ships.

        Raises
        ------
        FileNotFoundError
            There is no such file or directory.
        ModelError
            It is no saved head, or one that was trained on another model's features.
        """
        head = HeadClassifier.load(path)
        features, _, trained_on = head.trained_on_.partition(" ")
        found = cls(model, features=cast(Features, features), head=clone(head))
        fingerprint = found.bundle.fingerprint
        if trained_on != fingerprint:
            raise ModelError(
                f"{path} was trained on the features of another model "
                f"({trained_on[:12] or 'unknown'}, not {fingerprint[:12]}) and would only guess on "
                "this one's. Give that model, or train the head again."
            )
        found.head_, found.classes_ = head, head.classes_
        return found
