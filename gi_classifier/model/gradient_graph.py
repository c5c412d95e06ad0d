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
from gi_classifier.model.forward_graph import external_tensor
from gi_classifier.model.weights import HEAD
from gi_classifier.settings import AlbertConfig

EMBEDDINGS, TARGET, LOGITS, GRADIENT = "embeddings", "target", "logits", "gradient"
FIRSTS, MEANS = "firsts", "means"
TOKENS = "Embedding-Token"
_ATTENTION, _FEED_FORWARD = "Transformer-MultiHeadSelfAttention", "Transformer-FeedForward"
# That of bert4keras: the square of Keras' epsilon.
_EPSILON = 1e-14
# Takes a class out of a softmax.
_FAR = 1e9
# Far below rounding; products of smaller shares are subnormal, which processors are slow with.
_NO_SHARE = 1e-20


class _Graph:
    """Collects nodes; a value is known by its name, an array becomes a constant."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self.weights: dict[str, Any] = {}

    def add(self, kind: str, *inputs: Any, count: int = 1, **attributes: Any) -> Any:
        """Append one operation and return its output, or a list of ``count`` outputs."""
        from onnx import helper

        names = [self._name(value) for value in inputs]
        outputs = [f"n{len(self.nodes)}.{i}" for i in range(count)]
        self.nodes.append(helper.make_node(kind, names, outputs, **attributes))
        return outputs[0] if count == 1 else outputs

    def output(self, name: str, value: str) -> None:
        """Give a value the name of a graph's output."""
        from onnx import helper

        self.nodes.append(helper.make_node("Identity", [value], [name]))

    def _name(self, value: Any) -> str:
        if isinstance(value, str):
            return value
        from onnx import numpy_helper

        array = np.asarray(value)
        # NumPy's default float is not the graph's.
        array = array.astype(np.float32) if array.dtype.kind == "f" else array.astype(np.int64)
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(array, name))
        return name

    def weight(self, layer: str, index: int, shape: Sequence[int]) -> str:
        """Name a layer's array, which is put in when the graph is opened."""
        name = f"{layer}/{index}"
        if name not in self.weights:
            self.weights[name] = external_tensor(name, shape)
        return name


