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

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.metrics import f1_score
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold
from sklearn.preprocessing import StandardScaler
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.validation import check_is_fitted, validate_data

from gi_classifier.classes import class_number, class_numbers, class_weights_of, label_array
from gi_classifier.errors import RecordsError, SettingsError
from gi_classifier.files import check_output, write_whole
from gi_classifier.heads.head_file import HeadFile, read_head
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
from gi_classifier.model.origin import origin
from gi_classifier.option_checks import integer_problem, is_integer, range_problem, seed_from
from gi_classifier.text_checks import check_no_text

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
    epochs : int
        At most so many passes over the training records.
    patience : int
        Epochs without a better validation F1 after which training stops.
    positive : label, optional
        The class whose F1 is judged. Without, the second of two classes (in sorted order), or
        the mean of all (macro F1) where there are more.
    class_weight : "balanced", mapping or None
        "balanced" weighs each class as if all were equally frequent; a mapping holds the weight
        of each label, 1 where it holds none. They weigh the training records only; the F1 that
        stops the training is the one that is reported.
    random_state : int, RandomState, Generator or None
        Of the first weights, the order of the records and the records held out; see
        :func:`gi_classifier.option_checks.seed_from`.

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

    Examples
    --------
    >>> from gi_classifier import HeadClassifier, embed
    >>> texts = ["胃窦糜烂", "胃体息肉", "贲门炎", "直肠息肉", "结肠炎", "痔疮"]
    >>> head = HeadClassifier(epochs=20).fit(embed(texts), ["上", "上", "上", "下", "下", "下"])
    >>> head.predict(embed(["胃溃疡", "直肠癌"]))
    array(['上', '下'], dtype='<U1')
    """

    def __init__(
        self,
        *,
        hidden: int = 138,
        learning_rate: float = 1e-3,
        weight_decay: float = 1e-2,
        batch_size: int = 32,
        first_cycle: int = 10,
        epochs: int = 310,
        patience: int = 40,
        positive: Any = None,
        class_weight: Literal["balanced"] | Mapping[Any, float] | None = None,
        random_state: Any = 0,
    ) -> None:
        self.hidden = hidden
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.batch_size = batch_size
        self.first_cycle = first_cycle
        self.epochs = epochs
        self.patience = patience
        self.positive = positive
        self.class_weight = class_weight
        self.random_state = random_state

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
        LabelError
            Some labels are missing or none, or the validation records have one of their own, or
            ``positive`` or ``class_weight`` name one that no record has.
        RecordsError
            There is one class only, or one with a single group of records, so that none can be
            held out.
        InputError
            Some of X is text: its places are named.
        ValueError
            By scikit-learn: X or y has a wrong shape, or holds NaN.
        """
        self._check_settings()
        y = label_array(y)
        check_no_text(X)
        X, y = validate_data(self, X, y, dtype=np.float64)  # noqa: N806
        self.classes_, codes = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise RecordsError(
                "A head needs records of two classes or more. Received: one class only"
            )
        self._positive = None if self.positive is None else self._number(self.positive)
        given = class_weights_of(self.class_weight, self.classes_)
        weights = (
            np.array(given)
            if isinstance(given, tuple)
            else compute_class_weight(given, classes=self.classes_, y=y)
        )
        seed = seed_from(self.random_state)
        if validation is None:
            held = self._held_out(codes, groups, seed)
            checked = X[held], codes[held]
            X, codes = X[~held], codes[~held]  # noqa: N806
        else:
            checked = self._checked_validation(*validation)
        self.trained_on_ = ""
        scaler = StandardScaler().fit(X)
        self._train(scaler, X, codes, weights, *checked, seed)
        return self

    def _number(self, label: Any) -> int:
        return class_number(label, self.classes_, [str(label) for label in self.classes_.tolist()])

    def _check_settings(self) -> None:
        problems = [
            integer_problem(name, getattr(self, name), 1)
            for name in ("hidden", "first_cycle", "epochs", "patience")
        ]
        if integer_problem("batch_size", self.batch_size, 2):
            problems.append(
                "batch_size must be an integer of at least 2, since the batch norm takes means. "
                f"Received: {self.batch_size!r}"
            )
        rate, decay, weight = self.learning_rate, self.weight_decay, self.class_weight
        problems.append(range_problem("learning_rate", rate, 0, math.inf, open_low=True))
        problems.append(range_problem("weight_decay", decay, 0, math.inf))
        if isinstance(weight, Mapping):
            problems += [
                range_problem(f"class_weight[{label!r}]", value, 0, math.inf, open_low=True)
                for label, value in weight.items()
            ]
        elif weight not in (None, "balanced"):
            problems.append(
                f"class_weight must be 'balanced', a mapping or None. Received: {weight!r}"
            )
        if found := [problem for problem in problems if problem]:
            raise SettingsError("These parameters are out of range:", found)

    def _held_out(self, codes: np.ndarray, groups: Any, seed: int) -> np.ndarray:
        """Which records choose the weights and are not trained on: bool (n,)."""
        owners = np.arange(len(codes)) if groups is None else np.asarray(groups)
        counts = [len(np.unique(owners[codes == code])) for code in range(len(self.classes_))]
        if min(counts) < 2:
            few = np.flatnonzero(np.array(counts) < 2)
            raise RecordsError(
                "Each class needs two records or more that are not near-duplicates, or one for "
                f"training and a validation set. {len(few)} of {len(counts)} classes have one:",
                [f"that of position {np.flatnonzero(codes == code)[0]}" for code in few],
            )
        kind = StratifiedKFold if groups is None else StratifiedGroupKFold
        folds = kind(min(10, *counts), shuffle=True, random_state=seed)
        held = np.zeros(len(codes), dtype=bool)
        held[next(folds.split(codes, codes, groups))[1]] = True
        return held

    def _checked_validation(self, X: Any, y: Any) -> tuple[np.ndarray, np.ndarray]:  # noqa: N803
        check_no_text(X)
        X, y = validate_data(self, X, label_array(y), dtype=np.float64, reset=False)  # noqa: N806
        return X, class_numbers(y, self.classes_, "the validation records")

    def _train(
        self,
        scaler: Any,
        X: np.ndarray,  # noqa: N803
        codes: np.ndarray,
        class_weights: np.ndarray,
        held: np.ndarray,
        held_codes: np.ndarray,
        seed: int,
    ) -> None:
        features = scaler.transform(X).astype(np.float32)
        weights = class_weights[codes].astype(np.float32)
        parameters = initial_parameters(features.shape[1], self.hidden, len(self.classes_), seed)
        first = second = Parameters(*map(np.zeros_like, parameters))
        # No batch has less than two records.
        batches = max(1, min(math.ceil(len(features) / self.batch_size), len(features) // 2))
        rates = learning_rates(self.learning_rate, self.first_cycle, batches)
        source = np.random.default_rng(seed)
        self.history_: list[dict[str, float]] = []
        best, best_f1_epoch, step = (-1.0, 0.0), 0, 0
        for epoch in range(1, self.epochs + 1):
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
        if self._positive is not None:
            judged = [self._positive]
        elif len(self.classes_) == 2:
            judged = [1]
        return float(f1_score(codes, predicted, labels=judged, average="macro", zero_division=0))

    def predict_proba(self, X: Any) -> np.ndarray:  # noqa: N803
        """Probability of each class, float64 (n, classes), columns as ``classes_``."""
        check_is_fitted(self)
        check_no_text(X)
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
        MissingPathError
            Its folder does not exist.
        """
        check_is_fitted(self)
        path = check_output(path, force=force)
        write_whole(path, self._file().to_bytes())
        return path

    def _file(self) -> HeadFile:
        weight, state = self.class_weight, self.random_state
        settings = {name: _plain(value) for name, value in self.get_params(deep=False).items()}
        if isinstance(weight, Mapping):
            settings["class_weight"] = [float(weight.get(c, 1)) for c in self.classes_.tolist()]
        settings["positive"] = None if self.positive is None else self._number(self.positive)
        # A source of NumPy's has no JSON, and has moved on.
        settings["random_state"] = int(state) if is_integer(state) else None
        made = {**settings, "positive": _plain(self.positive)}
        model = self.trained_on_.partition(" ")[2] or None
        return HeadFile(
            settings,
            self.trained_on_,
            self.classes_,
            self.layers_,
            {**origin(**made), "model": model},
        )

    @classmethod
    def load(cls, path: str | Path) -> HeadClassifier:
        """Read a saved head, also one of version 0.1.0.

        Raises
        ------
        MissingPathError
            There is no such file.
        ModelError
            It is no saved head.
        """
        stored = read_head(path, cls._get_param_names())
        found = cls(**stored.settings)
        found.classes_, found.layers_ = stored.classes, stored.layers
        found.n_features_in_ = len(stored.layers[0])
        found.trained_on_ = stored.trained_on
        return found


def _plain(value: Any) -> Any:
    """A number of NumPy's as Python's, which JSON holds; all else as it is."""
    return value.item() if isinstance(value, np.generic) else value
