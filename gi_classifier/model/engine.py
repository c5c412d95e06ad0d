"""Runs an exported model on ONNX Runtime, without TensorFlow.

In: token ids, int32 (n, length), padded with 0. Out: logits (n, classes) and [CLS] vectors
(n, hidden), both float32. Any engine may be called from several threads.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from gi_classifier.errors import SettingsError
from gi_classifier.model.directory import ONNX, ModelDirectory
from gi_classifier.model.runtime import open_session


class Engine(Protocol):
    """Anything that turns ids into logits and [CLS] vectors."""

    def run(self, ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """From ids (n, length) to logits (n, classes) and [CLS] vectors (n, hidden)."""


def softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities of logits, along the last axis, in float64: rows sum to 1."""
    powers = np.exp(logits.astype(np.float64) - logits.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


class OnnxEngine:
    """Runs an exported graph.

    Parameters
    ----------
    graph : bytes
        An ``.onnx`` file.
    """

    def __init__(self, graph: bytes) -> None:
        self._session = open_session(graph)

    def run(self, ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See :class:`Engine`."""
        logits, cls = self._session.run(["logits", "cls"], {"ids": ids})
        return logits, cls


def open_engine(directory: ModelDirectory, precision: str | None = None) -> Engine:
    """Open a model directory's exported graph.

    Parameters
    ----------
    directory : ModelDirectory
    precision : {"fp32", "int8"}, optional
        Without, what the export found fit and recorded.

    Raises
    ------
    SettingsError
        There is no such graph.
    """
    chosen = precision or directory.metadata.get("engine", {}).get("default", "fp32")
    if chosen not in ONNX:
        raise SettingsError(f"No such engine; choose one of {tuple(ONNX)}. Received: {chosen!r}")
    return OnnxEngine(directory.files[ONNX[chosen]])
