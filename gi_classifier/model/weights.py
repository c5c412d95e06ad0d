"""Reads Keras' ``.h5`` weights as arrays by layer, without TensorFlow and without running code."""

from __future__ import annotations

import io
from pathlib import Path

import h5py
import numpy as np

from gi_classifier.errors import ModelError

HEAD = "Label-Probability"
LayerWeights = dict[str, list[np.ndarray]]


def read_h5(source: Path | bytes) -> LayerWeights:
    """Read Keras weights, of ``save_weights`` or of a whole saved model, without running its code.

    A head under any other name (Keras numbers them: ``dense_7``) is returned as this library's.

    Raises
    ------
    ModelError
        The file is no Keras weights file.
    """
    name = "the weights" if isinstance(source, bytes) else str(source)
    weights: LayerWeights = {}
    try:
        with h5py.File(io.BytesIO(source) if isinstance(source, bytes) else source, "r") as file:
            group = file.get("model_weights", file)
            for layer in group.attrs["layer_names"]:
                part = group[_text(layer)]
                arrays = [np.asarray(part[_text(w)]) for w in part.attrs["weight_names"]]
                if arrays:
                    weights[_text(layer)] = arrays
    except (OSError, KeyError) as error:
        raise ModelError(f"{name}: not a Keras .h5 weights file ({error})") from error
    heads = [n for n in weights if n.startswith("dense") and len(weights[n]) == 2]
    if HEAD not in weights and len(heads) == 1:
        weights[HEAD] = weights.pop(heads[0])
    return weights


def _text(name: bytes | str) -> str:
    return name.decode() if isinstance(name, bytes) else name
