from __future__ import annotations

import warnings
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from samples import made_up_records
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import (
    accuracy_score,
    precision_recall_fscore_support,
    roc_auc_score,
)

from gi_classifier.classifier import GIClassifier
from gi_classifier.data.records import Records
from gi_classifier.errors import LabelError, RecordsError, SettingsError
from gi_classifier.evaluation import comparison_setup as module
from gi_classifier.evaluation.comparison import Comparison, Outcome
from gi_classifier.evaluation.comparison_models import ComparisonModel, check_wanted
from gi_classifier.evaluation.comparison_setup import assign_folds, prepare
from gi_classifier.evaluation.comparison_table import (
    MEASURES,
    compare,
    fold_scores,
    tabulate,
    verdicts,
)
from gi_classifier.metrics.baselines import keyword_rule

LINEAR = ["logistic-l2-1"]


def records_of(rows: list[tuple[str, int]]) -> Records:
    texts, labels = zip(*rows, strict=True)
    return Records(texts, labels, tuple(range(1, len(rows) + 1)), "r.txt")


@pytest.fixture
def records() -> Records:
    return records_of(made_up_records(60))


def run(comparison: Comparison) -> dict[tuple[str, int], Outcome]:
    return {(model.key, fold): outcome for model, fold, outcome in comparison.run()}


def a_fold(seed: int, n: int, classes: int) -> tuple[np.ndarray, Outcome]:
    source = np.random.default_rng(seed)
    labels = np.concatenate([np.arange(classes), source.integers(0, classes, n - classes)])
    # Few different scores, so that there are ties.
    scores = source.integers(1, 4, (n, classes)).astype(float)
    scores /= scores.sum(axis=1, keepdims=True)
    return labels, Outcome(source.integers(0, classes, n), scores, 1.0, 1.0)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(5, 40), st.integers(2, 4))
def test_measures_agree_with_scikit_learn(seed: int, n: int, classes: int) -> None:
    labels, outcome = a_fold(seed, n, classes)
    found = fold_scores(labels, outcome, np.ones((1, n)), classes)
    *expected, _ = precision_recall_fscore_support(
        labels, outcome.predicted, average="macro", zero_division=0
    )
    area = roc_auc_score(np.eye(classes)[labels], outcome.scores, average="macro")
    expected += [accuracy_score(labels, outcome.predicted), area]
    assert [found[name][0] for name in MEASURES] == pytest.approx(expected, abs=1e-9)


def test_of_one_label_against_the_rest_the_measures_are_that_labels() -> None:
    labels, outcome = a_fold(1, 40, 2)
    found = fold_scores(labels, outcome, np.ones((1, 40)), 2, positive=True)
    *expected, _ = precision_recall_fscore_support(labels, outcome.predicted, average="binary")
    assert [found[name][0] for name in MEASURES[:3]] == pytest.approx(expected, abs=1e-9)


def test_a_record_drawn_twice_counts_as_two() -> None:
    labels, outcome = a_fold(2, 30, 3)
    counts = np.random.default_rng(0).integers(0, 3, 30)
    drawn = fold_scores(labels, outcome, counts[None], 3)
    rows = np.repeat(np.arange(30), counts)
    written_out = outcome._replace(predicted=outcome.predicted[rows], scores=outcome.scores[rows])
    expected = fold_scores(labels[rows], written_out, np.ones((1, len(rows))), 3)
    for name in MEASURES:
        assert drawn[name] == pytest.approx(expected[name], abs=1e-9)


def test_a_constant_score_has_an_area_of_a_half() -> None:
    labels = np.array([0, 1, 2, 0])
    outcome = Outcome(np.zeros(4, dtype=int), np.full((4, 3), 1 / 3), 0.0, 0.0)
    assert fold_scores(labels, outcome, np.ones((1, 4)), 3)["roc_auc"] == pytest.approx(0.5)


def test_the_area_without_a_second_class_is_undefined() -> None:
    outcome = Outcome(np.zeros(2, dtype=int), np.eye(2), 0.0, 0.0)
    found = fold_scores(np.zeros(2, dtype=int), outcome, np.ones((1, 2)), 2)
    assert np.isnan(found["roc_auc"][0])
    assert found["f1"][0] == 1


