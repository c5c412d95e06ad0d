"""The gradient graph against TensorFlow's own gradient, for every shape of encoder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from random_models import random_directory, random_model

from gi_classifier.model.directory import GRADIENTS, ModelDirectory
from gi_classifier.model.gradient import Gradient, log_odds
from gi_classifier.model.gradient_graph import _Albert, gradient_graph
from gi_classifier.settings import AlbertConfig, Settings
from gi_classifier.text import Vocabulary
from gi_classifier.training.export import check_gradient, exported, keras_gradient
from gi_classifier.training.keras_backend import tf_keras
from gi_classifier.training.keras_model import (
    Built,
    encoder,
    get_weights,
    set_weights,
)

SHAPES = {
    "factorised": {},
    "not factorised": {"embedding_size": None},
    "embedding as wide as hidden": {"embedding_size": 8},
    "one layer": {"num_hidden_layers": 1},
    "gelu by tanh": {"hidden_act": "gelu_new"},
    "relu": {"hidden_act": "relu"},
    "tanh": {"hidden_act": "tanh"},
    "linear": {"hidden_act": "linear"},
}


Shaped = Callable[[str], tuple[object, ModelDirectory]]


@pytest.fixture(scope="module")
def shaped(config: AlbertConfig, vocabulary: Vocabulary, settings: Settings) -> Shaped:
    """A random model of a shape, and its files; made once, and not to be changed."""

    @cache
    def made(shape: str) -> tuple[object, ModelDirectory]:
        return random_directory(replace(config, **SHAPES[shape]), vocabulary, settings)

    return made


@pytest.mark.slow
@pytest.mark.parametrize("shape", SHAPES)
def test_log_odds_and_gradient_are_tensorflows(
    shape: str, shaped: Shaped, vocabulary: Vocabulary
) -> None:
    model, directory = shaped(shape)
    gradient = Gradient(directory)
    ids = np.random.default_rng(0).integers(1, len(vocabulary), (5, 9))
    embeddings, labels = gradient.table[np.tile(ids, (3, 1))], np.repeat(range(3), 5)
    odds, found = gradient.run(embeddings, labels)
    expected_odds, expected = keras_gradient(model, embeddings, labels)
    np.testing.assert_allclose(odds, expected_odds, atol=1e-5)
    for label in range(3):
        rows = labels == label
        largest = abs(expected[rows]).max()
        np.testing.assert_allclose(found[rows], expected[rows], atol=1e-5 * largest)
        assert largest > 1e-3


@pytest.mark.slow
@pytest.mark.parametrize("shape", SHAPES)
def test_activations_are_kerass_layers(shape: str, shaped: Shaped, vocabulary: Vocabulary) -> None:
    model, directory = shaped(shape)
    config = directory.config
    # bert4keras' own encoder, which computes every position in every layer.
    full = encoder(config, cls_only=False)
    set_weights(full, get_weights(model), head=False)
    names = [layer.name for layer in full.layers]
    norm = "Transformer-FeedForward-Norm"
    start = "Embedding-Mapping" if "Embedding-Mapping" in names else "Embedding-Norm"
    outputs = [full.get_layer(norm).get_output_at(i) for i in range(config.num_hidden_layers)]
    layers = tf_keras.Model(full.inputs, [full.get_layer(start).output, *outputs])
    ids = np.random.default_rng(0).integers(1, len(vocabulary), (5, 9))
    expected = [layer.numpy() for layer in layers([ids, np.zeros_like(ids)])]
    gradient = Gradient(directory)
    firsts, means = gradient.activations(gradient.table[ids])
    for index in range(config.num_hidden_layers):
        np.testing.assert_allclose(firsts[:, index], expected[index + 1][:, 0], atol=1e-5)
        np.testing.assert_allclose(means[:, index], expected[index].mean(axis=1), atol=1e-5)


@pytest.mark.slow
def test_heads_that_look_at_one_token_alone_have_tensorflows_gradient(
    config: AlbertConfig, vocabulary: Vocabulary, settings: Settings
) -> None:
    model = random_model(config, settings)
    weights = get_weights(model)
    # So sharp that the graph takes most shares for none.
    weights["Transformer-MultiHeadSelfAttention"][0] *= 60
    set_weights(model, weights)
    directory = exported(Built(model, config, vocabulary, "random"), settings, [])
    gradient = Gradient(directory)
    embeddings = gradient.table[np.random.default_rng(0).integers(1, len(vocabulary), (3, 30))]
    for label in range(3):
        labels = np.full(3, label)
        odds, found = gradient.run(embeddings, labels)
        expected_odds, expected = keras_gradient(model, embeddings, labels)
        np.testing.assert_allclose(odds, expected_odds, atol=1e-4)
        np.testing.assert_allclose(found, expected, atol=1e-3 * abs(expected).max())


@pytest.mark.slow
def test_rows_of_one_batch_do_not_touch_each_other(shaped: Shaped, vocabulary: Vocabulary) -> None:
    _, directory = shaped("factorised")
    gradient = Gradient(directory)
    embeddings = gradient.table[np.random.default_rng(0).integers(1, len(vocabulary), (4, 7))]
    labels = np.array([0, 1, 2, 1])
    odds, found = gradient.run(embeddings, labels)
    for row in range(4):
        alone = gradient.run(embeddings[row : row + 1], labels[row : row + 1])
        np.testing.assert_allclose(alone[0][0], odds[row], atol=1e-6)
        np.testing.assert_allclose(alone[1][0], found[row], atol=1e-6)


def test_log_odds_of_a_class_that_is_nearly_sure_stay_finite_and_right() -> None:
    logits = np.array([[0.0, 60.0, 1.0], [0.0, -60.0, 1.0]], dtype=np.float32)
    found = log_odds(logits, np.array([1, 1]))
    np.testing.assert_allclose(found, [60 - np.log1p(np.e), -60 - np.log1p(np.e)], rtol=1e-9)


def test_the_graph_holds_no_weights(config: AlbertConfig) -> None:
    wide = replace(config, hidden_size=512, intermediate_size=2048, embedding_size=128)
    assert len(gradient_graph(wide, 3)) < 50_000


@pytest.mark.slow
def test_export_refuses_a_graph_that_is_not_the_models(
    shaped: Shaped, config: AlbertConfig, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gi_classifier.errors import ModelError

    model, directory = shaped("factorised")
    ids = [np.arange(1, 9, dtype=np.int32)]
    assert check_gradient(model, directory, ids) < 1e-4
    # One with another activation, and one whose backward pass alone is wrong.
    other = gradient_graph(replace(config, hidden_act="relu"), settings.num_classes)
    monkeypatch.setattr(_Albert, "norm_back", lambda self, gradient, layer, saved: gradient)
    for graph in (other, gradient_graph(config, settings.num_classes)):
        wrong = ModelDirectory({**directory.files, GRADIENTS: graph}, directory.metadata)
        with pytest.raises(ModelError, match="graph that explains differs from Keras by"):
            check_gradient(model, wrong, ids)


def test_the_gradient_needs_no_tensorflow(tmp_path: Path) -> None:
    import subprocess
    import sys

    code = (
        "import sys, numpy as np\n"
        "from gi_classifier.model.gradient import Gradient\n"
        "from gi_classifier.model.shipped import shipped_directory\n"
        "gradient = Gradient(shipped_directory())\n"
        "gradient.run(gradient.table[np.array([[3, 9, 4]])], np.array([1]))\n"
        "assert 'tensorflow' not in sys.modules and 'onnx' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path)
