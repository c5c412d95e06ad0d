"""The head: its gradients, its conventions, its file, and texts to a user's own labels."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from rows_as_texts import EXEMPT, RowsAsTexts
from samples import made_up_records
from scipy.optimize import approx_fprime
from sklearn.base import clone
from sklearn.metrics import f1_score
from sklearn.model_selection import cross_val_score
from sklearn.utils.estimator_checks import check_estimator

import gi_classifier
from gi_classifier.errors import (
    InputError,
    LabelError,
    MissingPathError,
    ModelError,
    OutputExistsError,
    RecordsError,
    SettingsError,
)
from gi_classifier.heads.head_classifier import HeadClassifier
from gi_classifier.heads.network import (
    Parameters,
    initial_parameters,
    learning_rates,
    loss_and_gradients,
)
from gi_classifier.heads.text_head import TextHead
from gi_classifier.model.directory import ModelDirectory, load, save


def _blobs(count: int = 90, classes: int = 3, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    source = np.random.default_rng(seed)
    codes = np.arange(count) % classes
    return source.standard_normal((count, 4)) + 3 * np.eye(classes, 4)[codes], codes


def test_the_gradients_are_those_of_finite_differences() -> None:
    source = np.random.default_rng(1)
    features, codes = source.standard_normal((7, 3)), np.array([0, 1, 2, 0, 1, 2, 2])
    weights = source.uniform(0.5, 2, 7)
    drawn = initial_parameters(3, 5, 3, seed=2)
    parameters = Parameters(*(p + 0.1 * source.standard_normal(p.shape) for p in drawn))
    ends = np.cumsum([p.size for p in parameters])[:-1]

    def shaped(flat: np.ndarray) -> Parameters:
        parts = zip(np.split(flat, ends), parameters, strict=True)
        return Parameters(*(part.reshape(p.shape) for part, p in parts))

    flat = np.concatenate([p.ravel() for p in parameters])
    _, gradients = loss_and_gradients(parameters, features, codes, weights)
    numeric = approx_fprime(
        flat, lambda x: loss_and_gradients(shaped(x), features, codes, weights)[0], 1e-7
    )
    np.testing.assert_allclose(np.concatenate([g.ravel() for g in gradients]), numeric, atol=1e-6)


def test_the_rate_falls_along_a_cosine_and_begins_anew_in_cycles_that_double() -> None:
    rates = learning_rates(0.1, 10, 3)
    found = np.array([next(rates) for _ in range(91)])
    np.testing.assert_allclose(found[[0, 15, 30, 60, 90]], [0.1, 0.05, 0.1, 0.05, 0.1])
    assert (np.diff(found[:30]) < 0).all()


@pytest.mark.slow
def test_it_keeps_the_conventions_of_scikit_learn() -> None:
    check_estimator(
        HeadClassifier(),
        on_skip=None,
        expected_failed_checks={
            "check_class_weight_classifiers": "the check gives the positive class of two a weight "
            "of nearly 0, while training stops by the F1 of that class"
        },
    )


class OfNumbers(RowsAsTexts, TextHead):
    """Takes scikit-learn's tables of numbers."""


@pytest.mark.slow
def test_a_head_on_texts_keeps_the_conventions_of_scikit_learn(trained: Path) -> None:
    model = OfNumbers(trained, head=HeadClassifier(epochs=2))
    check_estimator(model, on_skip=None, expected_failed_checks=EXEMPT)


def test_text_in_the_place_of_numbers_is_named_by_its_position() -> None:
    with pytest.raises(InputError, match="numbers") as caught:
        HeadClassifier().fit(np.array([[1.0, "胃"], [b"a", 2.0]], dtype=object), [1, 2])
    assert caught.value.problems == ["position 0, 1: str", "position 1, 0: bytes"]
    features, codes = _blobs()
    model = HeadClassifier(epochs=1).fit(features, codes)
    with pytest.raises(InputError, match="TextHead takes texts"):
        model.predict(["胃溃疡"])


@pytest.mark.parametrize("names", [["a", "b", "胃"], [3, 1, 7], [1.0, 3.0, 2.0]])
def test_it_learns_labels_of_any_kind_and_gives_them_back(names: list) -> None:
    features, codes = _blobs()
    labels = np.array(names)[codes]
    found = HeadClassifier().fit(features, labels)
    assert found.classes_.tolist() == sorted(names)
    assert (found.predict(features) == labels).mean() > 0.9
    probabilities = found.predict_proba(features)
    assert probabilities.dtype == np.float64
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)


