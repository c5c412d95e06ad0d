"""Unlabelled text: how it is cut, who labels it, and what is kept."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from conftest import made_up_records
from hypothesis import given
from hypothesis import strategies as st

from gi_classifier.distil import SHORTEST, pieces, soft_labels
from gi_classifier.evaluation.baselines import tfidf_logistic_regression
from gi_classifier.model_dir import load
from gi_classifier.records import Records
from gi_classifier.settings import Settings
from gi_classifier.train import train

WORDS = st.text("胃肠镜未见异常，息肉", min_size=1, max_size=40)
PASSAGES = st.lists(st.lists(WORDS, max_size=8).map("。".join), max_size=5)


def labelled(count: int = 90) -> Records:
    rows = made_up_records(count)
    texts, labels = zip(*rows, strict=True)
    return Records(texts, labels, tuple(range(1, count + 1)))


@given(PASSAGES, st.integers(0, 5))
def test_pieces_are_whole_sentences_in_order(passages: list[str], seed: int) -> None:
    found = list(pieces(passages, seed))
    joined = "".join(passages)
    place = 0
    for piece in found:
        place = joined.index(piece, place) + len(piece)
        assert (
            place == len(joined)
            or piece.endswith("。")
            or piece in {*passages}
            or (any(passage.endswith(piece) for passage in passages))
        )
    assert list(pieces(passages, seed)) == found


def test_only_passages_shorter_than_the_shortest_are_dropped() -> None:
    assert list(pieces(["很短。", "长" * 300, "一二三四五六七八"], 1)) == [
        "长" * 300,
        "一二三四五六七八",
    ]
    assert SHORTEST == 8


def test_kept_pieces_carry_the_probabilities_of_scikit_learns_model(settings: Settings) -> None:
    records = labelled()
    passages = [text + "。" for text, _ in made_up_records(300)]
    texts, found = soft_labels(
        records, passages, dataclasses.replace(settings, teacher_confidence=0.5)
    )
    teacher = tfidf_logistic_regression(settings.seed).fit(records.texts, records.labels)
    np.testing.assert_allclose(found, teacher.predict_proba(texts), atol=1e-6)
    assert found.max(axis=1).min() >= 0.5
    assert found.dtype == np.float32


def test_each_label_keeps_at_most_its_number(settings: Settings) -> None:
    few = dataclasses.replace(settings, unlabelled_pieces=7, teacher_confidence=0.0)
    passages = [text for text, _ in made_up_records(300)]
    texts, found = soft_labels(labelled(), passages, few)
    assert np.bincount(found.argmax(axis=1)).tolist() == [7, 7, 7]
    assert len(set(texts)) == 21


def test_training_takes_unlabelled_text_and_counts_it(
    base: Path, settings: Settings, records_file: Path, tmp_path: Path
) -> None:
    corpus = tmp_path / "notes.txt"
    corpus.write_text("\n".join(t for t, _ in made_up_records(200)), encoding="utf-8")
    easy = dataclasses.replace(settings, teacher_confidence=0.34, epochs=1)
    train(records_file, tmp_path / "model", settings=easy, base=base, unlabelled=[corpus])
    facts = load(tmp_path / "model").facts["training"]
    assert facts["unlabelled_pieces"] > 50
    assert facts["temperature"] > 0


def test_missing_unlabelled_text_is_named_before_training(
    base: Path, settings: Settings, records_file: Path, tmp_path: Path
) -> None:
    with pytest.raises(FileNotFoundError, match=r"No text at .*none\.txt"):
        train(
            records_file,
            tmp_path / "model",
            settings=settings,
            base=base,
            unlabelled=[tmp_path / "none.txt"],
        )
    assert not (tmp_path / "model.training").exists()
