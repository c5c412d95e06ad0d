"""Predict labels and probabilities, with the model that ships or any other; no TensorFlow.

In: Chinese medical records as strings of any length. Out: labels or probabilities, in the order
given. Equal texts are computed once; texts longer than ``maxlen`` are read in windows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from gi_classifier.errors import ModelError
from gi_classifier.model.directory import NO_ALBERT, ModelDirectory
from gi_classifier.model.engine import Engine, log_odds, open_engine, softmax
from gi_classifier.model.fusion import AlbertAlone, Fusion
from gi_classifier.model.linear import LinearModel
from gi_classifier.model.windows import Windows, cut_windows, window_weights
from gi_classifier.settings import Settings, Use
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
    engine : Engine, optional
        Runs ALBERT; None where the linear member is all there is.
    vocabulary : Vocabulary, optional
        ALBERT's.
    settings : Settings
    linear : LinearModel, optional
        The other member.
    fusion : Fusion, optional
        How the members' log-odds become scores; without, ALBERT answers alone.
    """

    def __init__(
        self,
        engine: Engine | None,
        vocabulary: Vocabulary | None,
        settings: Settings,
        linear: LinearModel | None = None,
        fusion: Fusion | None = None,
    ) -> None:
        self.engine = engine
        self.vocabulary = vocabulary
        self.settings = settings
        self.linear = linear
        self.fusion = fusion or AlbertAlone(settings.num_classes)

    @classmethod
    def from_directory(
        cls,
        directory: ModelDirectory,
        engine: Engine | str | None = None,
        *,
        use: Use | None = None,
        threads: int | None = None,
    ) -> Predictor:
        """Open a model directory with an engine, open or by name, or its default one.

        ``use`` is as in :meth:`~gi_classifier.model.directory.ModelDirectory.fusion`; ``threads``
        is for an engine by name, see :func:`gi_classifier.cpus.thread_count`.
        """
        fusion = directory.fusion(use)
        if engine is None and directory.members == ("linear",):
            return cls(None, None, directory.settings, directory.linear, fusion)
        if engine is None or isinstance(engine, str):
            engine = open_engine(directory, engine, threads=threads)
        return cls(engine, directory.vocabulary, directory.settings, directory.linear, fusion)

    def decision_function(self, texts: Sequence[str]) -> np.ndarray:
        """Score of each label for texts that :func:`check_texts` let through.

        Returns
        -------
        ndarray of float64, shape (texts, classes)
            The largest is the answer. A weighted sum of the members' log-odds, see
            :mod:`gi_classifier.model.fusion`; ALBERT's are its windows' mean by
            :func:`~gi_classifier.model.windows.window_weights`.
        """
        distinct = list(dict.fromkeys(texts))
        rows = {text: row for row, text in enumerate(distinct)}
        albert = linear = None
        if self.fusion.albert:
            albert = self.albert_log_odds(distinct)
        if self.fusion.linear and self.linear is not None:
            linear = self.linear.decision_function(distinct)
        # Where neither has a weight, every text has the constants.
        shape = (len(distinct), self.settings.num_classes)
        scores = np.broadcast_to(self.fusion.scores(albert, linear), shape)
        return np.asarray(scores[np.array([rows[text] for text in texts], dtype=int)])

    def predict_proba(self, texts: Sequence[str]) -> np.ndarray:
        """Probability of each class for texts that :func:`check_texts` let through.

        Returns
        -------
        ndarray of float64, shape (texts, classes)
            Rows sum to 1.
        """
        return self.fusion.probabilities(self.decision_function(texts))

    def albert_log_odds(self, texts: Sequence[str]) -> np.ndarray:
        """ALBERT's log-odds of each label, windows joined: float64 (texts, classes)."""
        return self._joined(texts, lambda reading: log_odds(reading.logits))

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """The encoder's [CLS] vectors for texts that :func:`check_texts` let through.

        Returns
        -------
        ndarray of float32, shape (texts, hidden)
            That of a text in several windows is their mean by
            :func:`~gi_classifier.model.windows.window_weights`.
        """
        distinct = list(dict.fromkeys(texts))
        rows = {text: row for row, text in enumerate(distinct)}
        found = self._joined(distinct, lambda reading: reading.cls).astype(np.float32)
        return np.asarray(found[np.array([rows[text] for text in texts], dtype=int)])

    def _joined(self, texts: Sequence[str], values: Callable[[Reading], np.ndarray]) -> np.ndarray:
        """Mean of the windows' values (windows, columns) by their weights: float64."""
        found: list[np.ndarray] = []
        # Without a text, a stop tells how many columns there are.
        some = texts or ["。"]
        for start in range(0, len(some), _CHUNK):
            reading = self.read(some[start : start + _CHUNK])
            probabilities, columns = softmax(reading.logits), values(reading)
            found += [
                window_weights(probabilities[part], self.settings.window_rule) @ columns[part]
                for part in reading.windows.by_text()
            ]
        return np.stack(found)[: len(texts)]

    def read(self, texts: Sequence[str]) -> Reading:
        """Run ALBERT on every window of texts that :func:`check_texts` let through.

        Raises
        ------
        ModelError
            The model has no ALBERT.
        """
        if self.engine is None or self.vocabulary is None:
            raise ModelError(NO_ALBERT)
        encoded = self.vocabulary.encode(texts)
        windows = cut_windows(encoded, self.vocabulary, self.settings)
        lengths = [len(row) for row in windows.ids]
        batches = list(batches_by_length(lengths, _BATCH_TOKENS, _MAX_PADDING))
        found = [self.engine.run(pad([windows.ids[row] for row in batch])) for batch in batches]
        order = np.argsort(np.concatenate(batches))
        logits, cls = (np.concatenate(parts)[order] for parts in zip(*found, strict=True))
        return Reading(encoded, windows, logits, cls)
