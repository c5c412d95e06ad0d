"""Runs ONNX graphs: no telemetry, one processor, no chatter, also in a forked process.

In: an ``.onnx`` file as bytes. Out: a session that answers with arrays, from any thread; and what
every engine does alike: open anew after a fork, refuse answers that are no finite numbers.
"""

from __future__ import annotations

import ctypes
import os
import threading
import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from gi_classifier.cpus import thread_count
from gi_classifier.errors import ModelError
from gi_classifier.model.graph_check import check_graph
from gi_classifier.onnx_runtime import onnx_runtime

REMEDY = "Get the model directory again, or write it anew."


class ForkSafe:
    """Holds what was opened, and opens it anew in a forked process, which has none of its threads.

    Parameters
    ----------
    name : str
        What errors call it.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._opening = threading.Lock()
        self._held: Any = self._open()
        _held.add(self)

    def _open(self) -> Any:
        raise NotImplementedError

    def _opened(self) -> Any:
        # Read once: a fork in another thread may set it to None.
        held = self._held
        if held is None:
            with self._opening:
                held = self._held = self._held or self._open()
        return held

    def _broken(self, what: str, error: Exception) -> ModelError:
        reason = " ".join(str(error).split())[:200]
        return ModelError(
            f"{self.name} cannot be {what} ({type(error).__name__}: {reason}). {REMEDY}"
        )

    def _check(self, outputs: Mapping[str, Any]) -> None:
        """Raise a ModelError where an output is no float32 array, or not finite."""
        for name, values in outputs.items():
            if not isinstance(values, np.ndarray) or values.dtype != np.float32:
                raise ModelError(f"{self.name} gives no float32 {name}. {REMEDY}")
            if not np.isfinite(values).all():
                raise ModelError(f"{self.name} gives {name} that are not finite. {REMEDY}")

    def _after_fork(self) -> None:
        """Forget what has threads of the parent; the next call opens another."""
        held, self._held = self._held, None
        self._opening = threading.Lock()
        if held is not None:
            # Closing it would wait for these threads for ever: it is never closed.
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(held))


class Session(ForkSafe):
    """An open graph; it may be run from several threads.

    Parameters
    ----------
    graph : bytes
        An ``.onnx`` file.
    weights : callable, optional
        Gives the arrays by name that a graph without weights needs; not called for others.
    name : str
        What errors call the file.
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
        self._graph = graph
        self._threads = thread_count(threads)
        self._weights = graph_and_weights(graph, weights, name)
        super().__init__(name)

    def _open(self) -> Any:
        runtime = onnx_runtime()
        options = runtime.SessionOptions()
        options.log_severity_level = 4
        # A number that is given is not pinned to processors, which a container may not own.
        options.intra_op_num_threads = self._threads
        options.inter_op_num_threads = 1
        # The runtime would take a file of another format by its first bytes.
        options.add_session_config_entry("session.load_model_format", "ONNX")
        try:
            if self._weights:
                arrays = [
                    runtime.OrtValue.ortvalue_from_numpy(np.ascontiguousarray(array))
                    for array in self._weights.values()
                ]
                options.add_external_initializers(list(self._weights), arrays)
            return runtime.InferenceSession(
                self._graph, options, providers=["CPUExecutionProvider"], enable_fallback=0
            )
        except Exception as error:  # The runtime's errors have no base of their own.
            raise self._broken("opened", error) from error

    @property
    def outputs(self) -> list[str]:
        """The names of what it can compute."""
        return [output.name for output in self._opened().get_outputs()]

    def run(self, names: Sequence[str], inputs: Mapping[str, np.ndarray]) -> list[np.ndarray]:
        """Compute some outputs, and nothing that they do not need.

        Raises
        ------
        ModelError
            The graph does not take these inputs, or its answers are no finite float32 numbers.
        """
        options = onnx_runtime().RunOptions()
        options.log_severity_level = 4
        options.only_execute_path_to_fetches = True
        session = self._opened()
        try:
            found: list[np.ndarray] = session.run(list(names), dict(inputs), options)
        except Exception as error:  # The runtime's errors have no base of their own.
            raise self._broken("run", error) from error
        self._check(dict(zip(names, found, strict=True)))
        return found


def graph_and_weights(
    graph: bytes, weights: Callable[[], Mapping[str, np.ndarray]] | None, name: str
) -> dict[str, np.ndarray]:
    """Check a graph, and give the arrays that it lacks.

    Parameters
    ----------
    graph, weights, name
        As of :class:`Session`.

    Raises
    ------
    ModelError
        It would do more than compute, or one of the arrays is not to be had.
    """
    try:
        names = check_graph(graph)
        given = weights() if names and weights else {}
        if not names <= set(given):
            raise ValueError("it reads numbers from another file")
    except ValueError as error:
        raise ModelError(f"{name} cannot be used: {error}. {REMEDY}") from error
    return {key: given[key] for key in sorted(names)}


_held: weakref.WeakSet[ForkSafe] = weakref.WeakSet()


def _reopen_in_child() -> None:
    for each in list(_held):
        each._after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_reopen_in_child)
