from __future__ import annotations

import json

import numpy as np
import pytest

from gi_classifier.data.records import Records
from gi_classifier.errors import RecordsError
from gi_classifier.evaluation.evaluation_report import (
    LENGTH,
    Group,
    evaluation_report,
    groups_of,
    long_rows,
    worst_errors,
)
from gi_classifier.metrics.measures import measure, measure_labels

SHARES = np.array([[0.9, 0.1], [0.2, 0.8], [0.4, 0.6], [0.05, 0.95], [0.7, 0.3], [0.4, 0.6]])
RULE = np.eye(2)[[0, 1, 0, 1, 0, 0]]
RECORDS = Records(
    ("胃" * 20, "胃" * 21, "肠 " * 20, "x" * 501, "肺", "肝" * 200),
    (0, 1, 0, 0, 1, 0),
    (2, 3, 5, 8, 9, 11),
    groups=("门诊", "", "门诊", "住院", "住院", "门诊"),
)


def test_groups_are_by_length_rising_and_by_the_columns_values() -> None:
    found = [(group.by, group.name, group.rows.tolist()) for group in groups_of(RECORDS, "科室")]
    assert found == [
        (LENGTH, "<=20", [0, 4]),
        (LENGTH, "21-50", [1, 2]),
        (LENGTH, "101-200", [5]),
        (LENGTH, ">500", [3]),
        ("科室", "(empty)", [1]),
        ("科室", "住院", [3, 4]),
        ("科室", "门诊", [0, 2, 5]),
    ]


def test_length_is_counted_in_the_normalised_text() -> None:
    # Each ㎝ becomes two characters; white space at the ends none.
    records = Records(("㎝" * 10, "㎝" * 11, f"{'胃' * 20}  \n"), (0, 0, 0), (1, 2, 3))
    assert [group.rows.tolist() for group in groups_of(records)] == [[0, 2], [1]]


def test_too_many_groups_are_refused() -> None:
    values = tuple(map(str, range(101)))
    records = Records(values, (0,) * 101, tuple(range(101)), "r.csv", groups=values)
    with pytest.raises(RecordsError, match=r"r.csv: column 'id' has 101 different values.*100\."):
        groups_of(records, "id")


def test_every_model_is_measured_whole_and_by_group_on_the_same_resamples() -> None:
    groups = [
        Group("kind", "some", np.array([0, 1, 2])),
        Group("kind", "rest", np.array([3, 4, 5])),
    ]
    models = {"this model": SHARES, "rule": RULE}
    found = evaluation_report(RECORDS, models, ["no", "yes"], groups=groups, resamples=30, seed=2)
    assert list(found["models"]) == ["this model", "rule"]
    labels = np.array(RECORDS.labels)
    for title, shares in models.items():
        whole = measure(labels, shares, resamples=30, seed=2)
        assert {name: found["models"][title][name] for name in whole} == whole
        for row, group in zip(found["models"][title]["groups"], groups, strict=True):
            predicted = shares.argmax(axis=1)[group.rows]
            part = measure_labels(labels[group.rows], predicted, 2, resamples=30, seed=2)
            assert row == {"by": "kind", "group": group.name, **part}
    json.dumps(found, allow_nan=False)


def test_reliability_rows_hold_every_record_once() -> None:
    found = evaluation_report(RECORDS, {"this model": SHARES}, ["no", "yes"], resamples=2)[
        "models"
    ]["this model"]
    assert sum(row["records"] for row in found["reliability"]) == 6
    # 0.6 twice: stated 0.6, right in neither.
    bin_ = next(row for row in found["reliability"] if row["above"] < 0.6 <= row["up_to"])
    assert bin_["records"] == 2
    assert bin_["confidence"] == pytest.approx(0.6)
    assert bin_["accuracy"] == 0


def test_surest_errors_come_first_with_their_lines_and_equal_ones_in_order() -> None:
    found = worst_errors(RECORDS, SHARES, 20)
    assert [(row["line"], row["truth"], row["predicted"]) for row in found] == [
        (8, 0, 1),
        (9, 1, 0),
        (5, 0, 1),
        (11, 0, 1),
    ]
    assert found[0]["text"] == "x" * 501
    assert [found[0][f"probability_{label}"] for label in (0, 1)] == [0.05, 0.95]
    assert [row["line"] for row in worst_errors(RECORDS, SHARES, 2)] == [8, 9]
    assert worst_errors(RECORDS, SHARES, 0) == []


def test_long_rows_hold_every_measure_of_every_model_and_group() -> None:
    found = evaluation_report(
        RECORDS, {"this model": SHARES, "rule": RULE}, "ab", groups=groups_of(RECORDS), resamples=5
    )
    rows = list(long_rows(found))
    # 8 of all, 5 and a support of each class, 4 cells, 2 of each of 4 lengths; two models.
    assert len(rows) == 2 * (8 + 2 * 6 + 4 + 2 * 4)
    keys = [tuple(row[name] for name in ("model", "group", "measure", "class")) for row in rows]
    assert len(set(keys)) == len(rows)
    table = dict(zip(keys, rows, strict=True))
    row = table["rule", "all", "f1", 1]
    expected = found["models"]["rule"]["classes"][1]
    assert [row["value"], row["low"], row["high"]] == [expected["f1"], *expected["f1_interval"]]
    assert table["this model", "all", "predicted_as_1", 0]["value"] == 3
    assert table["this model", "all", "support", 0]["value"] == 4
    assert table["rule", f"{LENGTH}: 21-50", "accuracy", None]["records"] == 2


def test_records_without_labels_are_refused() -> None:
    with pytest.raises(RecordsError, match="r.txt: the records carry no labels"):
        evaluation_report(Records(("胃",), None, (1,), "r.txt"), {"this model": SHARES[:1]}, "ab")
