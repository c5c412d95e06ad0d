"""Both engines behind one call."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from gi_classifier.errors import MissingExtraError, ModelError, SettingsError
from gi_classifier.files import to_json
from gi_classifier.model.directory import ModelDirectory
from gi_classifier.model.engine import ENGINE, OnnxEngine, check_asked_engine, open_engine
from gi_classifier.model.gradient import Gradient
from gi_classifier.model.shipped import shipped_directory
from gi_classifier.settings import Settings
from gi_classifier.training.keras_engine import KerasEngine, open_any_engine

pytestmark = pytest.mark.slow  # models are built


@pytest.fixture(scope="module")
def directory(base: Path, settings: Settings) -> ModelDirectory:
    from gi_classifier.training.export import exported
    from gi_classifier.training.keras_model import build

    built = build(base, settings)
    source = np.random.default_rng(0)
    for weight in built.model.trainable_weights:
        weight.assign(weight + source.normal(0.0, 0.3, weight.shape))
    return exported(built, settings, [])


def batches(count: int = 12) -> list[np.ndarray]:
    source = np.random.default_rng(3)
    return [source.integers(1, 60, (1 + n % 4, 3 + n)).astype(np.int32) for n in range(count)]


@pytest.mark.parametrize("precision", ["fp32", "int8", "keras"])
def test_threads_get_what_one_caller_gets(directory: ModelDirectory, precision: str) -> None:
    engine = open_any_engine(directory, precision)
    wanted = [engine.run(batch) for batch in batches()]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(engine.run, batches() * 8))
    for (logits, cls), (same_logits, same_cls) in zip(found, wanted * 8, strict=True):
        np.testing.assert_allclose(logits, same_logits, rtol=0, atol=1e-6)
        np.testing.assert_allclose(cls, same_cls, rtol=0, atol=1e-6)


def test_the_keras_engine_equals_the_onnx_engine(directory: ModelDirectory) -> None:
    keras, onnx = open_any_engine(directory, "keras"), open_any_engine(directory, "fp32")
    assert isinstance(keras, KerasEngine)
    for batch in batches():
        for one, other in zip(keras.run(batch), onnx.run(batch), strict=True):
            assert one.dtype == other.dtype == np.float32
            np.testing.assert_allclose(one, other, rtol=0, atol=1e-5)


@pytest.mark.parametrize("default", ["fp32", "int8"])
def test_without_a_precision_the_recorded_default_runs(
    directory: ModelDirectory, default: str
) -> None:
    recorded = ModelDirectory(directory.files, {"engine": {"default": default}})
    batch = batches()[5]
    found = open_any_engine(recorded)
    assert isinstance(found, OnnxEngine)
    np.testing.assert_array_equal(
        found.run(batch)[0], open_any_engine(directory, default).run(batch)[0]
    )
    fp32, int8 = (open_any_engine(directory, name).run(batch)[0] for name in ("fp32", "int8"))
    assert (fp32 != int8).any()


def test_an_unknown_engine_is_refused(directory: ModelDirectory) -> None:
    with pytest.raises(SettingsError, match=r"choose one of .*'keras'.*Received: 'fp16'"):
        open_any_engine(directory, "fp16")


def test_an_engine_that_the_environment_or_a_setting_asks_for_is_named_with_its_source(
    directory: ModelDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(ENGINE, "fp23")
    for opened in (open_engine, open_any_engine):
        with pytest.raises(SettingsError, match="from the environment variable GI_CL.*: 'fp23'"):
            opened(directory)
    with pytest.raises(SettingsError, match="choose one of"):
        check_asked_engine(directory.settings)
    monkeypatch.setenv(ENGINE, "openvino")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"pip install 'gi_classifier\[openvino\]'"):
        check_asked_engine(directory.settings)


@pytest.mark.parametrize(
    ("name", "changes", "reason"),
    [
        ("settings.json", {"num_classes": 4, "label_names": None}, r"it gives .*not "),
        ("settings.json", {"maxlen": 9999}, "windows of 9999 tokens, config.json at most 512"),
        ("config.json", {"vocab_size": 99}, r"config.json says 99 tokens, vocab.txt has \d{4}"),
        ("config.json", {"hidden_size": 24}, "it gives .*not "),
    ],
)
def test_a_graph_that_does_not_fit_is_refused_when_it_is_opened(
    name: str, changes: dict[str, object], reason: str
) -> None:
    shipped = shipped_directory()
    table = {**shipped.read_json(name), **changes}
    odd = ModelDirectory({**shipped.files, name: to_json(table)}, shipped.metadata)
    with pytest.raises(ModelError, match=rf"(?s){reason}"):
        open_engine(odd)
    with pytest.raises(ModelError):
        Gradient(odd)


def test_a_smaller_table_of_tokens_is_refused_when_it_is_opened() -> None:
    shipped = shipped_directory()
    table = {**shipped.read_json("config.json"), "vocab_size": len(shipped.vocabulary) + 1}
    tokens = shipped.files["vocab.txt"] + b"[one more]\n"
    files = {**shipped.files, "config.json": to_json(table), "vocab.txt": tokens}
    with pytest.raises(ModelError, match=r"model\.onnx cannot be run"):
        open_engine(ModelDirectory(files, shipped.metadata))
