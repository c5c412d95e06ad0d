"""Predict labels and probabilities, with the model that ships or any other; no TensorFlow.

In: Chinese medical records as strings of any length. Out: labels or probabilities, in the order
given. Equal texts are computed once; texts longer than ``maxlen`` are read in windows.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any, Literal, overload

import numpy as np

from gi_classifier.engine import Engine, open_engine, softmax
from gi_classifier.errors import InputError
from gi_classifier.model_dir import Bundle, load, shipped
from gi_classifier.settings import Settings, WindowRule
from gi_classifier.text import Encoded, Vocabulary, batches_by_length, normalise, pad, windows

MAX_TEXTS = 512
# Tokens computed at once, and how many of them may be padding: a short batch costs less than that.
_BATCH_TOKENS, _MAX_PADDING = 1024, 32
_CHUNK = 4096


def check_texts(texts: Any, *, limit: int | None = None) -> list[str]:
    """Return texts as a list of strings, or raise one error that names every bad position.

    Parameters
    ----------
    texts : iterable of str
        A list, tuple, array or pandas Series; not a single string.
    limit : int, optional
        Most texts allowed.

    Raises
    ------
    InputError
        Not an iterable, too many, or some are not text or blank.
    """
    unordered = isinstance(texts, (str, bytes, Mapping, Set)) or hasattr(texts, "columns")
    if unordered or not isinstance(texts, Iterable):
        raise InputError(
            "Texts come as a list of str (of a table, one column), one text as [text]. "
            f"Received: {type(texts).__name__}"
        )
    found = list(texts)
    if limit is not None and len(found) > limit:
        raise InputError(
            f"At most {limit} texts at a time. Received: {len(found)}. "
            "GIClassifier.load().predict takes any number."
        )
    problems = []
    for position, text in enumerate(found):
        if not isinstance(text, str):
            problems.append(f"position {position}: not text but {type(text).__name__}")
        elif not normalise(text):
            problems.append(f"position {position}: an empty text")
    if problems:
        raise InputError(f"{len(problems)} of {len(found)} texts cannot be read:", problems)
    return found


def window_weights(probabilities: np.ndarray, rule: WindowRule = "evidence") -> np.ndarray:
    """Weight of each of one text's windows: float64 (windows,), summing to 1.

    "evidence" weighs by a window's mass off label 0, the background: a window that describes a
    tract outweighs several that clearly describe neither; where all describe neither, so does
    the text. "mean" gives every window the same weight.

    Parameters
    ----------
    probabilities : ndarray, shape (windows, classes)
        Rows sum to 1.
    rule : {"evidence", "mean"}
    """
    if len(probabilities) == 1 or rule == "mean":
        return np.full(len(probabilities), 1 / len(probabilities))
    weights = np.maximum(1 - probabilities[:, 0], 1e-9)
    return np.asarray(weights / weights.sum())


def join_windows(probabilities: np.ndarray, rule: WindowRule = "evidence") -> np.ndarray:
    """Join the probabilities of one text's windows: their mean by :func:`window_weights`.

    Returns
    -------
    ndarray, shape (classes,)
        Sums to 1. A single window comes back unchanged.
    """
    return np.asarray(window_weights(probabilities, rule) @ probabilities)


@dataclass(frozen=True)
class Reading:
    """What a model read in some texts, window by window.

    Attributes
    ----------
    encoded : list of Encoded
        Each text's tokens, without special ones.
    ids : list of ndarray of int32
        Each window's ids, with special tokens.
    owners : ndarray of int, shape (windows,)
        The position of each window's text; they rise.
    spans : list of (start, end)
        The tokens of its text that each window holds.
    logits : ndarray of float32, shape (windows, classes)
    cls : ndarray of float32, shape (windows, hidden)
        The encoder's [CLS] vectors.
    """

    encoded: list[Encoded]
    ids: list[np.ndarray]
    owners: np.ndarray
    spans: list[tuple[int, int]]
    logits: np.ndarray
    cls: np.ndarray

    def by_text(self) -> list[slice]:
        """The windows of each text."""
        bounds = np.searchsorted(self.owners, np.arange(len(self.encoded) + 1))
        return [slice(a, b) for a, b in itertools.pairwise(bounds)]


class Predictor:
    """A model ready to read records; safe to call from several threads.

    Parameters
    ----------
    engine : Engine
    vocabulary : Vocabulary
    settings : Settings
    """

    def __init__(self, engine: Engine, vocabulary: Vocabulary, settings: Settings) -> None:
        self.engine = engine
        self.vocabulary = vocabulary
        self.settings = settings

    @classmethod
    def from_bundle(cls, bundle: Bundle, engine: str | None = None) -> Predictor:
        """Open a model directory's model with the engine named, or its default one."""
        return cls(open_engine(bundle, engine), bundle.vocabulary, bundle.settings)

    def predict_proba(self, texts: Sequence[str]) -> np.ndarray:
        """Probability of each class for texts that :func:`check_texts` let through.

        Returns
        -------
        ndarray of float64, shape (texts, classes)
            Rows sum to 1.
        """
        return self._joined(texts, lambda reading: softmax(reading.logits))

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """The encoder's [CLS] vectors for texts that :func:`check_texts` let through.

        Returns
        -------
        ndarray of float32, shape (texts, hidden)
            That of a text in several windows is their mean by :func:`window_weights`.
        """
        return self._joined(texts, lambda reading: reading.cls).astype(np.float32)

    def _joined(self, texts: Sequence[str], values: Callable[[Reading], np.ndarray]) -> np.ndarray:
        """Mean of the windows' values (windows, columns) by their weights: float64."""
        rows: dict[str, int] = {}
        places = [rows.setdefault(text, len(rows)) for text in texts]
        # Without a text, a stop tells how many columns there are.
        distinct = list(rows) or ["。"]
        found: list[np.ndarray] = []
        for start in range(0, len(distinct), _CHUNK):
            reading = self.read(distinct[start : start + _CHUNK])
            probabilities, columns = softmax(reading.logits), values(reading)
            found += [
                window_weights(probabilities[part], self.settings.window_rule) @ columns[part]
                for part in reading.by_text()
            ]
        return np.asarray(np.stack(found)[np.array(places, dtype=int)])

    def read(self, texts: Sequence[str]) -> Reading:
        """Run the model on every window of texts that :func:`check_texts` let through."""
        ids: list[np.ndarray] = []
        owners: list[int] = []
        spans: list[tuple[int, int]] = []
        size = self.settings.maxlen - 2
        encoded = self.vocabulary.encode(texts)
        for owner, tokens in enumerate(encoded):
            for a, b in windows(len(tokens.ids), size, self.settings.window_overlap):
                ids.append(self.vocabulary.with_special(tokens.ids[a:b]))
                owners.append(owner)
                spans.append((a, b))
        lengths = [len(row) for row in ids]
        batches = list(batches_by_length(lengths, _BATCH_TOKENS, _MAX_PADDING))
        found = [self.engine.run(pad([ids[row] for row in batch])) for batch in batches]
        order = np.argsort(np.concatenate(batches))
        logits, cls = (np.concatenate(parts)[order] for parts in zip(*found, strict=True))
        return Reading(encoded, ids, np.array(owners, dtype=int), spans, logits, cls)


