"""``TextHead``: labels of a user's own, from texts, on the encoder of a model directory.

In: texts and labels of any kind. Out: labels and probabilities; saved as ``.npz`` without pickles.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.utils.validation import check_is_fitted

from gi_classifier.classes import label_array
from gi_classifier.data.near_duplicates import near_duplicate_groups
from gi_classifier.errors import ModelError, RecordsError, SettingsError
from gi_classifier.heads.head_classifier import HeadClassifier
from gi_classifier.model.activations import ActivationReader
from gi_classifier.model.directory import ModelDirectory
from gi_classifier.model.predictor import Predictor
from gi_classifier.model.shipped import load_or_shipped
from gi_classifier.text_checks import check_texts

Features = Literal["means", "cls"]


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
    random_state : int, RandomState, Generator or None
        Of the head, instead of its own; None leaves the head's.

    Attributes
    ----------
    classes_ : ndarray, shape (classes,)
    head_ : HeadClassifier
        The fitted head.

    Examples
    --------
    >>> from gi_classifier import TextHead
    >>> texts = ["肠镜病理：管状腺瘤", "胃镜病理：慢性炎", "病理：鳞状上皮增生"]
    >>> texts += ["肠镜见一息肉", "胃镜见散在糜烂", "食管见静脉曲张"]
    >>> head = TextHead().fit(texts, ["病理"] * 3 + ["所见"] * 3)
    >>> head.predict(["病理：腺癌", "结肠见溃疡"])
    array(['病理', '所见'], dtype='<U2')
    """

    def __init__(
        self,
        model: str | Path | None = None,
        *,
        features: Features = "means",
        head: HeadClassifier | None = None,
        random_state: Any = None,
    ) -> None:
        self.model = model
        self.features = features
        self.head = head
        self.random_state = random_state

    def fit(
        self,
        X: Sequence[str],  # noqa: N803
        y: Sequence[Any],
        validation: tuple[Sequence[str], Sequence[Any]] | None = None,
    ) -> TextHead:
        """Train a head anew.

        Parameters
        ----------
        X : sequence of str
            Records of any length.
        y : sequence
            A label for each, all of one kind: strings, whole numbers (also as floats) or truth
            values; two different ones or more.
        validation : (X, y), optional
            Records for early stopping. Without, about a tenth is held out, with near-duplicates
            kept together.

        Raises
        ------
        InputError
            Some texts are not strings or blank: all positions are named.
        LabelError, RecordsError, SettingsError, ValueError
            As :meth:`HeadClassifier.fit`.
        """
        labels = label_array(y)
        checked = check_texts(X)
        if len(labels) != len(checked):
            raise RecordsError(f"{len(checked)} texts but {len(labels)} labels")
        if not checked:
            raise RecordsError("There is no record to train on.")
        held = None if validation is None else (self.embed(validation[0]), validation[1])
        groups = near_duplicate_groups(checked) if held is None else None
        return self.fit_vectors(self.embed(checked), labels, held, groups)

    def fit_vectors(
        self, vectors: np.ndarray, labels: Any, validation: Any = None, groups: Any = None
    ) -> TextHead:
        """Train a head anew on what :meth:`embed` gave, as :meth:`HeadClassifier.fit` does."""
        self.head_ = self.fresh_head().fit(vectors, labels, validation, groups)
        self.head_.trained_on_ = f"{self.features} {self.directory.encoder_digest}"
        self.classes_ = self.head_.classes_
        return self

    def fresh_head(self) -> HeadClassifier:
        """The head that fitting trains, not yet fitted."""
        head: HeadClassifier = clone(self.head) if self.head is not None else HeadClassifier()
        if self.random_state is not None:
            head.set_params(random_state=self.random_state)
        return head

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
        directory = self.directory
        if getattr(self, "_runs", None) != (self.model, self.features):
            cls = self.features == "cls"
            self._runner: Any = (
                Predictor.from_directory(directory) if cls else ActivationReader(directory)
            )
            self._runs = (self.model, self.features)
        if self.features == "cls":
            return np.asarray(self._runner.embed(checked))
        means = self._runner.read(checked).means
        return np.asarray(means.reshape(len(checked), means.shape[1] * means.shape[2]))

    @property
    def directory(self) -> ModelDirectory:
        """The model's files, read by the first call that needs them."""
        # Keyed, since set_params may name another model.
        if getattr(self, "_files_of", "") != self.model:
            self._files = load_or_shipped(self.model)
            self._files_of: Any = self.model
        return self._files

    def __getstate__(self) -> dict[str, Any]:
        state: dict[str, Any] = super().__getstate__()
        opened = ("_files", "_files_of", "_runner", "_runs")
        return {name: part for name, part in state.items() if name not in opened}

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.one_d_array = tags.input_tags.string = True
        return tags

    def predict_proba(self, X: Sequence[str]) -> np.ndarray:  # noqa: N803
        """Probability of each class, float64 (texts, classes), columns as ``classes_``."""
        check_is_fitted(self)
        return self.head_.predict_proba(self.embed(X))

    def predict(self, X: Sequence[str]) -> np.ndarray:  # noqa: N803
        """The label of the largest probability for each text, as given: (texts,)."""
        check_is_fitted(self)
        return self.head_.predict(self.embed(X))

    def save(self, path: str | Path, *, force: bool = False) -> Path:
        """Write the head as :meth:`HeadClassifier.save` does, with its encoder's digest."""
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
        MissingPathError
            There is no such file or directory.
        ModelError
            It is no saved head, or one that was trained on another model's features.
        """
        head = HeadClassifier.load(path)
        features, _, trained_on = head.trained_on_.partition(" ")
        found = cls(model, features=cast(Features, features), head=clone(head))
        digest = found.directory.encoder_digest
        if trained_on != digest:
            raise ModelError(
                f"{path} was trained on the features of another model "
                f"({trained_on[:12] or 'unknown'}, not {digest[:12]}) and would only guess on "
                "this one's. Give that model, or train the head again."
            )
        found.head_, found.classes_ = head, head.classes_
        return found
