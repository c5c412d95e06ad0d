from __future__ import annotations

import os
import subprocess
import sys
import threading

import numpy as np
import pytest

from gi_classifier.errors import MissingExtraError, ModelError
from gi_classifier.model.directory import ONNX
from gi_classifier.model.engine import Engine, open_engine
from gi_classifier.model.openvino_engine import OpenVinoEngine
from gi_classifier.model.shipped import shipped_directory

pytest.importorskip("openvino")
pytest.importorskip("onnx")
pytestmark = pytest.mark.slow
IDS = np.array([[2, 50, 60, 70, 3], [2, 90, 3, 0, 0]], dtype=np.int32)


@pytest.fixture(scope="module")
def engine() -> OpenVinoEngine:
    found = open_engine(shipped_directory(), "openvino", threads=1)
    assert isinstance(found, OpenVinoEngine)
    return found


@pytest.fixture(scope="module")
def full() -> Engine:
    return open_engine(shipped_directory(), "fp32", threads=1)


def test_it_answers_as_full_precision_within_its_own(engine: OpenVinoEngine, full: Engine) -> None:
    tolerance = {"bf16": 0.2, "f32": 1e-4}[engine.precision]
    for mine, theirs in zip(engine.run(IDS), full.run(IDS), strict=True):
        assert mine.dtype == np.float32
        np.testing.assert_allclose(mine, theirs, atol=tolerance)


def test_it_can_be_called_from_several_threads(engine: OpenVinoEngine) -> None:
    alone, found = engine.run(IDS)[0], []

    def work() -> None:
        found.extend(engine.run(IDS)[0] for _ in range(5))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 20
    for one in found:
        np.testing.assert_allclose(one, alone, atol=1e-6)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="This system does not fork")
def test_a_forked_process_answers_too() -> None:
    code = """
import os, sys
import numpy as np
from gi_classifier.model.engine import open_engine
from gi_classifier.model.shipped import shipped_directory
engine = open_engine(shipped_directory(), "openvino", threads=1)
ids = np.array([[2, 50, 60, 3]], dtype=np.int32)
before = engine.run(ids)[0]
child = os.fork()
if not child:
    os._exit(0 if np.allclose(engine.run(ids)[0], before, atol=1e-6) else 7)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    assert subprocess.run([sys.executable, "-c", code], timeout=300).returncode == 0


@pytest.mark.parametrize(
    ("graph", "message"),
    [(b"", "no .onnx file"), (b"\x3a\x02\x0a\x00", "cannot be opened")],
)
def test_what_is_no_graph_is_an_error(graph: bytes, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        OpenVinoEngine(graph, threads=1)


def test_a_batch_that_is_none_is_an_error(engine: OpenVinoEngine) -> None:
    with pytest.raises(ModelError, match="cannot be run"):
        engine.run(np.array([["胃"]]))


def test_a_graph_whose_weights_are_not_given_is_an_error() -> None:
    with pytest.raises(ModelError, match="it reads numbers from another file"):
        OpenVinoEngine(shipped_directory().content(ONNX["fp32"]), threads=1)


def test_without_the_extra_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"pip install 'gi_classifier\[openvino\]'"):
        open_engine(shipped_directory(), "openvino")
