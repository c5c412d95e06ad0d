from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

SCRIPTS = Path(__file__).parent.parent.parent / "scripts"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    place = SCRIPTS / "interval_coverage.py"
    spec = importlib.util.spec_from_file_location("interval_coverage", place)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def population() -> tuple[np.ndarray, np.ndarray]:
    source = np.random.default_rng(0)
    labels = source.integers(0, 3, 600)
    shares = source.dirichlet([1, 1, 1], 600) * 0.3
    guessed = np.where(source.random(600) < 0.96, labels, (labels + 1) % 3)
    shares[np.arange(600), guessed] += 0.7
    return labels, shares


@pytest.mark.slow
def test_intervals_of_few_records_hold_more_often_with_imagined_records(
    script: ModuleType,
) -> None:
    found = script.covered(*population(), size=40, trials=60, resamples=100, seed=1)
    assert set(found) == set(script.WAYS)
    assert set(found["BCa"]) == set(script.MEASURES)
    assert set(found["exact"]) == {"accuracy"}
    assert found["exact"]["accuracy"][0] >= 0.95
    for name in ("accuracy", "macro_f1", "roc_auc", "log_loss"):
        share, width = found["Bayesian with imagined records"][name]
        assert share >= 0.88, name
        assert share >= found["percentile"][name][0]
        assert width > 0


def test_errors_are_left_out_until_the_accuracy_is_reached(script: ModuleType) -> None:
    labels, shares = population()
    rows = script.sharpened(shares, labels, 0.98)
    right = shares[rows].argmax(axis=1) == labels[rows]
    assert right.mean() == pytest.approx(0.98, abs=0.002)
    # Every right record is kept.
    assert right.sum() == (shares.argmax(axis=1) == labels).sum()
