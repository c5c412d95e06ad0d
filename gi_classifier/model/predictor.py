"""Predict labels and probabilities, with the model that ships or any other; no TensorFlow.

In: Chinese medical records as strings of any length. Out: labels or probabilities, in the order
given. Equal texts are computed once; texts longer than ``maxlen`` are read in windows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from gi_classifier.model.directory import ModelDirectory
from gi_classifier.model.engine import Engine, open_engine, softmax
from gi_classifier.model.windows import Windows, cut_windows, window_weights
from gi_classifier.settings import Settings
from gi_classifier.text import Encoded, Vocabulary, batches_by_length, pad

# Tokens computed at once, and how many of them may be padding: a short batch costs less than that.
_BATCH_TOKENS, _MAX_PADDING = 1024, 32
_CHUNK = 4096


@dataclass(frozen=True)
class Reading:
    """What a model read in some texts, window by window.

    Attributes
    ----------
    encoded : list of Encoded
        Each text's tokens, without special ones.
    windows : Windows
    logits : ndarray of float32, shape (windows, classes)
    cls : ndarray of float32, shape (windows, hidden)
        The encoder's [CLS] vectors.
    """

    encoded: list[Encoded]
    windows: Windows
    logits: np.ndarray
    cls: np.ndarray


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
    def from_directory(
        cls,
        directory: ModelDirectory,
        engine: Engine | str | None = None,
        *,
        threads: int | None = None,
    ) -> Predictor:
        """Open a model directory with an engine, open or by name, or its default one.

        ``threads`` is for an engine by name, see :func:`gi_classifier.model.cpus.thread_count`.
        """
        if engine is None or isinstance(engine, str):
            engine = open_engine(directory, engine, threads=threads)
        return cls(engine, directory.vocabulary, directory.settings)

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
                for part in reading.windows.by_text()
            ]
        return np.asarray(np.stack(found)[np.array(places, dtype=int)])

    def read(self, texts: Sequence[str]) -> Reading:
        """Run the model on every window of texts that :func:`check_texts` let through."""
        encoded = self.vocabulary.encode(texts)
        windows = cut_windows(encoded, self.vocabulary, self.settings)
        lengths = [len(row) for row in windows.ids]
        batches = list(batches_by_length(lengths, _BATCH_TOKENS, _MAX_PADDING))
        found = [self.engine.run(pad([windows.ids[row] for row in batch])) for batch in batches]
        order = np.argsort(np.concatenate(batches))
        logits, cls = (np.concatenate(parts)[order] for parts in zip(*found, strict=True))
        return Reading(encoded, windows, logits, cls)
