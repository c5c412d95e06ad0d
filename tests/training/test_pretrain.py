"""Pre-training: what is masked, how it goes on, and what starts from its output."""

from __future__ import annotations

import dataclasses
import errno
import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import jieba
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from samples import made_up_records

from gi_classifier.data.passages import read_passages
from gi_classifier.errors import OutputExistsError, RecordsError, SettingsError
from gi_classifier.settings import AlbertConfig, PretrainingSettings, Settings
from gi_classifier.text import Vocabulary, normalise
from gi_classifier.training import pretrain as module
from gi_classifier.training.pretrain import Passage, epoch_batches, mask_words, passages, pretrain

TEXTS = [
    "患者因ERCP术后吞咽困难、发热、咳嗽。",
    "十二指肠溃疡；胃底黏膜充血",
    "cm",
    "直肠息肉切除术 骨折",
]
SMALL = PretrainingSettings(
    epochs=2, maxlen=16, batch_tokens=160, learning_rate=0.01, warmup_steps=3, checkpoint_steps=5
)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("corpus") / "corpus.txt"
    path.write_text("\n".join(text for text, _ in made_up_records(60)), encoding="utf-8")
    return path


@pytest.mark.parametrize("text", TEXTS)
def test_every_token_knows_its_word(text: str, vocabulary: Vocabulary) -> None:
    plain = normalise(text)
    (found,) = passages([plain], vocabulary, 64)
    (encoded,) = vocabulary.encode([plain])
    np.testing.assert_array_equal(found.ids, vocabulary.with_special(encoded.ids))
    assert found.words[0] == found.words[-1] == -1
    spans = [(start, end) for _, start, end in jieba.tokenize(plain, HMM=False)]
    for number, (start, end) in zip(found.words[1:-1], encoded.offsets, strict=True):
        assert spans[number][0] <= start
        assert end <= spans[number][1]


def test_long_texts_become_passages_that_lose_no_token(vocabulary: Vocabulary) -> None:
    text = "".join(TEXTS) * 3
    found = passages([text, "，"], vocabulary, 10)
    ids = np.concatenate([passage.ids[1:-1] for passage in found[:-1]])
    np.testing.assert_array_equal(ids, vocabulary.encode([text])[0].ids)
    assert max(len(passage.ids) for passage in found) == 10
    assert {(passage.ids[0], passage.ids[-1]) for passage in found} == {(2, 3)}
    assert len(found[-1].ids) == 3


@st.composite
def made_passages(draw: st.DrawFn) -> Passage:
    """Words of one to six tokens; their numbers may start anywhere, as in a later window."""
    sizes = draw(st.lists(st.integers(1, 6), min_size=1, max_size=20))
    words = np.repeat(np.arange(len(sizes)) + draw(st.integers(0, 9)), sizes)
    ids = draw(st.lists(st.integers(5, 99), min_size=len(words), max_size=len(words)))
    return Passage(
        np.array([2, *ids, 3], dtype=np.int32), np.array([-1, *words, -1], dtype=np.int32)
    )


@given(passage=made_passages(), seed=st.integers(0, 2**32), share=st.floats(0.01, 0.99))
def test_whole_words_are_masked_and_nothing_else(
    vocabulary: Vocabulary, passage: Passage, seed: int, share: float
) -> None:
    before = passage.ids.copy()
    ids, positions = mask_words(passage, vocabulary, share, np.random.default_rng(seed))
    np.testing.assert_array_equal(passage.ids, before)
    masked = np.isin(np.arange(len(ids)), positions)
    assert not masked[[0, -1]].any()
    np.testing.assert_array_equal(ids[~masked], before[~masked])
    chosen = set(passage.words[masked])
    np.testing.assert_array_equal(masked, np.isin(passage.words, list(chosen)))
    wanted = max(1, round(share * (len(ids) - 2)))
    sizes = [int((passage.words == word).sum()) for word in chosen]
    assert wanted <= len(positions) < wanted + max(sizes)
    for word in chosen:
        hidden = ids[passage.words == word] == 4
        assert hidden.all() or not hidden.any()
    again = mask_words(passage, vocabulary, share, np.random.default_rng(seed))
    np.testing.assert_array_equal(again[0], ids)


