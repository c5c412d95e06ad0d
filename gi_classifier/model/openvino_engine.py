"""Runs an exported model on OpenVINO, in bfloat16 where the processor computes with it.

In: token ids, int32 (n, length), padded with 0. Out: logits (n, classes) and [CLS] vectors
(n, hidden), both float32. It may be called from several threads, and in a forked process.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from gi_classifier.cpus import thread_count
from gi_classifier.errors import ModelError
from gi_classifier.extras import check_installed
from gi_classifier.model.graph_weights import with_weights
from gi_classifier.model.runtime import REMEDY, ForkSafe, graph_and_weights
from gi_classifier.openvino_runtime import openvino_runtime

BFLOAT16, FLOAT32 = "bf16", "f32"


def check_openvino() -> None:
    """Raise where OpenVINO is not installed.

    Raises
    ------
    MissingExtraError
        With the command that installs what is missing.
    """
    check_installed("The engine 'openvino'", ["openvino", "onnx"], "openvino")


class OpenVinoEngine(ForkSafe):
    """Runs an exported graph of full precision.

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

    Attributes
    ----------
    precision : {"bf16", "f32"}
        What products are computed in.

    Raises
    ------
    MissingExtraError
        OpenVINO is not installed.
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
        check_openvino()
        self._threads = thread_count(threads)
        self._graph = _whole(graph, graph_and_weights(graph, weights, name), name)
        self.precision = BFLOAT16 if has_bfloat16() else FLOAT32
        super().__init__(name)

    def _open(self) -> Any:
        """The compiled graph, and a place for each thread's own request."""
        openvino = openvino_runtime()
        options = {
            "INFERENCE_PRECISION_HINT": self.precision,
            "INFERENCE_NUM_THREADS": self._threads,
            "NUM_STREAMS": 1,
            # Processors that a container may not own.
            "ENABLE_CPU_PINNING": False,
        }
        try:
            core = openvino.Core()
            compiled = core.compile_model(core.read_model(self._graph), "CPU", options)
        except Exception as error:  # OpenVINO's errors have no base of their own.
            raise self._broken("opened", error) from error
        return compiled, threading.local()

    def run(self, ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See :class:`~gi_classifier.model.engine.Engine`.

        Raises
        ------
        ModelError
            The graph does not take ids, or its answers are no finite float32 numbers.
        """
        compiled, requests = self._opened()
        try:
            if not hasattr(requests, "own"):
                requests.own = compiled.create_infer_request()
            found = requests.own.infer({"ids": ids})
            logits, cls = (np.array(found[name]) for name in ("logits", "cls"))
        except Exception as error:  # OpenVINO's errors have no base of their own.
            raise self._broken("run", error) from error
        self._check({"logits": logits, "cls": cls})
        return logits, cls


def has_bfloat16() -> bool:
    """Whether OpenVINO computes in bfloat16 here."""
    return "BF16" in openvino_runtime().Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


def _whole(graph: bytes, weights: Mapping[str, np.ndarray], name: str) -> bytes:
    """A graph with the arrays put in that it lacks, which OpenVINO takes from files alone."""
    if not weights:
        return graph
    try:
        return with_weights(graph, weights)
    except Exception as error:  # The decoder's errors hang on which one is installed.
        raise ModelError(f"{name} cannot be opened ({type(error).__name__}). {REMEDY}") from error
