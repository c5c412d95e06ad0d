"""The linear member against scikit-learn, and its contributions against its answers."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from odd_text import ODD, numbers_of_key
from sklearn.feature_extraction.text import TfidfVectorizer

from gi_classifier.errors import ModelError
from gi_classifier.model.fusion import odds_to_probabilities
from gi_classifier.model.linear import LinearModel
from gi_classifier.model.ngrams import cleaned, ngrams
from gi_classifier.model.pieces import clauses, sentences
from gi_classifier.model.windows import window_weights
from gi_classifier.text import folded
from gi_classifier.training.linear import fit_linear

TEXTS = [
    "胃溃疡伴出血",
    "结肠息肉",
    "胃窦溃疡",
    "直肠息肉伴出血",
    "咳嗽3天",
    "头痛2天,咳嗽",
    "胃息肉 Hp(+)",
]
LABELS = [1, 2, 1, 2, 0, 0, 1]


@pytest.fixture(scope="module")
def model() -> LinearModel:
    return fit_linear(TEXTS, LABELS, 3)


def test_ngrams_are_those_of_scikit_learn(model: LinearModel) -> None:
    vectorizer = TfidfVectorizer(analyzer="char", ngram_range=(1, 4), sublinear_tf=True, min_df=2)
    expected = vectorizer.fit_transform([folded(text) for text in TEXTS])
    assert len(model.keys) == expected.shape[1]
    decoded = ["".join(model.characters[n - 1] for n in numbers_of_key(key)) for key in model.keys]
    assert sorted(decoded) == sorted(vectorizer.vocabulary_)
    order = [vectorizer.vocabulary_[ngram] for ngram in decoded]
    found = expected[:, order] @ model.weights.T.astype(np.float64) + model.intercepts
    np.testing.assert_allclose(model.log_odds(TEXTS), found, atol=1e-9)


@given(ODD)
@settings(deadline=None)
def test_contributions_add_up_to_the_answer(model: LinearModel, text: str) -> None:
    scores, offsets = model.contributions(text)
    assert len(scores) == len(offsets)
    assert all(0 <= a < b <= len(text) for a, b in offsets)
    np.testing.assert_allclose(
        scores.sum(axis=0) + model.intercepts, model.decision_function([text])[0], atol=1e-9
    )


def test_a_diagnosis_counts_for_itself_among_normal_findings(model: LinearModel) -> None:
    text = "胃窦溃疡伴出血,胃息肉。咳嗽3天,头痛2天。头痛咳嗽,咳嗽头痛3天。"
    whole = replace(model, piece_shares=(0.0, 0.0))
    np.testing.assert_array_equal(whole.decision_function([text]), whole.log_odds([text]))
    alone, among = model.log_odds([text.partition("。")[0] + "。", text])[:, 1]
    assert among < model.decision_function([text])[0, 1] < alone


def test_a_diagnosis_counts_for_itself_between_commas(model: LinearModel) -> None:
    text = "咳嗽3天，头痛2天，胃窦溃疡伴出血，头痛咳嗽3天"
    by_sentences = replace(model, piece_shares=(0.65, 0.0))
    np.testing.assert_array_equal(by_sentences.decision_function([text]), model.log_odds([text]))
    assert model.decision_function([text])[0, 1] > model.log_odds([text])[0, 1]


@given(st.lists(ODD, max_size=4))
@settings(deadline=None)
def test_pieces_count_as_if_each_were_read_by_itself(model: LinearModel, texts: list[str]) -> None:
    found = model.decision_function(texts)
    for text, scores in zip(texts, found, strict=True):
        clean, whole = cleaned(text), model.log_odds([text])[0]
        expected = whole.copy()
        for share, cut in zip(model.piece_shares, (sentences, clauses), strict=True):
            # Read one by one, a piece of two lines would be cleaned again.
            parts = [clean[a:b] for a, b in cut(clean)]
            places = [ngrams([part], model.numbers) for part in parts]
            read = np.stack([model._scores(p.owners, model.columns(p.keys), 1)[0] for p in places])
            if len(parts) > 1:
                weights = window_weights(odds_to_probabilities(read))
                expected += share * (weights @ read - whole)
        np.testing.assert_allclose(scores, expected, atol=1e-9)


def test_a_text_in_one_piece_is_read_once(model: LinearModel) -> None:
    np.testing.assert_array_equal(model.decision_function(TEXTS), model.log_odds(TEXTS))


def test_an_answer_does_not_depend_on_the_other_texts(model: LinearModel) -> None:
    together = model.decision_function(["", *TEXTS, "", "從未見過"])
    apart = np.concatenate([model.decision_function([t]) for t in ["", *TEXTS, "", "從未見過"]])
    np.testing.assert_array_equal(together, apart)
    np.testing.assert_array_equal(together[0], model.intercepts)
    assert model.decision_function([]).shape == (0, 3)


def test_saved_and_read_it_answers_the_same(model: LinearModel) -> None:
    again = LinearModel.from_npz(model.to_npz())
    np.testing.assert_array_equal(again.decision_function(TEXTS), model.decision_function(TEXTS))


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\x80\x04K\x01."])
def test_what_is_no_linear_model_is_refused(content: bytes) -> None:
    with pytest.raises(ModelError, match="linear model cannot be read"):
        LinearModel.from_npz(content)


def test_parts_that_do_not_fit_together_are_refused(model: LinearModel) -> None:
    parts = {name: getattr(model, name) for name in LinearModel.__dataclass_fields__}
    for change, said in (
        ({"keys": model.keys[:-1]}, "frequencies"),
        ({"keys": model.keys[::-1]}, "do not rise"),
        ({"weights": np.full_like(model.weights, np.nan)}, "not finite"),
        ({"intercepts": model.intercepts[:-1]}, "2 intercepts"),
        ({"piece_shares": (np.nan, 0.0)}, "piece shares of"),
        ({"piece_shares": (0.7, 0.5)}, "piece shares of \\(0.7, 0.5\\)"),
    ):
        with pytest.raises(ModelError, match=said):
            LinearModel(**(parts | change)).check()
