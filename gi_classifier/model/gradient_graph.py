"""Writes ALBERT's forward and backward pass as one ONNX graph without weights.

In: the shape of an encoder. Out: the bytes of a graph from token embeddings to logits, to the
gradient of a class's log-odds and to each layer's activations, which ONNX Runtime runs without
TensorFlow. TensorFlow's own gradient graph does not convert; this one is checked against it when
a model is exported. The weights stay in the ``.h5``, in bert4keras' layout, and are put in when
the graph is opened.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gi_classifier.extras import check_installed
from gi_classifier.model.forward_graph import ATTENTION, FEED_FORWARD, LOGITS, Albert
from gi_classifier.model.weights import HEAD
from gi_classifier.settings import AlbertConfig

EMBEDDINGS, TARGET, GRADIENT = "embeddings", "target", "gradient"
FIRSTS, MEANS = "firsts", "means"
# Takes a class out of a softmax.
_FAR = 1e9
# Far below rounding; products of smaller shares are subnormal, which processors are slow with.
_NO_SHARE = 1e-20


class _Albert(Albert):
    """The parts of the encoder, each with its backward pass."""

    def dense_back(self, gradient: str, layer: str, index: int = 0) -> str:
        """From the gradient of a dense layer's output to that of its input."""
        kernel = self.add("Transpose", self.weight(layer, 2 * index), perm=[1, 0])
        return str(self.add("MatMul", gradient, kernel))

    def norm_back(self, gradient: str, layer: str, saved: Sequence[str]) -> str:
        """Ba et al. 2016: what remains of a gradient off the mean and off the normalised input."""
        x, mean, inverse = saved
        normal = self.add("Mul", self.add("Sub", x, mean), inverse)
        gradient = self.add("Mul", gradient, self.weight(layer, 1))
        options: dict[str, Any] = {"axes": [-1], "keepdims": 1}
        average = self.add("ReduceMean", gradient, **options)
        slope = self.add("ReduceMean", self.add("Mul", gradient, normal), **options)
        centred = self.add("Sub", gradient, average)
        return str(
            self.add("Mul", self.add("Sub", centred, self.add("Mul", normal, slope)), inverse)
        )

    def shares(self, scores: str) -> str:
        """As forward, without those that are next to none."""
        return str(self.add("ThresholdedRelu", super().shares(scores), alpha=_NO_SHARE))

    def slope(self, active: tuple[str, ...]) -> str | None:
        """The derivative of :meth:`activation`, from what it saved; None for 1."""
        kind = self.config.hidden_act
        if kind == "linear":
            return None
        if kind == "relu":
            return str(self.add("Sign", active[0]))
        if kind == "tanh":
            return str(self.add("Sub", 1.0, self.add("Mul", active[0], active[0])))
        if kind == "gelu_new":
            x, square, t, share = active
            bend = self.add("Add", self.add("Mul", square, 3 * 0.044715), 1.0)
            rise = self.add("Mul", self.add("Sub", 1.0, self.add("Mul", t, t)), bend)
            rise = self.add("Mul", self.add("Mul", x, rise), np.sqrt(0.5 / np.pi))
            return str(self.add("Add", share, rise))
        x, scaled, twice = active
        height = np.log(1 / np.sqrt(2 * np.pi))
        density = self.add("Exp", self.add("Sub", height, self.add("Mul", scaled, scaled)))
        return str(self.add("Add", self.add("Mul", twice, 0.5), self.add("Mul", x, density)))

    def layer_back(self, gradient: str, saved: dict[str, Any]) -> str:
        """From the gradient of :meth:`layer`'s output to that of its input."""
        gradient = self.norm_back(gradient, f"{FEED_FORWARD}-Norm", saved["second"])
        inner = self.dense_back(gradient, FEED_FORWARD, 1)
        slope = self.slope(saved["active"])
        inner = self.add("Mul", inner, slope) if slope else inner
        gradient = self.add("Add", gradient, self.dense_back(inner, FEED_FORWARD, 0))
        gradient = self.norm_back(gradient, f"{ATTENTION}-Norm", saved["first"])
        mixed = self.split(self.dense_back(gradient, ATTENTION, 3))
        shares = saved["shares"]
        value = self.add("MatMul", self.turn(shares), mixed)
        scores = self.add("MatMul", mixed, self.turn(saved["value"]))
        total = self.add("ReduceSum", self.add("Mul", scores, shares), [-1], keepdims=1)
        scores = self.add("Mul", self.add("Sub", scores, total), shares)
        query = self.join(self.add("MatMul", scores, saved["key"]))
        query = self.add("Mul", query, saved["scale"])
        key = self.join(self.add("MatMul", self.turn(scores), saved["query"]))
        asked = self.add("Add", gradient, self.dense_back(query, ATTENTION, 0))
        rest = self.add(
            "Add",
            self.dense_back(key, ATTENTION, 1),
            self.dense_back(self.join(value), ATTENTION, 2),
        )
        if saved["last"]:
            # The first position's gradient, with zeros for all others.
            missing = self.add("Sub", self.add("Shape", rest, start=1, end=2), [1])
            asked = self.add("Pad", asked, self.add("Concat", [0] * 4, missing, [0], axis=0))
        return str(self.add("Add", rest, asked))

    def build(self) -> None:
        """Write the whole graph."""
        x, start = self.start(EMBEDDINGS)
        saved, firsts = [], []
        means = [self.add("ReduceMean", x, axes=[1], keepdims=1)]
        for index in range(self.config.num_hidden_layers):
            last = index == self.config.num_hidden_layers - 1
            x, kept = self.layer(x, last=last)
            saved.append(kept)
            firsts.append(x if last else self.add("Slice", x, [0], [1], [1]))
            if not last:
                means.append(self.add("ReduceMean", x, axes=[1], keepdims=1))
        logits, _ = self.head(x)
        # d log(p / (1 - p)) / d logits: 1 for the class, minus each other's share among the others.
        others = self.add("Sub", logits, self.add("Mul", TARGET, _FAR))
        seed = self.add("Sub", TARGET, self.add("Softmax", others, axis=-1))
        gradient = self.add(
            "Unsqueeze", self.add("Gemm", seed, self.weight(HEAD, 0), transB=1), [1]
        )
        for kept in reversed(saved):
            gradient = self.layer_back(gradient, kept)
        gradient = self.dense_back(gradient, "Embedding-Mapping") if self.factorised else gradient
        gradient = self.norm_back(gradient, "Embedding-Norm", start)
        self.graph.output(LOGITS, logits)
        self.graph.output(GRADIENT, gradient)
        self.graph.output(FIRSTS, self.add("Concat", *firsts, axis=1))
        self.graph.output(MEANS, self.add("Concat", *means, axis=1))


