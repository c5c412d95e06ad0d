"""ONNX Runtime, imported in one place: no telemetry, one processor, no chatter.

In: an ``.onnx`` file as bytes. Out: a session to run it with.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np


def onnx_runtime() -> Any:
    """Import the package ``onnxruntime``, which opens network connections unless told not to."""
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    import onnxruntime

    return onnxruntime


def open_session(graph: bytes, weights: Mapping[str, np.ndarray] | None = None) -> Any:
    """Open a graph for running.

    Parameters
    ----------
    graph : bytes
        An ``.onnx`` file.
    weights : mapping of str to ndarray, optional
        Of a graph without weights, its arrays by name.

    Returns
    -------
    onnxruntime.InferenceSession
        May be run from several threads.
    """
    runtime = onnx_runtime()
    options = runtime.SessionOptions()
    options.log_severity_level = 3
    if weights:
        arrays = [
            runtime.OrtValue.ortvalue_from_numpy(np.ascontiguousarray(array))
            for array in weights.values()
        ]
        options.add_external_initializers(list(weights), arrays)
    return runtime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