def test_the_same_seed_gives_the_same_weights_and_another_seed_others() -> None:
    features, codes = _blobs()
    first, again, other = (
        HeadClassifier(epochs=3, random_state=seed).fit(features, codes).layers_
        for seed in (0, 0, 1)
    )
    assert all((a == b).all() for a, b in zip(first, again, strict=True))
    assert (first[0] != other[0]).any()


def test_the_best_epoch_by_validation_f1_is_kept_and_patience_ends_the_training() -> None:
    features, codes = _blobs(60)
    noise = np.random.default_rng(0).integers(0, 3, 60)
    held = (features[:30], noise[:30])
    found = HeadClassifier(patience=5).fit(features[30:], codes[30:], validation=held)
    f1 = [epoch["validation_f1"] for epoch in found.history_]
    assert max(f1) == f1[found.best_epoch_ - 1]
    assert len(f1) == f1.index(max(f1)) + 1 + 5
    kept = f1_score(held[1], found.predict(held[0]), average="macro", zero_division=0)
    assert kept == pytest.approx(max(f1), abs=1e-12)


@pytest.mark.parametrize(("positive", "place"), [(None, 1), ("a", 0), ("b", 1)])
def test_of_two_classes_the_f1_of_the_positive_one_is_judged(
    positive: str | None, place: int
) -> None:
    features, codes = _blobs(40, 2)
    labels, held = np.array(["a", "b"])[codes], np.array(["a", "b"])[codes[::-1]]
    found = HeadClassifier(positive=positive, epochs=2)
    found.fit(features, labels, validation=(features, held))
    scores = f1_score(held, found.predict(features), average=None, labels=["a", "b"])
    judged = found.history_[found.best_epoch_ - 1]["validation_f1"]
    assert judged == pytest.approx(scores[place], abs=1e-12)


def test_balanced_weights_raise_the_recall_of_a_rare_class() -> None:
    source = np.random.default_rng(0)
    codes = (np.arange(400) % 20 == 0).astype(int)
    features = source.standard_normal((400, 3)) + codes[:, None]
    held = (features[:1], codes[:1])
    plain, balanced = (
        HeadClassifier(class_weight=weight, epochs=10).fit(features, codes, held)
        for weight in (None, "balanced")
    )
    found = [model.predict(features)[codes == 1].mean() for model in (plain, balanced)]
    assert found[1] > found[0] + 0.3


def test_records_of_one_group_are_held_out_together() -> None:
    codes = _blobs(60)[1]
    groups = np.arange(60) // 6
    held = HeadClassifier()
    held.classes_ = np.unique(codes)
    chosen = held._held_out(codes, groups, 0)
    assert 0 < chosen.sum() < 60
    assert not set(groups[chosen]) & set(groups[~chosen])


def test_scaling_and_batch_norm_are_folded_so_that_units_do_not_matter() -> None:
    features, codes = _blobs()
    found = HeadClassifier(epochs=20).fit(features, codes)
    other = HeadClassifier(epochs=20).fit(features * [1e-6, 1, 1e3, 1] + 50, codes)
    np.testing.assert_allclose(
        found.predict_proba(features),
        other.predict_proba(features * [1e-6, 1, 1e3, 1] + 50),
        atol=1e-2,
    )


def test_a_constant_feature_and_two_records_a_class_are_enough() -> None:
    features = np.array([[0, 1.0], [1, 1.0], [0.1, 1.0], [0.9, 1.0]])
    found = HeadClassifier(patience=5).fit(features, [0, 1, 0, 1])
    assert np.isfinite(found.predict_proba(features)).all()


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (["a"] * 4, "two classes or more. Received: one class only"),
        (["a", "a", "a", "b"], r"1 of 2 classes have one:\n  that of position 3"),
    ],
)
def test_too_few_classes_or_records_are_an_error_that_says_so(
    labels: list[str], message: str
) -> None:
    with pytest.raises(RecordsError, match=message):
        HeadClassifier().fit(np.eye(4), np.array(labels))


def test_parameters_out_of_range_are_named_all_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        HeadClassifier(hidden=0, patience=1.5, learning_rate=0, weight_decay=-1).fit(*_blobs())
    assert len(caught.value.problems) == 4
    assert len(caught.value.problems) == 4
    with pytest.raises(SettingsError, match=r"class_weight\[1\] must be a number in \(0, inf\]"):
        HeadClassifier(class_weight={1: -1}).fit(*_blobs())


