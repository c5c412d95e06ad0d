"""Reads a file that an estimator was saved to, whatever it holds: ``.npz``, nothing pickled.

In: a path, and what makes parts of its arrays. Out: the parts, or an error that says what to do.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np

from gi_classifier.arrays import DAMAGED, read_npz
from gi_classifier.errors import MissingPathError, ModelError

# An array that files of gates hold, of every format, and those of heads do not.
_OF_GATES = "span"
Parts = TypeVar("Parts")


def read_saved(
    path: str | Path,
    found: Callable[[dict[str, np.ndarray]], Parts],
    *,
    kind: str,
    latest: int,
) -> Parts:
    """Read a file whose array ``format`` is at most the latest format.

    Parameters
    ----------
    path : str or Path
    found : callable
        Makes the parts of the arrays; raises one of :data:`gi_classifier.arrays.DAMAGED` where they
        do not fit.
    kind : str
        "head" or "gate".
    latest : int
        The format that this version writes.

    Raises
    ------
    MissingPathError
        There is no such file.
    ModelError
        It is none of this kind, or one of a later format.
    """
    path = Path(path)
    if not path.is_file():
        raise MissingPathError(f"No {kind} at {path}")
    command = {"head": "head train", "gate": "screen train"}[kind]
    try:
        stored = read_npz(path)
        version = int(stored["format"])
        if (_OF_GATES in stored) != (kind == "gate"):
            raise KeyError(_OF_GATES)
        if version <= latest:
            return found(stored)
    except DAMAGED as error:
        raise ModelError(
            f"{path} is no {kind} that was saved here. `gi-classifier {command}` writes one."
        ) from error
    raise ModelError(
        f"{path} is of format {version}; this version of gi_classifier reads up to {latest}. "
        f"Train the {kind} again, or install the version that wrote it."
    )
