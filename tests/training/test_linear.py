"""Training the linear member."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from gi_classifier.errors import RecordsError
from gi_classifier.model.ngrams import cleaned
from gi_classifier.training import linear
from gi_classifier.training.linear import fit_linear, read_values

TEXTS = [
    "胃溃疡伴出血",
    "结肠息肉",
    "胃窦溃疡",
    "直肠息肉伴出血",
    "咳嗽3天",
    "头痛2天,咳嗽",
    "胃息肉",
]
LABELS = [1, 2, 1, 2, 0, 0, 1]


def test_log_odds_are_those_of_scikit_learns_one_vs_rest() -> None:
    model = fit_linear(TEXTS, LABELS, 3)
    values = TfidfVectorizer(analyzer="char", ngram_range=(1, 4), sublinear_tf=True, min_df=2)
    seen = values.fit_transform(TEXTS)
    for label in range(3):
        expected = LogisticRegression(C=20, solver="liblinear", random_state=0).fit(
            seen, np.array(LABELS) == label
        )
        np.testing.assert_allclose(
            model.decision_function(TEXTS)[:, label], expected.decision_function(seen), atol=5e-3
        )


def test_where_no_weights_are_found_the_label_and_a_way_out_are_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(linear, "_MAX_ITERATIONS", 1)
    with pytest.raises(RecordsError, match="no weights for label 0 in 1 passes. Set class_weight"):
        fit_linear(["胃溃疡", "肠息肉", "肝囊肿"] * 4, [1, 2, 0] * 4, 3)


def test_a_label_that_no_record_has_is_unlikely_and_finite() -> None:
    model = fit_linear(TEXTS, LABELS, 4)
    found = model.decision_function([*TEXTS, "", "别的"])
    assert np.isfinite(found).all()
    assert (found[:, 3] < 0).all()
    assert (found.argmax(axis=1)[: len(TEXTS)] == LABELS).all()


def test_records_that_share_no_ngram_give_their_labels_shares() -> None:
    model = fit_linear(["甲", "乙", "丙"], [0, 1, 1], 2)
    np.testing.assert_array_equal(model.decision_function(["甲"]), model.intercepts[None])
    assert model.intercepts[1] > model.intercepts[0]


def test_the_ngrams_of_most_records_are_kept() -> None:
    everything, few = fit_linear(TEXTS, LABELS, 3), fit_linear(TEXTS, LABELS, 3, max_ngrams=5)
    assert len(few.keys) == 5
    assert set(few.keys) <= set(everything.keys)
    assert few.frequencies.min() >= np.sort(everything.frequencies)[-5]


LONG = [
    "查体：心肺未见异常，胃窦溃疡，双下肢无水肿。血压正常，睡眠可。",
    "心率齐，肺部未见异常。患者一般情况尚可，下肢无水肿，血压正常。",
    "既往体健，睡眠可，直肠息肉，血压正常。心肺未见异常，下肢无水肿。",
    "咳嗽三天，血压正常，心肺未见异常。睡眠可，胸片正常，下肢无水肿。",
]


def test_what_it_is_fitted_on_is_what_it_reads() -> None:
    model = fit_linear([*TEXTS, *LONG], [*LABELS, 1, 0, 2, 0], 3)
    texts = [*LONG, *TEXTS, "", "别的，也没有什么可说的。再说一句，还是没有"]
    values = read_values(model, [cleaned(text) for text in texts])
    np.testing.assert_allclose(
        values @ model.weights.T.astype(float) + model.intercepts,
        model.decision_function(texts),
        atol=1e-9,
    )


def test_the_second_fit_is_scikit_learns_on_what_the_first_one_reads() -> None:
    texts, labels = [*TEXTS, *LONG], np.array([*LABELS, 1, 0, 2, 0])
    whole = fit_linear(texts, labels, 3, piece_shares=(0.0, 0.0))
    values = read_values(replace(whole, piece_shares=(0.3, 0.4)), [cleaned(t) for t in texts])
    model = fit_linear(texts, labels, 3, piece_shares=(0.3, 0.4))
    for label in range(3):
        expected = LogisticRegression(C=20, solver="liblinear", random_state=0).fit(
            values, labels == label
        )
        np.testing.assert_allclose(model.weights[label], expected.coef_[0], atol=5e-3)
    assert np.abs(model.weights - whole.weights).max() > 0.01
