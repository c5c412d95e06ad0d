"""The exported graphs against Keras, and the check that refuses a wrong one."""

from __future__ import annotations

import logging
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gi_classifier.errors import ModelError
from gi_classifier.model.directory import REQUIRED, ModelDirectory, load, save
from gi_classifier.model.engine import OnnxEngine, softmax
from gi_classifier.model.weights import HEAD
from gi_classifier.onnx_runtime import onnx_quantisation
from gi_classifier.settings import Settings
from gi_classifier.text import pad
from gi_classifier.training.export import check, exported, to_int8, to_onnx
from gi_classifier.training.keras_backend import tf_keras
from gi_classifier.training.keras_model import Built, build


@pytest.fixture(scope="module")
def built(base: Path, settings: Settings) -> Built:
    """A model whose labels differ from text to text."""
    made = build(base, settings)
    source = np.random.default_rng(0)
    for weight in made.model.trainable_weights:
        draw = source.normal(0.0, 0.7 if len(weight.shape) > 1 else 0.1, weight.shape)
        weight.assign(draw + 1 if "gamma" in weight.name else draw)
    return made


@pytest.fixture(scope="module")
def ids(built: Built) -> list[np.ndarray]:
    source = np.random.default_rng(1)
    size = len(built.vocabulary)
    return [built.vocabulary.with_special(source.integers(5, size, n)) for n in range(1, 31)]


@pytest.fixture(scope="module")
def directory(built: Built, settings: Settings, ids: list[np.ndarray]) -> ModelDirectory:
    return exported(built, settings, ids)


@pytest.fixture(scope="module")
def graphs(built: Built) -> tuple[bytes, bytes]:
    """fp32 and int8, with their weights."""
    graph = to_onnx(built.model, built.config)
    return graph, to_int8(graph)


@pytest.mark.parametrize(("rows", "length"), [(1, 3), (1, 64), (7, 20), (30, 2)])
def test_the_fp32_graph_equals_keras_at_any_shape(
    built: Built, graphs: tuple[bytes, bytes], rows: int, length: int
) -> None:
    batch = np.random.default_rng(2).integers(1, 60, (rows, length)).astype(np.int32)
    batch[0, length // 2 + 1 :] = 0
    logits, cls = OnnxEngine(graphs[0]).run(batch)
    both = [batch, np.zeros_like(batch)]
    np.testing.assert_allclose(softmax(logits), built.model(both), rtol=0, atol=1e-5)
    body = tf_keras.Model(built.model.input, built.model.get_layer(HEAD).input)
    np.testing.assert_allclose(cls, body(both), rtol=0, atol=1e-5)
    assert logits.dtype == cls.dtype == np.float32


def test_softmax_is_stable_and_its_rows_sum_to_one() -> None:
    found = softmax(np.array([[1e4, 0, -1e4], [0, 0, 0], [1, 2, 3]], dtype=np.float32))
    assert found.dtype == np.float64
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=0, atol=1e-15)
    np.testing.assert_allclose(found[2], np.exp([1, 2, 3]) / np.exp([1, 2, 3]).sum())


def test_an_export_is_a_whole_model_directory_that_records_what_was_checked(
    directory: ModelDirectory,
    tmp_path: Path,
    ids: list[np.ndarray],
    settings: Settings,
    built: Built,
) -> None:
    assert set(directory.files) == set(REQUIRED)
    found = load(save(directory, tmp_path / "model"))
    assert found.settings == settings
    assert found.config == built.config
    engine = found.metadata["engine"]
    assert engine["checked_windows"] == len(ids)
    assert engine["largest_difference_fp32"] < 1e-5
    assert engine["largest_difference_int8"] > engine["largest_difference_fp32"]
    assert found.metadata["labels"] == list(settings.names)
    assert found.metadata["source"] == "albert_config.json"


def negated(built: Built, settings: Settings, base: Path) -> Any:
    """The model with its head turned round: other labels."""
    other = build(base, settings).model
    other.set_weights(built.model.get_weights())
    head = other.get_layer(HEAD)
    head.set_weights([-weight for weight in head.get_weights()])
    return other


