from __future__ import annotations

import copy
import inspect
import pickle
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from random_models import random_directory
from rows_as_texts import EXEMPT, RowsAsTexts
from samples import estimator_parameters, made_up_records
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.metrics import accuracy_score
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.estimator_checks import check_estimator

from gi_classifier import GIClassifier
from gi_classifier.attribution.integrated_gradients import Explainer
from gi_classifier.data.records import Records
from gi_classifier.errors import InputError, LabelError, ModelError, RecordsError, SettingsError
from gi_classifier.files import to_json
from gi_classifier.model.directory import ModelDirectory
from gi_classifier.model.predictor import Predictor
from gi_classifier.model.shipped import open_shipped
from gi_classifier.settings import AlbertConfig, Settings
from gi_classifier.text import Vocabulary

pytestmark = pytest.mark.slow  # models are built and trained

TEXTS, LABELS = map(list, zip(*made_up_records(), strict=True))


@pytest.fixture(scope="module")
def unfitted(base: Path, settings: Settings) -> GIClassifier:
    return GIClassifier(base=base, **estimator_parameters(replace(settings, epochs=2)))


@pytest.fixture(scope="module")
def fitted(unfitted: GIClassifier) -> GIClassifier:
    return clone(unfitted).fit(TEXTS, LABELS)


def test_parameters_are_base_and_the_settings_with_their_defaults() -> None:
    parameters = {
        name: parameter.default
        for name, parameter in inspect.signature(GIClassifier).parameters.items()
    }
    defaults = {field.name: field.default for field in fields(Settings)}
    assert parameters.pop("base") is None
    assert parameters.pop("threads") is None
    assert parameters.pop("random_state") == defaults.pop("seed")
    # By the labels: their number, and whether 0 is the background.
    del defaults["num_classes"]
    assert defaults.pop("window_rule") == "evidence"
    assert parameters.pop("window_rule") is None
    assert parameters == defaults


def test_clone_has_equal_parameters_and_is_not_fitted(fitted: GIClassifier) -> None:
    copy = clone(fitted)
    assert copy.get_params() == fitted.get_params()
    assert not hasattr(copy, "directory_")


def test_an_unknown_parameter_is_an_error(unfitted: GIClassifier) -> None:
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


def _joblib(model: GIClassifier, path: Path) -> GIClassifier:
    joblib.dump(model, path)
    return joblib.load(path)


@pytest.mark.parametrize(
    "copied",
    [
        lambda model, _: pickle.loads(pickle.dumps(model)),
        lambda model, _: copy.deepcopy(model),
        lambda model, folder: _joblib(model, folder / "model.joblib"),
    ],
    ids=["pickle", "deepcopy", "joblib"],
)
def test_a_copy_gives_the_same_output_and_holds_no_more_than_the_files(
    fitted: GIClassifier, unfitted: GIClassifier, tmp_path: Path, copied: Callable
) -> None:
    fitted.explain(TEXTS[:1])
    fitted.predict(TEXTS[:1], min_confidence=0.5)
    again = copied(fitted, tmp_path)
    assert set(vars(vars(again)["_opened"]).values()) == {None}
    np.testing.assert_array_equal(again.predict_proba(TEXTS), fitted.predict_proba(TEXTS))
    size = sum(map(len, fitted.directory_.files.values()))
    assert len(pickle.dumps(fitted)) < size + 20_000
    assert copied(unfitted, tmp_path).get_params() == unfitted.get_params()


def test_more_than_512_texts_are_read(fitted: GIClassifier) -> None:
    texts = [f"{text}{i}" for i, text in enumerate(TEXTS * 5)]
    assert fitted.predict(texts).shape == (600,)


@pytest.fixture
def untrained(
    monkeypatch: pytest.MonkeyPatch,
    config: AlbertConfig,
    vocabulary: Vocabulary,
    settings: Settings,
) -> None:
    """Fitting takes no time: every model has random weights, one for each number of classes."""

    def trained(
        self: GIClassifier, splits: dict[str, Records], settings: Settings, unlabelled: object
    ) -> ModelDirectory:
        count = settings.num_classes
        if count not in _random:
            plain = replace(settings, label_names=None, class_weight=None)
            _random[count] = random_directory(config, vocabulary, plain)[1]
        counts = {name: np.bincount(part.labels).tolist() for name, part in splits.items()}
        files = {**_random[count].files, "settings.json": to_json(settings.to_dict())}
        return ModelDirectory(files, {"training": {"records": counts}})

    monkeypatch.setattr(GIClassifier, "_trained", trained)


_random: dict[int, ModelDirectory] = {}


@pytest.mark.slow
def test_cross_validation_works_in_processes_of_their_own(unfitted: GIClassifier) -> None:
    model = clone(unfitted).set_params(epochs=1)
    words = np.array(["心内科", "呼吸科", "消化科"])[LABELS]
    scores = cross_val_score(model, TEXTS, words, cv=2, n_jobs=2, error_score="raise")
    assert ((scores >= 0) & (scores <= 1)).all()


