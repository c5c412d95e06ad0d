"""Graphs that predict take their weights from ``model.h5``, and those that hold them still run."""

from __future__ import annotations

import io
from pathlib import Path

import h5py
import numpy as np
import pytest

from gi_classifier.errors import ModelError
from gi_classifier.model.directory import ONNX, WEIGHTS, ModelDirectory, load, save
from gi_classifier.model.engine import open_engine
from gi_classifier.model.graph_check import check_graph
from gi_classifier.model.graph_weights import slim, without_weights
from gi_classifier.settings import AlbertConfig, Settings
from gi_classifier.text import Vocabulary

pytest.importorskip("onnx", reason="onnx: of the extra train")
pytestmark = pytest.mark.slow  # a model is built

IDS = np.array([[2, 9, 11, 40, 3], [2, 50, 3, 0, 0]], dtype=np.int32)


@pytest.fixture(scope="module")
def full(config: AlbertConfig, vocabulary: Vocabulary, settings: Settings) -> ModelDirectory:
    """As 0.1.0 wrote it: graphs with their weights."""
    from random_models import random_directory

    from gi_classifier.training.export import to_int8, to_onnx

    model, directory = random_directory(config, vocabulary, settings)
    graph = to_onnx(model, config)
    files = {**directory.files, ONNX["fp32"]: graph, ONNX["int8"]: to_int8(graph)}
    return ModelDirectory(files, directory.metadata)


@pytest.mark.parametrize("engine", ONNX)
def test_a_graph_answers_the_same_with_and_without_its_weights(
    full: ModelDirectory, engine: str, tmp_path: Path
) -> None:
    stored = load(save(slim(full), tmp_path / "model"))
    assert not check_graph(full.files[ONNX[engine]])
    assert check_graph(stored.files[ONNX[engine]]) <= set(full.arrays())
    for old, new in zip(
        open_engine(full, engine).run(IDS), open_engine(stored, engine).run(IDS), strict=True
    ):
        np.testing.assert_array_equal(old, new)


def test_the_fp32_graph_keeps_none_of_the_weights(full: ModelDirectory) -> None:
    missing = check_graph(slim(full).files[ONNX["fp32"]])
    kernels = {name for name, array in full.arrays().items() if array.ndim == 2}
    assert kernels <= missing


def test_taking_weights_out_twice_changes_nothing_more(full: ModelDirectory) -> None:
    once = slim(full)
    assert slim(once).files == once.files


def test_arrays_of_equal_numbers_are_put_in_once(full: ModelDirectory) -> None:
    arrays = full.arrays()
    twins = {**arrays, "Another/0": next(iter(arrays.values()))}
    graph = full.files[ONNX["fp32"]]
    assert without_weights(graph, twins) == without_weights(graph, arrays)


def test_weights_that_do_not_fit_the_graph_are_an_error_that_names_it(
    full: ModelDirectory,
) -> None:
    files = dict(slim(full).files)
    buffer = io.BytesIO(files[WEIGHTS])
    with h5py.File(buffer, "r+") as file:
        kept = [name for name in file.attrs["layer_names"] if "Mapping" not in str(name)]
        file.attrs["layer_names"] = kept
    files[WEIGHTS] = buffer.getvalue()
    with pytest.raises(ModelError, match=r"model\.onnx cannot be used: it reads numbers from ano"):
        open_engine(ModelDirectory(files, full.metadata), "fp32")
