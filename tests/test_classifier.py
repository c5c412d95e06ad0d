from __future__ import annotations

import dataclasses
import inspect
import pickle
from pathlib import Path

import numpy as np
import pytest
from samples import made_up_records
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.metrics import accuracy_score
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from gi_classifier import GIClassifier
from gi_classifier.errors import InputError, ModelError, RecordsError, SettingsError
from gi_classifier.settings import Settings

TEXTS, LABELS = map(list, zip(*made_up_records(), strict=True))


@pytest.fixture(scope="module")
def unfitted(base: Path, settings: Settings) -> GIClassifier:
    return GIClassifier(base=base, **dataclasses.replace(settings, epochs=2).to_dict())


@pytest.fixture(scope="module")
def fitted(unfitted: GIClassifier) -> GIClassifier:
    return clone(unfitted).fit(TEXTS, LABELS)


def test_parameters_are_base_and_all_settings_with_their_defaults() -> None:
    parameters = dict(inspect.signature(GIClassifier).parameters)
    assert parameters.pop("base").default is None
    defaults = {field.name: field.default for field in dataclasses.fields(Settings)}
    assert {name: parameter.default for name, parameter in parameters.items()} == defaults


def test_clone_has_equal_parameters_and_is_not_fitted(fitted: GIClassifier) -> None:
    copy = clone(fitted)
    assert copy.get_params() == fitted.get_params()
    assert not hasattr(copy, "directory_")


def test_set_params_changes_settings(unfitted: GIClassifier) -> None:
    assert clone(unfitted).set_params(epochs=9).settings.epochs == 9
    with pytest.raises(ValueError, match="Invalid parameter 'epoch'"):
        clone(unfitted).set_params(epoch=9)


def test_fit_returns_itself_and_knows_its_classes(fitted: GIClassifier) -> None:
    assert isinstance(fitted, GIClassifier)
    assert fitted.classes_.tolist() == [0, 1, 2]


def test_probabilities_and_labels_agree(fitted: GIClassifier) -> None:
    found = fitted.predict_proba(TEXTS)
    assert found.shape == (120, 3)
    np.testing.assert_allclose(found.sum(axis=1), 1)
    np.testing.assert_array_equal(fitted.predict(TEXTS), found.argmax(axis=1))
    assert fitted.score(TEXTS, LABELS) == accuracy_score(LABELS, fitted.predict(TEXTS))


def test_saved_and_loaded_gives_the_same_output(fitted: GIClassifier, tmp_path: Path) -> None:
    loaded = GIClassifier.load(fitted.save(tmp_path / "model"))
    np.testing.assert_allclose(loaded.predict_proba(TEXTS), fitted.predict_proba(TEXTS), atol=1e-6)
    assert loaded.settings == fitted.settings


def test_pickled_gives_the_same_output(fitted: GIClassifier) -> None:
    copy = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_allclose(copy.predict_proba(TEXTS), fitted.predict_proba(TEXTS), atol=1e-6)


def test_more_than_512_texts_are_read(fitted: GIClassifier) -> None:
    texts = [f"{text}{i}" for i, text in enumerate(TEXTS * 5)]
    assert fitted.predict(texts).shape == (600,)


@pytest.mark.slow
def test_cross_validation_works(unfitted: GIClassifier) -> None:
    scores = cross_val_score(clone(unfitted).set_params(epochs=1), TEXTS, LABELS, cv=2)
    assert scores.shape == (2,)
    assert ((scores >= 0) & (scores <= 1)).all()


def test_pipeline_works(unfitted: GIClassifier) -> None:
    def strip(texts: list[str]) -> list[str]:
        return [text.strip() for text in texts]

    pipeline = make_pipeline(FunctionTransformer(strip), clone(unfitted).set_params(epochs=1))
    assert pipeline.fit(TEXTS, LABELS).predict(TEXTS[:4]).shape == (4,)


def test_given_validation_records_are_used(unfitted: GIClassifier) -> None:
    model = clone(unfitted).set_params(epochs=1)
    model.fit(TEXTS[:90], LABELS[:90], validation=(TEXTS[90:], LABELS[90:]))
    assert model.directory_.metadata["training"]["records"]["val"] == [10, 10, 10]


def test_not_fitted_says_which_call_to_make(unfitted: GIClassifier) -> None:
    with pytest.raises(NotFittedError, match=r"Call fit\(texts, labels\), or\s+GIClassifier.load"):
        clone(unfitted).predict(TEXTS)


@pytest.mark.parametrize(
    ("texts", "labels", "kind", "message"),
    [
        ([], [], RecordsError, "There is no record"),
        (TEXTS, LABELS[:-1], RecordsError, "120 texts but 119 labels"),
        (TEXTS, [*LABELS[:-2], 3, "1"], RecordsError, r"(?s)position 118: label 3.*119: label '1'"),
        ([*TEXTS[:-1], ""], LABELS, InputError, "position 119: an empty text"),
        (TEXTS, [min(y, 1) for y in LABELS], RecordsError, "no training record has label 2"),
        (["胃癌", "骨折", "肠癌"], [1, 0, 2], RecordsError, "too few records to hold some out"),
    ],
)
def test_unfit_records_are_refused(
    unfitted: GIClassifier, texts: list, labels: list, kind: type, message: str
) -> None:
    with pytest.raises(kind, match=message):
        clone(unfitted).fit(texts, labels)


def test_unfit_settings_are_refused_when_fitting(unfitted: GIClassifier) -> None:
    with pytest.raises(SettingsError, match=r"epochs must be.*Received: 0"):
        clone(unfitted).set_params(epochs=0).fit(TEXTS, LABELS)


def test_window_longer_than_the_encoder_reads_is_refused(unfitted: GIClassifier) -> None:
    with pytest.raises(ModelError, match="at most 64 tokens at once. Received: maxlen=200"):
        clone(unfitted).set_params(maxlen=200).fit(TEXTS, LABELS)
