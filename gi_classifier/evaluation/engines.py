"""How fast each engine reads some records here, in how much memory, and how often as fp32 does.

In: a model directory and texts that were checked. Out: a plain row for each engine, and the one to
set. Nothing is written.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from gi_classifier.errors import GIClassifierError, MissingExtraError
from gi_classifier.metrics.intervals import proportion_at_most
from gi_classifier.model.directory import ModelDirectory
from gi_classifier.model.engine import ENGINE
from gi_classifier.model.predictor import Predictor
from gi_classifier.model.shipped import load_or_shipped
from gi_classifier.training.keras_engine import ENGINES, open_any_engine

# Records whose time is taken, in each round, and rounds.
TIMED, ROUNDS = 1000, 5
# A label that differs among fewer says little; the export asks for as many.
_ENOUGH = 500
# Less is not worth answers that hang on the processor.
_WORTH = 1.1
_FULL = "fp32"


def measure_engines(
    directory: ModelDirectory,
    texts: Sequence[str],
    step: Callable[[str], object] = lambda engine: None,
) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """Measure every engine that can be opened; they take turns, so that all meet the same machine.

    Parameters
    ----------
    directory : ModelDirectory
        With ALBERT.
    texts : sequence of str
        Checked, at least one.
    step : callable
        Told of each engine before its turn.

    Returns
    -------
    rows : list of dict
        ``engine``, ``precision`` (None where it is what the name says), ``records_per_second``
        (median of the rounds), ``times_fp32``, ``memory_mib`` (the most that a process of its own
        took, None where the system does not say), ``records``, ``equal`` (labels as fp32's),
        ``equal_share`` and the exact 95% bound ``differ_at_most``.
    missing : dict
        Why each other engine cannot be opened.
    """
    opened, missing = _opened(directory)
    some = texts[:TIMED]
    labels = {}
    for name, predictor in opened.items():
        step(name)
        labels[name] = predictor.predict_proba(texts).argmax(axis=1)
    seconds: dict[str, list[float]] = {name: [] for name in opened}
    for _ in range(ROUNDS):
        for name, predictor in opened.items():
            step(name)
            began = time.perf_counter()
            predictor.predict_proba(some)
            seconds[name].append(time.perf_counter() - began)
    medians = {name: statistics.median(found) for name, found in seconds.items()}
    rows = []
    for name, predictor in opened.items():
        step(name)
        equal = int((labels[name] == labels[_FULL]).sum())
        rows.append(
            {
                "engine": name,
                "precision": getattr(predictor.engine, "precision", None),
                "records_per_second": len(some) / medians[name],
                "times_fp32": medians[_FULL] / medians[name],
                "memory_mib": _memory_of(directory.path, name, some[:100]),
                "records": len(texts),
                "equal": equal,
                "equal_share": equal / len(texts),
                "differ_at_most": proportion_at_most(len(texts) - equal, len(texts)),
            }
        )
    return rows, missing


def recommended(rows: Sequence[dict[str, Any]]) -> str:
    """The fastest engine whose labels are all fp32's; fp32 where none is worth it.

    Of fewer than 500 records, none but fp32.
    """
    fit = [
        row
        for row in rows
        if row["equal"] == row["records"] >= _ENOUGH and row["times_fp32"] >= _WORTH
    ]
    return max(fit, key=lambda row: row["records_per_second"])["engine"] if fit else _FULL


def how_to_set(engine: str) -> str:
    """How an engine is chosen, in one line."""
    return (
        f"Set {engine}: --engine {engine}, {ENGINE}={engine} in the environment, or for a model "
        f"that you train --set engine={engine}"
    )


def _opened(directory: ModelDirectory) -> tuple[dict[str, Predictor], dict[str, str]]:
    opened, missing = {}, {}
    for name in ENGINES:
        # "keras" is the network as it is trained: never the fastest, and TensorFlow takes seconds.
        if name == "keras":
            continue
        try:
            engine = open_any_engine(directory, name)
            opened[name] = Predictor.from_directory(directory, engine)
        except MissingExtraError as error:
            missing[name] = str(error)
    return opened, missing


def _memory_of(path: Path | None, engine: str, texts: Sequence[str]) -> float | None:
    """Peak MiB of a fresh process that opens a model and reads some records."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        try:
            return pool.submit(_peak, path, engine, list(texts)).result()
        except (BrokenProcessPool, GIClassifierError):
            return None


def _peak(path: Path | None, engine: str, texts: Sequence[str]) -> float | None:
    directory = load_or_shipped(path)
    predictor = Predictor.from_directory(directory, open_any_engine(directory, engine))
    assert np.isfinite(predictor.predict_proba(texts)).all()
    try:
        import resource
    except ImportError:  # Windows
        return None
    # macOS counts bytes, Linux kibibytes.
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
