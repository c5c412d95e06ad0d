from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from samples import made_up_records

import gi_classifier
from gi_classifier.errors import InputError, SettingsError
from gi_classifier.model.directory import WEIGHTS, load
from gi_classifier.model.engine import softmax
from gi_classifier.model.predictor import Predictor
from gi_classifier.model.shipped import shipped_directory
from gi_classifier.model.weights import HEAD, read_h5
from gi_classifier.model.windows import window_weights
from gi_classifier.settings import Use
from gi_classifier.text_checks import check_texts
from gi_classifier.training.keras_engine import open_any_engine

EXAMPLE = "胃窦黏膜充血"


class CountingEngine:
    """Says label 1 for windows that hold token 胃, else label 0, and counts the rows it reads."""

    def __init__(self, upper: int) -> None:
        self.upper = upper
        self.rows = 0

    def run(self, ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        self.rows += len(ids)
        found = (ids == self.upper).any(axis=1)
        logits = np.zeros((len(ids), 3), dtype=np.float32)
        logits[np.arange(len(ids)), found.astype(int)] = 6
        return logits, logits


@pytest.fixture
def counting(vocabulary, settings) -> Predictor:  # type: ignore[no-untyped-def]
    return Predictor(CountingEngine(vocabulary.ids["胃"]), vocabulary, settings)


def test_equal_texts_are_computed_once_and_order_is_kept(counting: Predictor) -> None:
    texts = ["胃癌", "骨折", "胃癌", "骨折", "咳嗽", "胃癌"]
    found = counting.predict_proba(texts).argmax(axis=1)
    assert found.tolist() == [1, 0, 1, 0, 0, 1]
    assert counting.engine.rows == 3  # type: ignore[attr-defined]


@pytest.mark.parametrize("place", [0, 40, 150, 199])
def test_no_character_of_a_long_text_is_ignored(counting: Predictor, place: int) -> None:
    text = "肺" * place + "胃" + "肺" * (199 - place)
    assert counting.predict_proba([text])[0].argmax() == 1
    assert counting.predict_proba(["肺" * 200])[0].argmax() == 0


probabilities = st.lists(st.floats(0.01, 1), min_size=3, max_size=3).map(
    lambda row: np.array(row) / sum(row)
)


@given(st.lists(probabilities, min_size=1, max_size=6), st.sampled_from(["evidence", "mean"]))
def test_weights_of_windows_sum_to_1(rows: list[np.ndarray], rule: str) -> None:
    weights = window_weights(np.array(rows), rule)  # type: ignore[arg-type]
    assert weights.sum() == pytest.approx(1)
    assert (weights >= 0).all()


def test_one_window_that_describes_a_tract_outweighs_many_that_describe_none() -> None:
    rows = np.array([[0.02, 0.95, 0.03]] + [[0.98, 0.01, 0.01]] * 5)
    odds = np.log(rows / (1 - rows))
    assert (window_weights(rows, "evidence") @ odds).argmax() == 1
    assert (window_weights(rows, "mean") @ odds).argmax() == 0
    assert (window_weights(rows[1:], "evidence") @ odds[1:]).argmax() == 0


def test_certain_background_in_every_window_divides_by_nothing() -> None:
    assert window_weights(np.array([[1.0, 0, 0], [1.0, 0, 0]])).tolist() == [0.5, 0.5]


@pytest.mark.parametrize("text", [None, b"abc", 3, float("nan"), ["胃癌"]])
def test_predict_refuses_what_is_no_text(text: object) -> None:
    with pytest.raises(InputError, match=rf"one str.*Received: {type(text).__name__}"):
        gi_classifier.predict(text)  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["", " \t\n", "　", "\u200b\x00"])
def test_blank_text_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="position 0: an empty text"):
        gi_classifier.predict(text)


