"""Reads Keras' ``.h5`` weights as arrays by layer, without TensorFlow and without running code.

In: a path or bytes, of anybody. Out: arrays by layer. A file that points to other files, or takes
far more room unpacked than it has, is refused.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from gi_classifier.errors import ModelError
from gi_classifier.files import read_regular

HEAD = "Label-Probability"
LayerWeights = dict[str, list[np.ndarray]]
# Filters that come with HDF5; others are programs, looked for on the machine.
_FILTERS = (h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_FLETCHER32)
# Weights compress little: more than this, times the file, is a trap for the memory.
_MOST_UNPACKED = 16


def read_h5(source: Path | bytes, name: str = "") -> LayerWeights:
    """Read Keras weights, of ``save_weights`` or of a whole saved model, without running its code.

    A head under any other name (Keras numbers them: ``dense_7``) is returned as this library's.

    Parameters
    ----------
    source : Path or bytes
    name : str
        What errors call it; without, its path.

    Raises
    ------
    ModelError
        The file is no Keras weights file, or reads others.
    """
    name = name or ("the weights" if isinstance(source, bytes) else str(source))
    try:
        content = source if isinstance(source, bytes) else read_regular(source)
        with h5py.File(io.BytesIO(content), "r") as file:
            weights = _layers(file)
    # HDF5 raises whatever its C code comes upon.
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RuntimeError) as error:
        raise ModelError(f"{name}: not a Keras .h5 weights file ({error})") from error
    except (MemoryError, OverflowError, RecursionError) as error:
        raise ModelError(
            f"{name}: not a Keras .h5 weights file ({type(error).__name__})"
        ) from error
    heads = [n for n in weights if n.startswith("dense") and len(weights[n]) == 2]
    if HEAD not in weights and len(heads) == 1:
        weights[HEAD] = weights.pop(heads[0])
    return weights


def _layers(file: Any) -> LayerWeights:
    group = _member(file, "model_weights") if "model_weights" in file else file
    room = _MOST_UNPACKED * file.id.get_filesize()
    weights: LayerWeights = {}
    for layer in _names(group, "layer_names"):
        part = _member(group, layer)
        arrays = []
        for weight in _names(part, "weight_names"):
            dataset = _member(part, weight)
            _check_dataset(weight, dataset)
            room -= dataset.nbytes
            if room < 0:
                raise ValueError("it takes far more room than the file has")
            arrays.append(np.asarray(dataset))
        if arrays:
            weights[layer] = arrays
    return weights


def _names(group: Any, attribute: str) -> list[str]:
    return [
        name.decode() if isinstance(name, bytes) else str(name) for name in group.attrs[attribute]
    ]


def _member(group: Any, path: str) -> Any:
    """What a path in the file itself leads to; links to elsewhere are not followed."""
    for part in path.split("/"):
        if not isinstance(group, h5py.Group):
            raise ValueError(f"{path[:80]!r} is not in it")
        if not isinstance(group.get(part, getlink=True), h5py.HardLink):
            raise ValueError(f"{path[:80]!r} is a link")
        group = group[part]
    return group


def _check_dataset(name: str, dataset: Any) -> None:
    """Raise unless a dataset is numbers that the file holds by itself."""
    if not isinstance(dataset, h5py.Dataset) or dataset.dtype.kind not in "fiu":
        raise ValueError(f"{name[:80]!r} is no array of numbers")
    if dataset.is_virtual or dataset.external:
        raise ValueError(f"{name[:80]!r} is stored in another file")
    plan = dataset.id.get_create_plist()
    if any(plan.get_filter(i)[0] not in _FILTERS for i in range(plan.get_nfilters())):
        raise ValueError(f"{name[:80]!r} is packed by a program of its own")
