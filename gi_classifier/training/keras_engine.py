"""Runs a live Keras classifier behind the call of the other engines.

In: token ids, int32 (n, length). Out: logits (n, classes) and [CLS] vectors (n, hidden), float32.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gi_classifier.model.directory import ModelDirectory
from gi_classifier.model.engine import ENGINES as EXPORTED
from gi_classifier.model.engine import Engine, chosen_engine, no_such_engine, open_engine
from gi_classifier.training.run_state import starting_tensorflow

# What a model directory can be run with.
ENGINES = (*EXPORTED, "keras")


class KerasEngine:
    """Runs a live Keras classifier of :mod:`gi_classifier.training.keras_model`."""

    def __init__(self, model: Any) -> None:
        from gi_classifier.training.export import forward

        self._forward = forward(model)

    def run(self, ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See :class:`Engine`."""
        logits, cls = self._forward(ids)
        return logits.numpy(), cls.numpy()


def open_any_engine(
    directory: ModelDirectory, name: str | None = None, *, threads: int | None = None
) -> Engine | None:
    """Open a model directory with the engine named; only "keras" imports TensorFlow.

    None where none is named and the model has no ALBERT to run.

    Parameters
    ----------
    directory : ModelDirectory
    name : {"fp32", "int8", "openvino", "keras"}, optional
        Without, see :func:`gi_classifier.model.engine.chosen_engine`.
    threads : int, optional
        Of ONNX Runtime, see :func:`gi_classifier.cpus.thread_count`.

    Raises
    ------
    SettingsError
        There is no such engine.
    MissingExtraError
        It is not installed.
    """
    if name is None and directory.members == ("linear",):
        return None
    given, name = name is not None, chosen_engine(directory, name)
    if name == "keras":
        with starting_tensorflow():
            from gi_classifier.training.keras_model import restore

        return KerasEngine(restore(directory))
    if name not in ENGINES:
        raise no_such_engine(ENGINES, name, given=given)
    return open_engine(directory, name, threads=threads)
