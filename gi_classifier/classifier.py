"""``GIClassifier``: the library's classifier as a scikit-learn estimator.

In: texts and integer labels. Out: labels and probabilities as arrays. It batches by itself, any
number of texts. Fitting imports TensorFlow; predicting and loading do not.
"""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import NotFittedError

from gi_classifier.attribution.attribution import Attribution
from gi_classifier.attribution.integrated_gradients import Explainer
from gi_classifier.data.records import Records, drop_duplicates
from gi_classifier.data.splitting import check_apart, hold_out
from gi_classifier.decisions.decision import Decider, Decision, labels_or_none
from gi_classifier.errors import RecordsError
from gi_classifier.model import directory as model_dir
from gi_classifier.model.directory import ModelDirectory
from gi_classifier.model.predictor import Predictor
from gi_classifier.model.shipped import load_or_shipped, shipped
from gi_classifier.settings import InitialBias, Settings, WindowRule
from gi_classifier.text_checks import check_texts
from gi_classifier.training.keras_engine import open_any_engine
from gi_classifier.training.splits import check_classes
from gi_classifier.training.train import run

_DEFAULT = Settings()


class GIClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """ALBERT-tiny with a softmax head, trained on texts.

    Parameters
    ----------
    base : str or Path, optional
        What fitting starts from, see :func:`gi_classifier.train`; without, the encoder of the
        model that ships.
    num_classes, label_names, maxlen, overlap, window_rule, batch_size, epochs, learning_rate,
    final_learning_rate, warmup_steps, decay_steps, patience, adversarial_epsilon,
    gradient_penalty, class_weight, initial_bias, label_smoothing, dropout, token_dropout,
    unlabelled_pieces, teacher_confidence, seed
        See :class:`gi_classifier.Settings`; they are validated when fitting.

    Attributes
    ----------
    classes_ : ndarray of int, shape (num_classes,)
    directory_ : ModelDirectory
        The trained model's files, in memory.
    """

    def __init__(
        self,
        *,
        base: str | Path | None = None,
        num_classes: int = _DEFAULT.num_classes,
        label_names: tuple[str, ...] | None = _DEFAULT.label_names,
        maxlen: int = _DEFAULT.maxlen,
        overlap: int | None = _DEFAULT.overlap,
        window_rule: WindowRule = _DEFAULT.window_rule,
        batch_size: int = _DEFAULT.batch_size,
        epochs: int = _DEFAULT.epochs,
        learning_rate: float = _DEFAULT.learning_rate,
        final_learning_rate: float = _DEFAULT.final_learning_rate,
        warmup_steps: int = _DEFAULT.warmup_steps,
        decay_steps: int = _DEFAULT.decay_steps,
        patience: int = _DEFAULT.patience,
        adversarial_epsilon: float = _DEFAULT.adversarial_epsilon,
        gradient_penalty: float = _DEFAULT.gradient_penalty,
        class_weight: Literal["balanced"] | tuple[float, ...] | None = _DEFAULT.class_weight,
        initial_bias: InitialBias = _DEFAULT.initial_bias,
        label_smoothing: float = _DEFAULT.label_smoothing,
        dropout: float = _DEFAULT.dropout,
        token_dropout: float = _DEFAULT.token_dropout,
        unlabelled_pieces: int = _DEFAULT.unlabelled_pieces,
        teacher_confidence: float = _DEFAULT.teacher_confidence,
        seed: int = _DEFAULT.seed,
    ) -> None:
        self.base = base
        self.num_classes = num_classes
        self.label_names = label_names
        self.maxlen = maxlen
        self.overlap = overlap
        self.window_rule = window_rule
        self.batch_size = batch_size
        self.epochs = epochs
        self.learning_rate = learning_rate
        self.final_learning_rate = final_learning_rate
        self.warmup_steps = warmup_steps
        self.decay_steps = decay_steps
        self.patience = patience
        self.adversarial_epsilon = adversarial_epsilon
        self.gradient_penalty = gradient_penalty
        self.class_weight = class_weight
        self.initial_bias = initial_bias
        self.label_smoothing = label_smoothing
        self.dropout = dropout
        self.token_dropout = token_dropout
        self.unlabelled_pieces = unlabelled_pieces
        self.teacher_confidence = teacher_confidence
        self.seed = seed

    @property
    def settings(self) -> Settings:
        """The parameters as validated :class:`Settings`."""
        names = [field.name for field in dataclasses.fields(Settings)]
        return Settings(**{name: getattr(self, name) for name in names})

    def fit(
        self,
        texts: Sequence[str],
        labels: Sequence[int],
        *,
        validation: tuple[Sequence[str], Sequence[int]] | None = None,
        unlabelled: Sequence[str] = (),
    ) -> GIClassifier:
        """Train anew.

        Parameters
        ----------
        texts : sequence of str
        labels : sequence of int
            From 0 up to ``num_classes`` - 1; each must occur.
        validation : (texts, labels), optional
            Records for early stopping. Without, about a tenth of the records is held out, with
            near-duplicates kept together.
        unlabelled : sequence of str
            More text of the same kind, which a linear teacher labels; see :func:`train`.

        Returns
        -------
        GIClassifier
            Itself.

        Raises
        ------
        InputError, RecordsError, SettingsError
            With every bad position or setting.
        """
        settings = self.settings
        records = _records(texts, labels, settings, "the training records")
        check_classes(records, settings)
        if validation is None:
            train, val = hold_out(drop_duplicates(records), settings.seed)
        else:
            train = drop_duplicates(records)
            val = drop_duplicates(_records(*validation, settings, "the validation records"))
            check_apart({"train": train, "val": val})
        from gi_classifier.training.keras_model import build

        with tempfile.TemporaryDirectory() as work:
            built = build(Path(self.base) if self.base else shipped(), settings)
            splits = {"train": train, "val": val}
            directory = run(built, splits, settings, Path(work), unlabelled=check_texts(unlabelled))
        return self._adopt(directory)

    def _adopt(self, directory: ModelDirectory, engine: str | None = None) -> GIClassifier:
        self.directory_ = directory
        self.classes_ = np.arange(directory.settings.num_classes)
        self._engine = engine
        self._predictor: Predictor | None = self._open()
        self._explainer: Explainer | None = None
        self._deciding: Decider | None = None
        return self

    def _open(self) -> Predictor:
        return Predictor.from_directory(
            self.directory_, open_any_engine(self.directory_, self._engine)
        )

    def _fitted(self) -> Predictor:
        if not hasattr(self, "directory_"):
            raise NotFittedError(
                "This GIClassifier is not fitted. Call fit(texts, labels), or "
                "GIClassifier.load() for the model that ships."
            )
        if self._predictor is None:
            self._predictor = self._open()
        return self._predictor

    def __getstate__(self) -> dict[str, Any]:
        state: dict[str, Any] = super().__getstate__()
        open_ = {"_predictor": None, "_explainer": None, "_deciding": None}
        return {**state, **open_} if "_predictor" in state else state

    def predict_proba(
        self, texts: Sequence[str], *, prior: Sequence[float] | None = None
    ) -> np.ndarray:
        """Probability of each class, float64 (texts, num_classes); rows sum to 1.

        With ``prior``, under other shares of the classes; see :func:`gi_classifier.predict_proba`.
        """
        checked = check_texts(texts)
        return self._decider().predict_proba(checked, prior)

    def predict(self, texts: Sequence[str], **decision: Any) -> np.ndarray:
        """The likeliest label of each text: int (texts,).

        Parameters
        ----------
        texts : sequence of str
        **decision
            See :class:`gi_classifier.decisions.decision.Decision`. With any, an array of objects:
            int, or None where there is no answer.
        """
        if not decision:
            return np.asarray(self.predict_proba(texts).argmax(axis=1))
        answers, _ = self._decider().predict(check_texts(texts), Decision(**decision))
        return np.array([*labels_or_none(answers), None], dtype=object)[:-1]

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """The encoder's [CLS] vectors, float32 (texts, hidden); see :func:`gi_classifier.embed`."""
        return self._fitted().embed(check_texts(texts))

    def estimate_prior(self, texts: Sequence[str]) -> np.ndarray:
        """Shares of the classes in unlabelled texts; see :func:`gi_classifier.estimate_prior`."""
        return self._decider().estimate_prior(check_texts(texts))

    def novelty(self, texts: Sequence[str]) -> np.ndarray:
        """How unlike the training records, in 0…1; see :func:`gi_classifier.novelty`."""
        return self._decider().novelty(check_texts(texts))

    def _decider(self) -> Decider:
        predictor = self._fitted()
        if self._deciding is None:
            self._deciding = Decider(self.directory_, predictor)
        return self._deciding

    def explain(
        self,
        texts: Sequence[str],
        label: int | str | Sequence[int | str] | None = None,
        **options: Any,
    ) -> list[Attribution]:
        """Say which words decided; see :func:`gi_classifier.explain` for labels and options."""
        self._fitted()
        if self._explainer is None:
            self._explainer = Explainer(self.directory_)
        return self._explainer.explain(texts, label, **options)

    def save(self, path: str | Path, *, force: bool = False) -> Path:
        """Write the fitted model as a model directory, whole or not at all."""
        self._fitted()
        return model_dir.save(self.directory_, path, force=force)

    @classmethod
    def load(cls, path: str | Path | None = None, *, engine: str | None = None) -> GIClassifier:
        """Read a model directory; without a path, the model that ships.

        Parameters
        ----------
        path : str or Path, optional
        engine : {"fp32", "int8", "keras"}, optional
            Without, the one that the export recorded as fit.
        """
        directory = load_or_shipped(path)
        return cls(base=path, **directory.settings.to_dict())._adopt(directory, engine)


def _records(texts: Any, labels: Any, settings: Settings, source: str) -> Records:
    """Check texts and labels in memory; "lines" are 0-based positions."""
    checked = check_texts(texts)
    if not checked:
        raise RecordsError(f"There is no record in {source}.")
    found = [int(y) if isinstance(y, float) and y.is_integer() else y for y in labels]
    if len(found) != len(checked):
        raise RecordsError(f"{source}: {len(checked)} texts but {len(found)} labels")
    problems = [
        f"position {i}: label {label!r}"
        for i, label in enumerate(found)
        if isinstance(label, (bool, np.bool_))
        or not isinstance(label, (int, np.integer))
        or not 0 <= label < settings.num_classes
    ]
    if problems:
        raise RecordsError(
            f"{source}: labels are the integers 0…{settings.num_classes - 1}. Received:", problems
        )
    return Records(
        tuple(checked), tuple(map(int, found)), tuple(range(len(checked))), source, "", "position"
    )
