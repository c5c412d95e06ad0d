"""Unlabelled text: how it is cut, who labels it, and what is kept."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from samples import estimator_parameters, made_up_records

from gi_classifier import GIClassifier, continue_training
from gi_classifier.data.fingerprints import fingerprint
from gi_classifier.data.records import Records
from gi_classifier.errors import OutputExistsError, RecordsError, SettingsError
from gi_classifier.files import to_json
from gi_classifier.metrics.baselines import tfidf_logistic_regression
from gi_classifier.model.directory import BULK, load
from gi_classifier.settings import Settings
from gi_classifier.text import Vocabulary
from gi_classifier.training.distil import (
    SHORTEST,
    Teacher,
    linear_teacher,
    pieces,
    soft_labels,
)
from gi_classifier.training.encodings import encode, with_unlabelled
from gi_classifier.training.train import train

WORDS = st.text("胃肠镜未见异常，息肉", min_size=1, max_size=40)
PASSAGES = st.lists(st.lists(WORDS, max_size=8).map("。".join), max_size=5)


def labelled(count: int = 90) -> Records:
    rows = made_up_records(count)
    texts, labels = zip(*rows, strict=True)
    return Records(texts, labels, tuple(range(1, count + 1)))


@given(PASSAGES, st.integers(0, 5))
def test_pieces_are_whole_sentences_in_order_and_none_is_short(
    passages: list[str], seed: int
) -> None:
    found = list(pieces(passages, seed))
    joined = "\n".join(passages) + "\n"
    place = 0
    for piece in found:
        place = joined.index(piece, place) + len(piece)
        assert joined[place - 1] == "。" or joined[place] == "\n"
        assert len(piece) >= SHORTEST
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
    half = dataclasses.replace(settings, teacher_confidence=0.5)
    texts, found = soft_labels(passages, half, linear_teacher(records, half))
    teacher = tfidf_logistic_regression(settings.seed).fit(records.texts, records.labels)
    np.testing.assert_allclose(found, teacher.predict_proba(texts), atol=1e-6)
    assert found.max(axis=1).min() >= 0.5
    assert found.dtype == np.float32


def test_each_label_keeps_at_most_its_number(settings: Settings) -> None:
    few = dataclasses.replace(settings, unlabelled_pieces=7, teacher_confidence=0.0)
    passages = [text for text, _ in made_up_records(300)]
    texts, found = soft_labels(passages, few, linear_teacher(labelled(), few))
    assert np.bincount(found.argmax(axis=1)).tolist() == [7, 7, 7]
    assert len(set(texts)) == 21


def test_training_takes_unlabelled_text_and_counts_it(
    base: Path,
    settings: Settings,
    records_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("gi_classifier.training.bulk_cut.FEWEST_PASSAGES", 20)
    monkeypatch.setattr(
        "gi_classifier.training.train.bulk_file",
        lambda directory, held: {BULK: to_json({directory.digest: len(held)})},
    )
    corpus = tmp_path / "notes.txt"
    corpus.write_text("\n".join(t for t, _ in made_up_records(200)), encoding="utf-8")
    easy = dataclasses.replace(settings, teacher_confidence=0.34, epochs=1)
    train(records_file, tmp_path / "model", settings=easy, base=base, unlabelled=[corpus])
    directory = load(tmp_path / "model")
    assert directory.read_json(BULK) == {directory.digest: 20}
    metadata = directory.metadata["training"]
    assert metadata["unlabelled_pieces"] > 50
    assert metadata["temperature"] > 0


def test_passages_are_held_for_bulk_only_where_both_members_answer(
    base: Path,
    settings: Settings,
    records_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    learnt: list[int] = []

    def stop(data: object, splits: object, passages: list[str], *_: object) -> None:
        learnt.append(len(passages))
        raise RecordsError("far enough")

    monkeypatch.setattr("gi_classifier.training.bulk_cut.FEWEST_PASSAGES", 20)
    monkeypatch.setattr("gi_classifier.training.train.with_unlabelled", stop)
    corpus = tmp_path / "notes.txt"
    corpus.write_text("".join(f"胃窦溃疡{n}\n" for n in range(50)), encoding="utf-8")
    common: dict[str, Any] = {"settings": settings, "base": base, "unlabelled": corpus}
    for use in ("both", "albert"):
        common["use"] = use
        with pytest.raises(RecordsError, match="far enough"):
            train(records_file, tmp_path / use, **common)
    assert learnt == [30, 50]


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


@pytest.mark.parametrize(
    ("passages", "confidence", "message"),
    [
        (["短。"], 0.9, "has no passage of 8 characters or more"),
        (
            ["一二三四五六七八九十"],
            0.999,
            "is sure of none of 1 pieces of unlabelled text. Train it on more",
        ),
    ],
)
def test_text_that_teaches_nothing_is_an_error(
    settings: Settings, passages: list[str], confidence: float, message: str
) -> None:
    sure = dataclasses.replace(settings, teacher_confidence=confidence)
    with pytest.raises(RecordsError, match=message):
        soft_labels(passages, sure, linear_teacher(labelled(), sure))


def test_held_out_records_are_not_learnt_from_as_unlabelled_text(
    vocabulary: Vocabulary, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    easy = dataclasses.replace(settings, teacher_confidence=0.0)
    splits = {"train": labelled(), "val": labelled(120).take(range(90, 120))}
    passages = [*splits["val"].texts, *(text for text, _ in made_up_records(200)[120:])]
    data = encode(splits["train"], vocabulary, easy)
    with caplog.at_level("INFO"):
        found = with_unlabelled(data, splits, passages, vocabulary, easy)
    assert "30 near held-out records left out" in caplog.text
    assert len(found.ids) == 90 + 80
    held = {tuple(vocabulary.with_special(e.ids)) for e in vocabulary.encode(splits["val"].texts)}
    assert not held & {tuple(row) for row in found.ids}


def made_up_teacher(asked: list[int]) -> Teacher:
    def ask(texts: Sequence[str]) -> np.ndarray:
        asked.append(len(texts))
        return np.tile([0.2, 0.7, 0.1], (len(texts), 1))

    return Teacher(ask, slow=True)


def test_a_slow_teacher_is_asked_about_nine_times_what_a_label_can_keep(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gi_classifier.training.distil.CHUNK", 40)
    asked: list[int] = []
    few = dataclasses.replace(settings, unlabelled_pieces=5, teacher_confidence=0.0)
    passages = [text for text, _ in made_up_records(300)]
    texts, found = soft_labels(passages, few, made_up_teacher(asked))
    assert asked == [40, 5]
    assert len(texts) == 5
    np.testing.assert_allclose(found, np.tile([0.2, 0.7, 0.1], (5, 1)), atol=1e-6)


def test_a_slow_teacher_is_asked_no_more_where_every_label_has_enough(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gi_classifier.training.distil.CHUNK", 20)
    asked: list[int] = []
    two = dataclasses.replace(
        settings, num_classes=2, label_names=None, unlabelled_pieces=5, teacher_confidence=0.0
    )

    def ask(texts: Sequence[str]) -> np.ndarray:
        asked.append(len(texts))
        return np.eye(2)[np.arange(len(texts)) % 2]

    soft_labels([text for text, _ in made_up_records(300)], two, Teacher(ask, slow=True))
    assert asked == [20]


@pytest.fixture
def trained(base: Path, settings: Settings, records_file: Path, tmp_path: Path) -> Path:
    easy = dataclasses.replace(settings, teacher_confidence=0.0, epochs=1)
    train(records_file, tmp_path / "model", settings=easy, base=base)
    return tmp_path / "model"


def notes(tmp_path: Path, count: int = 200) -> Path:
    corpus = tmp_path / f"notes{count}.txt"
    corpus.write_text("\n".join(t for t, _ in made_up_records(count)), encoding="utf-8")
    return corpus


def test_a_model_that_goes_on_teaches_itself_what_its_members_know_together(
    trained: Path, records_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    learnt: list[Any] = []

    def kept(data: Any, *given: Any) -> Any:
        learnt.append(with_unlabelled(data, *given))
        return learnt[0]

    monkeypatch.setattr("gi_classifier.training.train.with_unlabelled", kept)
    corpus = notes(tmp_path)
    continue_training(trained, records_file, tmp_path / "next", unlabelled=corpus)
    count = load(tmp_path / "next").metadata["training"]["unlabelled_pieces"]
    assert count > 50
    model = GIClassifier.load(trained)
    texts = [text for text, _ in made_up_records(200)]
    told = dict(zip(texts, model.predict_proba(texts), strict=True))
    tokens = model.directory_.vocabulary
    by_ids = {
        tuple(tokens.with_special(e.ids)): text
        for text, e in zip(texts, tokens.encode(texts), strict=True)
    }
    for ids, target in zip(learnt[0].ids[-count:], learnt[0].targets[-count:], strict=True):
        np.testing.assert_allclose(target, told[by_ids[tuple(ids)]], atol=1e-6)


def test_what_was_held_out_before_is_not_learnt_from_as_unlabelled_text(
    trained: Path, tmp_path: Path
) -> None:
    held = load(trained).splits["val"] + load(trained).splits["test"]
    assert held
    new = tmp_path / "new.tsv"
    rows = made_up_records(400)[300:]
    new.write_text("".join(f"{text}\t{label}\n" for text, label in rows), encoding="utf-8")
    corpus = tmp_path / "held.txt"
    texts = [text for text, _ in made_up_records(90)]
    corpus.write_text("\n".join(texts), encoding="utf-8")
    continue_training(trained, new, tmp_path / "next", unlabelled=corpus)
    learnt = load(tmp_path / "next").metadata["training"]["unlabelled_pieces"]
    assert learnt <= len({*map(fingerprint, texts)} - {*held})


def test_a_run_that_goes_on_does_not_ask_the_model_again(
    trained: Path, records_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus = notes(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr("gi_classifier.training.export.exported", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            continue_training(trained, records_file, tmp_path / "next", unlabelled=corpus)
    monkeypatch.setattr("gi_classifier.training.distil.Predictor", None)
    continue_training(trained, records_file, tmp_path / "next", unlabelled=corpus)
    assert load(tmp_path / "next").metadata["training"]["unlabelled_pieces"] > 50


def test_a_linear_member_alone_goes_on_without_unlabelled_text(
    settings: Settings, records_file: Path, tmp_path: Path
) -> None:
    train(records_file, tmp_path / "model", settings=settings, use="linear")
    with pytest.raises(SettingsError, match="unlabelled text: the linear member learns from"):
        continue_training(
            tmp_path / "model", records_file, tmp_path / "next", unlabelled=records_file
        )


def test_other_unlabelled_text_is_another_run(
    base: Path, settings: Settings, records_file: Path, tmp_path: Path
) -> None:
    easy = dataclasses.replace(settings, teacher_confidence=0.34, epochs=2)
    corpora = [tmp_path / "a.txt", tmp_path / "b.txt"]
    for path, count in zip(corpora, (180, 200), strict=True):
        path.write_text("\n".join(t for t, _ in made_up_records(count)), encoding="utf-8")
    kwargs = {"settings": easy, "base": base}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gi_classifier.training.export.exported", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            train(records_file, tmp_path / "model", unlabelled=corpora[0], **kwargs)
    with pytest.raises(OutputExistsError, match="begun with something else"):
        train(records_file, tmp_path / "model", unlabelled=corpora[1], **kwargs)
    train(records_file, tmp_path / "model", unlabelled=str(corpora[0]), **kwargs)


def test_the_estimator_takes_unlabelled_texts(base: Path, settings: Settings) -> None:
    texts, labels = zip(*made_up_records(90), strict=True)
    model = GIClassifier(base=base, **estimator_parameters(settings))
    model.set_params(teacher_confidence=0.34, epochs=1)
    model.fit(texts, labels, unlabelled=[text for text, _ in made_up_records(150)[90:]])
    assert model.directory_.metadata["training"]["unlabelled_pieces"] > 20