def test_folds_keep_groups_whole_and_have_every_class() -> None:
    source = np.random.default_rng(3)
    groups = np.sort(source.integers(0, 60, 200))
    labels = groups % 3
    folds = assign_folds(labels, groups, 3, seed=1)
    assert all(len(set(folds[groups == group])) == 1 for group in set(groups))
    assert all(set(labels[folds == fold]) == {0, 1, 2} for fold in range(3))
    assert np.array_equal(folds, assign_folds(labels, groups, 3, seed=1))


@pytest.mark.parametrize(
    ("labels", "groups", "counts"),
    [
        ([0, 0, 0, 0, 1, 1], range(6), r"\{0: 4, 1: 2\}"),
        ([0, 0, 0, 1, 1, 1], [0, 1, 2, 3, 3, 3], r"\{0: 3, 1: 1\}"),
        ([], [], r"\{\}"),
    ],
)
def test_too_few_groups_for_the_folds_are_an_error(
    labels: list[int], groups: Any, counts: str
) -> None:
    with pytest.raises(RecordsError, match=rf"r.txt: too few records for 3 folds.*{counts}"):
        assign_folds(np.array(labels, dtype=int), np.array(groups), 3, 0, "r.txt")


def test_records_of_one_label_leave_nothing_to_compare() -> None:
    with pytest.raises(RecordsError, match=r"r.txt: all records have one label"):
        assign_folds(np.zeros(9, dtype=int), np.arange(9), 3, 0, "r.txt")


class Spy(ClassifierMixin, BaseEstimator):
    """Keeps what it is shown, and warns."""

    shown: list[tuple[str, list[str]]]

    def fit(self, texts: np.ndarray, labels: np.ndarray) -> Spy:
        type(self).shown.append(("fit", list(texts)))
        for kind in (ConvergenceWarning, ConvergenceWarning, FutureWarning, RuntimeWarning):
            warnings.warn("this fit", kind, stacklevel=2)
        self.classes_ = np.unique(labels)
        return self

    def predict(self, texts: np.ndarray) -> np.ndarray:
        type(self).shown.append(("predict", list(texts)))
        return np.zeros(len(texts), dtype=int)

    def predict_proba(self, texts: np.ndarray) -> np.ndarray:
        return np.full((len(texts), len(self.classes_)), 1 / len(self.classes_))


def test_a_model_is_fitted_on_the_other_folds_only_and_every_record_is_asked_once(
    records: Records, recwarn: pytest.WarningsRecorder
) -> None:
    Spy.shown = []
    spy = ComparisonModel("spy", "tree", "tfidf", "spy", Spy)
    comparison = replace(prepare(records, models=["rule"]), models=[spy])
    outcomes = run(comparison)
    fitted = [set(texts) for verb, texts in Spy.shown if verb == "fit"]
    asked = [texts for verb, texts in Spy.shown if verb == "predict"]
    assert sorted(text for texts in asked for text in texts) == sorted(records.texts)
    assert all(not part & set(texts) for part, texts in zip(fitted, asked, strict=True))
    row = tabulate(comparison, outcomes, resamples=20)["models"][0]
    assert row["warnings"] == ["RuntimeWarning (3 of 3 folds)", "not converged (3 of 3 folds)"]
    assert not recwarn.list


def test_a_table_is_sorted_and_its_f1_is_the_mean_of_the_folds(records: Records) -> None:
    table = compare(records, models=["rule", "tree", "knn-1"], features=["tfidf"], resamples=50)
    scores = [row["f1"] for row in table["models"]]
    assert scores == sorted(scores, reverse=True)
    assert {row["name"] for row in table["models"]} == {"rule", "tree-5", "tree-10", "knn-1"}
    for row in table["models"]:
        assert row["f1"] == pytest.approx(np.mean([part["f1"] for part in row["folds"]]))
        low, high = row["f1_interval"]
        assert 0 <= low <= row["f1"] + 0.05
        assert high <= 1
        assert row["fit_seconds"] >= 0
    assert table["records"] == 60
    assert table["classes"] == [
        {"label": label, "name": str(label), "records": 20} for label in range(3)
    ]


