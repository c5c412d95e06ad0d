"""An image encoder beside the gate's own features."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gate_encoder import DEVIATION, MEAN, SIDE, Encoder, left_out
from gate_pages import FAMILIES
from page_drawing import layouts

from gi_classifier.heads.title_words import NONE

pytest.importorskip("onnx")


def test_the_encoder_gives_what_its_last_pooling_says_of_normalised_colours(tmp_path: Path) -> None:
    from onnx import TensorProto, helper

    shape = [1, 3, SIDE, SIDE]
    nodes = [
        helper.make_node("GlobalAveragePool", ["x"], ["pooled"]),
        helper.make_node("Softmax", ["pooled"], ["y"], axis=1),
    ]
    graph = helper.make_graph(
        nodes,
        "encoder",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 3, 1, 1])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    (tmp_path / "encoder.onnx").write_bytes(model.SerializeToString())
    colour = np.array([255, 128, 0], dtype=np.uint8)
    found = Encoder(tmp_path / "encoder.onnx")(np.tile(colour, (30, 50, 1)))
    np.testing.assert_allclose(found, (colour / 255 - MEAN) / DEVIATION, atol=1e-3)


def test_kinds_that_their_vectors_tell_are_told_on_layouts_left_out() -> None:
    source = np.random.default_rng(0)
    rows: list[dict[str, Any]] = []
    for number in range(120):
        layout, kind = layouts()[number % len(layouts())], number // 10 % 2
        vector = source.normal(size=4) + 6 * kind
        rows.append({"kind": "ab"[kind], "layout": layout, "made": False, "own": vector})
    for number in range(40):
        row = {"kind": NONE, "layout": f"made {number % len(FAMILIES)}"}
        rows.append({**row, "made": True, "own": source.normal(size=4) - 6})
    kinds, found = left_out(rows, ["own"])
    assert len(kinds) == 120
    assert np.mean(kinds == found) > 0.95
