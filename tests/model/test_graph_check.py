"""Graphs that would do more than compute are refused, whoever made their hashes anew."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gi_classifier.errors import ModelError
from gi_classifier.model.graph_check import check_graph
from gi_classifier.model.runtime import Session
from gi_classifier.model.shipped import shipped_directory

onnx = pytest.importorskip("onnx", reason="onnx: of the extra train")
helper, FLOAT = onnx.helper, onnx.TensorProto.FLOAT


def value(name: str, shape: list[int]) -> Any:
    return helper.make_tensor_value_info(name, FLOAT, shape)


def graph_of(
    nodes: list[Any], constants: list[Any] | None = None, domains: tuple[str, ...] = ("",)
) -> Any:
    whole = helper.make_graph(nodes, "g", [value("x", [2])], [value("y", [2])], constants or [])
    return helper.make_model(
        whole, opset_imports=[helper.make_opsetid(name, 17) for name in domains], ir_version=8
    )


def external(name: str, location: str = "secret.bin") -> Any:
    tensor = onnx.TensorProto(name=name, data_type=FLOAT, dims=[2])
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=location)
    return tensor


def add(name: str) -> Any:
    return helper.make_node("Add", ["x", name], ["y"])


@pytest.mark.parametrize("name", ["model.onnx", "model.int8.onnx"])
def test_the_graphs_that_ship_pass(name: str) -> None:
    check_graph(shipped_directory().files[name])


def test_a_graph_that_computes_passes_and_runs() -> None:
    constant = onnx.numpy_helper.from_array(np.ones(2, np.float32), "c")
    content = graph_of([add("c")], [constant]).SerializeToString()
    check_graph(content)
    (found,) = Session(content).run(["y"], {"x": np.zeros(2, np.float32)})
    np.testing.assert_array_equal(found, [1, 1])


def test_weights_in_another_file_are_refused_even_where_that_file_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "secret.bin").write_bytes(b"secret!!")
    content = graph_of([add("c")], [external("c")]).SerializeToString()
    with pytest.raises(ModelError, match=r"model\.onnx cannot be used: it reads numbers from ano"):
        Session(content, name="model.onnx")
    # What is put in when it is opened takes its place; nothing is read.
    given = Session(content, lambda: {"c": np.ones(2, np.float32)})
    np.testing.assert_array_equal(given.run(["y"], {"x": np.zeros(2, np.float32)})[0], [1, 1])
    twice = graph_of([add("c")], [external("c"), external("c")]).SerializeToString()
    with pytest.raises(ModelError, match="another file"):
        Session(twice, lambda: {"c": np.ones(2, np.float32)})


def test_a_constant_in_another_file_is_refused() -> None:
    node = helper.make_node("Constant", [], ["c"], value=external("c"))
    with pytest.raises(ValueError, match="a constant from another file"):
        check_graph(graph_of([node, add("c")]).SerializeToString())


def nested(operator: str) -> Any:
    body = helper.make_graph([], "body", [], [])
    return helper.make_node(operator, ["x"], ["y"], body=body)


@pytest.mark.parametrize("operator", ["If", "Loop", "Scan", "SequenceMap"])
def test_control_flow_is_refused(operator: str) -> None:
    with pytest.raises(ValueError, match="a graph of its own|without an end"):
        check_graph(graph_of([nested(operator)]).SerializeToString())
    bare = helper.make_node(operator, ["x"], ["y"])
    if operator != "SequenceMap":
        with pytest.raises(ValueError, match=f"the operator '{operator}'"):
            check_graph(graph_of([bare]).SerializeToString())


@pytest.mark.parametrize("domain", ["com.microsoft", "my.company", "ai.onnx.training"])
def test_operators_of_other_domains_are_refused(domain: str) -> None:
    node = helper.make_node("Gelu", ["x"], ["y"], domain=domain)
    with pytest.raises(ValueError, match=f"the domain '{domain}'"):
        check_graph(graph_of([node], domains=("", domain)).SerializeToString())


def test_functions_are_refused() -> None:
    model = graph_of([add("x")])
    opsets = [helper.make_opsetid("", 17)]
    model.functions.append(helper.make_function("f", "F", ["a"], ["b"], [], opsets))
    with pytest.raises(ValueError, match="functions of its own"):
        check_graph(model.SerializeToString())


@pytest.mark.parametrize("content", [b"", b"\x00", b"ORTM" * 9, b"\xff" * 40, b":\x7f"])
def test_what_is_no_graph_is_refused(content: bytes) -> None:
    with pytest.raises(ModelError, match="The graph cannot be used: it is .*Get the model"):
        Session(content)


def test_a_graph_cut_off_anywhere_is_refused_or_opens() -> None:
    content = graph_of([add("x")]).SerializeToString()
    for length in range(len(content)):
        try:
            Session(content[:length])
        except ModelError:
            continue


@pytest.mark.parametrize(("number", "what"), [(np.nan, "not finite"), (np.inf, "not finite")])
def test_answers_that_are_not_finite_are_refused(number: float, what: str) -> None:
    constant = onnx.numpy_helper.from_array(np.full(2, number, np.float32), "c")
    session = Session(graph_of([add("c")], [constant]).SerializeToString(), name="model.onnx")
    with pytest.raises(ModelError, match=rf"model\.onnx gives y that are {what}"):
        session.run(["y"], {"x": np.zeros(2, np.float32)})


def test_inputs_of_another_shape_are_an_error_of_ours() -> None:
    session = Session(graph_of([add("x")]).SerializeToString(), name="model.onnx")
    with pytest.raises(ModelError, match=r"model\.onnx cannot be run \(InvalidArgument"):
        session.run(["y"], {"x": np.zeros(3, np.float32)})