def gradient_graph(config: AlbertConfig, num_classes: int) -> bytes:
    """Write the graph for an encoder's shape.

    Parameters
    ----------
    config : AlbertConfig
    num_classes : int

    Returns
    -------
    bytes
        An ONNX graph. Inputs: ``embeddings`` of tokens, before positions, float32 (n, length,
        embedding size), no padding; ``target``, one-hot classes, float32 (n, classes). Outputs:
        ``logits`` (n, classes); ``gradient`` of log(p / (1 - p)) of the target class with
        respect to the embeddings, of their shape; ``firsts``, the [CLS] vector after each layer
        (n, layers, hidden); ``means``, the mean over positions before each layer (n, layers,
        hidden). Its weights are external.

    Raises
    ------
    MissingExtraError
        The package onnx is not installed.
    """
    check_installed("Writing a graph", ["onnx"], "train")
    albert = _Albert(config, num_classes)
    albert.build()
    inputs = {EMBEDDINGS: ["n", "length", albert.embedding_size], TARGET: ["n", num_classes]}
    layers = ["n", config.num_hidden_layers, config.hidden_size]
    outputs = {LOGITS: ["n", num_classes], GRADIENT: inputs[EMBEDDINGS]}
    return albert.bytes_of(inputs, {**outputs, FIRSTS: layers, MEANS: layers}, "gradient")
