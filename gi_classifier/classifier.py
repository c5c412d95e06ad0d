"""``GIClassifier``: the library's classifier as a scikit-learn estimator.

In: texts and labels of any kind. Out: labels as given and probabilities, as arrays. Fitting imports
TensorFlow, unless ``use`` is "linear"; predicting and loading do not.
"""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import NotFittedError

from gi_classifier.attribution.attribution import Attribution
from gi_classifier.attribution.integrated_gradients import Explainer
from gi_classifier.classes import (
    CLASSES,
    are_numbered,
    by_name,
    class_number,
    class_titles,
    class_weights_of,
    classes_from_dict,
    classes_to_dict,
    label_array,
)
from gi_classifier.data.in_memory import checked_pairs, records_of, train_and_validation
from gi_classifier.data.records import Records
from gi_classifier.decisions.bulk_fit import bulk_labels
from gi_classifier.decisions.decision import Decider, Decision, labels_or_none
from gi_classifier.errors import RecordsError
from gi_classifier.model import directory as model_dir
from gi_classifier.model.directory import ModelDirectory
from gi_classifier.model.predictor import Predictor
from gi_classifier.model.shipped import load_or_shipped, open_shared, shipped
from gi_classifier.option_checks import seed_from
from gi_classifier.settings import EngineName, InitialBias, Settings, Use, WindowRule
from gi_classifier.text_checks import check_texts
from gi_classifier.training.keras_engine import open_any_engine
from gi_classifier.training.linear_alone import check_linear_alone, run_linear
from gi_classifier.training.run_state import starting_tensorflow
from gi_classifier.training.train import run

_DEFAULT = Settings()
# Settings that are parameters by the same name and with the same meaning.
_DERIVED = {"num_classes", "label_names", "window_rule", "class_weight", "seed"}
_SETTINGS = sorted({field.name for field in dataclasses.fields(Settings)} - _DERIVED)


@dataclasses.dataclass(eq=False)
class _Opened:
    """What a fitted model holds open: opened when it is first needed, never pickled."""

    predictor: Predictor | None = None
    explainer: Explainer | None = None
    decider: Decider | None = None


class GIClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """ALBERT-tiny with a softmax head: texts in, labels of any kind out.

    Parameters
    ----------
    base : str or Path, optional
        What fitting starts from, see :func:`gi_classifier.train`; without, the encoder of the
        model that ships.
    label_names : tuple of str, optional
        A name for each class, in the order of ``classes_``; without, the labels themselves, and
        of the numbers 0, 1 and 2 those of :class:`~gi_classifier.Label`.
    window_rule : {"evidence", "mean"}, optional
        As in :class:`~gi_classifier.Settings`. Without, "evidence" where the labels are the whole
        numbers from 0 up, 0 being the background; of other labels none is the background: "mean".
    class_weight : "balanced", mapping or None
        "balanced": as if all were equally frequent; a mapping: a label's weight, 1 if not in it.
    random_state : int, RandomState, Generator or None
        The one source of every random choice; see :func:`gi_classifier.option_checks.seed_from`.
    use : {"both", "albert", "linear"}
        The members that answer. "linear" fits the linear member alone, in seconds and without
        TensorFlow; ``base`` and the settings of ALBERT's training have no part in it.
    threads : int, optional
        Threads that compute answers; without, see :func:`gi_classifier.cpus.thread_count`.
    engine, maxlen, overlap, batch_size, epochs, learning_rate, final_learning_rate, \
warmup_steps, decay_steps, patience, adversarial_epsilon, gradient_penalty, initial_bias, \
label_smoothing, dropout, token_dropout, ema_momentum, unlabelled_pieces, teacher_confidence, \
bfloat16
        See :class:`~gi_classifier.Settings`; validated when fitting.

    Attributes
    ----------
    classes_ : ndarray, shape (classes,)
        The labels as given, in sorted order.
    directory_ : ModelDirectory
        The trained model's files, in memory.

    Examples
    --------
    >>> from gi_classifier import GIClassifier
    >>> model = GIClassifier.load()  # the model that ships
    >>> model.predict(["胃窦黏膜充血糜烂", "直肠息肉切除术后"])
    array([1, 2])
    """

    def __init__(
        self,
        *,
        base: str | Path | None = None,
        label_names: tuple[str, ...] | None = _DEFAULT.label_names,
        maxlen: int = _DEFAULT.maxlen,
        overlap: int | None = _DEFAULT.overlap,
        use: Use = _DEFAULT.use,
        engine: EngineName | None = _DEFAULT.engine,
        window_rule: WindowRule | None = None,
        batch_size: int = _DEFAULT.batch_size,
        epochs: int = _DEFAULT.epochs,
        learning_rate: float = _DEFAULT.learning_rate,
        final_learning_rate: float = _DEFAULT.final_learning_rate,
        warmup_steps: int = _DEFAULT.warmup_steps,
        decay_steps: int = _DEFAULT.decay_steps,
        patience: int = _DEFAULT.patience,
        adversarial_epsilon: float = _DEFAULT.adversarial_epsilon,
        gradient_penalty: float = _DEFAULT.gradient_penalty,
        class_weight: Literal["balanced"] | Mapping[Any, float] | None = None,
        initial_bias: InitialBias = _DEFAULT.initial_bias,
        label_smoothing: float = _DEFAULT.label_smoothing,
        dropout: float = _DEFAULT.dropout,
        token_dropout: float = _DEFAULT.token_dropout,
        ema_momentum: float = _DEFAULT.ema_momentum,
        unlabelled_pieces: int = _DEFAULT.unlabelled_pieces,
        teacher_confidence: float = _DEFAULT.teacher_confidence,
        bfloat16: bool = _DEFAULT.bfloat16,
        random_state: Any = _DEFAULT.seed,
        threads: int | None = None,
    ) -> None:
        self.base = base
        self.label_names = label_names
        self.maxlen = maxlen
        self.overlap = overlap
        self.use = use
        self.engine = engine
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
        self.ema_momentum = ema_momentum
        self.unlabelled_pieces = unlabelled_pieces
        self.teacher_confidence = teacher_confidence
        self.bfloat16 = bfloat16
        self.random_state = random_state
        self.threads = threads

    @property
    def settings(self) -> Settings:
        """The settings that the model was fitted with."""
        self._fitted()
        return self.directory_.settings

    def _settings_for(self, classes: np.ndarray) -> Settings:
        """The parameters as validated settings, for these classes."""
        own = {name: getattr(self, name) for name in _SETTINGS}
        rule = self.window_rule or ("evidence" if are_numbered(classes) else "mean")
        return Settings(
            **own
            | {
                "num_classes": len(classes),
                "label_names": self.label_names or class_titles(classes),
                "window_rule": rule,
                "class_weight": class_weights_of(self.class_weight, classes),
                "seed": seed_from(self.random_state),
            }
        )

    def fit(
        self,
        X: Sequence[str],  # noqa: N803
        y: Sequence[Any],
        *,
        validation: tuple[Sequence[str], Sequence[Any]] | None = None,
        unlabelled: Sequence[str] = (),
    ) -> GIClassifier:
        """Train anew.

        Parameters
        ----------
        X : sequence of str
            Records of any length.
        y : sequence
            A label for each, all of one kind: strings, whole numbers (also as floats) or truth
            values; two different ones or more.
        validation : (X, y), optional
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
        InputError, LabelError, RecordsError, SettingsError
            With every bad position or setting.
        """
        texts, labels = checked_pairs(X, y, "the training records")
        classes = np.unique(labels)
        if len(classes) < 2:
            raise RecordsError(
                "A classifier needs records of two classes or more. Received: one class"
            )
        settings = self._settings_for(classes)
        records = records_of(texts, labels, classes, "the training records")
        try:
            train, val = train_and_validation(records, validation, classes, settings.seed)
        except RecordsError as error:
            if are_numbered(classes):
                raise
            hint = "(labels are numbered from 0 in their sorted order)"
            raise RecordsError(f"{error.summary} {hint}", error.problems) from error
        directory = self._trained({"train": train, "val": val}, settings, check_texts(unlabelled))
        return self._adopt(directory, classes)

    def _trained(
        self, splits: Mapping[str, Records], settings: Settings, unlabelled: Sequence[str]
    ) -> ModelDirectory:
        if settings.use == "linear":
            check_linear_alone(None, unlabelled)
            return run_linear(splits, settings)
        with starting_tensorflow():
            from gi_classifier.training.keras_model import build

        built = build(Path(self.base) if self.base else shipped(), settings)
        with tempfile.TemporaryDirectory() as work:
            return run(built, splits, settings, Path(work), unlabelled=unlabelled)

    def _adopt(
        self,
        directory: ModelDirectory,
        classes: np.ndarray,
        engine: str | None = None,
        use: Use | None = None,
    ) -> GIClassifier:
        metadata = dict(directory.metadata)
        if not np.array_equal(classes, np.arange(len(classes))) or classes.dtype != int:
            metadata[CLASSES] = classes_to_dict(classes)
        self.directory_ = ModelDirectory(directory.files, metadata)
        self.classes_ = classes
        self._engine, self._use = engine, use
        self._opened = _Opened()
        # Fails now, where the model cannot be opened.
        self._fitted()
        return self

    def _fitted(self) -> Predictor:
        if not self.__sklearn_is_fitted__():
            raise NotFittedError(
                "This GIClassifier is not fitted. Call fit(X, y), or "
                "GIClassifier.load() for the model that ships."
            )
        if self._opened.predictor is None:
            self._opened.predictor = (
                open_shared(self.directory_, Predictor.from_directory)
                if self._engine is None and self._is_plain
                else Predictor.from_directory(
                    self.directory_,
                    open_any_engine(self.directory_, self._engine, threads=self.threads),
                    use=self._use,
                )
            )
        return self._opened.predictor

    @property
    def _is_plain(self) -> bool:
        """Whether all is opened as for everybody, and so may be shared."""
        return self._use is None and self.threads is None

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "directory_")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.one_d_array = tags.input_tags.string = True
        return tags

    def __getstate__(self) -> dict[str, Any]:
        state: dict[str, Any] = super().__getstate__()
        if "directory_" in state:
            # Files only: what is open holds threads, and is opened again when it is needed.
            found = self.directory_
            state["directory_"] = ModelDirectory(dict(found.files), found.metadata)
            state["_opened"] = _Opened()
        return state

    def predict_proba(
        self,
        X: Sequence[str],  # noqa: N803
        *,
        prior: Sequence[float] | None = None,
    ) -> np.ndarray:
        """Probability of each class, float64 (texts, classes), columns as ``classes_``.

        With ``prior``, under other shares of the classes; see :func:`gi_classifier.predict_proba`.
        """
        return self._decider().predict_proba(check_texts(X), prior)

    def decision_function(self, X: Sequence[str]) -> np.ndarray:  # noqa: N803
        """Score of each label, float64 (texts, classes), columns as ``classes_``.

        The largest is the answer; a weighted sum of both members' log-odds. Of two classes, as
        scikit-learn has it, the second's score less the first's: (texts,).
        """
        scores = self._decider().predictor.decision_function(check_texts(X))
        return np.asarray(scores[:, 1] - scores[:, 0]) if scores.shape[1] == 2 else scores

    def predict(self, X: Sequence[str], *, bulk: bool = False, **decision: Any) -> np.ndarray:  # noqa: N803
        """The likeliest label of each text, as given: (texts,).

        Parameters
        ----------
        X : sequence of str
        bulk : bool
            Let the linear member answer where it is sure, for speed; without a decision. See
            :func:`gi_classifier.decisions.bulk_fit.bulk_labels`.
        **decision
            See :class:`gi_classifier.Decision`; ``label`` is one of ``classes_``, or a name. With
            ``min_confidence`` or ``reject_novel``, an array of objects: a label, or None where
            there is no answer.
        """
        decider = self._decider()
        if bulk:
            return np.asarray(self.classes_[bulk_labels(decider, check_texts(X), **decision)])
        if decision.get("label") is not None:
            decision["label"] = self._number(decision["label"])
        asked = Decision(**decision)
        answers, _ = decider.predict(check_texts(X), asked)
        if asked.min_confidence is None and not asked.reject_novel:
            return np.asarray(self.classes_[answers])
        values = self.classes_.tolist()
        found = [None if place is None else values[place] for place in labels_or_none(answers)]
        return np.array([*found, None], dtype=object)[:-1]

    def score(self, X: Sequence[str], y: Any, sample_weight: Any = None) -> float:  # noqa: N803
        """Accuracy on labelled texts; labels may be given by name where they are numbered."""
        truth = by_name(label_array(y), self._fitted().settings.names, self.classes_)
        return float(super().score(X, truth, sample_weight))

    def _number(self, label: Any) -> int:
        """The place of a label, as given or by name, among ``classes_``."""
        return class_number(label, self.classes_, self.directory_.settings.names)

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
        if self._opened.decider is None:
            self._opened.decider = Decider(self.directory_, predictor)
        return self._opened.decider

    def explain(self, texts: Sequence[str], label: Any = None, **options: Any) -> list[Attribution]:
        """Say which words decided; see :func:`gi_classifier.explain` for options.

        ``label`` is one of ``classes_`` or a name, one for all or one for each text; that of an
        :class:`~gi_classifier.Attribution` is its place in ``classes_``.
        """
        self._fitted()
        if self._opened.explainer is None:
            self._opened.explainer = (
                open_shared(self.directory_, Explainer)
                if self._is_plain
                else Explainer(self.directory_, use=self._use, threads=self.threads)
            )
        if np.ndim(label) == 1:
            label = [one if one is None else self._number(one) for one in label]
        elif label is not None:
            label = self._number(label)
        return self._opened.explainer.explain(texts, label, **options)

    def save(self, path: str | Path, *, force: bool = False) -> Path:
        """Write the fitted model as a model directory, whole or not at all."""
        self._fitted()
        return model_dir.save(self.directory_, path, force=force)

    @classmethod
    def load(
        cls,
        path: str | Path | None = None,
        *,
        engine: str | None = None,
        use: Use | None = None,
        threads: int | None = None,
    ) -> GIClassifier:
        """Read a model directory; without a path, the model that ships.

        Parameters
        ----------
        path : str or Path, optional
        engine : {"fp32", "int8", "openvino", "keras"}, optional
            See :func:`gi_classifier.model.engine.chosen_engine`.
        use : {"both", "albert", "linear"}, optional
            The members that answer; without, what the model's settings say.
        threads : int, optional
            As the parameter of this class.

        Raises
        ------
        MissingPathError, ModelError, SettingsError
            There is no such directory, it is damaged, or there is no such engine or member.
        """
        directory = load_or_shipped(path)
        stored = directory.settings
        classes = classes_from_dict(directory.metadata.get(CLASSES), stored.num_classes)
        weight: Any = stored.class_weight
        if isinstance(weight, tuple):
            weight = dict(zip(classes.tolist(), weight, strict=True))
        return cls(
            base=path,
            label_names=None if stored.label_names == class_titles(classes) else stored.label_names,
            window_rule=stored.window_rule,
            class_weight=weight,
            random_state=stored.seed,
            threads=threads,
            **{name: getattr(stored, name) for name in _SETTINGS} | ({"use": use} if use else {}),
        )._adopt(directory, classes, engine, use)
