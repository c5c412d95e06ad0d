"""Where pre-training starts: an encoder whose heads already look at their neighbours.

In: an ALBERT config and a seed. Out: weights by bert4keras' layer names. A small encoder on a
small corpus spends most of its training on finding out where its tokens stand. Here half of the
heads start with that: sinusoidal positions (Vaswani et al. 2017) keep dimensions of their own up
to the last layer, and a head's query turns them by a fixed offset, so that it attends to the
token one, two or three places away. Everything is trained on from there (in the spirit of mimetic
initialisation, Trockman and Kolter 2023).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gi_classifier.settings import AlbertConfig

if TYPE_CHECKING:
    from gi_classifier.model.weights import LayerWeights


OFFSETS = (-1, 1, -2, 2, -3, 3)
# Angles a token apart: the fastest tells neighbours apart, the slowest a whole window's ends.
_FASTEST, _SLOWEST = 2.0, 0.02
_TOKEN_SD = 0.05
# Scale of query and key; a head of ALBERT-tiny then gives its offset nearly all its attention.
_SHARPNESS = 2.5


def positions(length: int, size: int) -> np.ndarray:
    """Sines, then cosines, of ``size // 2`` angles at each position: (length, size)."""
    angles = np.arange(length)[:, None] * _angles(size)
    return np.concatenate([np.sin(angles), np.cos(angles)], axis=1)


def rotation(offset: int, size: int) -> np.ndarray:
    """The matrix that takes each row of :func:`positions` to the row ``offset`` further on."""
    sine, cosine = np.sin(offset * _angles(size)), np.cos(offset * _angles(size))
    return np.block([[np.diag(cosine), np.diag(-sine)], [np.diag(sine), np.diag(cosine)]])


def _angles(size: int) -> np.ndarray:
    angles: np.ndarray = np.geomspace(_FASTEST, _SLOWEST, size // 2)
    return angles


def local_attention(weights: LayerWeights, config: AlbertConfig, seed: int) -> LayerWeights:
    """Replace an encoder's tables and kernels; norms and biases stay.

    Parameters
    ----------
    weights : dict
        An encoder's, as :func:`gi_classifier.training.keras_model.get_weights` returns them.
    config : AlbertConfig
    seed : int

    Returns
    -------
    dict
        Of the same layers and shapes, float32. Kernels are normal with variance 1 / inputs.
    """
    source = np.random.default_rng([seed, 5])
    hidden, heads = config.hidden_size, config.num_attention_heads
    head = hidden // heads
    width = config.embedding_size or hidden
    # Dimensions that positions have to themselves.
    size = min(head, width // 2) // 2 * 2
    found = {name: [array.copy() for array in arrays] for name, arrays in weights.items()}

    def kernel(rows: int, columns: int) -> np.ndarray:
        drawn: np.ndarray = source.standard_normal((rows, columns)) / np.sqrt(rows)
        return drawn

    tokens = _TOKEN_SD * source.standard_normal((config.vocab_size, width))
    tokens[:, :size] = 0
    found["Embedding-Token"][0] = tokens
    table = np.zeros((config.max_position_embeddings, width))
    table[:, :size] = _TOKEN_SD * np.sqrt(2) * positions(len(table), size)
    found["Embedding-Position"][0] = table
    found["Embedding-Segment"][0] = np.zeros_like(weights["Embedding-Segment"][0])
    if "Embedding-Mapping" in found:
        mapping = np.zeros((width, hidden))
        mapping[:size, :size] = np.eye(size)
        mapping[size:, size:] = kernel(width - size, hidden - size)
        found["Embedding-Mapping"][0] = mapping
    query, key, value, out = (kernel(hidden, hidden) for _ in range(4))
    for number, offset in enumerate(OFFSETS[: heads // 2]):
        columns = slice(number * head, number * head + size)
        query[:, columns], key[:, columns] = 0, 0
        query[:size, columns] = _SHARPNESS * rotation(offset, size)
        key[:size, columns] = _SHARPNESS * np.eye(size)
    feed_in = kernel(hidden, config.intermediate_size)
    feed_out = kernel(config.intermediate_size, hidden)
    out[:, :size], feed_out[:, :size] = 0, 0
    found["Transformer-MultiHeadSelfAttention"][::2] = [query, key, value, out]
    found["Transformer-FeedForward"][::2] = [feed_in, feed_out]
    return {name: [a.astype(np.float32) for a in arrays] for name, arrays in found.items()}