@pytest.mark.slow
@pytest.mark.usefixtures("untrained")
def test_a_grid_search_works(unfitted: GIClassifier) -> None:
    search = GridSearchCV(clone(unfitted), {"learning_rate": [0.02, 0.03]}, error_score="raise")
    search.fit(TEXTS, np.array(["心内科", "呼吸科", "消化科"])[LABELS])
    assert search.predict(TEXTS[:3]).dtype.kind == "U"


class OfNumbers(RowsAsTexts, GIClassifier):
    """Takes scikit-learn's tables of numbers."""

    def decision_function(self, X: Any) -> np.ndarray:  # noqa: N803
        return super().decision_function(self._read(X))


@pytest.mark.slow
@pytest.mark.usefixtures("untrained")
def test_it_keeps_the_conventions_of_scikit_learn(unfitted: GIClassifier) -> None:
    model = OfNumbers(**unfitted.get_params())
    check_estimator(model, on_skip=None, expected_failed_checks=EXEMPT)


@pytest.mark.slow
def test_strings_come_back_as_given_from_a_saved_model_too(
    unfitted: GIClassifier, tmp_path: Path
) -> None:
    words = np.array(["消化科", "心内科", "呼吸科"])[LABELS]
    model = clone(unfitted).set_params(
        window_rule=None, epochs=10, class_weight={"心内科": np.int64(2)}
    )
    model.fit(X=TEXTS, y=words.tolist())
    assert model.classes_.tolist() == sorted(set(words))
    assert model.settings.names == ("呼吸科", "心内科", "消化科")
    assert model.settings.class_weight == (1.0, 2.0, 1.0)
    # Of a user's own labels none is the background.
    assert model.settings.window_rule == "mean"
    found = model.predict(TEXTS)
    assert found.dtype.kind == "U"
    assert model.score(TEXTS, words) == (found == words).mean() > 0.6
    assert model.explain(TEXTS[:1], "心内科")[0].label_name == "心内科"
    assert set(model.predict(TEXTS, label="心内科", threshold=0.0)) == {"心内科"}
    loaded = GIClassifier.load(model.save(tmp_path / "model"))
    assert loaded.predict(TEXTS).tolist() == found.tolist()
    assert loaded.get_params() == {**model.get_params(), "base": tmp_path / "model"} | {
        "class_weight": {"呼吸科": 1.0, "心内科": 2.0, "消化科": 1.0},
        "window_rule": "mean",
    }


@pytest.mark.usefixtures("untrained")
def test_whole_numbers_in_float32_come_back_so_and_0_stays_the_background(
    unfitted: GIClassifier,
) -> None:
    model = clone(unfitted).set_params(window_rule=None).fit(TEXTS, np.array(LABELS, np.float32))
    assert model.classes_.dtype == model.predict(TEXTS[:2]).dtype == np.float32
    assert model.settings.window_rule == "evidence"
    assert model.settings.names[1] == "upper 上消化道"


def test_only_options_that_allow_no_answer_give_objects(fitted: GIClassifier) -> None:
    assert fitted.predict(TEXTS[:3], prior=[0.2, 0.3, 0.5]).dtype.kind == "i"
    assert fitted.predict(TEXTS[:3], label="upper", threshold=0.5).dtype.kind == "i"
    found = fitted.predict(TEXTS[:3], min_confidence=1.0)
    assert found.dtype == object
    assert found.tolist() == [None, None, None]


def test_a_wrong_label_is_one_kind_of_error_everywhere(fitted: GIClassifier) -> None:
    for call in (
        lambda: fitted.predict(TEXTS[:1], label="heart", threshold=0.5),
        lambda: fitted.explain(TEXTS[:1], 7),
        lambda: fitted.explain(TEXTS[:2], [1, "heart"]),
    ):
        with pytest.raises(LabelError, match="No such label"):
            call()


def test_numbered_labels_may_be_scored_by_name(fitted: GIClassifier) -> None:
    labels = fitted.predict(TEXTS[:6])
    names = [fitted.directory_.settings.names[label].split()[-1] for label in labels]
    assert fitted.score(TEXTS[:6], names) == fitted.score(TEXTS[:6], labels) == 1
    with pytest.raises(LabelError, match=r"(?s)1 of 6 labels are none of .*position 5") as caught:
        fitted.score(TEXTS[:6], [*names[:5], "张三"])
    assert "张三" not in str(caught.value)


@pytest.mark.parametrize(
    "random_state", [None, np.random.RandomState(3), np.random.default_rng(3), np.int64(3)]
)
def test_random_state_is_what_scikit_learn_takes(
    unfitted: GIClassifier, monkeypatch: pytest.MonkeyPatch, random_state: object
) -> None:
    seen: list[Settings] = []

    def stop(self: GIClassifier, splits: object, settings: Settings, unlabelled: object) -> None:
        seen.append(settings)
        raise RecordsError("enough")

    monkeypatch.setattr(GIClassifier, "_trained", stop)
    with pytest.raises(RecordsError, match="enough"):
        clone(unfitted).set_params(random_state=random_state).fit(TEXTS, LABELS)
    assert isinstance(seen[0].seed, int)


