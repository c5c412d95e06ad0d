"""Checks an ``.onnx`` file before it is opened: it can neither read other files nor run loops.

In: the file as bytes. Out: the tensors it lacks, or ValueError with the reason. The protocol
buffer is walked by hand (field numbers: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto),
since predicting needs no package ``onnx``; large tensors are stepped over.
"""

from __future__ import annotations

from collections.abc import Iterator

# Operators of ONNX itself; any other domain is a program of somebody's own.
_DOMAINS = (b"", b"ai.onnx")
# Held by operators that run a graph of their own as often as they like, and by functions.
_NESTED_GRAPHS = (6, 11)
_VARINT, _EIGHT_BYTES, _LENGTH, _FOUR_BYTES = 0, 1, 2, 5
_MODEL_GRAPH, _MODEL_TRAINING, _MODEL_FUNCTIONS = 7, 20, 25
_GRAPH_NODE, _GRAPH_INITIALIZER, _GRAPH_SPARSE = 1, 5, 15
_NODE_OPERATOR, _NODE_ATTRIBUTE, _NODE_DOMAIN = 4, 5, 7
_ATTRIBUTE_TENSORS, _ATTRIBUTE_SPARSE = (5, 10), (22, 23)
_TENSOR_NAME, _TENSOR_EXTERNAL, _TENSOR_LOCATION = 8, 13, 14


def check_graph(content: bytes) -> set[str]:
    """Raise where a graph is more than operations on numbers.

    Parameters
    ----------
    content : bytes
        An ``.onnx`` file.

    Returns
    -------
    set of str
        The tensors whose numbers are not in it. Whoever opens it must put all of them in, since
        it would read other files for them.

    Raises
    ------
    ValueError
        With the reason.
    """
    external: list[str] = []
    graphs = 0
    for field, value in _fields(memoryview(content)):
        if field in (_MODEL_FUNCTIONS, _MODEL_TRAINING):
            raise ValueError("it brings functions of its own")
        if field == _MODEL_GRAPH:
            graphs += 1
            external += _check_nodes(value)
    if graphs != 1:
        raise ValueError("it is no .onnx file")
    if len(set(external)) < len(external):
        raise ValueError("it reads numbers from another file")
    return set(external)


def _check_nodes(graph: memoryview) -> list[str]:
    """Check a graph's operators; the names of its tensors that are stored elsewhere."""
    external = []
    for field, value in _fields(graph):
        if field == _GRAPH_NODE:
            _check_node(value)
        elif field == _GRAPH_INITIALIZER:
            name, elsewhere = _tensor(value)
            external += [name] if elsewhere else []
        elif field == _GRAPH_SPARSE:
            raise ValueError("it holds sparse tensors")
    return external


def _check_node(node: memoryview) -> None:
    operator, domain = b"", b""
    for field, value in _fields(node):
        if field == _NODE_OPERATOR:
            operator = bytes(value)
        elif field == _NODE_DOMAIN:
            domain = bytes(value)
            if domain not in _DOMAINS:
                raise ValueError(f"it has an operator of the domain {_shown(domain)}")
        elif field == _NODE_ATTRIBUTE:
            for kind, part in _fields(value):
                if kind in _NESTED_GRAPHS:
                    raise ValueError("it has an operator that runs a graph of its own")
                if kind in _ATTRIBUTE_SPARSE or (kind in _ATTRIBUTE_TENSORS and _tensor(part)[1]):
                    raise ValueError("it reads a constant from another file")
    if operator in (b"If", b"Loop", b"Scan"):
        raise ValueError(f"it has the operator {_shown(operator)}, which can run without an end")


def _tensor(tensor: memoryview) -> tuple[str, bool]:
    """A tensor's name, and whether its numbers are stored in another file."""
    name, elsewhere = "", False
    for field, value in _fields(tensor):
        if field == _TENSOR_NAME:
            name = bytes(value).decode("utf-8", "replace")
        elif field == _TENSOR_EXTERNAL or (field == _TENSOR_LOCATION and any(value)):
            elsewhere = True
    return name, elsewhere


def _fields(message: memoryview) -> Iterator[tuple[int, memoryview]]:
    """The fields of a message: number, and what stands there (a varint's bytes less their flags).

    Raises
    ------
    ValueError
        It is cut off, or no protocol buffer.
    """
    at, end = 0, len(message)
    while at < end:
        key, at = _varint(message, at)
        kind, start = key & 7, at
        if kind == _LENGTH:
            length, start = _varint(message, at)
            at = start + length
        elif kind == _VARINT:
            number, at = _varint(message, at)
            yield key >> 3, memoryview(number.to_bytes(10, "little"))
            continue
        elif kind in (_EIGHT_BYTES, _FOUR_BYTES):
            at += 8 if kind == _EIGHT_BYTES else 4
        else:
            raise ValueError("it is damaged")
        if at > end:
            raise ValueError("it is cut off")
        yield key >> 3, message[start:at]


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    """A number in base 128, and where it ends."""
    number = 0
    for place in range(10):
        if at >= len(message):
            raise ValueError("it is cut off")
        byte = message[at]
        at += 1
        number |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            return number, at
    raise ValueError("it is damaged")


def _shown(name: bytes) -> str:
    return repr(name[:40].decode("utf-8", "replace"))
