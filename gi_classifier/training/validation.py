"""What a classifier is worth on validation windows while it is trained, and its calibration.

In: a Keras classifier and encoded records. Out: probabilities, loss and accuracy; a head whose
logits are divided by the best temperature. Importing this module imports TensorFlow.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from gi_classifier.metrics.calibration import apply_temperature, fit_temperature
from gi_classifier.model.weights import HEAD
from gi_classifier.text import batches_by_length, pad
from gi_classifier.training.encodings import Encodings
from gi_classifier.training.keras_backend import tf

# Tokens computed at once where nothing is trained, and how many of them may be padding.
_BATCH_TOKENS, _MAX_PADDING = 16_384, 512


def validation_step(model: Any) -> Any:
    """Compile the model's forward pass: from ids (n, length) to probabilities (n, classes)."""

    def run(ids: Any) -> Any:
        return model([ids, tf.zeros_like(ids)], training=False)

    return tf.function(
        run, autograph=False, input_signature=[tf.TensorSpec((None, None), tf.int32)]
    )


def probabilities(run: Callable[..., Any], data: Encodings) -> np.ndarray:
    """All windows' probabilities, by a :func:`validation_step`: float64 (windows, classes)."""
    found = np.zeros(data.targets.shape)
    lengths = [len(ids) for ids in data.ids]
    for rows in batches_by_length(lengths, _BATCH_TOKENS, _MAX_PADDING):
        found[rows] = run(pad([data.ids[row] for row in rows])).numpy()
    return found


def evaluate(run: Callable[..., Any], data: Encodings) -> tuple[float, float]:
    """Mean cross-entropy at the best temperature, unweighted, and accuracy over all windows.

    A model is calibrated before it is kept, so how sure it is of itself is no reason to keep it.
    """
    return loss_and_accuracy(calibrated(run, data), data.labels)


def calibrated(run: Callable[..., Any], data: Encodings) -> np.ndarray:
    """All windows' probabilities at the best temperature, (windows, classes); NaN if not finite."""
    found = probabilities(run, data)
    if not np.isfinite(found).all():
        return np.full(found.shape, math.nan)
    return apply_temperature(found, fit_temperature(found, data.labels))


def loss_and_accuracy(found: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    """Mean cross-entropy, and accuracy, of probabilities (windows, classes) and labels."""
    if not np.isfinite(found).all():
        return math.nan, 0.0
    mass = np.maximum(found[np.arange(len(labels)), labels], 1e-12)
    return float(-np.log(mass).mean()), float((found.argmax(axis=1) == labels).mean())


def calibrate(model: Any, val: Encodings) -> float:
    """Find the temperature of the least validation loss and divide the head's logits by it.

    The head's kernel and bias are scaled, so that every engine and every later user of the
    weights gets calibrated probabilities without knowing of it (Guo et al. 2017). No window's
    label changes.

    Returns
    -------
    float
        The temperature.
    """
    found = fit_temperature(probabilities(validation_step(model), val), val.labels)
    head = model.get_layer(HEAD)
    head.set_weights([array / found for array in head.get_weights()])
    return found
