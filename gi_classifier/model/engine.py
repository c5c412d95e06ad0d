"""Runs an exported model on ONNX Runtime or OpenVINO, without TensorFlow.

In: token ids, int32 (n, length), padded with 0. Out: logits (n, classes) and [CLS] vectors
(n, hidden), both float32. Any engine may be called from several threads.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import numpy as np

from gi_classifier.errors import SettingsError
from gi_classifier.model.directory import ONNX, ModelDirectory
from gi_classifier.model.runtime import Session
from gi_classifier.settings import Settings

# What a model directory can be run with, and the variable that says which.
ENGINES, ENGINE = (*ONNX, "openvino"), "GI_CLASSIFIER_ENGINE"


class Engine(Protocol):
    """Anything that turns ids into logits and [CLS] vectors."""

    def run(self, ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """From ids (n, length) to logits (n, classes) and [CLS] vectors (n, hidden)."""


def softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities of logits, along the last axis, in float64: rows sum to 1."""
    powers = np.exp(logits.astype(np.float64) - logits.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


def log_odds(logits: np.ndarray) -> np.ndarray:
    """log(p / (1 - p)) of every class, exact also near 0 and 1: float64, shaped as ``logits``.

    Parameters
    ----------
    logits : ndarray, shape (n, classes)
    """
    values = logits.astype(np.float64)
    rows, best = np.arange(len(values)), values.argmax(axis=1)
    shifted = values - values[rows, best][:, None]
    powers = np.exp(shifted)
    others = powers.sum(axis=1, keepdims=True) - powers
    # What is left beside the largest would be lost in a difference.
    powers[rows, best] = 0
    others[rows, best] = powers.sum(axis=1)
    return np.asarray(shifted - np.log(np.maximum(others, np.finfo(np.float64).tiny)))


class OnnxEngine:
    """Runs an exported graph.

    Parameters
    ----------
    graph : bytes
        An ``.onnx`` file.
    weights : callable, optional
        Gives the arrays that a graph without weights needs.
    name : str
        What errors call it.
    threads : int, optional
        See :func:`gi_classifier.cpus.thread_count`.

    Raises
    ------
    ModelError
        The graph is damaged, or would do more than compute.
    """

    def __init__(
        self,
        graph: bytes,
        weights: Callable[[], Mapping[str, np.ndarray]] | None = None,
        *,
        name: str = "The graph",
        threads: int | None = None,
    ) -> None:
        self._session = Session(graph, weights, name=name, threads=threads)

    def run(self, ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See :class:`Engine`."""
        logits, cls = self._session.run(["logits", "cls"], {"ids": ids})
        return logits, cls


def chosen_engine(directory: ModelDirectory, name: str | None = None) -> str:
    """The engine that is asked for: by name, by the environment, by the model's settings.

    Parameters
    ----------
    directory : ModelDirectory
    name : str, optional
        Without, the environment variable ``GI_CLASSIFIER_ENGINE``; without that, the settings'
        ``engine``; without that, what the export found fit and recorded.
    """
    asked = name or os.environ.get(ENGINE, "").strip()
    return asked or directory.settings.engine or directory.engine


def no_such_engine(known: Sequence[str], name: str, *, given: bool) -> SettingsError:
    """The error of a name that is none of those known; of one that was not given, its source."""
    source = ""
    if not given:
        variable = os.environ.get(ENGINE, "").strip()
        source = f" from the environment variable {ENGINE}" if variable else " from its settings"
    return SettingsError(
        f"No such engine; choose one of {tuple(known)}. Received{source}: {name!r}"
    )


def check_asked_engine(settings: Settings) -> None:
    """Raise where the engine that the environment or a model's settings ask for cannot be opened.

    Parameters
    ----------
    settings : Settings
        Of the model that is to be made, so that hours of work do not end in it.

    Raises
    ------
    SettingsError
        There is no such engine.
    MissingExtraError
        It is not installed.
    """
    name = os.environ.get(ENGINE, "").strip() or settings.engine
    if name and name not in ENGINES:
        raise no_such_engine(ENGINES, name, given=False)
    if name == "openvino":
        from gi_classifier.model.openvino_engine import check_openvino

        check_openvino()


def open_engine(
    directory: ModelDirectory, name: str | None = None, *, threads: int | None = None
) -> Engine:
    """Open a model directory's exported graph, and ask it for one answer.

    Parameters
    ----------
    directory : ModelDirectory
    name : {"fp32", "int8", "openvino"}, optional
        Without, see :func:`chosen_engine`.
    threads : int, optional
        See :func:`gi_classifier.cpus.thread_count`.

    Raises
    ------
    SettingsError
        There is no such engine, or no such number of threads.
    MissingExtraError
        It is not installed.
    ModelError
        The graph is damaged, or does not fit the model's settings.
    """
    chosen = chosen_engine(directory, name)
    if chosen not in ENGINES:
        raise no_such_engine(ENGINES, chosen, given=name is not None)
    directory.check()
    file = ONNX.get(chosen, ONNX["fp32"])
    engine = _opens(chosen)(
        directory.content(file), directory.arrays, name=directory.place(file), threads=threads
    )
    # The last token as well, which a smaller table of embeddings would lack.
    ids = np.array([[len(directory.vocabulary) - 1] * 2], dtype=np.int32)
    shapes = [values.shape for values in engine.run(ids)]
    wanted = [(1, directory.settings.num_classes), (1, directory.config.hidden_size)]
    if shapes != wanted:
        raise directory.broken(file, f"it gives logits and vectors of {shapes}, not {wanted}")
    return engine


def _opens(engine: str) -> Callable[..., Engine]:
    if engine in ONNX:
        return OnnxEngine
    from gi_classifier.model.openvino_engine import OpenVinoEngine

    return OpenVinoEngine