def test_a_wrong_label_is_one_kind_of_error_everywhere() -> None:
    features, codes = _blobs()
    with pytest.raises(LabelError, match="No such label"):
        HeadClassifier(positive="x").fit(features, codes)
    with pytest.raises(LabelError, match="class_weight has 1 labels that no training record has"):
        HeadClassifier(class_weight={7: 2.0}).fit(features, codes)
    with pytest.raises(LabelError, match=r"(?s)1 of 2 labels are none of the 3.*position 1"):
        HeadClassifier().fit(features, codes, validation=(features[:2], [0, 5]))
    with pytest.raises(LabelError, match="position 1: a missing label"):
        HeadClassifier().fit(features[:2], ["a", None])


@pytest.mark.parametrize(
    "names", [["a", "胃"], [True, False], [4, 2], np.array(["x", "y"], object)]
)
@pytest.mark.parametrize("weight", [None, "balanced", "mapping"])
def test_a_saved_head_predicts_the_same_and_is_not_pickled(
    tmp_path: Path, names: list, weight: str | None
) -> None:
    features, codes = _blobs(40, 2)
    labels = np.array(names)[codes]
    chosen = {labels[0]: 2.0, labels[1]: 1.0} if weight == "mapping" else weight
    found = HeadClassifier(epochs=2, class_weight=chosen, positive=labels[0])
    found.fit(features, labels)
    back = HeadClassifier.load(found.save(tmp_path / "head.npz"))
    assert back.predict(features).tolist() == found.predict(features).tolist()
    assert (back.predict_proba(features) == found.predict_proba(features)).all()
    assert back.get_params() == found.get_params()
    with np.load(tmp_path / "head.npz", allow_pickle=False) as file:
        assert all(not file[name].dtype.hasobject for name in file)
    with pytest.raises(OutputExistsError, match="exists"):
        found.save(tmp_path / "head.npz")


def test_a_file_that_is_no_head_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "head.npz"
    with pytest.raises(MissingPathError, match="No head at"):
        HeadClassifier.load(path)
    path.write_bytes(b"PK\x03\x04")
    with pytest.raises(ModelError, match="is no head"):
        HeadClassifier.load(path)
    np.savez(path, x=1)
    with pytest.raises(ModelError, match="is no head"):
        HeadClassifier.load(path)
    HeadClassifier(epochs=1).fit(*_blobs()).save(path, force=True)
    with np.load(path) as file:
        stored = dict(file)
    np.savez(path, **{**stored, "classes": stored["classes"][:2]})
    with pytest.raises(ModelError, match="is no head"):
        HeadClassifier.load(path)
    np.savez(path, **{**stored, "format": 9})
    with pytest.raises(ModelError, match="is of format 9"):
        HeadClassifier.load(path)


def test_a_head_of_version_0_1_0_is_read(tmp_path: Path) -> None:
    # Written as 0.1.0 wrote it: names of its parameters, a mapping as a list, no origin.
    features, codes = _blobs(40, 2)
    now = HeadClassifier(epochs=2, random_state=7).fit(features, np.array(["a", "胃"])[codes])
    settings = {
        "hidden": 138,
        "learning_rate": 1e-3,
        "weight_decay": 1e-2,
        "batch_size": 32,
        "first_cycle": 10,
        "max_epochs": 2,
        "patience": 40,
        "positive": 1,
        "seed": 7,
        "class_weight": [1.0, 2.0],
    }
    np.savez(
        tmp_path / "old.npz",
        format=1,
        settings=json.dumps(settings),
        trained_on="means 0123abcd",
        classes=now.classes_,
        **{f"layer_{i}": layer for i, layer in enumerate(now.layers_)},
    )
    old = HeadClassifier.load(tmp_path / "old.npz")
    assert (old.epochs, old.random_state, old.positive) == (2, 7, "胃")
    assert old.class_weight == {"a": 1.0, "胃": 2.0}
    assert old.trained_on_ == "means 0123abcd"
    assert (old.predict_proba(features) == now.predict_proba(features)).all()
    assert HeadClassifier.load(old.save(tmp_path / "new.npz")).get_params() == old.get_params()


def test_a_head_says_what_it_was_made_with(trained: Path, tmp_path: Path) -> None:
    texts, labels = zip(*made_up_records(30), strict=True)
    head = TextHead(trained, head=HeadClassifier(epochs=1), random_state=np.int64(5))
    head.fit(texts, labels).save(tmp_path / "head.npz")
    with np.load(tmp_path / "head.npz", allow_pickle=False) as file:
        origin = json.loads(str(file["origin"]))
    assert origin["library"] == f"gi_classifier {gi_classifier.__version__}"
    assert origin["model"] == load(trained).encoder_digest
    assert origin["settings"]["epochs"] == 1
    assert origin["settings"]["random_state"] == 5


