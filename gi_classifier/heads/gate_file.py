"""The file of a gate: ``.npz`` with arrays and JSON, nothing pickled.

In: what a fitted gate consists of. Out: bytes, and from a file the same again.
"""

from __future__ import annotations

import io
import json
from collections.abc import Collection
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from gi_classifier.data.pictures.page_features import FEATURES
from gi_classifier.heads.saved_file import read_saved

FORMAT = 1


class GateFile(NamedTuple):
    """What a saved gate consists of.

    Attributes
    ----------
    settings : dict
        The estimator's parameters that JSON holds.
    classes : ndarray, shape (kinds,)
    layers : list of ndarray
        As :func:`gi_classifier.heads.network.folded_network` gives them.
    span : ndarray, shape (2, FEATURES)
        Of the features in training.
    words : dict
        From a kind's label, as text, to the words that name it.
    sure, said : ndarray, shapes (kinds,) and (kinds, kinds + 2)
        As :mod:`gi_classifier.heads.title_words` gives them.
    weight : float
        Of the picture beside a title.
    origin : dict
        Of :func:`gi_classifier.model.origin.origin`.
    words_given : bool
        Whether somebody gave the words, rather than that they were learned; files without it, such
        as that of the gate that ships, hold given ones.
    """

    settings: dict[str, Any]
    classes: np.ndarray
    layers: list[np.ndarray]
    span: np.ndarray
    words: dict[str, list[str]]
    sure: np.ndarray
    said: np.ndarray
    weight: float
    origin: dict[str, Any]
    words_given: bool

    def to_bytes(self) -> bytes:
        """The file; weights in single precision."""
        texts = {"settings": self.settings, "words": self.words, "origin": self.origin}
        arrays: dict[str, Any] = {
            "format": FORMAT,
            **{name: json.dumps(part, ensure_ascii=False) for name, part in texts.items()},
            "classes": self.classes,
            "span": self.span.astype(np.float32),
            "sure": self.sure,
            "said": self.said,
            "weight": self.weight,
            "words_given": self.words_given,
            **{f"layer_{i}": layer.astype(np.float32) for i, layer in enumerate(self.layers)},
        }
        content = io.BytesIO()
        np.savez(content, **arrays)
        return content.getvalue()


def read_gate(path: str | Path, parameters: Collection[str]) -> GateFile:
    """Read the file of a gate.

    Parameters
    ----------
    path : str or Path
    parameters : collection of str
        Names of the estimator's, of which the file may set some.

    Raises
    ------
    MissingPathError
        There is no such file.
    ModelError
        It is no gate, or one of a later format.
    """
    names = set(parameters)
    return read_saved(path, lambda stored: _found(stored, names), kind="gate", latest=FORMAT)


def _found(stored: dict[str, np.ndarray], parameters: set[str]) -> GateFile:
    """The parts of a gate, of sizes that fit; errors of several kinds where they do not."""
    settings, words, origin = (
        json.loads(str(stored[name])) for name in ("settings", "words", "origin")
    )
    if not all(isinstance(part, dict) for part in (settings, words, origin)):
        raise ValueError("settings, words or an origin without names")
    if not all(isinstance(those, list) and all(map(_is_word, those)) for those in words.values()):
        raise ValueError("words that are no lists of words")
    classes, sure, said = stored["classes"], stored["sure"], stored["said"]
    layers = [stored[f"layer_{i}"].astype(np.float64) for i in range(4)]
    span = stored["span"].astype(np.float64)
    count, hidden = len(classes), layers[1].size
    shapes = [part.shape for part in (*layers, span, sure, said)]
    fitting = [(FEATURES, hidden), (hidden,), (hidden, count), (count,), (2, FEATURES), (count,)]
    if shapes != [*fitting, (count, count + 2)]:
        raise ValueError(f"shapes {shapes} for {count} kinds")
    if not all(np.isfinite(part).all() for part in (*layers, span, said)) or np.isnan(sure).any():
        raise ValueError("numbers that are not finite")
    if (said <= 0).any() or classes.dtype.kind not in "Uiufb":
        raise ValueError("shares of 0, or kinds that are no labels")
    if classes.shape != (len(np.unique(classes)),):
        raise ValueError("kinds that are not different ones")
    weight = float(stored["weight"])
    if not 0 <= weight <= 1:
        raise ValueError(f"a weight of {weight}")
    if not set(settings) <= parameters - {"words"} or set(words) - set(map(str, classes.tolist())):
        raise ValueError("unknown parameters or kinds")
    given = bool(stored.get("words_given", True))
    return GateFile(settings, classes, layers, span, words, sure, said, weight, origin, given)


def _is_word(word: Any) -> bool:
    return isinstance(word, str) and bool(word)
