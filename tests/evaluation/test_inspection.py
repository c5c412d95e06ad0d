from __future__ import annotations

import json

import numpy as np
import pytest
from samples import made_up_records

from gi_classifier.data.records import Records
from gi_classifier.errors import RecordsError
from gi_classifier.evaluation.inspection import inspect, project
from gi_classifier.evaluation.inspection_terms import rank_terms


def records_of(rows: list[tuple[str, int]], *, labelled: bool = True) -> Records:
    texts, labels = zip(*rows, strict=True)
    return Records(texts, labels if labelled else None, tuple(range(1, len(rows) + 1)))


def near_their_label(rows: list[tuple[str, int]]) -> np.ndarray:
    """Embeddings (n, 3) that tell the labels apart."""
    numbers = np.unique([label for _, label in rows], return_inverse=True)[1]
    return np.eye(3)[numbers] + np.random.default_rng(0).normal(0, 0.1, (len(rows), 3))


def test_counts_priors_and_lengths_of_each_label() -> None:
    found = inspect(
        records_of([("胃", 1), ("肠癌癌", 2), (" 胃  窦 ", 1), ("肠" * 9, 2)]), names="abc"
    )
    assert [(row["label"], row["name"], row["prior"]) for row in found.table["labels"]] == [
        (1, "b", 0.5),
        (2, "c", 0.5),
    ]
    assert found.lengths.tolist() == [1, 3, 3, 9]
    whole, upper, _ = found.table["lengths"]
    assert (whole["label"], whole["minimum"], whole["median"], whole["maximum"]) == (None, 1, 3, 9)
    assert (upper["label"], upper["maximum"]) == (1, 3)


def test_duplicates_and_conflicts_are_found_with_their_lines() -> None:
    long = "胃镜检查见胃窦黏膜充血糜烂,幽门圆形开放好,十二指肠球部未见异常,进镜"
    rows = [
        ("直肠癌", 2),
        ("ERCP", 0),
        (f"{long}35cm", 1),
        ("ｅｒｃｐ ", 1),
        ("肺炎", 0),
        (f"{long}42cm", 2),
        ("肺炎", 0),
    ]
    found = inspect(records_of(rows))
    assert found.table["duplicates"] == {
        "distinct": 5,
        "same_text": [[2, 4], [5, 7]],
        "near_duplicates": [[3, 6]],
    }
    assert [(r["conflict"], r["kind"], r["line"], r["label"]) for r in found.conflicts] == [
        (1, "same text", 2, 0),
        (1, "same text", 4, 1),
        (2, "near-duplicates", 3, 1),
        (2, "near-duplicates", 6, 2),
    ]
    assert found.conflicts[0]["text"] == "ERCP"


def test_no_text_of_a_record_is_in_the_table() -> None:
    rows = [*made_up_records(60), ("甲乙丙丁戊己庚辛", 0), ("甲乙丙丁戊己庚辛", 1)]
    rows[0] = (rows[0][0], (rows[0][1] + 1) % 3)
    found = inspect(records_of(rows))
    shown = json.dumps(found.table, ensure_ascii=False)
    assert found.conflicts
    assert not any(text in shown for text, _ in rows)


def test_a_text_under_two_labels_is_one_text_whose_own_words_are_no_terms() -> None:
    texts = ["胃窦张某某", "胃窦张某某", "结肠息肉", "结肠憩室"]
    assert not rank_terms(texts, np.array([0, 1, 1, 1]), np.array([0, 0, 1, 2]))


def test_terms_that_a_label_has_more_of_come_first_and_rare_ones_are_left_out() -> None:
    texts = [
        "胃镜 息肉",
        "胃镜 息肉 张三",
        "胃镜 溃疡",
        "肠镜 息肉",
        "肠镜 息肉",
        "肠镜，3 的 溃疡",
    ]
    same = np.array([0, 1, 2, 3, 3, 4])
    found = rank_terms(texts, np.array([1, 1, 1, 2, 2, 2]), same)
    first = {row["label"]: row for row in reversed(found)}
    assert (first[1]["term"], first[1]["occurrences"], first[1]["records"]) == ("胃镜", 3, 3)
    # Equal texts of one label count once.
    assert (first[2]["term"], first[2]["records"], first[2]["share"]) == ("肠镜", 2, 1.0)
    assert {row["term"] for row in found} <= {"胃镜", "肠镜", "息肉", "溃疡"}
    assert all(row["distinctiveness"] > 0 for row in found)


