"""Writes ALBERT's forward pass as an ONNX graph without weights.

In: the shape of an encoder. Out: the bytes of a graph from token ids to logits and [CLS] vectors.
Written for the runtime to fuse: normalisation and activation are one operation each, and 89% of the
time is left to products. The weights stay in the ``.h5``, in bert4keras' layout, and are put in
when the graph is opened. It is checked against Keras when a model is exported.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gi_classifier.extras import check_installed
from gi_classifier.model.graph_weights import external_tensor
from gi_classifier.model.weights import HEAD
from gi_classifier.settings import AlbertConfig

IDS, LOGITS, CLS = "ids", "logits", "cls"
TOKENS = "Embedding-Token"
ATTENTION, FEED_FORWARD = "Transformer-MultiHeadSelfAttention", "Transformer-FeedForward"
# That of bert4keras: the square of Keras' epsilon.
_EPSILON = 1e-14
# Takes padding out of a softmax.
_FAR = -1e9


class Graph:
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
        if array.dtype != np.int32:
            array = array.astype(np.float32 if array.dtype.kind == "f" else np.int64)
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(array, name))
        return name

    def weight(self, layer: str, index: int, shape: Sequence[int]) -> str:
        """Name a layer's array, which is put in when the graph is opened."""
        name = f"{layer}/{index}"
        if name not in self.weights:
            self.weights[name] = external_tensor(name, shape)
        return name


