from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from pictures import drawn
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score, precision_score, recall_score, roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from gi_classifier.data.score_tables import ScoreTable
from gi_classifier.errors import RecordsError
from gi_classifier.evaluation.filter_study import FilterStudy, study_filters
from gi_classifier.plots.filter_report import ALL, filter_figure

NAMES = ("quality", "$x^ 新颖")


def made(rows: int, seed: int) -> ScoreTable:
    random = np.random.default_rng(seed)
    valid = random.random(rows) < 0.4
    scores = random.normal(size=(rows, 2)) + np.outer(valid, [1.5, -1.5])
    groups = tuple(random.choice(["急诊", "内科", ""], rows).tolist())
    return ScoreTable(NAMES, scores, valid, groups, tuple(range(2, rows + 2)), f"table {seed}")


VALIDATION, TEST = made(150, 0), made(300, 1)


@pytest.fixture(scope="module")
def study() -> FilterStudy:
    return study_filters(VALIDATION, TEST, low=NAMES[1:], resamples=50)


def test_filters_are_measured_as_scikit_learn_measures_them(study: FilterStudy) -> None:
    rows = {row["name"]: row for row in study.table["compared"]}
    assert sorted(rows) == ["each", "joint", "logistic", "tree"]
    for one in study.filters:
        row, passes = rows[one.name], one.passes["test"]
        for name, measure in (
            ("f1", f1_score),
            ("precision", precision_score),
            ("recall", recall_score),
        ):
            assert row[name] == pytest.approx(measure(TEST.valid, passes))
        assert row["roc_auc"] == pytest.approx(roc_auc_score(TEST.valid, one.scores["test"]))
        assert row["f1_interval"][0] < row["f1"] < row["f1_interval"][1]
        told = next(part for part in study.table["filters"] if part["filter"] == one.name)["test"]
        before = TEST.valid.mean()
        assert told["precision_before"] == pytest.approx(before)
        saved = precision_score(TEST.valid, passes) / before
        assert told["work_saved"] == pytest.approx(saved)


def test_a_models_threshold_is_chosen_on_rows_that_it_did_not_see(study: FilterStudy) -> None:
    model = make_pipeline(StandardScaler(), LogisticRegression())
    folds = StratifiedKFold(5, shuffle=True, random_state=42)
    held_out = cross_val_predict(
        model, VALIDATION.scores, VALIDATION.valid, cv=folds, method="predict_proba"
    )[:, 1]
    positive = np.sort(held_out[VALIDATION.valid])
    # The highest that 95% of the valid rows reach.
    threshold = positive[int(np.floor(0.05 * len(positive)))]
    model.fit(VALIDATION.scores, VALIDATION.valid)
    logistic = next(one for one in study.filters if one.name == "logistic")
    np.testing.assert_array_equal(
        logistic.passes["test"], model.predict_proba(TEST.scores)[:, 1] >= threshold
    )


def test_groups_add_up_to_the_whole(study: FilterStudy) -> None:
    for row in study.table["filters"]:
        for split in ("validation", "test"):
            parts = [
                part
                for part in study.table["groups"]
                if (part["filter"], part["split"]) == (row["filter"], split)
            ]
            assert {part["group"] for part in parts} == {"急诊", "内科", "(empty)"}
            for count in ("records", "tp", "fp", "tn", "fn"):
                assert sum(part[count] for part in parts) == row[split][count]


def test_a_low_score_is_told_in_its_own_units(study: FilterStudy) -> None:
    high, low = study.table["scores"]
    assert (high["low_is_good"], low["low_is_good"]) == (False, True)
    assert high["auc"] > 0.8 < low["auc"]
    passes = TEST.scores[:, 1] <= low["threshold"]
    assert low["test"]["tp"] == (passes & TEST.valid).sum()


def test_a_filter_without_a_threshold_is_left_out_with_its_reason() -> None:
    found = study_filters(VALIDATION, TEST, low=NAMES[1:], policy="threshold=0.9", resamples=2)
    reasons = {row["filter"]: row["reason"] for row in found.table["filters"]}
    assert reasons["joint"] == "it names a threshold, and chooses none"
    assert [one.name for one in found.filters] == ["each", "logistic", "tree"]


def test_too_few_rows_of_a_kind_and_too_many_groups_are_said() -> None:
    one = replace(VALIDATION, valid=np.arange(len(VALIDATION)) == 0)
    with pytest.raises(RecordsError, match="2 of each at least. Received: 1 valid and 149 others"):
        study_filters(one, TEST)
    none = replace(TEST, valid=np.zeros(len(TEST), dtype=bool))
    with pytest.raises(RecordsError, match="table 1: .* Received: 0 valid and 300 others"):
        study_filters(VALIDATION, none)
    many = replace(VALIDATION, groups=tuple(map(str, range(len(VALIDATION)))))
    with pytest.raises(RecordsError, match="150 different values, too many to group by"):
        study_filters(many, TEST, resamples=2)


def test_the_study_is_drawn_without_a_warning(study: FilterStudy) -> None:
    rows = [
        {"group": ALL, "filter": row["filter"], **row["test"]} for row in study.table["filters"]
    ]
    rows += [row for row in study.table["groups"] if row["split"] == "test"]
    scores = {one.name: one.scores["test"] for one in study.filters}
    # Of a group, a rate may be undefined.
    rows.append(rows[0] | {"group": "x", "tpr": None, "precision_after": None})
    assert drawn(filter_figure, rows, TEST.valid, scores, study.tree, NAMES).shape[1] > 1000