def test_of_the_masked_words_8_in_10_are_hidden_and_1_replaced(vocabulary: Vocabulary) -> None:
    words = np.arange(4000)
    ids = np.full(4000, 50, dtype=np.int32)
    passage = Passage(np.array([2, *ids, 3], np.int32), np.array([-1, *words, -1], np.int32))
    found, positions = mask_words(passage, vocabulary, 0.5, np.random.default_rng(0))
    hidden, kept = (np.mean(found[positions] == token) for token in (4, 50))
    assert len(positions) == 2000
    assert hidden == pytest.approx(0.8, abs=0.03)
    assert kept == pytest.approx(0.1, abs=0.03)


@given(
    lengths=st.lists(st.integers(3, 20), min_size=1, max_size=60),
    limit=st.integers(1, 100),
    seed=st.integers(0, 9),
)
def test_an_epoch_takes_every_passage_once(lengths: list[int], limit: int, seed: int) -> None:
    settings = PretrainingSettings(batch_tokens=limit, seed=seed)
    batches = epoch_batches(np.array(lengths), settings, 1)
    assert sorted(np.concatenate(batches)) == list(range(len(lengths)))
    for rows in batches:
        assert len(rows) == 1 or len(rows) * max(lengths[row] for row in rows) <= limit
    again = epoch_batches(np.array(lengths), settings, 1)
    assert [list(rows) for rows in again] == [list(rows) for rows in batches]


def weights_of(path: Path) -> dict[str, list[np.ndarray]]:
    from gi_classifier.model.weights import read_h5

    return read_h5(path / "model.h5")


def assert_same(one: dict[str, list[np.ndarray]], other: dict[str, list[np.ndarray]]) -> None:
    assert one.keys() == other.keys()
    for name, arrays in one.items():
        for first, second in zip(arrays, other[name], strict=True):
            np.testing.assert_array_equal(first, second)