_lock = threading.Lock()
_shipped: Predictor | None = None


def shipped_predictor() -> Predictor:
    """The model that ships, loaded once, by the first call that needs it."""
    global _shipped
    if _shipped is None:
        with _lock:
            if _shipped is None:
                _shipped = Predictor.from_bundle(load(shipped()))
    return _shipped


@overload
def predict(text: str) -> int: ...
@overload
def predict(
    text: str,
    *,
    prior: Sequence[float] | None = ...,
    label: int | None = ...,
    threshold: float | Literal["stored"] | None = ...,
    min_confidence: float | None = ...,
    reject_novel: bool = ...,
) -> int | None: ...
def predict(text: str, **decision: Any) -> int | None:
    """Say what one record describes: 1 the upper GI tract, 2 the lower, 0 neither.

    A record that is about both tracts equally has no right answer; it gets the label that the
    model gives the most probability, and :func:`predict_proba` shows how close the two were.

    Parameters
    ----------
    text : str
        A record of any length; more than ``maxlen`` tokens are read in overlapping windows.
    prior, label, threshold, min_confidence, reject_novel : optional
        How to decide, see :class:`gi_classifier.decisions.Decision`; with the last two, the
        answer may be None. Without any, the likeliest label.

    Raises
    ------
    InputError
        Not a string, or blank.
    SettingsError
        With every option that is out of range.
    """
    if not isinstance(text, str):
        raise InputError(
            f"predict takes one str; for several use multi_predict. Received: {type(text).__name__}"
        )
    (answer,) = _answers(check_texts([text]), decision)
    return answer


@overload
def multi_predict(texts: Sequence[str]) -> list[int]: ...
@overload
def multi_predict(
    texts: Sequence[str],
    *,
    prior: Sequence[float] | None = ...,
    label: int | None = ...,
    threshold: float | Literal["stored"] | None = ...,
    min_confidence: float | None = ...,
    reject_novel: bool = ...,
) -> list[int | None]: ...
def multi_predict(texts: Sequence[str], **decision: Any) -> list[Any]:
    """Say what each of at most 512 records describes, in the order given.

    Parameters
    ----------
    texts : sequence of str
    prior, label, threshold, min_confidence, reject_novel : optional
        As for :func:`predict`; an answer may be None.

    Raises
    ------
    InputError
        More than 512 texts, or some are not strings or blank: all positions are named, and
        nothing is computed.
    SettingsError
        With every option that is out of range.
    """
    return _answers(check_texts(texts, limit=MAX_TEXTS), decision)


def _answers(texts: list[str], options: Mapping[str, Any]) -> list[int] | list[int | None]:
    if not options:
        return [int(label) for label in shipped_predictor().predict_proba(texts).argmax(axis=1)]
    from gi_classifier.decisions import Decision, labels_or_none, shipped_decider

    return labels_or_none(shipped_decider().predict(texts, Decision(**options))[0])


def predict_proba(texts: Sequence[str], *, prior: Sequence[float] | None = None) -> np.ndarray:
    """Probability of each label for any number of records, by the model that ships.

    Parameters
    ----------
    texts : sequence of str
    prior : sequence of float, optional
        The shares of the labels among these records, where they are not those of the training
        records (Saerens et al. 2002); :func:`gi_classifier.estimate_prior` finds them.

    Returns
    -------
    ndarray of float64, shape (texts, 3)
        Columns in the order of :class:`~gi_classifier.Label`; rows sum to 1.

    Raises
    ------
    InputError
        Some are not strings or blank: all positions are named.
    """
    checked = check_texts(texts)
    if prior is None:
        return shipped_predictor().predict_proba(checked)
    from gi_classifier.decisions import shipped_decider

    return shipped_decider().predict_proba(checked, prior)


def embed(texts: Sequence[str]) -> np.ndarray:
    """Features of any number of records, for a classifier of your own: the encoder's [CLS] vectors.

    Parameters
    ----------
    texts : sequence of str

    Returns
    -------
    ndarray of float32, shape (texts, 312)
        Of the model that ships; a text in several windows has their weighted mean.

    Raises
    ------
    InputError
        Some are not strings or blank: all positions are named.
    """
    return shipped_predictor().embed(check_texts(texts))
