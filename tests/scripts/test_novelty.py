from __future__ import annotations

import importlib.util
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import logsumexp

from gi_classifier.model.activations import Activations

SCRIPTS = Path(__file__).parent.parent.parent / "scripts"
FAMILIES = SCRIPTS.parent / "data" / "out_of_distribution"


@pytest.fixture(scope="module")
def script() -> Iterator[ModuleType]:
    # As `python scripts/novelty.py` finds what lies beside it.
    sys.path.insert(0, str(SCRIPTS))
    spec = importlib.util.spec_from_file_location("novelty_script", SCRIPTS / "novelty.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # Its dataclasses look their module up.
    sys.modules["novelty_script"] = module
    spec.loader.exec_module(module)
    yield module
    sys.path.remove(str(SCRIPTS))


@pytest.fixture(scope="module")
def scores(script: ModuleType) -> ModuleType:
    return sys.modules["novelty_scores"]


def test_every_family_has_its_file_of_distinct_texts(script: ModuleType) -> None:
    written = {path.stem: path for path in FAMILIES.glob("*.txt")}
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
    scores: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = np.random.default_rng(0)
    fitted: list[set[float]] = []
    samples = {}
    families = [f"family{i}" for i in range(8)]
    for i, name in enumerate(["train", "val", "test", "dev/a", *families]):
        means = source.normal(size=(6, 1, 3)).astype(np.float32)
        means[..., 0] = i
        samples[name] = scores.Sample(Activations(means, means, []), means[:, 0], np.full(6, 5))

    class Model:
        def decision_function(self, vectors: np.ndarray) -> np.ndarray:
            return np.asarray(vectors[:, 0])

    def fit_logistic(vectors: np.ndarray, novel: np.ndarray, seed: int) -> Model:
        fitted.append(set(vectors[:, 0].tolist()))
        assert (novel == (vectors[:, 0] > 0)).all()
        return Model()

    monkeypatch.setattr(scores, "fit_logistic", fit_logistic)
    found = scores.logistic(samples, families, "mean before", 0, 0)
    assert sorted(name for left_out, _ in found for name in left_out) == families
    for (left_out, values), seen in zip(found, fitted, strict=True):
        assert set(values) == {"train", "val", "test", "dev/a", *left_out}
        assert not {float(values[name][0]) for name in left_out} & seen


def test_the_choice_of_a_score_never_sees_the_family_it_is_judged_on(script: ModuleType) -> None:
    def table(**auroc: float) -> object:
        return script.Measured(auroc, 0.0, 0.0)

    scores = {("a", ""): table(x=1.0, y=0.6, z=0.6), ("b", ""): table(x=0.0, y=0.9, z=0.9)}
    # Without x, b is best; without y or z, a is.
    assert script.chosen_without(scores, ["x", "y", "z"]) == pytest.approx((0 + 0.6 + 0.6) / 3)


def test_auroc_of_apart_and_of_equal_scores(script: ModuleType) -> None:
    assert script.auroc(np.array([0.1, 0.2]), np.array([0.9])) == 1
    assert script.auroc(np.ones(3), np.ones(3)) == 0.5


def test_class_means_pass_over_classes_without_records(scores: ModuleType) -> None:
    centres, rest = scores.class_means(np.array([[1.0], [3.0], [7.0]]), np.array([0, 0, 2]))
    np.testing.assert_allclose(centres, [[2], [7]])
    np.testing.assert_allclose(rest, [[-1], [1], [0]])


@given(st.lists(st.lists(st.floats(-500, 500), min_size=3, max_size=3), min_size=1, max_size=9))
def test_energy_is_minus_logsumexp(scores: ModuleType, logits: list[list[float]]) -> None:
    np.testing.assert_allclose(
        scores.energy(np.array(logits)), -logsumexp(np.array(logits), axis=1), rtol=1e-9, atol=1e-9
    )


def test_softmax_score_of_sure_and_of_unsure_answers(scores: ModuleType) -> None:
    found = scores.one_less_max_softmax(np.array([[1.0, 0.0], [0.5, 0.5]]))
    np.testing.assert_allclose(found, [0, 0.5])


def test_active_share_counts_units_above_their_usual_level(scores: ModuleType) -> None:
    found = scores.active_share(
        np.array([[2.0, 0.0, 5.0, 1.0], [0, 0, 0, 0]]), np.array([1, 1, 1, 1])
    )
    np.testing.assert_allclose(found, [0.5, 0])


def test_logistic_regression_finds_texts_that_lie_apart(scores: ModuleType) -> None:
    source = np.random.default_rng(1)
    records, other = source.normal(size=(60, 4)), source.normal(3, 1, size=(12, 4))
    novel = np.repeat([0, 1], [60, 12])
    model = scores.fit_logistic(np.concatenate([records, other]), novel, seed=0)
    assert model.decision_function(other).min() > model.decision_function(records).mean()
    assert model.scoring == "neg_log_loss"
