"""Exports a Keras classifier to ONNX, fp32 and int8, checks both against Keras, directories them.

Importing this module imports TensorFlow; onnx is imported when exporting.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from gi_classifier._version import __version__
from gi_classifier.errors import ModelError
from gi_classifier.files import to_json
from gi_classifier.model import directory as model_dir
from gi_classifier.model.directory import ModelDirectory
from gi_classifier.model.engine import Engine, open_engine, softmax
from gi_classifier.model.forward_graph import forward_graph
from gi_classifier.model.gradient import Gradient
from gi_classifier.model.gradient_graph import gradient_graph
from gi_classifier.model.graph_weights import slim, with_weights
from gi_classifier.model.weights import HEAD
from gi_classifier.onnx_runtime import onnx_quantisation
from gi_classifier.settings import AlbertConfig, Settings
from gi_classifier.text import batches_by_length, pad
from gi_classifier.training.keras_backend import tf, tf_keras
from gi_classifier.training.keras_model import Built, get_weights, to_h5
from gi_classifier.training.run_state import phase

logger = logging.getLogger(__name__)

# Largest difference between a Keras and an ONNX fp32 probability that is rounding.
TOLERANCE = 1e-4
# The same in log-odds, for the graph that explains.
GRADIENT_TOLERANCE = 1e-3
# Fewer windows say too little about whether int8 keeps the labels.
ENOUGH = 500


def forward(model: Any) -> Any:
    """Return one compiled function from ids (n, length) to logits and [CLS] vectors.

    Logits are the softmax head's input, in float32.
    """
    head = model.get_layer(HEAD)
    body = tf_keras.Model(model.input, head.input)

    def run(ids: Any) -> tuple[Any, Any]:
        cls = body([ids, tf.zeros_like(ids)], training=False)
        logits = tf.matmul(cls, head.kernel) + head.bias
        return tf.identity(logits, "logits"), tf.identity(cls, "cls")

    return tf.function(
        run, autograph=False, input_signature=[tf.TensorSpec((None, None), tf.int32, name="ids")]
    )


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the quantiser's chatter out of the log, and the handlers it adds out of the root."""
    root = logging.getLogger()
    handlers, level, disabled = list(root.handlers), root.level, root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(disabled)
        root.handlers[:], root.level = handlers, level


def to_onnx(model: Any, config: AlbertConfig) -> bytes:
    """Write a classifier as an fp32 ONNX graph: input ``ids``, outputs ``logits`` and ``cls``."""
    arrays = {
        f"{layer}/{number}": array
        for layer, found in get_weights(model).items()
        for number, array in enumerate(found)
    }
    return with_weights(forward_graph(config, len(arrays[f"{HEAD}/1"])), arrays)


def to_int8(graph: bytes) -> bytes:
    """Quantise an ONNX graph: weights to int8 by channel, activations while it runs."""
    tools = onnx_quantisation()
    with tempfile.TemporaryDirectory() as folder:
        before, after = Path(folder) / "fp32.onnx", Path(folder) / "int8.onnx"
        before.write_bytes(graph)
        with _quiet():
            tools.quantize_dynamic(
                before, after, per_channel=True, weight_type=tools.QuantType.QInt8
            )
        return after.read_bytes()


def check(model: Any, fp32: Engine, int8: Engine, ids: Sequence[np.ndarray]) -> dict[str, Any]:
    """Compare both graphs with Keras on validation records, and choose the default.

    Parameters
    ----------
    model : tf_keras.Model
    fp32, int8 : Engine
        What runs the graphs of :func:`to_onnx` and :func:`to_int8`.
    ids : sequence of ndarray of int32
        One window of one validation record each, with special tokens.

    Returns
    -------
    dict
        The default precision, largest differences of probability, share of equal labels.

    Raises
    ------
    ModelError
        The fp32 graph differs from Keras by more than rounding.
    """
    run = forward(model)
    engines = {"fp32": fp32, "int8": int8}
    difference = dict.fromkeys(engines, 0.0)
    agreed = 0
    for rows in batches_by_length([len(row) for row in ids], max_tokens=8192):
        batch = pad([ids[row] for row in rows])
        keras = softmax(run(batch)[0].numpy())
        found = {name: softmax(engine.run(batch)[0]) for name, engine in engines.items()}
        for name, values in found.items():
            # np.maximum, unlike max, lets a NaN through.
            largest = np.maximum(difference[name], np.abs(values - keras).max())
            difference[name] = float(largest)
        # int8 scales activations by batch, so a window must keep its label alone as well.
        alone = [int(np.argmax(engines["int8"].run(ids[row][None])[0])) for row in rows]
        labels = found["fp32"].argmax(1)
        agreed += int(((found["int8"].argmax(1) == labels) & (alone == labels)).sum())
    if not difference["fp32"] <= TOLERANCE:
        raise ModelError(
            f"The exported graph differs from Keras by {difference['fp32']:.2g} in probability, "
            f"more than rounding ({TOLERANCE}); it is not saved."
        )
    return {
        "default": "int8" if agreed == len(ids) >= ENOUGH else "fp32",
        "checked_windows": len(ids),
        "largest_difference_fp32": difference["fp32"],
        "largest_difference_int8": difference["int8"],
        "label_agreement_int8": agreed / len(ids),
    }


