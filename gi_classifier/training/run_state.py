"""Where a run of training keeps its state, its log and its history, and what it says meanwhile.

In: an output path and what tells one run from another. Out: a locked directory beside the output,
a log file with the time of each phase, CSV.
"""

from __future__ import annotations

import hashlib
import logging
import math
import os
import re
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gi_classifier.files import beside, to_json
from gi_classifier.locks import LockedFolder
from gi_classifier.settings import Settings

if TYPE_CHECKING:
    from gi_classifier.training.encodings import Encodings

logger = logging.getLogger(__name__)


@contextmanager
def working_directory(output: Path, *, restart: bool = False) -> Iterator[Path]:
    """A directory beside an output for a run's state, that no other process may use meanwhile.

    It is removed where the work ends well, or ends before it left anything; a run that was
    stopped finds it again.

    Parameters
    ----------
    output : Path
    restart : bool
        Drop what an earlier run left in it.

    Yields
    ------
    Path
        ``<output>.training``.

    Raises
    ------
    OutputError
        Another process that is alive writes the same output.
    """
    work = LockedFolder(
        beside(output, "training"),
        f"Another process is training into {output} and is still running. Wait until it ends, or "
        "choose another output.",
    )
    finished = False
    try:
        if restart:
            work.clear()
        yield work.path
        finished = True
    finally:
        if finished or not work.contents():
            work.remove()
        else:
            work.close()


@contextmanager
def logging_to(path: Path) -> Iterator[None]:
    """Append the library's log to a file as well; it never holds a record's text."""
    handler = logging.FileHandler(path, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%Y-%m-%d %H:%M:%S"))
    root = logging.getLogger("gi_classifier")
    level = root.level
    root.addHandler(handler)
    root.setLevel(min(level or logging.INFO, logging.INFO))
    try:
        yield
    finally:
        root.setLevel(level)
        root.removeHandler(handler)
        handler.close()


@contextmanager
def phase(name: str) -> Iterator[None]:
    """Log that a part of the work begins, and how long it took."""
    logger.info("%s …", name)
    began = time.monotonic()
    yield
    logger.info("%s: %.1f s", name, time.monotonic() - began)


# What TensorFlow's start says of processors and drivers, whatever its log level.
_CHATTER = re.compile(
    rb"WARNING: All log messages before absl|[IW]\d{4,} [\d:.]+ +\d+ \w+\.cc:\d+\]"
)


@contextmanager
def starting_tensorflow() -> Iterator[None]:
    """Log that TensorFlow is being imported, and keep its chatter from standard error."""
    with phase("starting TensorFlow"), tempfile.TemporaryFile() as said:
        try:
            kept = os.dup(2)
        except OSError:  # there is no standard error
            yield
            return
        sys.stderr.flush()
        os.dup2(said.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            said.seek(0)
            os.write(2, b"".join(line for line in said if not _CHATTER.match(line)))


def run_identity(
    built: Any, train_data: Encodings, val_data: Encodings, settings: Settings
) -> dict[str, Any]:
    """All that a run's result depends on, but the machine, ready for JSON."""
    from gi_classifier.training.keras_model import get_weights

    weights = (array for arrays in get_weights(built.model).values() for array in arrays)
    return {
        "setting": settings.to_dict(),
        "encoder": {**built.config.to_dict(), "weights": sha256_of(weights)},
        "vocabulary": hashlib.sha256(to_json(built.vocabulary.tokens)).hexdigest(),
        "training records": sha256_of([train_data.targets, *train_data.ids]),
        "validation records": sha256_of([val_data.targets, *val_data.ids]),
    }


def sha256_of(arrays: Iterable[np.ndarray]) -> str:
    """A digest of arrays and where each ends."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(np.ascontiguousarray(array).tobytes() + b"|")
    return digest.hexdigest()


def history_csv(history: list[dict[str, float]]) -> bytes:
    """The history as CSV, a row for each epoch; what is undefined is an empty cell."""
    if not history:
        return b"epoch\n"
    rows = [",".join(history[0])]
    rows += [",".join(map(_cell, row.values())) for row in history]
    return ("\n".join(rows) + "\n").encode("utf-8")


def _cell(value: float) -> str:
    if isinstance(value, int):
        return str(value)
    return "" if math.isnan(value) else f"{value:.6g}"
