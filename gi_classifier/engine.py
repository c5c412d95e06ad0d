"""Runs a model: ONNX Runtime (default, no TensorFlow) or Keras, behind one call.

In: token ids, int32 (n, length), padded with 0. Out: logits (n, classes) and [CLS] vectors
(n, hidden), both float32. Both engines may be called from several threads.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from gi_classifier.errors import SettingsError
from gi_classifier.model_dir import ONNX, Bundle

PRECISIONS = (*ONNX, "keras")


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
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(
            graph, options, providers=["CPUExecutionProvider"]
        )

    def run(self, ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See :class:`Engine`."""
        logits, cls = self._session.run(["logits", "cls"], {"ids": ids})
        return logits, cls


class KerasEngine:
    """Runs a live Keras classifier of :mod:`gi_classifier.model`."""

    def __init__(self, model: Any) -> None:
        from gi_classifier.export import forward

        self._forward = forward(model)

    def run(self, ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See :class:`Engine`."""
        logits, cls = self._forward(ids)
        return logits.numpy(), cls.numpy()


def open_engine(bundle: Bundle, precision: str | None = None) -> Engine:
    """Open a bundle's model.

    Parameters
    ----------
    bundle : Bundle
    precision : {"fp32", "int8", "keras"}, optional
        Without, what the export found fit and recorded.

    Raises
    ------
    SettingsError
        There is no such engine.
    """
    chosen = precision or bundle.facts.get("engine", {}).get("default", "fp32")
    if chosen in ONNX:
        return OnnxEngine(bundle.files[ONNX[chosen]])
    if chosen == "keras":
        from gi_classifier.model import restore

        return KerasEngine(restore(bundle))
    raise SettingsError(f"No such engine; choose one of {PRECISIONS}. Received: {chosen!r}")
