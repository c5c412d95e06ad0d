from __future__ import annotations

import pytest
from conftest import made_up_records

from gi_classifier.evaluation.baselines import keyword_rule, tfidf_logistic_regression


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("胃窦溃疡", 1),
        ("十二指肠球部溃疡", 1),
        ("直肠癌", 2),
        ("胃癌侵犯横结肠及直肠", 2),
        ("胃镜、肠镜均正常", 1),
        ("肠镜、胃镜均正常", 2),
        ("肺炎", 0),
    ],
)
def test_keyword_rule_takes_the_tract_named_more_often_or_first(text: str, label: int) -> None:
    assert keyword_rule([text])[0].argmax() == label


def test_linear_rival_learns_separable_records() -> None:
    texts, labels = zip(*made_up_records(), strict=True)
    assert tfidf_logistic_regression(1).fit(texts, labels).score(texts, labels) == 1
