"""Where a run of training keeps its state, its log and its history.

In: an output path and what tells one run from another. Out: a directory beside the output, a log
file, CSV.
"""

from __future__ import annotations

import hashlib
import logging
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gi_classifier.files import to_json
from gi_classifier.model.directory import check_model_output
from gi_classifier.settings import Settings

if TYPE_CHECKING:
    from gi_classifier.training.encodings import Encodings


def working_directory(output: str | Path, *, force: bool) -> Path:
    """Return the directory beside an output that holds a run's state.

    Raises
    ------
    OutputExistsError
        Something is at the output that may not be replaced.
    """
    output = check_model_output(output, force=force)
    return output.with_name(f"{output.name}.training")


@contextmanager
def logging_to(path: Path) -> Iterator[None]:
    """Append the library's log to a file as well; it never holds a record's text."""
    path.parent.mkdir(parents=True, exist_ok=True)
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


def identity(built: Any, train_data: Encodings, val_data: Encodings, settings: Settings) -> str:
    """A digest of all that a run's result depends on, but the machine."""
    from gi_classifier.training.keras_model import get_weights

    digest = hashlib.sha256()
    digest.update(to_json([settings.to_dict(), built.config.to_dict(), built.vocabulary.tokens]))
    for arrays in get_weights(built.model).values():
        for array in arrays:
            digest.update(np.ascontiguousarray(array).tobytes())
    for data in (train_data, val_data):
        digest.update(data.targets.tobytes())
        for ids in data.ids:
            digest.update(ids.tobytes() + b"|")
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