@pytest.mark.slow
def test_the_same_seed_gives_the_same_table(records: Records) -> None:
    def measures() -> list[Any]:
        options: dict[str, Any] = {"models": ["forest", "network-1"], "features": ["tfidf"]}
        table = compare(records, resamples=20, seed=5, **options)
        return [
            [row[name], row[f"{name}_interval"]] for row in table["models"] for name in MEASURES
        ]

    assert measures() == measures()


def test_near_duplicates_are_drawn_together(records: Records) -> None:
    comparison = prepare(records, models=["rule"])
    # One group a fold: every draw is the fold itself.
    whole = replace(comparison, groups=comparison.folds)
    outcomes = run(whole)
    row = tabulate(whole, outcomes, resamples=30)["models"][0]
    assert row["f1_interval"] == pytest.approx([row["f1"]] * 2)


def test_labels_may_be_any_integers_and_the_rule_is_left_out(records: Records) -> None:
    named = replace(records, labels=tuple((4, 7, 11)[label] for label in records.labels or ()))
    comparison = prepare(named, models=["rule", "tree-5"], features=["tfidf"])
    assert comparison.classes == (4, 7, 11)
    assert "labels 0, 1 and 2" in comparison.left_out["rule.text"]
    table = tabulate(comparison, run(comparison), resamples=10)
    assert [entry["label"] for entry in table["classes"]] == [4, 7, 11]
    assert table["left_out"] == comparison.left_out


@pytest.mark.parametrize("label", [0, 1, 2])
def test_one_label_is_told_from_the_rest(records: Records, label: int) -> None:
    comparison = prepare(records, models=["rule", *LINEAR], features=["tfidf"], label=label)
    assert comparison.labels.tolist() == [int(y == label) for y in records.labels or ()]
    outcomes = run(comparison)
    says = keyword_rule(records.texts)[:, label]
    for fold in range(3):
        rows = comparison.folds == fold
        assert np.array_equal(outcomes["rule.text", fold].scores[:, 1], says[rows])
        assert outcomes["logistic-l2-1.tfidf", fold].scores.shape == (rows.sum(), 2)
    assert tabulate(comparison, outcomes, resamples=10)["label"] == label


def test_a_label_that_no_record_has_is_an_error(records: Records) -> None:
    with pytest.raises(LabelError, match=r"no record has the label 8. It has: 0, 1, 2"):
        prepare(records, label=8)


