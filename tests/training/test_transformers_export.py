"""What this library writes for transformers gives, there, what ALBERT gives here."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_line import run as run_command
from samples import made_up_records
from transformers_models import (
    SHAPES,
    albert,
    batch,
    run,
    save,
    shaped,
    torch_and_transformers,
    write_ours,
)

from gi_classifier.errors import MissingExtraError, ModelError, OutputExistsError
from gi_classifier.model.directory import load
from gi_classifier.model.engine import open_engine
from gi_classifier.model.predictor import Predictor
from gi_classifier.model.shipped import shipped
from gi_classifier.settings import AlbertConfig, Settings
from gi_classifier.text import Vocabulary, pad
from gi_classifier.training.convert import convert, to_transformers
from gi_classifier.training.export import forward
from gi_classifier.training.hugging_face import read_hugging_face


def loaded(folder: Path) -> Any:
    """What a user of transformers opens."""
    _, transformers = torch_and_transformers()
    return transformers.AutoModelForSequenceClassification.from_pretrained(folder).eval()


@pytest.mark.parametrize("shape", SHAPES)
def test_logits_of_a_random_model_are_equal(
    shape: str, config: AlbertConfig, vocabulary: Vocabulary, settings: Settings, tmp_path: Path
) -> None:
    names = replace(settings, num_classes=2, label_names=("心内科", "呼吸科"))
    model = write_ours(tmp_path / "ours", shaped(config, shape), vocabulary, names)
    theirs = loaded(tmp_path / "ours")
    wanted = forward(model)(batch(config))[0].numpy()
    found = run(theirs, batch(config)).logits.numpy()
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-4)
    assert np.ptp(wanted, axis=0).max() > 0.5
    assert theirs.config.id2label == {0: "心内科", 1: "呼吸科"}
    assert theirs.config.label2id == {"心内科": 0, "呼吸科": 1}


@pytest.mark.slow
def test_logits_and_tokens_of_the_model_that_ships_are_equal(tmp_path: Path) -> None:
    _, transformers = torch_and_transformers()
    run_command("convert", shipped(), "--to", "transformers", "--output", tmp_path / "theirs")
    directory = load(shipped())
    texts = [text for text, _ in made_up_records(30)] + ["ＥＳＤ术后，胃窦⼰", "肠镜：回盲部（－）"]
    rows = [
        directory.vocabulary.with_special(one.ids) for one in directory.vocabulary.encode(texts)
    ]
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path / "theirs")
    assert tokenizer.model_max_length == directory.settings.maxlen
    for text, row in zip(texts, rows, strict=True):
        assert tokenizer(text)["input_ids"] == row.tolist()
    ids = pad(rows)
    found = run(loaded(tmp_path / "theirs"), ids).logits.numpy()
    wanted = open_engine(directory, "fp32").run(ids)[0]
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-4)


def test_what_transformers_saves_again_is_read_back_to_the_last_bit(
    config: AlbertConfig, vocabulary: Vocabulary, settings: Settings, tmp_path: Path
) -> None:
    write_ours(tmp_path / "ours", config, vocabulary, settings)
    before = read_hugging_face(tmp_path / "ours")
    after = read_hugging_face(save(loaded(tmp_path / "ours"), tmp_path / "again", vocabulary))
    assert (after.config, after.label_names) == (before.config, before.label_names)
    assert set(after.weights) == set(before.weights)
    for name, arrays in before.weights.items():
        for one, other in zip(arrays, after.weights[name], strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.slow
def test_it_becomes_a_model_directory_again_with_the_names_of_its_labels(
    config: AlbertConfig, vocabulary: Vocabulary, settings: Settings, tmp_path: Path
) -> None:
    names = replace(settings, num_classes=2, label_names=("心内科", "呼吸科"))
    model = write_ours(tmp_path / "theirs", config, vocabulary, names)
    convert(tmp_path / "theirs", tmp_path / "back", settings=settings)
    back = load(tmp_path / "back")
    assert back.settings.names == ("心内科", "呼吸科")
    texts = [text for text, _ in made_up_records(5)]
    rows = [vocabulary.with_special(one.ids) for one in vocabulary.encode(texts)]
    logits = forward(model)(pad(rows))[0].numpy()
    found = Predictor.from_directory(back).predict_proba(texts)
    assert found.argmax(axis=1).tolist() == logits.argmax(axis=1).tolist()
    to_transformers(tmp_path / "back", tmp_path / "again")
    again = (tmp_path / "again" / "model.safetensors").read_bytes()
    assert again == (tmp_path / "theirs" / "model.safetensors").read_bytes()
    origin = json.loads((tmp_path / "again" / "origin.json").read_text("utf-8"))
    assert origin["model"] == back.digest
    with pytest.raises(OutputExistsError, match="exists"):
        to_transformers(tmp_path / "back", tmp_path / "again")
    to_transformers(tmp_path / "back", tmp_path / "again", force=True)
    (tmp_path / "again" / "mine.txt").write_text("mine")
    with pytest.raises(OutputExistsError, match=r"did not write:\n  mine\.txt"):
        to_transformers(tmp_path / "back", tmp_path / "again", force=True)


def test_a_classifier_of_transformers_own_is_no_head_here(
    config: AlbertConfig, vocabulary: Vocabulary, tmp_path: Path
) -> None:
    theirs = albert(config, "AlbertForSequenceClassification")
    save(theirs, tmp_path / "theirs", vocabulary)
    with pytest.raises(ModelError, match=r"through a trained pooler(.|\n)*--base"):
        convert(tmp_path / "theirs", tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_names_of_labels_that_were_set_stay(
    config: AlbertConfig, vocabulary: Vocabulary, settings: Settings, tmp_path: Path
) -> None:
    from gi_classifier.training.hugging_face import with_labels_of

    own = replace(settings, label_names=("甲", "乙", "丙"))
    write_ours(tmp_path / "ours", config, vocabulary, own)
    assert with_labels_of(tmp_path / "ours", settings) == own
    other = replace(settings, label_names=("子", "丑", "寅"))
    assert with_labels_of(tmp_path / "ours", other) == other


@pytest.mark.parametrize("count", [2, 3])
def test_labels_without_names_of_their_own_are_as_many_as_they_were(
    config: AlbertConfig, vocabulary: Vocabulary, settings: Settings, tmp_path: Path, count: int
) -> None:
    from gi_classifier.training.hugging_face import with_labels_of

    own = replace(settings, num_classes=count)
    write_ours(tmp_path / "ours", config, vocabulary, own)
    assert with_labels_of(tmp_path / "ours", settings) == own


def test_another_number_of_labels_than_the_classifier_has_is_refused(
    config: AlbertConfig, vocabulary: Vocabulary, settings: Settings, tmp_path: Path
) -> None:
    write_ours(tmp_path / "ours", config, vocabulary, settings)
    with pytest.raises(ModelError, match=r"of 3 labels\. Received: num_classes=5"):
        convert(tmp_path / "ours", tmp_path / "model", settings=replace(settings, num_classes=5))


def test_what_is_no_model_directory_is_refused(base: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="is no model directory"):
        to_transformers(base.parent, tmp_path / "theirs")
    said = run_command(
        *("convert", shipped(), "--to", "transformers", "--output", tmp_path / "theirs"),
        *("--set", "maxlen=100"),
        code=2,
    )
    assert "--set is for --to directory" in said.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_writing_imports_neither_tensorflow_nor_torch(tmp_path: Path) -> None:
    code = (
        "import sys; from gi_classifier.training.convert import to_transformers; "
        f"to_transformers({str(shipped())!r}, {str(tmp_path / 'theirs')!r}); "
        "sys.exit(str([n for n in ('tensorflow', 'torch', 'transformers') if n in sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8")
    assert done.stderr.strip() == "[]"


def test_without_safetensors_the_extra_is_named(
    config: AlbertConfig,
    vocabulary: Vocabulary,
    settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write_ours(tmp_path / "ours", config, vocabulary, settings)
    for name in ("safetensors", "safetensors.numpy"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingExtraError, match=r"gi_classifier\[train\]"):
        read_hugging_face(tmp_path / "ours")
    with pytest.raises(MissingExtraError, match=r"gi_classifier\[train\]"):
        to_transformers(shipped(), tmp_path / "theirs")
