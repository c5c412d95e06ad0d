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
import json
import math
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.metrics import f1_score
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold
from sklearn.preprocessing import StandardScaler
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from gi_classifier.errors import ModelError, RecordsError, SettingsError
from gi_classifier.files import check_output, write_whole
from gi_classifier.heads.network import (
    DECAYED,
    Parameters,
    folded_network,
    initial_parameters,
    learning_rates,
    loss_and_gradients,
    mixed_up,
    probabilities_of,
)

FORMAT = 1
# Of Adam: decay of the mean of the gradients and of their squares, and what keeps from dividing
# by 0.
_FIRST, _SECOND, _TINY = 0.9, 0.999, 1e-8


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
                first = mixed_up(first, gradients, _FIRST)
                second = mixed_up(second, Parameters(*(g * g for g in gradients)), _SECOND)
                # Both means begin with 0, and are made up for it (Kingma & Ba 2015).
                size = rate * math.sqrt(1 - _SECOND**step) / (1 - _FIRST**step)
                shrink = rate * self.weight_decay
                parameters = Parameters(
                    *(
                        p * (1 - shrink * decayed) - size * m / (np.sqrt(v) + _TINY)
                        for p, m, v, decayed in zip(parameters, first, second, DECAYED, strict=True)
                    )
                )
            layers = folded_network(parameters, features, scaler)
            found = probabilities_of(layers, held)
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
        return probabilities_of(self.layers_, X)

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
