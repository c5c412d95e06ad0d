"""The rule that a keyword table suggests."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import f1_score, precision_score, recall_score

from gi_classifier.attribution.rules import keyword_rules, measure_search, search
from gi_classifier.errors import RecordsError, SettingsError

TABLE = pd.DataFrame(
    {
        "keyword": ["胃", "癌", "ESD", "肠", "癌", "痔"],
        "label": [1, 1, 1, 2, 2, 2],
        "total": [9.0, 5.0, 1.0, 8.0, 6.0, 0.5],
    }
)


def test_a_keyword_of_two_labels_goes_to_the_one_with_more_total() -> None:
    assert keyword_rules(TABLE, 2) == {1: ["胃", "esd"], 2: ["肠", "癌"]}
    assert keyword_rules(TABLE, 9) == {1: ["胃", "esd"], 2: ["肠", "癌", "痔"]}


def test_the_label_with_more_keywords_wins_and_a_draw_is_none() -> None:
    rules = {1: ["胃", "esd"], 2: ["肠"]}
    texts = ["胃ＥＳＤ后，肠", "胃与肠", "骨折", "肠，肠，胃"]
    assert search(texts, rules).tolist() == [1, -1, -1, 2]


def test_a_keyword_inside_a_longer_one_does_not_count_as_well() -> None:
    assert search(["十二指肠"], {1: ["十二指肠"], 2: ["肠"]}).tolist() == [1]


def test_regular_expressions_in_keywords_are_plain_text() -> None:
    assert search(["a.c", "abc"], {1: ["a.c"]}).tolist() == [1, -1]


def test_measures_are_scikit_learns() -> None:
    source = np.random.default_rng(0)
    labels, found = source.integers(0, 3, 200), source.integers(-1, 3, 200)
    measured = measure_search(labels, found)
    options = {"labels": [0, 1, 2], "average": None, "zero_division": 0}
    for name, score in (("precision", precision_score), ("recall", recall_score), ("f1", f1_score)):
        mine = [row[name] for row in measured["classes"]]
        np.testing.assert_allclose(mine, score(labels, found, **options))
    assert measured["coverage"] == (found >= 0).mean()
    assert measured["classes"][1]["coverage"] == (found[labels == 1] >= 0).mean()
    assert measured["accuracy"] == (labels == found).mean()


def test_a_label_that_is_never_given_has_no_precision() -> None:
    measured = measure_search(np.array([0, 1]), np.array([-1, -1]))
    assert [row["precision"] for row in measured["classes"]] == [None, None]
    assert measured["accuracy_covered"] is None


def test_labels_and_totals_that_are_no_numbers_are_named() -> None:
    table = TABLE.astype(object)
    for label, number in (("upper", ""), ("²", None)):
        table.loc[1, "label"], table.loc[3, "total"] = label, number
        named = rf"row 2: label '{label}'(?s:.*)row 4: .*total {number!r}"
        with pytest.raises(RecordsError, match=named):
            keyword_rules(table, 3)


def test_a_table_without_labels_and_a_top_below_one_are_refused() -> None:
    with pytest.raises(RecordsError, match="Missing columns: label"):
        keyword_rules(TABLE.drop(columns="label"), 3)
    with pytest.raises(SettingsError, match="top must be an integer of at least 1. Received: 0"):
        keyword_rules(TABLE, 0)