def test_a_sample_is_drawn_by_the_seed(records: Records) -> None:
    def drawn(seed: int) -> tuple[str, ...]:
        return prepare(records, models=["rule"], sample=30, seed=seed).records.texts

    assert len(drawn(1)) == 30
    assert drawn(1) == drawn(1) != drawn(2)
    assert len(prepare(records, models=["rule"], sample=999).records) == 60


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"folds": 1}, "folds must be an integer of at least 2. Received: 1"),
        ({"epochs": 0}, "epochs must be an integer of at least 1. Received: 0"),
        ({"sample": 1}, "sample must be an integer of at least 2. Received: 1"),
        ({"seed": -1}, "seed must be an integer of at least 0. Received: -1"),
        ({"folds": 2.5}, "folds must be .* Received: 2.5"),
        ({"folds": "3"}, "folds must be .* Received: '3'"),
        ({"models": ["knn", "cnn"]}, "model 'cnn'"),
        ({"features": ["bert"]}, "features 'bert'"),
        ({"models": []}, "Received:\n  nothing"),
    ],
)
def test_settings_out_of_range_are_named(
    records: Records, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(SettingsError, match=message):
        prepare(records, **options)


def test_all_bad_settings_are_named_at_once(records: Records) -> None:
    with pytest.raises(SettingsError, match=r"(?s)folds.*seed"):
        prepare(records, folds=0, seed=-3)
    with pytest.raises(SettingsError, match=r"(?s)model 'a'.*model 'b'.*features 'c'"):
        check_wanted(["a", "b"], ["c"])


def test_more_neighbours_than_records_are_left_out_with_the_reason() -> None:
    few = records_of(made_up_records(30))
    comparison = prepare(few, models=["knn"], features=["tfidf"])
    assert [model.name for model in comparison.models] == ["knn-1", "knn-3", "knn-10"]
    assert "only 20 training records" in comparison.left_out["knn-30.tfidf"]


def test_without_the_extra_the_networks_of_keras_are_left_out_with_the_reason(
    records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    reason = "needs tensorflow: pip install 'gi_classifier[train]'"
    monkeypatch.setattr(module, "missing_extra", lambda: reason)
    comparison = prepare(records, models=["network"], features=["tfidf"], fine_tune=GIClassifier)
    assert {model.name for model in comparison.models} == {f"network-{n}" for n in range(1, 5)}
    assert comparison.left_out == {"source-network.tfidf": reason, "albert.text": reason}
    with pytest.raises(SettingsError, match=r"(?s)No model is left.*albert.text: needs tensorflow"):
        prepare(records, models=["albert"])


def test_an_outcome_comes_back_from_its_file() -> None:
    outcome = Outcome(np.array([0, 2]), np.eye(3)[:2], 1.5, 0.25, ("not converged",))
    found = Outcome.from_bytes(outcome.to_bytes(), "x.npz")
    assert np.array_equal(found.predicted, outcome.predicted)
    assert np.array_equal(found.scores, outcome.scores)
    assert found[2:] == outcome[2:]
    for damaged in (b"", b"PK", outcome.to_bytes()[:100]):
        with pytest.raises(RecordsError, match=r"x.npz is no state of a comparison"):
            Outcome.from_bytes(damaged, "x.npz")


def test_its_identity_is_what_outcomes_depend_on_and_not_the_models(records: Records) -> None:
    base = prepare(records, models=["rule"]).identity
    assert prepare(records, models=["tree"], features=["tfidf"]).identity == base
    changes: list[dict[str, Any]] = [{"folds": 4}, {"seed": 1}, {"label": 1}, {"sample": 50}]
    found = [prepare(records, models=["rule"], **change).identity for change in changes]
    assert all(found.count(one) == 1 for one in found)
    assert base not in found


def test_what_is_done_is_not_done_again(records: Records) -> None:
    comparison = prepare(records, models=["rule", "tree-5"], features=["tfidf"])
    left = [(model.key, fold) for model, fold, _ in comparison.run({("rule.text", 1)})]
    assert len(left) == 5
    assert ("rule.text", 1) not in left


def rows_of(**scores: float) -> list[dict[str, Any]]:
    """Rows of a table: linear and tree on TF-IDF, head on embeddings, albert."""
    kinds = {
        "linear": ("logistic", "tfidf", True),
        "tree": ("tree", "tfidf", False),
        "head": ("logistic", "embedding", True),
        "rule": ("rule", "text", False),
        "albert": ("albert", "text", False),
    }
    rows = []
    for name, f1 in sorted(scores.items(), key=lambda item: -item[1]):
        family, features, linear = kinds[name]
        row = {"name": name, "family": family, "features": features, "linear": linear}
        rows.append({**row, "title": name, "f1": f1})
    return rows


def spread(value: float, width: float) -> np.ndarray:
    return np.concatenate([[value], np.linspace(value - width, value + width, 101)])


def test_a_linear_model_is_enough_where_the_difference_may_be_0() -> None:
    rows = rows_of(linear=0.8, tree=0.82)
    drawn = {"linear.tfidf": np.full(102, 0.8), "tree.tfidf": spread(0.82, 0.04)}
    (found,) = verdicts(rows, drawn)
    assert found["enough"]
    assert found["difference"] == pytest.approx(0.02)
    low, high = found["difference_interval"]
    assert low == pytest.approx(0.02 - 0.038, abs=1e-6)
    assert high == pytest.approx(0.02 + 0.038, abs=1e-6)
    assert found["text"].startswith(
        "A linear model on tfidf is enough for these records: F1 of tree"
    )
    assert "tfidf 上的线性模型已经足够" in found["text_zh"]


def test_a_linear_model_is_enough_where_it_is_better() -> None:
    rows = rows_of(linear=0.9, tree=0.5)
    drawn = {"linear.tfidf": np.full(102, 0.9), "tree.tfidf": spread(0.5, 0.01)}
    (found,) = verdicts(rows, drawn)
    assert found["enough"]
    assert found["difference"] < 0


def test_each_kind_of_features_has_its_verdict() -> None:
    rows = rows_of(linear=0.8, tree=0.85, head=0.9)
    drawn = {
        "linear.tfidf": np.full(102, 0.8),
        "tree.tfidf": spread(0.85, 0.1),
        "head.embedding": spread(0.9, 0.05),
    }
    tfidf, embedding = verdicts(rows, drawn)
    assert [tfidf["features"], tfidf["other"]] == ["tfidf", "head.embedding"]
    assert not tfidf["enough"]
    assert "on tfidf is not enough" in tfidf["text"]
    assert "线性模型不够" in tfidf["text_zh"]
    assert [embedding["features"], embedding["other"]] == ["embedding", "tree.tfidf"]
    assert embedding["enough"]


def test_models_whose_encoder_knew_the_records_have_no_part_in_the_verdict() -> None:
    rows = rows_of(linear=0.8, tree=0.7, head=0.99, albert=0.98, rule=0.75)
    drawn = {
        f"{row['name']}.{row['features']}": np.full(102, row["f1"], dtype=float) for row in rows
    }
    (found,) = verdicts(rows, drawn, encoder_is_fair=False)
    assert found["other"] == "rule.text"
    assert found["without_encoder"]


def test_there_is_no_verdict_without_a_linear_model_or_without_another() -> None:
    for scores in ({"linear": 0.8}, {"tree": 0.8, "rule": 0.9}, {"head": 0.8}, {}):
        assert verdicts(rows_of(**scores), {}) == []


def test_records_that_the_encoder_trained_on_are_counted(trained: Path, records: Records) -> None:
    known = prepare(records_of(made_up_records()), models=["rule"], encoder=trained)
    # A tenth of them was its test split.
    assert 90 < known.trained_on < 120
    other = records_of([(text[::-1] + "术", label) for text, label in made_up_records(60)])
    assert prepare(other, models=["rule"], encoder=trained).trained_on == 0


@pytest.mark.slow
def test_every_model_fits_on_few_records_and_both_kinds_of_features(
    trained: Path, records: Records
) -> None:
    comparison = prepare(records, folds=2, encoder=trained)
    quick = [model for model in comparison.models if model.name != "source-network"]
    comparison = replace(comparison, models=quick)
    table = tabulate(comparison, run(comparison), resamples=10)
    assert len(table["models"]) == 2 * 22 + 1
    assert not comparison.left_out
    assert table["trained_on"] > 0
    assert [part["without_encoder"] for part in table["verdicts"]] == [True]
    for row in table["models"]:
        assert all(0 <= row[name] <= 1 for name in MEASURES)
        assert "UserWarning" not in " ".join(row["warnings"])
    # The encoder's time is part of what its vectors cost.
    assert all(row["fit_seconds"] > 0 for row in table["models"] if row["features"] == "embedding")


@pytest.mark.parametrize(
    ("label", "names", "rule"),
    [(None, (), "evidence"), (1, (), "evidence"), (0, (), "mean"), (None, "甲乙丙", "mean")],
)
def test_windows_weigh_by_evidence_only_where_the_first_class_is_the_background(
    trained: Path, records: Records, label: int | None, names: Any, rule: str
) -> None:
    options = {"models": ["albert"], "fine_tune": GIClassifier, "encoder": trained}
    found = prepare(records, folds=2, label=label, names=names, **options)  # type: ignore[arg-type]
    assert found.models[0].make().window_rule == rule


@pytest.mark.slow
def test_albert_is_fine_tuned_on_each_fold(trained: Path, records: Records) -> None:
    comparison = prepare(
        records,
        folds=2,
        models=["rule", "albert"],
        fine_tune=GIClassifier,
        epochs=1,
        encoder=trained,
    )
    assert [model.name for model in comparison.models] == ["rule", "albert"]
    make = comparison.models[1].make
    assert isinstance(make, partial)
    assert make().epochs == 1
    done = {(model.key, fold) for model, fold in comparison.jobs} - {("albert.text", 0)}
    ((_, _, outcome),) = comparison.run(done)
    assert outcome.scores.shape == (int((comparison.folds == 0).sum()), 3)
    assert outcome.scores.sum(axis=1) == pytest.approx(np.ones(len(outcome.scores)))