@pytest.mark.parametrize("state", [None, np.random.RandomState(1), np.random.default_rng(1)])
def test_random_state_is_what_scikit_learn_takes(tmp_path: Path, state: object) -> None:
    head = HeadClassifier(epochs=1, random_state=state).fit(*_blobs())
    assert HeadClassifier.load(head.save(tmp_path / "head.npz")).random_state is None


@pytest.mark.parametrize("features", ["means", "cls"])
def test_texts_get_a_users_own_labels_and_the_head_comes_back_from_its_file(
    trained: Path, tmp_path: Path, features: str
) -> None:
    rows = made_up_records()
    texts, labels = [text for text, _ in rows], [("肺", "胃", "肠")[label] for _, label in rows]
    found = TextHead(trained, features=features, head=HeadClassifier(learning_rate=1e-2))
    found.fit(texts, labels)
    assert (found.predict(texts) == np.array(labels)).mean() > 0.6
    found.save(tmp_path / "head.npz")
    back = TextHead.load(tmp_path / "head.npz", trained)
    assert (back.predict_proba(texts) == found.predict_proba(texts)).all()
    assert back.features == features
    again = pickle.loads(pickle.dumps(found))
    assert (again.predict(texts[:3]) == found.predict(texts[:3])).all()
    assert clone(found).get_params()["head__learning_rate"] == 1e-2


def test_a_head_is_not_used_on_another_models_features(trained: Path, tmp_path: Path) -> None:
    texts, labels = zip(*made_up_records(30), strict=True)
    head = TextHead(trained, head=HeadClassifier(epochs=1)).fit(texts, labels)
    head.save(tmp_path / "head.npz")
    directory = load(trained)
    other = ModelDirectory(
        {**directory.files, "model.h5": directory.files["model.h5"] + b"\0"}, directory.metadata
    )
    save(other, tmp_path / "other")
    with pytest.raises(ModelError, match="trained on the features of another model"):
        TextHead.load(tmp_path / "head.npz", tmp_path / "other")
    vectors = HeadClassifier(epochs=1).fit(*_blobs())
    vectors.save(tmp_path / "vectors.npz")
    with pytest.raises(ModelError, match=r"another model \(unknown, not"):
        TextHead.load(tmp_path / "vectors.npz", trained)


def test_bad_texts_and_features_are_named(trained: Path) -> None:
    with pytest.raises(InputError, match="position 1: an empty text"):
        TextHead(trained).fit(["胃", " "], [0, 1])
    with pytest.raises(SettingsError, match="features must be 'means' or 'cls'"):
        TextHead(trained, features="all").embed(["胃"])


def test_it_works_in_scikit_learns_cross_validation() -> None:
    features, codes = _blobs()
    assert cross_val_score(HeadClassifier(), features, codes, cv=3).mean() > 0.8


@pytest.mark.slow
def test_training_a_head_needs_no_tensorflow(trained: Path) -> None:
    code = (
        "import sys\n"
        "from gi_classifier import HeadClassifier, TextHead\n"
        f"TextHead({str(trained)!r}, head=HeadClassifier(epochs=1))"
        ".fit(list('胃肠肺心'), list('abab'))\n"
        "assert not {'tensorflow', 'tf_keras', 'matplotlib'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(("features", "columns"), [("means", 16), ("cls", 8)])
def test_no_text_has_no_vector(trained: Path, features: str, columns: int) -> None:
    assert TextHead(trained, features=features).embed([]).shape == (0, columns)


def test_another_model_or_other_features_are_opened_anew(trained: Path) -> None:
    head = TextHead(trained)
    assert head.embed(["胃"]).shape == (1, 16)
    assert head.set_params(features="cls").embed(["胃"]).shape == (1, 8)
    assert head.set_params(model=None).embed(["胃"]).shape == (1, 312)


def test_batches_of_one_record_are_refused_and_never_made() -> None:
    with pytest.raises(SettingsError, match="batch_size must be an integer of at least 2"):
        HeadClassifier(batch_size=1).fit(*_blobs())
    features, labels = _blobs(classes=2)
    for count in (3, 5, 7):
        head = HeadClassifier(batch_size=2, epochs=2)
        head.fit(features[:count], labels[:count], validation=(features, labels))
        assert np.isfinite(head.history_[-1]["loss"])