@pytest.mark.usefixtures("untrained")
def test_pipeline_works(unfitted: GIClassifier) -> None:
    def strip(texts: list[str]) -> list[str]:
        return [text.strip() for text in texts]

    pipeline = make_pipeline(FunctionTransformer(strip), clone(unfitted))
    assert pipeline.fit(TEXTS, LABELS).predict(TEXTS[:4]).shape == (4,)


@pytest.mark.usefixtures("untrained")
def test_given_validation_records_are_used(unfitted: GIClassifier) -> None:
    model = clone(unfitted).set_params(epochs=1)
    model.fit(TEXTS[:90], LABELS[:90], validation=(TEXTS[90:], LABELS[90:]))
    assert model.directory_.metadata["training"]["records"]["val"] == [10, 10, 10]


def test_not_fitted_says_which_call_to_make(unfitted: GIClassifier) -> None:
    with pytest.raises(NotFittedError, match=r"Call fit\(X, y\), or\s+GIClassifier.load"):
        clone(unfitted).predict(TEXTS)


@pytest.mark.parametrize(
    ("texts", "labels", "kind", "message"),
    [
        ([], [], RecordsError, "There is no record"),
        (TEXTS, LABELS[:-1], RecordsError, "120 texts but 119 labels"),
        (
            TEXTS,
            [*LABELS[:-2], 0.5, None],
            LabelError,
            "(?s)position 118: a number.*119: a missing",
        ),
        (TEXTS, [*LABELS[:-1], "1"], LabelError, "one kind. Received: 119 whole numbers, 1 words"),
        ([*TEXTS[:-1], ""], LABELS, InputError, "position 119: an empty text"),
        (TEXTS, [1] * 120, RecordsError, "two classes or more. Received: one"),
        (["胃癌", "骨折", "肠癌"], [1, 0, 2], RecordsError, "too few records to hold some out"),
    ],
)
def test_unfit_records_are_refused(
    unfitted: GIClassifier, texts: list, labels: list, kind: type, message: str
) -> None:
    with pytest.raises(kind, match=message):
        clone(unfitted).fit(texts, labels)


def test_numbers_of_labels_in_an_error_are_explained(unfitted: GIClassifier) -> None:
    with pytest.raises(RecordsError, match=r"two labels.*\(labels are numbered from 0") as caught:
        clone(unfitted).fit([*TEXTS, TEXTS[0]], [*(f"科{y}" for y in LABELS), "科1"])
    assert "positions 0 and 120: one text, labels 0 and 1" in str(caught.value)


def test_a_label_that_only_the_validation_records_have_is_an_error(unfitted: GIClassifier) -> None:
    with pytest.raises(LabelError, match=r"validation records: 1 of 2 labels.*\n  position 1"):
        clone(unfitted).fit(TEXTS[:90], LABELS[:90], validation=(TEXTS[90:92], [0, 3]))


def test_unfit_settings_are_refused_when_fitting(unfitted: GIClassifier) -> None:
    with pytest.raises(SettingsError, match=r"epochs must be.*Received: 0"):
        clone(unfitted).set_params(epochs=0).fit(TEXTS, LABELS)
    with pytest.raises(SettingsError, match="random_state must be an integer.*Received: -1"):
        clone(unfitted).set_params(random_state=-1).fit(TEXTS, LABELS)


def test_window_longer_than_the_encoder_reads_is_refused(unfitted: GIClassifier) -> None:
    with pytest.raises(ModelError, match="at most 64 tokens at once. Received: maxlen=200"):
        clone(unfitted).set_params(maxlen=200).fit(TEXTS, LABELS)


def test_the_model_that_ships_is_opened_once_for_functions_and_estimators() -> None:
    first, second = GIClassifier.load(), GIClassifier.load()
    for model in (first, second):
        model.explain(["胃溃疡"])
    opened = vars(first)["_opened"]
    assert opened.predictor is open_shipped(Predictor.from_directory)
    assert opened.explainer is open_shipped(Explainer)
    assert vars(second)["_opened"].explainer is opened.explainer


def test_members_and_threads_may_be_chosen_when_a_model_is_loaded() -> None:
    plain, chosen = GIClassifier.load(), GIClassifier.load(use="albert", threads=1)
    assert (chosen.use, chosen.threads) == ("albert", 1)
    copied = pickle.loads(pickle.dumps(chosen))
    for model in (chosen, copied):
        found = model.predict_proba(["胃窦糜烂", "直肠息肉"]).argmax(axis=1)
        assert found.tolist() == plain.predict(["胃窦糜烂", "直肠息肉"]).tolist()
        assert not model.explain(["胃窦糜烂"])[0].linear.any()
    with pytest.raises(SettingsError, match="threads must be an integer"):
        GIClassifier.load(threads=0)