@pytest.mark.slow
def test_int8_is_the_default_only_where_all_labels_agree(
    built: Built,
    base: Path,
    settings: Settings,
    graphs: tuple[bytes, bytes],
    ids: list[np.ndarray],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fp32, int8 = map(OnnxEngine, graphs)
    few = check(built.model, fp32, fp32, ids)
    assert (few["default"], few["label_agreement_int8"]) == ("fp32", 1.0)
    monkeypatch.setattr("gi_classifier.training.export.ENOUGH", len(ids))
    same = check(built.model, fp32, fp32, ids)
    assert (same["default"], same["label_agreement_int8"]) == ("int8", 1.0)
    wrong = check(
        built.model, fp32, OnnxEngine(to_onnx(negated(built, settings, base), built.config)), ids
    )
    assert (wrong["default"], wrong["label_agreement_int8"]) == ("fp32", 0.0)
    real = check(built.model, fp32, int8, ids)
    # Dynamic int8 scales activations by the whole batch, so the check asks for both.
    labels = [engine.run(pad(ids))[0].argmax(axis=1) for engine in (fp32, int8)]
    alone = np.array([int8.run(row[None])[0].argmax() for row in ids])
    agreed = float(np.mean((labels[0] == labels[1]) & (labels[0] == alone)))
    assert len(set(labels[0].tolist())) > 1
    assert real["label_agreement_int8"] == pytest.approx(agreed)
    assert real["default"] == ("int8" if agreed == 1 else "fp32")


@pytest.mark.parametrize("value", [None, float("nan")], ids=["another model", "not a number"])
def test_a_wrong_fp32_graph_is_refused(
    built: Built,
    base: Path,
    settings: Settings,
    graphs: tuple[bytes, bytes],
    ids: list[np.ndarray],
    value: float | None,
) -> None:
    other = negated(built, settings, base)
    if value is not None:
        kernel, bias = other.get_layer(HEAD).get_weights()
        other.get_layer(HEAD).set_weights([kernel, np.full_like(bias, value)])
    with pytest.raises(ModelError, match=r"differs from Keras by .* it is not saved|not finite"):
        check(built.model, *map(OnnxEngine, (to_onnx(other, built.config), graphs[1])), ids)


def test_without_records_to_check_on_fp32_is_the_default(built: Built, settings: Settings) -> None:
    found = exported(replace(built, source="elsewhere"), settings, []).metadata
    assert found["engine"]["default"] == "fp32"
    assert found["engine"]["checked_windows"] > 1


def test_int8_weights_are_int8(graphs: tuple[bytes, bytes]) -> None:
    import onnx

    kinds = [
        {tensor.data_type for tensor in onnx.load_from_string(graph).graph.initializer}
        for graph in (graphs[0], to_int8(graphs[0]))
    ]
    assert onnx.TensorProto.INT8 not in kinds[0]
    assert onnx.TensorProto.INT8 in kinds[1]


LOGGING = """
import logging, sys
from pathlib import Path
logging.disable(logging.DEBUG)
handler = logging.StreamHandler(sys.stdout)
if sys.argv[2] == "own":
    logging.getLogger().addHandler(handler)
    logging.getLogger().setLevel(logging.ERROR)
def state():
    root = logging.getLogger()
    return list(root.handlers), root.level, root.manager.disable
from gi_classifier.settings import Settings
from gi_classifier.training.export import exported
from gi_classifier.training.keras_model import build
before = state()
settings = Settings(maxlen=16, overlap=4)
exported(build(Path(sys.argv[1]), settings), settings, [])
assert state() == before, (state(), before)
"""


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["none", "own"])
def test_exporting_leaves_the_callers_logging_alone(base: Path, kind: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOGGING, str(base), kind], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""


def test_an_export_that_fails_leaves_logging_alone_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def failing(*_: Any, **__: Any) -> None:
        logging.getLogger().addHandler(logging.NullHandler())
        raise RuntimeError("no quantisation")

    monkeypatch.setattr(onnx_quantisation(), "quantize_dynamic", failing)
    root = logging.getLogger()
    before = list(root.handlers), root.level, root.manager.disable
    with pytest.raises(RuntimeError, match="no quantisation"):
        to_int8(b"")
    assert (list(root.handlers), root.level, root.manager.disable) == before
