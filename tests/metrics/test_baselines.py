from __future__ import annotations

import numpy as np
import pytest
from samples import made_up_records

from gi_classifier.metrics.baselines import (
    keyword_rule,
    tfidf_logistic_regression,
    tfidf_probabilities,
)


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


def test_tfidf_learns_separable_records() -> None:
    texts, labels = zip(*made_up_records(), strict=True)
    assert tfidf_logistic_regression(1).fit(texts, labels).score(texts, labels) == 1


def test_tfidf_gives_0_to_a_class_that_it_never_saw() -> None:
    texts, labels = zip(*(row for row in made_up_records() if row[1] != 1), strict=True)
    found = tfidf_probabilities(texts, labels, texts, classes=4, seed=1)
    assert found.shape == (len(texts), 4)
    assert not found[:, [1, 3]].any()
    np.testing.assert_allclose(found.sum(axis=1), 1)
    assert (found.argmax(axis=1) == labels).all()