def test_all_bad_positions_are_named_at_once() -> None:
    with pytest.raises(InputError) as caught:
        check_texts(["胃癌", None, "", b"x", float("nan")])
    message = str(caught.value)
    for line in ("1: not text but NoneType", "2: an empty text", "3: not text but bytes", "4: not"):
        assert f"position {line}" in message
    assert isinstance(caught.value, ValueError)
    assert isinstance(caught.value, TypeError)


def test_513_texts_are_refused_and_512_are_not() -> None:
    with pytest.raises(InputError, match="At most 512 texts at a time. Received: 513"):
        gi_classifier.multi_predict([EXAMPLE] * 513)
    assert gi_classifier.multi_predict([EXAMPLE] * 512) == [1] * 512


def test_single_string_is_not_taken_for_a_list() -> None:
    with pytest.raises(InputError, match="as a list of str.*Received: str"):
        gi_classifier.multi_predict("胃癌")


@pytest.mark.parametrize("texts", [{"胃癌"}, {"胃癌": 1}, pd.DataFrame({"text": ["胃癌"]})])
def test_what_has_no_order_or_several_columns_is_refused(texts: object) -> None:
    with pytest.raises(InputError, match=f"of a table, one column.*{type(texts).__name__}"):
        check_texts(texts)


def test_empty_list_gives_an_empty_list() -> None:
    assert gi_classifier.multi_predict([]) == []
    assert gi_classifier.predict_proba([]).shape == (0, 3)


@pytest.mark.parametrize("kind", [list, tuple, np.array, pd.Series])
def test_any_sequence_of_texts_is_read(kind: type) -> None:
    assert gi_classifier.multi_predict(kind([EXAMPLE, "结肠息肉切除术"])) == [1, 2]


@pytest.mark.slow
@pytest.mark.parametrize(
    "text", ["\ud800", "胃\udfff癌", "😀" * 30, "é\u0301", "①②③", "ﾊﾝｶｸ", "\x07胃", "a" * 5000]
)
def test_odd_characters_give_a_probability(text: str) -> None:
    found = gi_classifier.predict_proba([text + "。"])
    assert found.shape == (1, 3)
    assert found.sum() == pytest.approx(1)


@given(st.text(min_size=1, max_size=40))
def test_any_text_gives_a_probability_or_is_blank(text: str) -> None:
    try:
        checked = check_texts([text])
    except InputError:
        return
    assert gi_classifier.predict_proba(checked).sum() == pytest.approx(1)


def test_answer_does_not_depend_on_the_other_texts_of_the_batch() -> None:
    texts = [text for text, _ in made_up_records(30)]
    together = gi_classifier.predict_proba(texts)
    alone = np.concatenate([gi_classifier.predict_proba([text]) for text in texts])
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_threads_get_the_same_answers() -> None:
    texts = [text for text, _ in made_up_records(24)]
    expected = gi_classifier.predict_proba(texts)
    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(gi_classifier.predict_proba, [texts] * 8):
            np.testing.assert_allclose(found, expected, atol=1e-6)


