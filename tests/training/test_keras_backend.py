"""In subprocesses: what a program that has its own Keras sees of ours."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest


def run_python(code: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


KERAS_3 = """
import os, sys, types
order, environment = sys.argv[1:]
if environment:
    os.environ["TF_KERAS"] = environment
def modules():
    return {n: m for n, m in sys.modules.items() if n == "keras" or n.startswith("keras.")}
if order == "before":
    import keras
    import tf_keras
    theirs = sys.modules["bert4keras"] = types.ModuleType("bert4keras")
    mine, version, inside = modules(), keras.__version__, dict(vars(tf_keras))
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
import gi_classifier.training.keras_backend as ours
if order == "before":
    assert all(sys.modules[name] is module for name, module in mine.items())
    assert version == keras.__version__
    assert {n: v for n, v in vars(tf_keras).items() if n in inside} == inside
    assert sys.modules["bert4keras"] is theirs
else:
    import keras
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
assert os.environ.get("TF_KERAS", "") == environment
assert sys.modules["keras"] is keras
import tensorflow as tf
assert keras.__version__.startswith("3") and tf.keras.__version__ == keras.__version__
from tensorflow.keras.layers import Dense
assert Dense is keras.layers.Dense and tf.keras.Model is keras.Model
assert model.predict(tf.ones((4, 3)), verbose=0).shape == (4, 2)
assert ours.tf_keras.__version__.startswith("2") and "tf" not in ours.tf_keras.__version__
from gi_classifier.training.keras_model import classifier, initialise
from gi_classifier.settings import AlbertConfig
small = classifier(AlbertConfig(9, 8, 1, 2, 8, 4, 8), 2)
initialise(small, 0)
assert small([tf.ones((1, 3)), tf.zeros((1, 3))]).shape == (1, 2)
"""


@pytest.mark.slow
@pytest.mark.parametrize("environment", ["", "0"])
@pytest.mark.parametrize("order", ["before", "after"])
def test_a_program_that_uses_keras_3_notices_nothing(order: str, environment: str) -> None:
    run_python(KERAS_3, order, environment)


MISSING = """
import sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name == sys.argv[1]:
            raise ModuleNotFoundError(f"No module named {name!r}")
sys.meta_path.insert(0, Missing())
from gi_classifier.errors import MissingExtraError
try:
    import gi_classifier.training.keras_backend
except MissingExtraError as error:
    print(error)
if sys.argv[1] == "bert4keras":
    import keras, tensorflow
    assert tensorflow.keras.Model is keras.Model
"""


@pytest.mark.slow
@pytest.mark.parametrize("module", ["tensorflow", "tf_keras", "bert4keras"])
def test_a_missing_part_is_named_with_the_command_that_installs_it(module: str) -> None:
    message = run_python(MISSING, module)
    assert "pip install 'gi_classifier[train]'" in message
    assert module in message.lower()


def test_the_where_that_bert4keras_0_11_gets_broadcasts_scalars() -> None:
    from gi_classifier.training.keras_backend import _where

    mask = np.array([[True, False, True]])
    scores = np.arange(6, dtype=np.float32).reshape(2, 3)
    found = _where(mask, scores, -np.inf).numpy()
    np.testing.assert_array_equal(found, [[0, -np.inf, 2], [3, -np.inf, 5]])
    assert found.dtype == np.float32
    assert _where(mask.astype(int), 1, 0).numpy().tolist() == [[1.0, 0.0, 1.0]]
