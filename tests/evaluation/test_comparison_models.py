from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import clone

from gi_classifier.evaluation.comparison_models import (
    KNOWN,
    CappedSVD,
    KeywordRule,
    SourceNetwork,
    comparison_models,
)
from gi_classifier.metrics.baselines import keyword_rule


def test_tfidf_knows_only_the_characters_it_was_fitted_on() -> None:
    model = next(model for model in comparison_models(["tfidf"]) if model.name == "logistic-l2-1")
    model = model.make().fit(["胃癌", "肠癌"], [0, 1])
    assert "肺" not in model[0].vocabulary_
    assert model.predict(["肺"]).shape == (1,)


def test_the_models_of_the_source_are_all_there() -> None:
    names = [model.name for model in comparison_models(["tfidf"])]
    assert set(names) | {"rule", "albert"} == set(KNOWN)
    assert len(names) == 4 + 3 + 8 + 2 + 1 + 4 + 1
    assert len({model.key for model in comparison_models()}) == 2 * len(names)
    linear = {model.name for model in comparison_models() if model.linear}
    assert linear == {name for name in names if "logistic" in name} | {"svc-linear"}


def test_the_keyword_rule_is_that_of_the_baselines() -> None:
    texts = ["胃镜见溃疡", "肠镜见息肉", "骨折"]
    model = KeywordRule().fit(texts, np.arange(3))
    assert np.array_equal(model.predict_proba(texts), keyword_rule(texts))
    assert model.predict(texts).tolist() == [1, 2, 0]
    assert KeywordRule(2).fit(texts, np.array([0, 1, 0])).predict(texts).tolist() == [0, 1, 0]


def test_l1_leaves_out_features_that_l2_keeps() -> None:
    source = np.random.default_rng(0)
    features, labels = source.normal(size=(90, 10)), np.arange(90) % 3
    features[:, 0] += 3 * labels
    found = {model.name: model.make() for model in comparison_models(["embedding"])}
    sparse = found["logistic-l1-0.1"].fit(features, labels)[-1]
    weights = np.concatenate([part.coef_ for part in sparse.estimators_])
    assert (weights == 0).mean() > 0.5
    assert (found["logistic-l2-0.1"].fit(features, labels)[-1].coef_ != 0).all()


def test_svd_takes_what_components_there_are() -> None:
    matrix = np.random.default_rng(0).normal(size=(6, 4))
    assert clone(CappedSVD(3, random_state=7)).get_params()["random_state"] == 7
    assert CappedSVD(3).fit_transform(matrix).shape == (6, 3)
    assert CappedSVD(256).fit_transform(matrix).shape == (6, 4)
    assert CappedSVD(256).fit_transform(matrix.T).shape == (4, 4)


@pytest.mark.slow
@pytest.mark.parametrize("classes", [2, 3])
def test_the_network_of_the_source_has_its_layers_and_learns(classes: int) -> None:
    source = np.random.default_rng(0)
    labels = np.arange(120) % classes
    features = source.normal(size=(120, 5))
    features[:, 0] += 4 * labels
    model = SourceNetwork(random_state=3).fit(features, labels + 7)
    kinds = [type(layer).__name__ for layer in model.model_.layers]
    assert kinds == [*["Dense", "Dense", "BatchNormalization"] * 4, *["Dense"] * 7]
    units = [layer.units for layer in model.model_.layers if hasattr(layer, "units")]
    expected = [256, 256, 128, 128, 64, 64, 32, 32, *[16] * 6, 1 if classes == 2 else classes]
    assert units == expected
    found = model.predict_proba(features)
    assert found.shape == (120, classes)
    assert found.sum(axis=1) == pytest.approx(np.ones(120), abs=1e-5)
    assert (model.predict(features) == labels + 7).mean() > 0.8
