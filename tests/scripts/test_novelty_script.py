from __future__ import annotations

import importlib.util
import random
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from gi_classifier.model.activations import Activations

SCRIPTS = Path(__file__).parent.parent.parent / "scripts"
OUTSIDERS = SCRIPTS.parent / "data" / "outsiders"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("novelty_script", SCRIPTS / "novelty.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # Its dataclasses look their module up.
    sys.modules["novelty_script"] = module
    spec.loader.exec_module(module)
    return module


def test_every_family_has_its_file_of_distinct_texts(script: ModuleType) -> None:
    written = {path.stem: path for path in OUTSIDERS.glob("*.txt")}
    assert set(written) == {*script.FAR, *script.NEAR} - set(script.GENERATED)
    for path in written.values():
        texts = path.read_text(encoding="utf-8").splitlines()
        assert 20 <= len(texts) == len(set(texts)) <= 60
        assert all(text.strip() for text in texts)


def test_generated_families_come_from_the_seed_and_are_distinct(script: ModuleType) -> None:
    records = [f"患者{i}，胃窦黏膜充血水肿，未见溃疡。" for i in range(40)]
    first = script.generated(records, 30, random.Random(1))
    assert first == script.generated(records, 30, random.Random(1))
    assert first != script.generated(records, 30, random.Random(2))
    assert set(first) == set(script.GENERATED)
    assert all(len(set(texts)) > 20 for texts in first.values())
    for text in first["shuffled"]:
        assert sorted(text) in [sorted(record) for record in records]
        assert text not in records


def test_logistic_regression_never_scores_a_family_it_was_fitted_on(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = np.random.default_rng(0)
    fitted: list[set[float]] = []
    samples = {}
    families = [f"family{i}" for i in range(8)]
    for i, name in enumerate(["train", "val", "test", "dev/a", *families]):
        means = source.normal(size=(6, 1, 3)).astype(np.float32)
        means[..., 0] = i
        samples[name] = script.Sample(Activations(means, means, []), means[:, 0], np.full(6, 5))

    class Model:
        def decision_function(self, vectors: np.ndarray) -> np.ndarray:
            return np.asarray(vectors[:, 0])

    def fit_logistic(vectors: np.ndarray, novel: np.ndarray, seed: int) -> Model:
        fitted.append(set(vectors[:, 0].tolist()))
        assert (novel == (vectors[:, 0] > 0)).all()
        return Model()

    monkeypatch.setattr(script, "fit_logistic", fit_logistic)
    found = script.logistic(samples, families, "mean before", 0, 0)
    assert sorted(name for left_out, _ in found for name in left_out) == families
    for (left_out, scores), seen in zip(found, fitted, strict=True):
        assert set(scores) == {"train", "val", "test", "dev/a", *left_out}
        assert not {float(scores[name][0]) for name in left_out} & seen


def test_the_choice_of_a_score_never_sees_the_family_it_is_judged_on(script: ModuleType) -> None:
    def table(**auroc: float) -> object:
        return script.Measured(auroc, 0.0, 0.0)

    scores = {("a", ""): table(x=1.0, y=0.6, z=0.6), ("b", ""): table(x=0.0, y=0.9, z=0.9)}
    # Without x, b is best; without y or z, a is.
    assert script.chosen_without(scores, ["x", "y", "z"]) == pytest.approx((0 + 0.6 + 0.6) / 3)


def test_auroc_of_apart_and_of_equal_scores(script: ModuleType) -> None:
    assert script.auroc(np.array([0.1, 0.2]), np.array([0.9])) == 1
    assert script.auroc(np.ones(3), np.ones(3)) == 0.5
