"""Predict labels and probabilities, with the model that ships or any other; no TensorFlow.

In: Chinese medical records as strings of any length. Out: labels or probabilities, in the order
given. Equal texts are computed once; texts longer than ``maxlen`` are read in windows.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence, Set
from typing import Any

import numpy as np

from gi_classifier.engine import Engine, open_engine, softmax
from gi_classifier.errors import InputError
from gi_classifier.model_dir import Bundle, load, shipped
from gi_classifier.settings import Settings, WindowRule
from gi_classifier.text import Vocabulary, batches_by_length, normalise, pad, windows

MAX_TEXTS = 512
_BATCH_TOKENS = 8192
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
            "Texts come as a list of str (of a table, one column); for one text use predict. "
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


def join_windows(probabilities: np.ndarray, rule: WindowRule = "evidence") -> np.ndarray:
    """Join the probabilities of one text's windows.

    "evidence" is a mean weighted by each window's mass off label 0, the background: a window
    that describes a tract outweighs several that clearly describe neither; where all describe
    neither, so does the text. "mean" gives every window the same weight.

    Parameters
    ----------
    probabilities : ndarray, shape (windows, classes)
        Rows sum to 1.
    rule : {"evidence", "mean"}

    Returns
    -------
    ndarray, shape (classes,)
        Sums to 1. A single window comes back unchanged.
    """
    if len(probabilities) == 1 or rule == "mean":
        return np.asarray(probabilities.mean(axis=0))
    weights = np.maximum(1 - probabilities[:, 0], 1e-9)
    return np.asarray(weights @ probabilities / weights.sum())


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
        rows: dict[str, int] = {}
        places = [rows.setdefault(text, len(rows)) for text in texts]
        distinct = list(rows)
        out = np.zeros((len(distinct), self.settings.num_classes))
        for start in range(0, len(distinct), _CHUNK):
            part = distinct[start : start + _CHUNK]
            out[start : start + len(part)] = self._distinct(part)
        return out[places]

    def _distinct(self, texts: Sequence[str]) -> np.ndarray:
        pieces: list[np.ndarray] = []
        owners: list[tuple[int, int]] = []
        size = self.settings.maxlen - 2
        for encoded in self.vocabulary.encode(texts):
            spans = windows(len(encoded.ids), size, self.settings.window_overlap)
            owners.append((len(pieces), len(pieces) + len(spans)))
            pieces += [self.vocabulary.with_special(encoded.ids[a:b]) for a, b in spans]
        probabilities = np.empty((len(pieces), self.settings.num_classes))
        for batch in batches_by_length([len(piece) for piece in pieces], _BATCH_TOKENS):
            logits, _ = self.engine.run(pad([pieces[i] for i in batch]))
            probabilities[batch] = softmax(logits)
        rule = self.settings.window_rule
        return np.stack([join_windows(probabilities[a:b], rule) for a, b in owners])


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


def predict(text: str) -> int:
    """Say what one record describes: 1 the upper GI tract, 2 the lower, 0 neither.

    A record that is about both tracts equally has no right answer; it gets the label that the
    model gives the most probability, and :func:`predict_proba` shows how close the two were.

    Parameters
    ----------
    text : str
        A record of any length; more than ``maxlen`` tokens are read in overlapping windows.

    Raises
    ------
    InputError
        Not a string, or blank.
    """
    if not isinstance(text, str):
        raise InputError(
            f"predict takes one str; for several use multi_predict. Received: {type(text).__name__}"
        )
    return int(predict_proba([text])[0].argmax())


def multi_predict(texts: Sequence[str]) -> list[int]:
    """Say what each of at most 512 records describes, in the order given.

    Parameters
    ----------
    texts : sequence of str

    Raises
    ------
    InputError
        More than 512 texts, or some are not strings or blank: all positions are named, and
        nothing is computed.
    """
    checked = check_texts(texts, limit=MAX_TEXTS)
    probabilities = shipped_predictor().predict_proba(checked)
    return [int(label) for label in probabilities.argmax(axis=1)]


def predict_proba(texts: Sequence[str]) -> np.ndarray:
    """Probability of each label for any number of records, by the model that ships.

    Parameters
    ----------
    texts : sequence of str

    Returns
    -------
    ndarray of float64, shape (texts, 3)
        Columns in the order of :class:`~gi_classifier.Label`; rows sum to 1.

    Raises
    ------
    InputError
        Some are not strings or blank: all positions are named.
    """
    return shipped_predictor().predict_proba(check_texts(texts))
