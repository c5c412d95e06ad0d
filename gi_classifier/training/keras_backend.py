"""The only module that knows bert4keras, and which Keras it runs on.

Importing it imports TensorFlow. bert4keras finds its Keras by the names ``keras`` and
``tensorflow.keras``; while it is imported, both mean ``tf_keras``, and afterwards the caller's
modules are back as they were, so a program that uses Keras 3 notices nothing.
"""

from __future__ import annotations

import importlib
import os
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from gi_classifier.errors import MissingExtraError

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

try:
    import tensorflow as tf
    import tf_keras
except ImportError as error:
    raise MissingExtraError(
        "Training needs TensorFlow, tf_keras and bert4keras. "
        "Install them with: pip install 'gi_classifier[train]'"
    ) from error

_MISSING: Any = object()


@contextmanager
def bfloat16_products(wanted: bool) -> Iterator[None]:
    """Let functions that are compiled meanwhile compute products in bfloat16, if ``wanted``."""
    option = "auto_mixed_precision_onednn_bfloat16"
    before = tf.config.optimizer.get_experimental_options().get(option, False)
    tf.config.optimizer.set_experimental_options({option: wanted or before})
    try:
        yield
    finally:
        tf.config.optimizer.set_experimental_options({option: before})


def _is_keras(name: str) -> bool:
    return name in ("keras", "tensorflow.keras") or name.startswith(("keras.", "tensorflow.keras."))


@contextmanager
def _tf_keras_as_keras() -> Iterator[None]:
    """Let ``keras`` and ``tensorflow.keras`` mean tf_keras, then put everything back."""
    modules = {name: sys.modules.pop(name) for name in list(sys.modules) if _is_keras(name)}
    attribute = tf.__dict__.get("keras", _MISSING)
    # Importing through an alias also rebinds tf_keras' own submodules.
    contents = dict(vars(tf_keras))
    environment = os.environ.get("TF_KERAS")
    sys.modules["keras"] = sys.modules["tensorflow.keras"] = tf_keras
    tf.__dict__["keras"] = tf_keras
    # bert4keras compares versions as strings, unless this one ends in "tf".
    tf_keras.__version__ = f"{tf_keras.__version__}-tf"
    os.environ["TF_KERAS"] = "1"
    try:
        yield
    finally:
        for name in [name for name in sys.modules if _is_keras(name)]:
            del sys.modules[name]
        sys.modules.update(modules)
        if attribute is _MISSING:
            tf.__dict__.pop("keras", None)
        else:
            tf.__dict__["keras"] = attribute
        vars(tf_keras).update(contents)
        if environment is None:
            del os.environ["TF_KERAS"]
        else:
            os.environ["TF_KERAS"] = environment


def _where(condition: Any, x: Any, y: Any) -> Any:
    if not tf.is_tensor(x) and not tf.is_tensor(y):
        x = tf.constant(x, dtype=tf_keras.backend.floatx())
    return tf.where(tf.cast(condition, tf.bool), x, y)


def _import_bert4keras() -> ModuleType:
    # A bert4keras that the caller imported on another Keras stays the caller's.
    theirs = {
        name: sys.modules.pop(name)
        for name in list(sys.modules)
        if name.split(".")[0] == "bert4keras"
    }
    try:
        with _tf_keras_as_keras():
            models = importlib.import_module("bert4keras.models")
        # That of 0.11 broadcasts by an operation that ONNX lacks; tf.where does so by itself.
        if hasattr(models.K, "where"):
            models.K.where = _where
    except ImportError as error:
        raise MissingExtraError(
            f"bert4keras could not be imported ({error}). "
            "Install it with: pip install 'gi_classifier[train]'"
        ) from error
    finally:
        if theirs:
            for name in [name for name in sys.modules if name.split(".")[0] == "bert4keras"]:
                del sys.modules[name]
            sys.modules.update(theirs)
    return models


_models = _import_bert4keras()
ALBERT: Any = _models.ALBERT


class _Clock:
    """Holds the training step apart from the layer, whose weights it would count among."""

    def __init__(self) -> None:
        self.step = tf.Variable(0, dtype=tf.int32, trainable=False, name="step")


class StatelessDropout(tf_keras.layers.Layer):  # type: ignore[misc]
    """Dropout whose mask depends only on seed, training step and place in the encoder.

    Keras' own draws from a state that a checkpoint can't hold; with this one, a training run
    that is resumed drops what it would have dropped.
    """

    def __init__(self, rate: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.rate = rate
        self.supports_masking = True
        self.clock = _Clock()
        self.seed = 0

    def call(self, inputs: Any, index: int = 0, training: bool | None = None) -> Any:
        """Drop in training, pass through otherwise; ``index`` tells the encoder's layers apart."""
        if not training:
            return inputs
        place = zlib.crc32(f"{self.seed} {self.name} {index}".encode()) & 0x7FFFFFFF
        return tf.nn.experimental.stateless_dropout(
            inputs, self.rate, seed=[place, self.clock.step]
        )


class ClsALBERT(ALBERT):  # type: ignore[misc]
    """bert4keras' ALBERT whose last layer asks only for [CLS].

    The last layer's query, residual and feed-forward take one position; keys and values take
    all. The weights and the [CLS] vector are those of the plain class. Only ``apply`` is
    intercepted, so this works on bert4keras 0.8.1 and 0.11.5 alike.
    """

    _attention = "Transformer-MultiHeadSelfAttention"
    _index = -1

    def apply_main_layers(self, inputs: Any, index: int) -> Any:
        """Remember which layer is being applied."""
        self._index = index
        return super().apply_main_layers(inputs, index)

    def apply(
        self, inputs: Any = None, layer: Any = None, arguments: Any = None, **kwargs: Any
    ) -> Any:
        """Apply a layer, with resumable dropout, and [CLS] as the last layer's query."""
        if getattr(layer, "__name__", None) == "Dropout" and self.dropout_rate:
            layer, arguments = StatelessDropout, {"index": self._index + 1}
        last = self._index == self.num_hidden_layers - 1
        if last and kwargs.get("name") in (self._attention, f"{self._attention}-Add"):
            inputs = [self._first_position(inputs[0]), *inputs[1:]]
        return super().apply(inputs, layer, arguments, **kwargs)

    def _first_position(self, states: Any) -> Any:
        return super().apply(
            states, tf_keras.layers.Lambda, function=lambda x: x[:, :1], name="CLS-Position"
        )


__all__ = ["ALBERT", "ClsALBERT", "StatelessDropout", "tf", "tf_keras"]