@pytest.fixture(scope="module")
def pretrained(
    corpus: Path,
    vocabulary: Vocabulary,
    config: AlbertConfig,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    output = tmp_path_factory.mktemp("pretrained") / "base"
    return pretrain([corpus], output, vocabulary=vocabulary, config=config, settings=SMALL)


@pytest.mark.parametrize("name", ["", "model.h5"])
def test_training_starts_from_the_directory_or_its_h5(
    pretrained: Path, settings: Settings, name: str, vocabulary: Vocabulary, config: AlbertConfig
) -> None:
    from gi_classifier.model.weights import HEAD
    from gi_classifier.training.keras_model import build, get_weights

    built = build(pretrained / name, settings)
    found = get_weights(built.model)
    del found[HEAD]
    assert_same(found, weights_of(pretrained))
    assert built.vocabulary.tokens == vocabulary.tokens
    assert built.config == config
    assert built.source == (name or "base")
    names = sorted(path.name for path in pretrained.iterdir())
    assert names == ["albert_config.json", "model.h5", "origin.json", "vocab.txt"]
    assert [path.name for path in pretrained.parent.iterdir()] == ["base"]


def test_pretraining_lowers_the_loss(
    vocabulary: Vocabulary, config: AlbertConfig, tmp_path: Path
) -> None:
    config = dataclasses.replace(config, hidden_size=48, intermediate_size=96, embedding_size=24)
    # Each character follows from the one before it.
    order = "溃疡息肉切除术后患者发热" * 3
    corpus = tmp_path / "corpus.txt"
    corpus.write_text("\n".join(order[i % 12 : i % 12 + 8 + i // 12] for i in range(60)), "utf-8")
    rates: list[float] = []
    losses: list[float] = []
    build_step = module.step_function

    def watched(*arguments: Any) -> Any:
        body, variables, optimizer, step = build_step(*arguments)

        def watching(*inputs: Any) -> Any:
            rates.append(float(optimizer.learning_rate))
            losses.append(float(step(*inputs)))
            return losses[-1]

        return body, variables, optimizer, watching

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "step_function", watched)
        longer = PretrainingSettings(
            epochs=30, maxlen=16, batch_tokens=160, learning_rate=0.005, warmup_steps=3
        )
        pretrain([corpus], tmp_path / "b", vocabulary=vocabulary, config=config, settings=longer)
    # It starts with knowing how common each token is, and nothing more.
    found = passages(read_passages([corpus]), vocabulary, 16)
    common = module.log_frequencies(found, len(vocabulary))
    expected = -common[np.concatenate([passage.ids[1:-1] for passage in found])].mean()
    assert losses[0] == pytest.approx(expected, abs=0.5)
    assert expected < np.log(len(vocabulary)) - 0.5
    assert np.mean(losses[-10:]) < np.mean(losses[:10]) - 0.5
    steps = len(losses)
    np.testing.assert_allclose(
        rates, [longer.learning_rate_at(step, steps) for step in range(steps)], rtol=1e-6
    )


KILLED = """
import json, os, signal, sys
import gi_classifier.training.pretrain as module
from gi_classifier.settings import AlbertConfig, PretrainingSettings
from gi_classifier.text import Vocabulary
corpus, output, job = sys.argv[1:]
job = json.loads(job)
write, mask, state = module.write_checkpoint, module.mask_words, {"written": 0, "masked": 0}
def writing(*arguments):
    write(*arguments)
    state["written"] += 1
def masking(*arguments):
    state["masked"] += state["written"] == job["after"]
    if state["masked"] > job["masked"]:
        os.kill(os.getpid(), signal.SIGKILL)
    return mask(*arguments)
module.write_checkpoint, module.mask_words = writing, masking
module.pretrain(
    [corpus],
    output,
    vocabulary=Vocabulary(job["tokens"]),
    config=AlbertConfig(**job["config"]),
    settings=PretrainingSettings.from_dict(job["settings"]),
)
"""


@pytest.mark.slow
def test_a_killed_run_goes_on_and_ends_with_the_same_weights(
    pretrained: Path, corpus: Path, vocabulary: Vocabulary, config: AlbertConfig, tmp_path: Path
) -> None:
    output = tmp_path / "base"
    job: dict[str, Any] = {
        "tokens": vocabulary.tokens,
        "config": config.to_dict(),
        "settings": vars(SMALL),
        "masked": 25,
    }
    # Killed in a step before any checkpoint, then in one after the first that a run writes.
    for after in (0, 1):
        done = subprocess.run(
            [
                sys.executable,
                "-c",
                KILLED,
                str(corpus),
                str(output),
                json.dumps(job | {"after": after}),
            ],
            capture_output=True,
            text=True,
        )
        assert done.returncode == -signal.SIGKILL, done.stderr
        assert not output.exists()
        assert (tmp_path / "base.training" / "checkpoint.npz").is_file() == bool(after)
    pretrain([corpus], output, vocabulary=vocabulary, config=config, settings=SMALL)
    assert_same(weights_of(output), weights_of(pretrained))
    assert [path.name for path in tmp_path.iterdir()] == ["base"]


def test_a_disk_that_fills_while_the_result_is_written_loses_nothing(
    pretrained: Path,
    corpus: Path,
    vocabulary: Vocabulary,
    config: AlbertConfig,
    tmp_path: Path,
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    arguments: dict[str, Any] = {"vocabulary": vocabulary, "config": config, "settings": SMALL}
    output = tmp_path / "base"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "write_directory", full)
        with pytest.raises(OSError, match="No space left"):
            pretrain([corpus], output, **arguments)
    assert not output.exists()
    pretrain([corpus], output, **arguments)
    assert_same(weights_of(output), weights_of(pretrained))
    with pytest.raises(OutputExistsError, match="exists"):
        pretrain([corpus], output, **arguments)


@pytest.mark.slow
def test_the_state_of_another_run_is_refused_until_it_is_dropped(
    pretrained: Path, corpus: Path, vocabulary: Vocabulary, config: AlbertConfig, tmp_path: Path
) -> None:
    from gi_classifier.training.checkpoint import write_checkpoint

    work = tmp_path / "base.training"
    work.mkdir()
    state = {"step": 1, "recent": 0.0}
    write_checkpoint(work / "checkpoint.npz", {"setting": {"seed": 7}}, {}, state)
    arguments: dict[str, Any] = {"vocabulary": vocabulary, "config": config, "settings": SMALL}
    with pytest.raises(OutputExistsError, match="--restart") as error:
        pretrain([corpus], tmp_path / "base", **arguments)
    assert f"setting: seed: 7 then, {SMALL.seed} now" in error.value.problems
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / "mine.txt").write_text("mine")
    with pytest.raises(OutputExistsError, match=r"did not write:\n  mine\.txt"):
        pretrain([corpus], tmp_path / "base", restart=True, force=True, **arguments)
    (tmp_path / "base" / "mine.txt").unlink()
    pretrain([corpus], tmp_path / "base", restart=True, force=True, **arguments)
    assert_same(weights_of(tmp_path / "base"), weights_of(pretrained))


def test_a_corpus_without_text_is_refused(vocabulary: Vocabulary, tmp_path: Path) -> None:
    (tmp_path / "empty.txt").write_text(" \n\n")
    with pytest.raises(RecordsError, match=r"No text in .*empty\.txt"):
        pretrain([tmp_path / "empty.txt"], tmp_path / "base", vocabulary=vocabulary)
    assert not (tmp_path / "base").exists()


def test_going_on_from_weights_keeps_their_vocabulary_and_starts_where_they_were(
    pretrained: Path, corpus: Path, tmp_path: Path
) -> None:
    still = dataclasses.replace(SMALL, epochs=1, learning_rate=1e-12)
    pretrain([corpus], tmp_path / "same", base=pretrained, settings=still)
    before, after = weights_of(pretrained), weights_of(tmp_path / "same")
    for name, arrays in before.items():
        for one, other in zip(arrays, after[name], strict=True):
            np.testing.assert_allclose(one, other, atol=1e-6)
    assert (tmp_path / "same" / "vocab.txt").read_bytes() == (pretrained / "vocab.txt").read_bytes()
    pretrain([corpus], tmp_path / "more", base=pretrained / "model.h5", settings=SMALL)
    moved = weights_of(tmp_path / "more")["Embedding-Token"][0] - before["Embedding-Token"][0]
    assert np.abs(moved).max() > 1e-3


def test_a_start_is_a_vocabulary_or_a_base(
    pretrained: Path, corpus: Path, vocabulary: Vocabulary, tmp_path: Path
) -> None:
    wanted = "starts from a vocabulary .and a config., or from a base"
    with pytest.raises(SettingsError, match=wanted):
        pretrain([corpus], tmp_path / "out")
    with pytest.raises(SettingsError, match=wanted):
        pretrain([corpus], tmp_path / "out", base=pretrained, vocabulary=vocabulary)
    assert not (tmp_path / "out").exists()


def test_a_config_that_does_not_fit_is_refused_before_a_step_is_taken(
    corpus: Path, vocabulary: Vocabulary, tmp_path: Path
) -> None:
    config = AlbertConfig(vocab_size=len(vocabulary) + 1, max_position_embeddings=64)
    settings = PretrainingSettings(maxlen=65)
    with pytest.raises(
        SettingsError, match=r"do not fit(.|\n)*maxlen 65(.|\n)*64 pos(.|\n)*tokens"
    ):
        pretrain(
            [corpus], tmp_path / "out", vocabulary=vocabulary, config=config, settings=settings
        )
    assert not (tmp_path / "out").exists()