def test_predicting_imports_neither_tensorflow_nor_scikit_learn() -> None:
    code = (
        "import sys, gi_classifier; gi_classifier.predict('胃癌'); "
        "print([m for m in ('tensorflow', 'tf_keras', 'sklearn', 'matplotlib', 'pandas') "
        "if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.slow
def test_first_calls_from_several_threads_load_the_model_once() -> None:
    code = (
        "import threading, gi_classifier as g, gi_classifier.model.shipped as p\n"
        "calls = []; load = p.load\n"
        "p.load = lambda path: calls.append(path) or load(path)\n"
        "work = [g.predict, lambda t: g.explain([t]), lambda t: g.novelty([t])] * 3\n"
        "ts = [threading.Thread(target=one, args=('胃癌',)) for one in work]\n"
        "[t.start() for t in ts]; [t.join() for t in ts]; print(len(calls))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "1"


@pytest.mark.slow
def test_a_megabyte_of_text_is_read(counting: Predictor) -> None:
    text = "肺部发热咳嗽，患者骨折。" * 28_000
    assert len(text.encode()) > 1_000_000
    assert counting.predict_proba([text])[0].argmax() == 0
    assert counting.engine.rows > 10_000  # type: ignore[attr-defined]


@pytest.mark.slow
def test_a_million_spaces_around_a_record_change_nothing() -> None:
    space = " " * 1_000_000
    found = gi_classifier.predict_proba([space + EXAMPLE + space, EXAMPLE])
    np.testing.assert_allclose(found[0], found[1], atol=1e-6)


def test_trained_directory_predicts_like_its_keras_model(trained: Path) -> None:
    texts = [text for text, _ in made_up_records()]
    directory = load(trained)
    keras, onnx = (
        Predictor.from_directory(directory, open_any_engine(directory, name)).predict_proba(texts)
        for name in ("keras", "fp32")
    )
    np.testing.assert_allclose(keras, onnx, atol=1e-6)


def test_embedding_a_record_gives_what_the_head_turns_into_its_probabilities(trained: Path) -> None:
    directory = load(trained)
    predictor = Predictor.from_directory(directory)
    kernel, bias = read_h5(directory.files[WEIGHTS])[HEAD]
    texts = ["胃窦糜烂", "直肠息肉", "胃窦糜烂", "肺"]
    features = predictor.embed(texts)
    assert features.shape == (4, 8)
    assert features.dtype == np.float32
    np.testing.assert_allclose(features @ kernel + bias, predictor.read(texts).logits, atol=1e-6)


def test_embedding_a_long_record_gives_the_weighted_mean_of_its_windows(trained: Path) -> None:
    predictor = Predictor.from_directory(load(trained))
    text = "胃窦黏膜充血糜烂，" * 20
    reading = predictor.read([text])
    assert len(reading.cls) > 3
    weights = window_weights(softmax(reading.logits))
    np.testing.assert_allclose(predictor.embed([text])[0], weights @ reading.cls, atol=1e-6)


def test_embedding_nothing_gives_no_row_and_a_blank_record_is_named() -> None:
    assert gi_classifier.embed([]).shape == (0, 312)
    with pytest.raises(InputError, match="position 1: an empty text"):
        gi_classifier.embed(["胃", " "])


@pytest.mark.parametrize("use", ["both", "albert", "linear"])
def test_the_functions_answer_by_the_members_asked_for(use: Use) -> None:
    directory = shipped_directory()
    texts = [EXAMPLE, "直肠息肉", "右肺结节"]
    if use != "albert" and "linear" not in directory.members:
        with pytest.raises(SettingsError, match="no linear member"):
            gi_classifier.predict(EXAMPLE, use=use)
        with pytest.raises(SettingsError, match="no linear member"):
            gi_classifier.explain([EXAMPLE], use=use)
        return
    expected = Predictor.from_directory(directory, use=use).predict_proba(texts)
    np.testing.assert_allclose(gi_classifier.predict_proba(texts, use=use), expected, atol=1e-6)
    prior = gi_classifier.predict_proba(texts, use=use, prior=[0.2, 0.4, 0.4])
    assert prior.shape == (3, 3)
    labels = expected.argmax(axis=1).tolist()
    assert gi_classifier.multi_predict(texts, use=use) == labels
    assert gi_classifier.predict(EXAMPLE, use=use, min_confidence=0) == labels[0]
    [found] = gi_classifier.explain([EXAMPLE], use=use)
    assert found.probability == pytest.approx(expected[0, found.label], abs=1e-5)


def test_an_unknown_member_is_named() -> None:
    for ask in (gi_classifier.predict, lambda text, use: gi_classifier.explain([text], use=use)):
        with pytest.raises(SettingsError, match="use must be one of both, albert, linear"):
            ask(EXAMPLE, use="bert")