class _Albert:
    """The parts of the encoder, each with its backward pass."""

    def __init__(self, config: AlbertConfig, num_classes: int) -> None:
        self.graph = _Graph()
        self.add = self.graph.add
        self.config = config
        self.num_classes = num_classes
        self.embedding_size = config.embedding_size or config.hidden_size
        self.factorised = self.embedding_size != config.hidden_size

    def weight(self, layer: str, index: int) -> str:
        """An array of a layer by its place in bert4keras' layout."""
        hidden, inner = self.config.hidden_size, self.config.intermediate_size
        size = self.embedding_size
        shapes: dict[str, list[tuple[int, ...]]] = {
            "Embedding-Position": [(self.config.max_position_embeddings, size)],
            "Embedding-Segment": [(2, size)],
            "Embedding-Norm": [(size,)] * 2,
            "Embedding-Mapping": [(size, hidden), (hidden,)],
            _ATTENTION: [(hidden, hidden), (hidden,)] * 4,
            f"{_ATTENTION}-Norm": [(hidden,)] * 2,
            _FEED_FORWARD: [(hidden, inner), (inner,), (inner, hidden), (hidden,)],
            f"{_FEED_FORWARD}-Norm": [(hidden,)] * 2,
            HEAD: [(hidden, self.num_classes), (self.num_classes,)],
        }
        return self.graph.weight(layer, index, shapes[layer][index])

    def dense(self, x: str, layer: str, index: int = 0) -> str:
        """``x @ kernel + bias`` of a layer's kernel ``index``."""
        product = self.add("MatMul", x, self.weight(layer, 2 * index))
        return str(self.add("Add", product, self.weight(layer, 2 * index + 1)))

    def dense_back(self, gradient: str, layer: str, index: int = 0) -> str:
        """From the gradient of a dense layer's output to that of its input."""
        kernel = self.add("Transpose", self.weight(layer, 2 * index), perm=[1, 0])
        return str(self.add("MatMul", gradient, kernel))

    def norm(self, x: str, layer: str) -> tuple[str, Sequence[str]]:
        """Layer normalisation, and what its backward pass needs."""
        scale, shift = self.weight(layer, 1), self.weight(layer, 0)
        options: dict[str, Any] = {"axis": -1, "epsilon": _EPSILON}
        y, mean, inverse = self.add("LayerNormalization", x, scale, shift, count=3, **options)
        return y, (x, mean, inverse)

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

    def activation(self, x: str) -> tuple[str, str | None]:
        """The hidden activation and its derivative; None for 1."""
        kind = self.config.hidden_act
        if kind == "relu":
            sign = self.add("Sign", y := self.add("Relu", x))
            return y, sign
        if kind == "tanh":
            y = self.add("Tanh", x)
            return y, self.add("Sub", 1.0, self.add("Mul", y, y))
        if kind == "linear":
            return x, None
        if kind == "gelu_new":
            return self._gelu_by_tanh(x)
        scaled = self.add("Mul", x, np.sqrt(0.5))
        share = self.add("Mul", self.add("Add", self.add("Erf", scaled), 1.0), 0.5)
        height = np.log(1 / np.sqrt(2 * np.pi))
        density = self.add("Exp", self.add("Sub", height, self.add("Mul", scaled, scaled)))
        y = self.add("Mul", x, share)
        return y, self.add("Add", share, self.add("Mul", x, density))

    def _gelu_by_tanh(self, x: str) -> tuple[str, str]:
        """Hendrycks and Gimpel 2016: x (1 + t) / 2, t = tanh(u), u = √(2/π) (x + 0.044715 x³)."""
        square = self.add("Mul", x, x)
        bend = self.add("Add", self.add("Mul", square, 0.044715), 1.0)
        t = self.add("Tanh", self.add("Mul", self.add("Mul", x, bend), np.sqrt(2 / np.pi)))
        y = self.add("Mul", x, share := self.add("Mul", self.add("Add", t, 1.0), 0.5))
        bend = self.add("Add", self.add("Mul", square, 3 * 0.044715), 1.0)
        rise = self.add("Mul", self.add("Sub", 1.0, self.add("Mul", t, t)), bend)
        rise = self.add("Mul", self.add("Mul", x, rise), np.sqrt(0.5 / np.pi))
        return y, self.add("Add", share, rise)

    def split(self, x: str) -> str:
        """(n, length, hidden) to (n, heads, length, head size)."""
        heads = self.config.num_attention_heads
        shape = [0, 0, heads, self.config.hidden_size // heads]
        return str(self.add("Transpose", self.add("Reshape", x, shape), perm=[0, 2, 1, 3]))

    def join(self, x: str) -> str:
        """Undo :meth:`split`."""
        joined = self.add("Transpose", x, perm=[0, 2, 1, 3])
        return str(self.add("Reshape", joined, [0, 0, self.config.hidden_size]))

    def turn(self, x: str) -> str:
        """Exchange the last two of four axes."""
        return str(self.add("Transpose", x, perm=[0, 1, 3, 2]))

    def layer(self, x: str, *, last: bool) -> tuple[str, dict[str, Any]]:
        """One layer; the last computes the first position alone. And what going back needs."""
        asked = self.add("Slice", x, [0], [1], [1]) if last else x
        scale = 1 / np.sqrt(self.config.hidden_size // self.config.num_attention_heads)
        query = self.split(self.add("Mul", self.dense(asked, _ATTENTION, 0), scale))
        key, value = (self.split(self.dense(x, _ATTENTION, i)) for i in (1, 2))
        shares = self.add("Softmax", self.add("MatMul", query, self.turn(key)), axis=-1)
        shares = self.add("ThresholdedRelu", shares, alpha=_NO_SHARE)
        mixed = self.join(self.add("MatMul", shares, value))
        middle = self.add("Add", self.dense(mixed, _ATTENTION, 3), asked)
        middle, first = self.norm(middle, f"{_ATTENTION}-Norm")
        inner, slope = self.activation(self.dense(middle, _FEED_FORWARD, 0))
        out = self.add("Add", self.dense(inner, _FEED_FORWARD, 1), middle)
        out, second = self.norm(out, f"{_FEED_FORWARD}-Norm")
        saved = {"query": query, "key": key, "value": value, "shares": shares, "scale": scale}
        return out, {**saved, "first": first, "slope": slope, "second": second, "last": last}

    def layer_back(self, gradient: str, saved: dict[str, Any]) -> str:
        """From the gradient of :meth:`layer`'s output to that of its input."""
        gradient = self.norm_back(gradient, f"{_FEED_FORWARD}-Norm", saved["second"])
        inner = self.dense_back(gradient, _FEED_FORWARD, 1)
        inner = self.add("Mul", inner, saved["slope"]) if saved["slope"] else inner
        gradient = self.add("Add", gradient, self.dense_back(inner, _FEED_FORWARD, 0))
        gradient = self.norm_back(gradient, f"{_ATTENTION}-Norm", saved["first"])
        mixed = self.split(self.dense_back(gradient, _ATTENTION, 3))
        shares = saved["shares"]
        value = self.add("MatMul", self.turn(shares), mixed)
        scores = self.add("MatMul", mixed, self.turn(saved["value"]))
        total = self.add("ReduceSum", self.add("Mul", scores, shares), [-1], keepdims=1)
        scores = self.add("Mul", self.add("Sub", scores, total), shares)
        query = self.join(self.add("MatMul", scores, saved["key"]))
        query = self.add("Mul", query, saved["scale"])
        key = self.join(self.add("MatMul", self.turn(scores), saved["query"]))
        asked = self.add("Add", gradient, self.dense_back(query, _ATTENTION, 0))
        rest = self.add(
            "Add",
            self.dense_back(key, _ATTENTION, 1),
            self.dense_back(self.join(value), _ATTENTION, 2),
        )
        if saved["last"]:
            # The first position's gradient, with zeros for all others.
            missing = self.add("Sub", self.add("Shape", rest, start=1, end=2), [1])
            asked = self.add("Pad", asked, self.add("Concat", [0] * 4, missing, [0], axis=0))
        return str(self.add("Add", rest, asked))

    def build(self) -> None:
        """Write the whole graph."""
        length = self.add("Shape", EMBEDDINGS, start=1, end=2)
        positions = self.add("Slice", self.weight("Embedding-Position", 0), [0], length, [0])
        segment = self.add("Slice", self.weight("Embedding-Segment", 0), [0], [1], [0])
        x = self.add("Add", EMBEDDINGS, self.add("Add", positions, segment))
        x, start = self.norm(x, "Embedding-Norm")
        x = self.dense(x, "Embedding-Mapping") if self.factorised else x
        saved, firsts = [], []
        means = [self.add("ReduceMean", x, axes=[1], keepdims=1)]
        for index in range(self.config.num_hidden_layers):
            last = index == self.config.num_hidden_layers - 1
            x, kept = self.layer(x, last=last)
            saved.append(kept)
            firsts.append(x if last else self.add("Slice", x, [0], [1], [1]))
            if not last:
                means.append(self.add("ReduceMean", x, axes=[1], keepdims=1))
        cls = self.add("Squeeze", x, [1])
        kernel, bias = (self.weight(HEAD, i) for i in (0, 1))
        logits = self.add("Gemm", cls, kernel, bias)
        # d log(p / (1 - p)) / d logits: 1 for the class, minus each other's share among the others.
        others = self.add("Sub", logits, self.add("Mul", TARGET, _FAR))
        seed = self.add("Sub", TARGET, self.add("Softmax", others, axis=-1))
        gradient = self.add("Unsqueeze", self.add("Gemm", seed, kernel, transB=1), [1])
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
    from onnx import TensorProto, helper

    albert = _Albert(config, num_classes)
    albert.build()
    graph = albert.graph
    shapes: dict[str, list[Any]] = {
        EMBEDDINGS: ["n", "length", albert.embedding_size],
        TARGET: ["n", num_classes],
        LOGITS: ["n", num_classes],
        GRADIENT: ["n", "length", albert.embedding_size],
        FIRSTS: ["n", config.num_hidden_layers, config.hidden_size],
        MEANS: ["n", config.num_hidden_layers, config.hidden_size],
    }
    values = [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in shapes.items()]
    whole = helper.make_graph(
        graph.nodes, "gradient", values[:2], values[2:], [*graph.constants, *graph.weights.values()]
    )
    # The oldest that both sets of operations and the oldest supported ONNX Runtime share.
    model = helper.make_model(whole, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return bytes(model.SerializeToString())
