"""The small network of a head, as pure functions on arrays: forward, backward, learning rate.

In: float32 features (n, columns) and one-hot targets. Out: losses, gradients, probabilities.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from gi_classifier.model.engine import softmax

_EPSILON = 1e-5


class Parameters(NamedTuple):
    """What is trained; all float32.

    Attributes
    ----------
    kernel : ndarray, shape (d, hidden)
        Without bias, which the batch norm would take away again.
    scale, shift : ndarray, shape (hidden,)
        Of the batch norm.
    output : ndarray, shape (hidden, classes)
    bias : ndarray, shape (classes,)
    """

    kernel: np.ndarray
    scale: np.ndarray
    shift: np.ndarray
    output: np.ndarray
    bias: np.ndarray


# AdamW shrinks matrices, not scales, shifts and biases.
DECAYED = (1, 0, 0, 1, 0)


def initial_parameters(d: int, hidden: int, classes: int, seed: int) -> Parameters:
    """Draw the weights to begin with: normal of variance 1 / inputs, scales 1, the rest 0."""
    source = np.random.default_rng(seed)
    kernel = source.standard_normal((d, hidden)) / math.sqrt(d)
    output = source.standard_normal((hidden, classes)) / math.sqrt(hidden)
    arrays = (kernel, np.ones(hidden), np.zeros(hidden), output, np.zeros(classes))
    return Parameters(*(array.astype(np.float32) for array in arrays))


def _elu(x: np.ndarray) -> np.ndarray:
    return np.where(x > 0, x, np.expm1(np.minimum(x, 0)))


def loss_and_gradients(
    parameters: Parameters, features: np.ndarray, codes: np.ndarray, weights: np.ndarray
) -> tuple[float, Parameters]:
    """Weighted mean of -log of the true class' probability on one batch, and its gradients.

    Parameters
    ----------
    parameters : Parameters
    features : ndarray, shape (n, d)
        Two records or more; the batch norm takes their mean and variance.
    codes : ndarray of int, shape (n,)
        The class of each, from 0.
    weights : ndarray, shape (n,)
        Of each record, above 0.

    Returns
    -------
    loss : float
    gradients : Parameters
    """
    kernel, scale, shift, output, bias = parameters
    products = features @ kernel
    deviation = np.sqrt(products.var(axis=0) + _EPSILON)
    normal = (products - products.mean(axis=0)) / deviation
    active = _elu(normal * scale + shift)
    logits = active @ output + bias
    logits -= logits.max(axis=1, keepdims=True)
    logarithms = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    shares, rows = weights / weights.sum(), np.arange(len(codes))
    loss = -float(shares @ logarithms[rows, codes])

    to_logits = np.exp(logarithms)
    to_logits[rows, codes] -= 1
    to_logits *= shares[:, None]
    # The slope of ELU is 1 above 0 and ELU + 1 below.
    to_inner = (to_logits @ output.T) * (1 + np.minimum(active, 0))
    to_scale = (to_inner * normal).sum(axis=0)
    to_shift = to_inner.sum(axis=0)
    to_products = (to_inner - (to_shift + normal * to_scale) / len(codes)) * (scale / deviation)
    return loss, Parameters(
        features.T @ to_products, to_scale, to_shift, active.T @ to_logits, to_logits.sum(axis=0)
    )


def learning_rates(highest: float, first_cycle: int, steps: int) -> Iterator[float]:
    """Cosine annealing with warm restarts, each cycle twice as long as the one before, without end.

    Parameters
    ----------
    highest : float
        The rate that each cycle begins with; it falls to nearly 0.
    first_cycle : int
        Epochs.
    steps : int
        In an epoch.
    """
    for cycle in itertools.count():
        length = first_cycle * 2**cycle * steps
        for step in range(length):
            yield highest * (1 + math.cos(math.pi * step / length)) / 2


def mixed_up(mean: Parameters, new: Parameters, decay: float) -> Parameters:
    """A moving average of parameters, one step on."""
    return Parameters(*(decay * m + (1 - decay) * n for m, n in zip(mean, new, strict=True)))


def folded_network(parameters: Parameters, features: np.ndarray, scaler: Any) -> list[np.ndarray]:
    """Four arrays of float64 that take raw vectors: scaling and batch norm become one layer."""
    products = features @ parameters.kernel
    factor = parameters.scale / np.sqrt(products.var(axis=0) + _EPSILON)
    kernel = parameters.kernel.astype(np.float64) * factor / scaler.scale_[:, None]
    bias = parameters.shift - products.mean(axis=0) * factor - scaler.mean_ @ kernel
    return [kernel, bias, *(p.astype(np.float64) for p in parameters[3:])]


def probabilities_of(layers: Sequence[np.ndarray], features: np.ndarray) -> np.ndarray:
    """Probabilities (n, classes), float64, of raw features by a folded network."""
    kernel, bias, output, output_bias = layers
    return np.asarray(softmax(_elu(features @ kernel + bias) @ output + output_bias))
