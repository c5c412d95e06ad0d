"""The start of pre-training: what the local heads look at."""

from __future__ import annotations

import numpy as np
import pytest

from gi_classifier.settings import AlbertConfig
from gi_classifier.training.initialisation import OFFSETS, local_attention, positions, rotation
from gi_classifier.training.keras_backend import tf_keras
from gi_classifier.training.keras_model import encoder, get_weights, initialise, set_weights

TINY = AlbertConfig(vocab_size=50, max_position_embeddings=64)


def started(config: AlbertConfig) -> tuple[object, dict]:
    model = encoder(config, cls_only=False)
    initialise(model, 1)
    weights = local_attention(get_weights(model), config, 1)
    set_weights(model, weights, head=False)
    return model, weights


@pytest.mark.parametrize("offset", [-3, -1, 1, 2, 17])
@pytest.mark.parametrize("size", [2, 8, 26])
def test_rotating_a_position_gives_the_one_so_far_on(offset: int, size: int) -> None:
    table = positions(60, size)
    there = np.arange(20, 40)
    np.testing.assert_allclose(
        table[there] @ rotation(offset, size), table[there + offset], atol=1e-12
    )


def attention(weights: dict, head: int, size: int, length: int) -> np.ndarray:
    """One head's attention in the first layer, by the formula: (length, length)."""
    ids = np.random.default_rng(0).integers(5, 50, length)
    embedded = weights["Embedding-Token"][0][ids] + weights["Embedding-Position"][0][:length]
    embedded -= embedded.mean(axis=1, keepdims=True)
    embedded /= embedded.std(axis=1, keepdims=True)
    hidden = embedded @ weights["Embedding-Mapping"][0]
    columns = slice(head * size, (head + 1) * size)
    query, key = (
        (hidden @ weights["Transformer-MultiHeadSelfAttention"][part])[:, columns]
        for part in (0, 2)
    )
    scores = np.exp(query @ key.T / np.sqrt(size))
    return scores / scores.sum(axis=1, keepdims=True)


def test_half_the_heads_look_at_their_offset_and_the_others_nowhere() -> None:
    _, weights = started(TINY)
    rows = np.arange(5, 35)
    for head, offset in enumerate(OFFSETS):
        assert attention(weights, head, 26, 40)[rows, rows + offset].mean() > 0.9
    for head in range(len(OFFSETS), 12):
        assert attention(weights, head, 26, 40)[rows].max(axis=1).mean() < 0.5


def test_the_order_of_tokens_shows_in_what_comes_out() -> None:
    model, _ = started(TINY)
    assert isinstance(model, tf_keras.Model)
    one, other = np.array([[2, 9, 8, 7, 6, 3]]), np.array([[2, 6, 7, 8, 9, 3]])
    outputs = [model.predict([ids, 0 * ids], verbose=0)[0, 0] for ids in (one, other)]
    assert np.abs(outputs[0] - outputs[1]).max() > 0.1


@pytest.mark.parametrize(
    "config",
    [
        TINY,
        AlbertConfig(vocab_size=20, embedding_size=None, hidden_size=24, num_attention_heads=2),
        AlbertConfig(vocab_size=20, embedding_size=4, hidden_size=8, num_attention_heads=2),
        AlbertConfig(vocab_size=20, embedding_size=2, hidden_size=3, num_attention_heads=3),
    ],
    ids=["tiny", "not factorised", "small", "too narrow for positions"],
)
def test_any_shape_keeps_its_shapes_and_its_seed(config: AlbertConfig) -> None:
    model, weights = started(config)
    assert {n: [a.shape for a in p] for n, p in weights.items()} == {
        n: [a.shape for a in p] for n, p in get_weights(model).items()
    }
    assert all(np.isfinite(a).all() and a.dtype == np.float32 for p in weights.values() for a in p)
    again = local_attention(get_weights(model), config, 1)
    other = local_attention(get_weights(model), config, 2)
    np.testing.assert_array_equal(weights["Embedding-Token"][0], again["Embedding-Token"][0])
    assert not np.array_equal(weights["Embedding-Token"][0], other["Embedding-Token"][0])