class Albert:
    """The parts of the encoder."""

    def __init__(self, config: AlbertConfig, num_classes: int) -> None:
        self.graph = Graph()
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
            TOKENS: [(self.config.vocab_size, size)],
            "Embedding-Position": [(self.config.max_position_embeddings, size)],
            "Embedding-Segment": [(2, size)],
            "Embedding-Norm": [(size,)] * 2,
            "Embedding-Mapping": [(size, hidden), (hidden,)],
            ATTENTION: [(hidden, hidden), (hidden,)] * 4,
            f"{ATTENTION}-Norm": [(hidden,)] * 2,
            FEED_FORWARD: [(hidden, inner), (inner,), (inner, hidden), (hidden,)],
            f"{FEED_FORWARD}-Norm": [(hidden,)] * 2,
            HEAD: [(hidden, self.num_classes), (self.num_classes,)],
        }
        return self.graph.weight(layer, index, shapes[layer][index])

    def dense(self, x: str, layer: str, index: int = 0) -> str:
        """``x @ kernel + bias`` of a layer's kernel ``index``."""
        product = self.add("MatMul", x, self.weight(layer, 2 * index))
        return str(self.add("Add", product, self.weight(layer, 2 * index + 1)))

    def norm(self, x: str, layer: str) -> tuple[str, Sequence[str]]:
        """Layer normalisation, and what its backward pass needs."""
        scale, shift = self.weight(layer, 1), self.weight(layer, 0)
        options: dict[str, Any] = {"axis": -1, "epsilon": _EPSILON}
        y, mean, inverse = self.add("LayerNormalization", x, scale, shift, count=3, **options)
        return y, (x, mean, inverse)

    def activation(self, x: str) -> tuple[str, tuple[str, ...]]:
        """The hidden activation, and what its derivative needs."""
        kind = self.config.hidden_act
        if kind in ("relu", "tanh"):
            y = self.add("Relu" if kind == "relu" else "Tanh", x)
            return y, (y,)
        if kind == "linear":
            return x, ()
        if kind == "gelu_new":
            # Hendrycks and Gimpel 2016: x (1 + t) / 2, t = tanh(u), u = √(2/π) (x + 0.044715 x³).
            square = self.add("Mul", x, x)
            bend = self.add("Add", self.add("Mul", square, 0.044715), 1.0)
            t = self.add("Tanh", self.add("Mul", self.add("Mul", x, bend), np.sqrt(2 / np.pi)))
            share = self.add("Mul", self.add("Add", t, 1.0), 0.5)
            return self.add("Mul", x, share), (x, square, t, share)
        # The order in which the runtime knows it.
        scaled = self.add("Div", x, np.sqrt(2))
        twice = self.add("Add", self.add("Erf", scaled), 1.0)
        return self.add("Mul", self.add("Mul", x, twice), 0.5), (x, scaled, twice)

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

    def shares(self, scores: str) -> str:
        """How much each position looks at each."""
        return str(self.add("Softmax", scores, axis=-1))

    def layer(self, x: str, *, last: bool, far: str | None = None) -> tuple[str, dict[str, Any]]:
        """One layer; the last computes the first position alone. And what going back needs.

        ``far`` is added to the scores, (n, 1, 1, length): what takes padding out.
        """
        asked = self.add("Slice", x, [0], [1], [1]) if last else x
        scale = 1 / np.sqrt(self.config.hidden_size // self.config.num_attention_heads)
        query = self.split(self.add("Mul", self.dense(asked, ATTENTION, 0), scale))
        key, value = (self.split(self.dense(x, ATTENTION, i)) for i in (1, 2))
        scores = self.add("MatMul", query, self.turn(key))
        shares = self.shares(self.add("Add", scores, far) if far else scores)
        mixed = self.join(self.add("MatMul", shares, value))
        middle = self.add("Add", self.dense(mixed, ATTENTION, 3), asked)
        middle, first = self.norm(middle, f"{ATTENTION}-Norm")
        inner, active = self.activation(self.dense(middle, FEED_FORWARD, 0))
        out = self.add("Add", self.dense(inner, FEED_FORWARD, 1), middle)
        out, second = self.norm(out, f"{FEED_FORWARD}-Norm")
        saved = {"query": query, "key": key, "value": value, "shares": shares, "scale": scale}
        return out, {**saved, "first": first, "active": active, "second": second, "last": last}

    def start(self, tokens: str) -> tuple[str, Sequence[str]]:
        """From embeddings of tokens to the first layer's input, and what going back needs."""
        length = self.add("Shape", tokens, start=1, end=2)
        positions = self.add("Slice", self.weight("Embedding-Position", 0), [0], length, [0])
        segment = self.add("Slice", self.weight("Embedding-Segment", 0), [0], [1], [0])
        x = self.add("Add", tokens, self.add("Add", positions, segment))
        x, saved = self.norm(x, "Embedding-Norm")
        return self.dense(x, "Embedding-Mapping") if self.factorised else x, saved

    def head(self, x: str) -> tuple[str, str]:
        """From the last layer's output to logits and [CLS] vectors."""
        cls = self.add("Squeeze", x, [1])
        return self.add("Gemm", cls, self.weight(HEAD, 0), self.weight(HEAD, 1)), cls

    def bytes_of(self, inputs: dict[str, Any], outputs: dict[str, Any], name: str) -> bytes:
        """The whole graph as an ``.onnx`` file, with the shapes of its inputs and outputs."""
        from onnx import TensorProto, helper

        kinds = {IDS: TensorProto.INT32}
        values, results = (
            [
                helper.make_tensor_value_info(n, kinds.get(n, TensorProto.FLOAT), shape)
                for n, shape in shapes.items()
            ]
            for shapes in (inputs, outputs)
        )
        tensors = [*self.graph.constants, *self.graph.weights.values()]
        whole = helper.make_graph(self.graph.nodes, name, values, results, tensors)
        # The oldest that both sets of operations and the oldest supported ONNX Runtime share.
        model = helper.make_model(whole, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        return bytes(model.SerializeToString())


def forward_graph(config: AlbertConfig, num_classes: int) -> bytes:
    """Write the graph for an encoder's shape.

    Parameters
    ----------
    config : AlbertConfig
    num_classes : int

    Returns
    -------
    bytes
        An ONNX graph. Input: ``ids``, int32 (n, length), padded with 0. Outputs: ``logits``
        (n, classes) and ``cls``, the [CLS] vectors (n, hidden). Its weights are external.

    Raises
    ------
    MissingExtraError
        The package onnx is not installed.
    """
    check_installed("Writing a graph", ["onnx"], "train")
    from onnx import TensorProto

    albert = Albert(config, num_classes)
    add = albert.add
    padding = add("Cast", add("Equal", IDS, np.int32(0)), to=TensorProto.FLOAT)
    far = add("Unsqueeze", add("Mul", padding, _FAR), [1, 2])
    x, _ = albert.start(add("Gather", albert.weight(TOKENS, 0), IDS))
    for index in range(config.num_hidden_layers):
        x, _ = albert.layer(x, last=index == config.num_hidden_layers - 1, far=far)
    logits, cls = albert.head(x)
    albert.graph.output(LOGITS, logits)
    albert.graph.output(CLS, cls)
    outputs = {LOGITS: ["n", num_classes], CLS: ["n", config.hidden_size]}
    return albert.bytes_of({IDS: ["n", "length"]}, outputs, "forward")
