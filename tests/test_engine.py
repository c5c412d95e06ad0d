"""Both engines behind one call."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from gi_classifier.engine import KerasEngine, OnnxEngine, open_engine
from gi_classifier.errors import SettingsError
from gi_classifier.model_dir import Bundle
from gi_classifier.settings import Settings


@pytest.fixture(scope="module")
def bundle(base: Path, settings: Settings) -> Bundle:
    from gi_classifier.export import exported
    from gi_classifier.model import build

    built = build(base, settings)
    source = np.random.default_rng(0)
    for weight in built.model.trainable_weights:
        weight.assign(weight + source.normal(0.0, 0.3, weight.shape))
    return exported(built, settings, [])


def batches(count: int = 12) -> list[np.ndarray]:
    source = np.random.default_rng(3)
    return [source.integers(1, 60, (1 + n % 4, 3 + n)).astype(np.int32) for n in range(count)]


@pytest.mark.parametrize("precision", ["fp32", "int8", "keras"])
def test_threads_get_what_one_caller_gets(bundle: Bundle, precision: str) -> None:
    engine = open_engine(bundle, precision)
    wanted = [engine.run(batch) for batch in batches()]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(engine.run, batches() * 8))
    for (logits, cls), (same_logits, same_cls) in zip(found, wanted * 8, strict=True):
        np.testing.assert_allclose(logits, same_logits, rtol=0, atol=1e-6)
        np.testing.assert_allclose(cls, same_cls, rtol=0, atol=1e-6)


def test_the_keras_engine_equals_the_onnx_engine(bundle: Bundle) -> None:
    keras, onnx = open_engine(bundle, "keras"), open_engine(bundle, "fp32")
    assert isinstance(keras, KerasEngine)
    for batch in batches():
        for one, other in zip(keras.run(batch), onnx.run(batch), strict=True):
            assert one.dtype == other.dtype == np.float32
            np.testing.assert_allclose(one, other, rtol=0, atol=1e-5)


@pytest.mark.parametrize("default", ["fp32", "int8"])
def test_without_a_precision_the_recorded_default_runs(bundle: Bundle, default: str) -> None:
    recorded = Bundle(bundle.files, {"engine": {"default": default}})
    batch = batches()[5]
    found = open_engine(recorded)
    assert isinstance(found, OnnxEngine)
    np.testing.assert_array_equal(found.run(batch)[0], open_engine(bundle, default).run(batch)[0])
    fp32, int8 = (open_engine(bundle, name).run(batch)[0] for name in ("fp32", "int8"))
    assert (fp32 != int8).any()


def test_an_unknown_engine_is_refused(bundle: Bundle) -> None:
    with pytest.raises(SettingsError, match=r"choose one of .*'keras'.*Received: 'fp16'"):
        open_engine(bundle, "fp16")
