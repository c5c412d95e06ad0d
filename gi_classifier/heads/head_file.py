"""The file of a head: ``.npz`` with arrays and JSON, nothing pickled.

In: what a fitted head consists of. Out: bytes, and from a file the same again. Format 1 is that of
version 0.1.0; it is read as well.
"""

from __future__ import annotations

import io
import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from gi_classifier.heads.saved_file import read_saved

FORMAT = 2
# What parameters of 0.1.0 are called now.
_RENAMED = {"max_epochs": "epochs", "seed": "random_state"}


class HeadFile(NamedTuple):
    """What a saved head consists of.

    Attributes
    ----------
    settings : dict
        The estimator's parameters. ``positive`` is the place of its class among the classes, and
        of a mapping ``class_weight`` is the list of weights in their order.
    trained_on : str
        What computed the vectors; "" where nobody said.
    classes : ndarray, shape (classes,)
    layers : list of ndarray
        As :func:`gi_classifier.heads.network.folded_network` gives them.
    origin : dict
        Of :func:`gi_classifier.model.origin.origin`; empty where the file has none.
    """

    settings: dict[str, Any]
    trained_on: str
    classes: np.ndarray
    layers: list[np.ndarray]
    origin: dict[str, Any]

    def to_bytes(self) -> bytes:
        """The file."""
        arrays: dict[str, Any] = {
            "format": FORMAT,
            "settings": json.dumps(self.settings),
            "origin": json.dumps(self.origin, ensure_ascii=False),
            "trained_on": self.trained_on,
            "classes": self.classes,
            **{f"layer_{i}": layer for i, layer in enumerate(self.layers)},
        }
        content = io.BytesIO()
        np.savez(content, **arrays)
        return content.getvalue()


def read_head(path: str | Path, parameters: Collection[str]) -> HeadFile:
    """Read the file of a head.

    Parameters
    ----------
    path : str or Path
    parameters : collection of str
        Names of the estimator's, all of which the file must have and no others.

    Raises
    ------
    MissingPathError
        There is no such file.
    ModelError
        It is no head, or one of a later format.
    """
    names = set(parameters)
    return read_saved(path, lambda stored: _found(stored, names), kind="head", latest=FORMAT)


def _found(stored: Mapping[str, np.ndarray], parameters: set[str]) -> HeadFile:
    """The parts of a head, of sizes that fit; errors of many kinds where they do not."""
    settings = json.loads(str(stored["settings"]))
    settings = {_RENAMED.get(name, name): value for name, value in settings.items()}
    if set(settings) != parameters:
        raise ValueError(f"parameters {sorted(settings)}")
    origin = json.loads(str(stored["origin"])) if "origin" in stored else {}
    classes, layers = stored["classes"], [stored[f"layer_{i}"] for i in range(4)]
    shapes = [layer.shape for layer in layers]
    (d, hidden), count = shapes[0], len(classes)
    if shapes != [(d, hidden), (hidden,), (hidden, count), (count,)]:
        raise ValueError(f"shapes {shapes} for {count} classes")
    if not all(np.isfinite(layer).all() for layer in layers):
        raise ValueError("weights that are not finite")
    if classes.dtype.kind not in "Uiufb" or classes.shape != (len(np.unique(classes)),):
        raise ValueError("classes that are no labels, or not different ones")
    if settings["positive"] is not None:
        settings["positive"] = classes[settings["positive"]].item()
    if isinstance(settings["class_weight"], list):
        pairs = zip(classes.tolist(), settings["class_weight"], strict=True)
        settings["class_weight"] = dict(pairs)
    return HeadFile(settings, str(stored["trained_on"]), classes, layers, origin)