def test_flipped_labels_are_flagged_with_the_right_suggestions() -> None:
    rows = made_up_records(120)
    embeddings, truth = near_their_label(rows), [label for _, label in rows]
    flipped = range(7, 120, 20)
    for place in flipped:
        rows[place] = (rows[place][0], (truth[place] + 1) % 3)
    found = inspect(records_of(rows), embeddings=embeddings)
    assert {row["line"] for row in found.label_errors} == {place + 1 for place in flipped}
    assert all(row["suggested"] == truth[row["line"] - 1] for row in found.label_errors)
    assert all(row["margin"] < 0 for row in found.label_errors)
    assert np.flatnonzero(found.flagged).tolist() == list(flipped)
    assert found.table["label_errors"]["flagged"] == len(flipped)


def test_labels_may_be_any_numbers() -> None:
    rows = [(text, 10 * label + 4) for text, label in made_up_records(120)]
    embeddings = near_their_label(rows)
    text, label = rows[5]
    rows[5] = (text, 4 if label != 4 else 14)
    found = inspect(records_of(rows), embeddings=embeddings)
    assert [row["label"] for row in found.table["labels"]] == [4, 14, 24]
    assert [(row["line"], row["suggested"]) for row in found.label_errors] == [(6, label)]


def test_the_same_seed_gives_the_same() -> None:
    records = records_of(made_up_records(60))
    assert inspect(records, seed=3).table == inspect(records, seed=3).table


def test_thirty_records_are_enough_to_judge() -> None:
    found = inspect(records_of(made_up_records(30)))
    assert found.table["label_errors"]["judged"] == 30


def test_a_rare_label_is_named_and_not_judged() -> None:
    rows = [*made_up_records(60), ("脑出血", 7)]
    verdict = inspect(records_of(rows)).table["label_errors"]
    assert (verdict["judged"], verdict["not_judged"]) == (60, {"7": 1})


@pytest.mark.parametrize(
    "rows",
    [
        [("胃癌", 1)],
        [(text, 1) for text, _ in made_up_records(30)],
        [("胃癌", 1)] * 30,
        [("胃癌", i % 3) for i in range(30)],
    ],
    ids=["one record", "one label", "one text", "one text with all labels"],
)
def test_what_cannot_be_judged_has_a_reason(rows: list[tuple[str, int]]) -> None:
    found = inspect(records_of(rows), embeddings=np.ones((len(rows), 4)))
    verdict = found.table["label_errors"]
    assert (verdict["judged"], verdict["flagged"]) == (0, 0)
    assert verdict["reason"].startswith("Judging needs two labels or more, each with 5 records")
    assert not found.projection.any()
    json.dumps(found.table)


def test_labels_that_the_texts_do_not_tell_apart_are_not_doubted() -> None:
    # Digits are one to the groups, so every group holds both labels, and no term differs.
    rows = [(text, label) for text, _ in made_up_records(40) for label in (0, 1)]
    verdict = inspect(records_of(rows)).table["label_errors"]
    assert verdict["flagged"] == 0
    assert "do not tell the labels apart" in verdict["reason"]


def test_without_labels_the_rest_is_there() -> None:
    found = inspect(records_of(made_up_records(30), labelled=False), embeddings=np.eye(30))
    assert found.labels is None
    for name in ("labels", "conflicts", "label_errors"):
        assert found.table[name] is None
    assert {row["label"] for row in found.terms} == {None}
    frequencies = [row["occurrences"] for row in found.terms]
    assert frequencies == sorted(frequencies, reverse=True)
    assert found.projection.shape == (30, 2)


def test_no_record_and_arrays_of_another_length_are_errors() -> None:
    with pytest.raises(RecordsError, match="No record in memory"):
        inspect(Records((), (), ()))
    with pytest.raises(RecordsError, match="embeddings must have 1 rows. Received: 2"):
        inspect(records_of([("胃癌", 1)]), embeddings=np.ones((2, 3)))


def test_projection_is_that_of_the_singular_value_decomposition() -> None:
    rows = np.random.default_rng(0).normal(size=(20, 5))
    points, shares = project(rows)
    left, values, _ = np.linalg.svd(rows - rows.mean(axis=0), full_matrices=False)
    np.testing.assert_allclose(abs(points), abs(left[:, :2] * values[:2]), atol=1e-9)
    np.testing.assert_allclose(shares, values[:2] ** 2 / (values**2).sum(), atol=1e-9)


def test_projection_of_two_records_has_one_component() -> None:
    points, shares = project(np.array([[0.0, 0, 1], [0, 0, 3]]))
    np.testing.assert_allclose(abs(points), [[1, 0], [1, 0]])
    assert shares[0] == pytest.approx(1)
