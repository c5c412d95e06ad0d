"""One file that holds the state of a long run: arrays and JSON, replaced whole, never pickled."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from gi_classifier.arrays import read_npz
from gi_classifier.errors import ModelError
from gi_classifier.files import write_whole
from gi_classifier.identity import check_same_work

_STATE, _IDENTITY = "state", "identity"


def write_checkpoint(
    path: Path,
    identity: Mapping[str, Any],
    arrays: Mapping[str, np.ndarray],
    state: Mapping[str, Any],
) -> None:
    """Replace a checkpoint.

    Parameters
    ----------
    path : Path
    identity : mapping
        All that the run depends on, ready for JSON; reading asks for the same.
    arrays : mapping of str to ndarray
        No name may be "state".
    state : mapping
        Anything that JSON holds.
    """
    text = json.dumps({_IDENTITY: identity, **state})
    buffer = io.BytesIO()
    np.savez(buffer, **arrays, **{_STATE: np.frombuffer(text.encode(), dtype=np.uint8)})  # type: ignore[arg-type]
    write_whole(path, buffer.getvalue())


def read_checkpoint(
    path: Path, identity: Mapping[str, Any]
) -> tuple[dict[str, np.ndarray], dict[str, Any]] | None:
    """Read a checkpoint back, or None where there is none yet.

    Raises
    ------
    OutputExistsError
        It is of another run: all that differs is named.
    ModelError
        It is damaged, or of an earlier release.
    """
    if not path.is_file():
        return None
    try:
        arrays = read_npz(path)
        state = dict(json.loads(arrays.pop(_STATE).tobytes()))
        earlier = _IDENTITY not in state
        before = dict(state.pop(_IDENTITY, ()))
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError) as error:
        raise ModelError(
            f"{path} is damaged ({type(error).__name__}). Begin that run anew (--restart)."
        ) from error
    if earlier:
        raise ModelError(f"{path} is of an earlier release. Begin that run anew (--restart).")
    check_same_work(path, before, json.loads(json.dumps(identity)))
    return arrays, state


def flatten(prefix: str, weights: Mapping[str, list[np.ndarray]]) -> dict[str, np.ndarray]:
    """Name the arrays of layers ``prefix/layer/0``, ``prefix/layer/1`` …"""
    return {
        f"{prefix}/{name}/{i}": array
        for name, arrays in weights.items()
        for i, array in enumerate(arrays)
    }


def unflatten(prefix: str, arrays: Mapping[str, np.ndarray]) -> dict[str, list[np.ndarray]]:
    """Undo :func:`flatten`; arrays of other prefixes are passed over."""
    weights: dict[str, list[np.ndarray]] = {}
    for key, array in arrays.items():
        kind, _, rest = key.partition("/")
        if kind == prefix:
            weights.setdefault(rest.rpartition("/")[0], []).append(array)
    return weights