def keras_gradient(
    model: Any, embeddings: np.ndarray, labels: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """TensorFlow's own log-odds of classes, and their gradients, at token embeddings.

    Parameters
    ----------
    model : tf_keras.Model
    embeddings : ndarray of float32, shape (n, length, embedding size)
    labels : ndarray of int, shape (n,)
        Whose log-odds.

    Returns
    -------
    log_odds : ndarray of float32, shape (n,)
    gradient : ndarray of float32, shape (n, length, embedding size)
    """
    tokens = model.get_layer("Embedding-Token").output
    tokens = tokens[0] if isinstance(tokens, list) else tokens
    head = model.get_layer(HEAD)
    rest = tf_keras.Model([model.inputs[1], tokens], head.input)
    with tf.GradientTape() as tape:
        x = tf.constant(embeddings)
        tape.watch(x)
        logits = tf.matmul(rest([tf.zeros(embeddings.shape[:2]), x]), head.kernel) + head.bias
        own = tf.one_hot(labels, logits.shape[1])
        others = tf.reduce_logsumexp(tf.where(own == 1, -np.inf, logits), axis=1)
        odds = tf.reduce_sum(own * logits, axis=1) - others
    return odds.numpy(), tape.gradient(odds, x).numpy()


def check_gradient(model: Any, directory: ModelDirectory, ids: Sequence[np.ndarray]) -> float:
    """Largest difference between TensorFlow and the gradient graph, in log-odds.

    Compared are the log-odds of every class, and what their gradient says of the step to each
    token (gradient times embedding).

    Parameters
    ----------
    model : tf_keras.Model
    directory : ModelDirectory
        With the graph and the weights.
    ids : sequence of ndarray of int32
        Windows with special tokens.

    Raises
    ------
    ModelError
        They differ by more than rounding.
    """
    gradient = Gradient(directory)
    difference = 0.0
    labels = np.arange(gradient.num_classes)
    for row in ids:
        embeddings = gradient.table[np.tile(row, (len(labels), 1))]
        odds, slope = gradient.run(embeddings, labels)
        keras_odds, keras_slope = keras_gradient(model, embeddings, labels)
        steps = ((slope - keras_slope) * embeddings).sum(axis=-1)
        # np.maximum, unlike max, lets a NaN through.
        largest = np.maximum(np.abs(odds - keras_odds).max(), np.abs(steps).max())
        difference = float(np.maximum(difference, largest))
    if not difference <= GRADIENT_TOLERANCE:
        raise ModelError(
            f"The graph that explains differs from Keras by {difference:.2g} in log-odds, "
            f"more than rounding ({GRADIENT_TOLERANCE}); the model is not saved."
        )
    return difference


def exported(built: Built, settings: Settings, ids: Sequence[np.ndarray]) -> ModelDirectory:
    """Export a classifier and return it as a directory of all required files.

    Parameters
    ----------
    built : Built
    settings : Settings
    ids : sequence of ndarray of int32
        Windows to check the graphs on; without any, random ones of all lengths are used, and
        fp32 is the default.

    Raises
    ------
    ModelError
        The fp32 graph differs from Keras by more than rounding.
    """
    with phase("writing the graphs"):
        fp32 = to_onnx(built.model, built.config)
        int8 = to_int8(fp32)
    source = np.random.default_rng(settings.seed)
    random = [
        built.vocabulary.with_special(source.integers(5, len(built.vocabulary), length))
        for length in range(1, settings.maxlen - 1, 7)
    ]
    files = {
        model_dir.SETTINGS: to_json(settings.to_dict()),
        model_dir.CONFIG: to_json(built.config.to_dict()),
        model_dir.VOCABULARY: built.vocabulary.to_text().encode("utf-8"),
        model_dir.WEIGHTS: to_h5(built.model),
        model_dir.ONNX["fp32"]: fp32,
        model_dir.ONNX["int8"]: int8,
        model_dir.GRADIENTS: gradient_graph(built.config, settings.num_classes),
    }
    directory = slim(ModelDirectory(files))
    opened = open_engine(directory, "fp32"), open_engine(directory, "int8")
    engine = check(built.model, *opened, ids or random)
    if not ids:
        engine["default"] = "fp32"
    metadata = {
        "library": f"gi_classifier {__version__}",
        "created": datetime.now(UTC).strftime("%Y-%m-%d"),
        "labels": list(settings.names),
        "source": built.source,
        "engine": engine,
    }
    directory = ModelDirectory(directory.files, metadata)
    engine["largest_difference_gradient_graph"] = check_gradient(built.model, directory, random[:4])
    logger.info(
        "%(default)s is the default; int8 keeps %(label_agreement_int8).2f of the labels of "
        "%(checked_windows)d windows; largest difference of probability %(largest_difference_fp32)"
        ".1e in fp32, %(largest_difference_int8).1e in int8",
        engine,
    )
    return directory
