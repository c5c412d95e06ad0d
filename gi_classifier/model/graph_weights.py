"""Takes out of a graph the weights that ``model.h5`` holds as well, and puts them in again.

In: an ``.onnx`` file and the classifier's arrays. Out: the same graph without them, which gets them
when it is opened, so that a model directory holds ALBERT's weights once; or with them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from gi_classifier.extras import check_installed
from gi_classifier.model.directory import ONNX, WEIGHTS, ModelDirectory


def without_weights(graph: bytes, arrays: Mapping[str, np.ndarray]) -> bytes:
    """Name each tensor that equals an array after it, and leave its numbers out.

    Parameters
    ----------
    graph : bytes
        An ``.onnx`` file.
    arrays : mapping of str to ndarray of float32
        Those of :meth:`~gi_classifier.model.directory.ModelDirectory.arrays`.

    Raises
    ------
    MissingExtraError
        The package onnx is not installed.
    """
    check_installed("Writing a graph", ["onnx"], "train")
    import onnx

    known = {_content(array): name for name, array in reversed(list(arrays.items()))}
    model = onnx.load_from_string(graph)
    kept, left_out, renamed = [], {}, {}
    for tensor in model.graph.initializer:
        inside = tensor.data_location != onnx.TensorProto.EXTERNAL
        same = known.get(_content(onnx.numpy_helper.to_array(tensor))) if inside else None
        if same is None:
            kept.append(tensor)
            continue
        renamed[tensor.name] = same
        left_out[same] = external_tensor(same, tensor.dims)
    for node in model.graph.node:
        for place, name in enumerate(node.input):
            node.input[place] = renamed.get(name, name)
    del model.graph.initializer[:]
    model.graph.initializer.extend([*kept, *left_out.values()])
    return bytes(model.SerializeToString())


def with_weights(graph: bytes, weights: Mapping[str, np.ndarray]) -> bytes:
    """Put the arrays in that a graph lacks.

    Parameters
    ----------
    graph : bytes
        An ``.onnx`` file.
    weights : mapping of str to ndarray of float32
        By the names of the graph's tensors; others are passed over.
    """
    import onnx

    model = onnx.load_model_from_string(graph)
    for tensor in model.graph.initializer:
        if tensor.data_location == onnx.TensorProto.EXTERNAL and tensor.name in weights:
            array = np.ascontiguousarray(weights[tensor.name])
            tensor.CopyFrom(onnx.numpy_helper.from_array(array, tensor.name))
    return bytes(model.SerializeToString())


def external_tensor(name: str, shape: Any) -> Any:
    """A float32 tensor of ONNX whose numbers stand in ``model.h5``."""
    import onnx

    tensor = onnx.TensorProto(name=name, data_type=onnx.TensorProto.FLOAT, dims=shape)
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=WEIGHTS)
    return tensor


def _content(array: np.ndarray) -> tuple[str, tuple[int, ...], bytes]:
    return array.dtype.str, array.shape, array.tobytes()


def slim(directory: ModelDirectory) -> ModelDirectory:
    """A model directory whose graphs hold no weights that its ``model.h5`` holds."""
    arrays = directory.arrays()
    graphs = {name: without_weights(directory.files[name], arrays) for name in ONNX.values()}
    return ModelDirectory({**directory.files, **graphs}, directory.metadata)
