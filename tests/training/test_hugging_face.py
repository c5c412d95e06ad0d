"""Directories of transformers are read as transformers itself reads them, or refused."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
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

from gi_classifier import pretrain, train
from gi_classifier.errors import ModelError
from gi_classifier.model.weights import HEAD
from gi_classifier.settings import AlbertConfig, PretrainingSettings, Settings
from gi_classifier.text import Vocabulary
from gi_classifier.training.hugging_face import read_hugging_face
from gi_classifier.training.keras_backend import tf_keras
from gi_classifier.training.keras_model import build

KINDS = (
    "AlbertModel",
    "AlbertForMaskedLM",
    "AlbertForPreTraining",
    "AlbertForSequenceClassification",
)


def cls_vectors(model: Any, ids: np.ndarray) -> np.ndarray:
    body = tf_keras.Model(model.input, model.get_layer(HEAD).input)
    return np.asarray(body([ids, np.zeros_like(ids)]))


def encoder_outputs(model: Any, ids: np.ndarray) -> np.ndarray:
    """[CLS] vectors of any class of transformers."""
    found = run(getattr(model, "albert", model), ids).last_hidden_state[:, 0]
    return np.asarray(found.float().numpy())


@pytest.mark.parametrize("kind", KINDS)
def test_every_class_s_encoder_gives_what_transformers_gives(
    kind: str, config: AlbertConfig, vocabulary: Vocabulary, settings: Settings, tmp_path: Path
) -> None:
    theirs = albert(config, kind)
    built = build(save(theirs, tmp_path / "theirs", vocabulary), settings)
    wanted = encoder_outputs(theirs, batch(config))
    np.testing.assert_allclose(cls_vectors(built.model, batch(config)), wanted, rtol=0, atol=1e-4)
    assert np.ptp(wanted, axis=0).max() > 0.5
    assert (built.config, built.source) == (config, "theirs")
    assert built.vocabulary.tokens == vocabulary.tokens


@pytest.mark.parametrize("act", ["gelu", "gelu_new", "relu"])
def test_each_gelu_is_its_own(
    act: str, config: AlbertConfig, vocabulary: Vocabulary, settings: Settings, tmp_path: Path
) -> None:
    theirs = albert(replace(config, hidden_act=act))
    built = build(save(theirs, tmp_path / "theirs", vocabulary), settings)
    found = cls_vectors(built.model, batch(config))
    for other in ("gelu", "gelu_new", "relu"):
        wanted = encoder_outputs(albert(replace(config, hidden_act=other)), batch(config))
        assert (np.abs(found - wanted).max() < 1e-5) == (other == act)


@pytest.mark.parametrize("kind", ["float16", "bfloat16", "float64"])
def test_tensors_of_other_precisions_are_read_exactly(
    kind: str, config: AlbertConfig, vocabulary: Vocabulary, tmp_path: Path
) -> None:
    torch, _ = torch_and_transformers()
    theirs = albert(config).to(getattr(torch, kind))
    weights = read_hugging_face(save(theirs, tmp_path / "theirs", vocabulary)).weights
    table = theirs.embeddings.word_embeddings.weight
    assert weights["Embedding-Token"][0].dtype == np.float32
    np.testing.assert_array_equal(weights["Embedding-Token"][0], table.detach().float().numpy())


def test_an_embedding_as_wide_as_the_hidden_size_is_taken_where_its_mapping_does_nothing(
    config: AlbertConfig, vocabulary: Vocabulary, settings: Settings, tmp_path: Path
) -> None:
    torch, _ = torch_and_transformers()
    wide = replace(config, embedding_size=None)
    theirs = albert(wide)
    with pytest.raises(ModelError, match="embedding_hidden_mapping_in is no identity"):
        build(save(theirs, tmp_path / "mapped", vocabulary), settings)
    mapping = theirs.encoder.embedding_hidden_mapping_in
    with torch.no_grad():
        mapping.weight.copy_(torch.eye(config.hidden_size))
        mapping.bias.zero_()
    built = build(save(theirs, tmp_path / "plain", vocabulary), settings)
    assert built.config == wide
    wanted = encoder_outputs(theirs, batch(config))
    np.testing.assert_allclose(cls_vectors(built.model, batch(config)), wanted, rtol=0, atol=1e-4)


@pytest.mark.slow
def test_pickled_weights_are_refused_with_the_line_that_converts_them(
    config: AlbertConfig, vocabulary: Vocabulary, settings: Settings, tmp_path: Path
) -> None:
    torch, _ = torch_and_transformers()
    theirs = albert(config, "AlbertForMaskedLM")
    folder = save(theirs, tmp_path / "a user's $folder", vocabulary)
    # As earlier versions wrote it: tied weights under both names, and buffers.
    states = {**theirs.state_dict(), "albert.embeddings.position_ids": torch.arange(64)[None]}
    (folder / "model.safetensors").unlink()
    torch.save(states, folder / "pytorch_model.bin")
    with pytest.raises(ModelError, match="could run code and are not opened") as caught:
        build(folder, settings)
    line = str(caught.value).splitlines()[-1]
    assert line.startswith("python -c ")
    subprocess.run(line.replace("python", sys.executable, 1), shell=True, check=True)
    assert (folder / "model.safetensors").is_file()
    found = cls_vectors(build(folder, settings).model, batch(config))
    np.testing.assert_allclose(found, encoder_outputs(theirs, batch(config)), rtol=0, atol=1e-4)


@pytest.mark.slow
def test_training_and_pretraining_start_from_what_a_masked_language_model_saved(
    config: AlbertConfig,
    vocabulary: Vocabulary,
    settings: Settings,
    records_file: Path,
    tmp_path: Path,
) -> None:
    base = save(albert(config, "AlbertForMaskedLM"), tmp_path / "masked", vocabulary)
    short = replace(settings, epochs=1)
    directory = train(records_file, tmp_path / "model", settings=short, base=base)
    assert directory.metadata["source"] == "masked"
    corpus = tmp_path / "corpus.txt"
    corpus.write_text("胃窦黏膜充血水肿，见溃疡\n" * 40, encoding="utf-8")
    few = PretrainingSettings(maxlen=32, epochs=1, warmup_steps=1, batch_tokens=256)
    pretrain(corpus, tmp_path / "encoder", base=base, settings=few)
    assert build(tmp_path / "encoder", settings).config == config


@pytest.fixture
def ours(config: AlbertConfig, vocabulary: Vocabulary, settings: Settings, tmp_path: Path) -> Path:
    """What this library writes for transformers, to be spoilt: it needs no torch."""
    write_ours(tmp_path / "ours", config, vocabulary, settings)
    return tmp_path / "ours"


def change(path: Path, **changes: Any) -> None:
    """Change entries of a JSON file; None drops one."""
    table = {**json.loads(path.read_text("utf-8")), **changes}
    kept = {name: value for name, value in table.items() if value is not None}
    path.write_text(json.dumps(kept), encoding="utf-8")


def test_all_that_another_encoder_has_is_named_at_once(ours: Path) -> None:
    change(
        ours / "config.json",
        model_type="bert",
        num_hidden_groups=2,
        inner_group_num=3,
        type_vocab_size=1,
        layer_norm_eps=1e-5,
        position_embedding_type="relative_key",
        hidden_act=None,
        num_attention_heads=None,
    )
    with pytest.raises(ModelError, match="describes no encoder") as caught:
        read_hugging_face(ours)
    assert caught.value.problems == [
        "model_type must be 'albert'. Received: 'bert'",
        "num_hidden_groups must be 1. Received: 2",
        "inner_group_num must be 1. Received: 3",
        "type_vocab_size must be 2. Received: 1",
        "position_embedding_type must be 'absolute'. Received: 'relative_key'",
        "layer_norm_eps must be at most 1e-09. Received: 1e-05",
        "num_attention_heads is missing",
        "hidden_act is missing",
    ]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"hidden_act": "swish"}, r"hidden_act is not known\. Received: 'swish'"),
        ({"layer_norm_eps": "small"}, "layer_norm_eps is no number"),
        ({"id2label": ["a", "b"]}, "id2label must name the labels from 0 up"),
        ({"id2label": {"1": "a"}}, "id2label must name the labels from 0 up"),
    ],
)
def test_a_config_that_cannot_be_is_refused(
    ours: Path, changes: dict[str, Any], message: str
) -> None:
    change(ours / "config.json", **changes)
    with pytest.raises(ModelError, match=message):
        read_hugging_face(ours)


def spoilt(path: Path, change_tensors: Callable[[dict[str, np.ndarray]], Any]) -> None:
    """Write a directory's tensors again, changed."""
    from safetensors.numpy import load_file, save_file

    tensors = load_file(path / "model.safetensors")
    change_tensors(tensors)
    save_file(tensors, path / "model.safetensors")


def test_tensors_that_are_missing_too_many_or_no_numbers_are_all_named(ours: Path) -> None:
    layer = "encoder.albert_layer_groups.0.albert_layers.0"

    def change_tensors(tensors: dict[str, np.ndarray]) -> None:
        del tensors[f"albert.{layer}.ffn.bias"]
        second = "albert.encoder.albert_layer_groups.0.albert_layers.1.ffn.bias"
        tensors[second] = np.zeros(3, np.float32)
        tensors["albert.embeddings.LayerNorm.bias"] = np.zeros(4, np.int64)
        tensors["albert.embeddings.position_ids"] = np.arange(64)
        tensors["predictions.bias"] = np.zeros(3, np.float32)

    spoilt(ours, change_tensors)
    with pytest.raises(ModelError, match="does not hold one whole ALBERT encoder") as caught:
        read_hugging_face(ours)
    problems = caught.value.problems
    assert problems[0] == f"{layer}.ffn.bias: missing"
    assert problems[1].startswith("embeddings.LayerNorm.bias: of type I64; needs float32")
    assert problems[2].endswith("albert_layers.1.ffn.bias: this encoder has no such tensor")
    assert len(problems) == 3


def test_tensors_of_other_shapes_or_there_twice_are_refused(ours: Path, settings: Settings) -> None:
    change(ours / "config.json", intermediate_size=24)
    with pytest.raises(ModelError, match=r"Transformer-FeedForward: needs \[\(8, 24\)"):
        build(ours, settings)
    name = "embeddings.LayerNorm.bias"
    spoilt(ours, lambda tensors: tensors.update({name: tensors[f"albert.{name}"]}))
    with pytest.raises(ModelError, match="an encoder's tensors twice"):
        read_hugging_face(ours)


@pytest.mark.parametrize("content", [b"", b"no safetensors", b"\xff" * 16, None])
def test_a_file_that_is_no_whole_safetensors_is_refused(ours: Path, content: bytes | None) -> None:
    path = ours / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-4] if content is None else content)
    with pytest.raises(ModelError, match="no whole safetensors file"):
        read_hugging_face(ours)


def test_what_stands_beside_the_weights_must_be_there_and_readable(
    ours: Path, settings: Settings, vocabulary: Vocabulary
) -> None:
    config = (ours / "config.json").read_bytes()
    for content, message in ((b"{", "is no JSON"), (b"[]", "holds no JSON object")):
        (ours / "config.json").write_bytes(content)
        with pytest.raises(ModelError, match=message):
            read_hugging_face(ours)
    (ours / "config.json").unlink()
    with pytest.raises(ModelError, match=r"lacks config\.json"):
        read_hugging_face(ours)
    (ours / "config.json").write_bytes(config)
    (ours / "vocab.txt").write_text(vocabulary.to_text() + "多\n", encoding="utf-8")
    with pytest.raises(ModelError, match=r"the config says \d+ tokens"):
        build(ours, settings)
    (ours / "vocab.txt").unlink()
    (ours / "tokenizer.json").unlink()
    with pytest.raises(ModelError, match=r"lacks vocab\.txt"):
        read_hugging_face(ours)


def test_a_wordpiece_tokenizer_json_stands_in_for_vocab_txt(
    ours: Path, vocabulary: Vocabulary
) -> None:
    (ours / "vocab.txt").unlink()
    table = {"model": {"type": "WordPiece", "vocab": vocabulary.ids}}
    (ours / "tokenizer.json").write_text(json.dumps(table), encoding="utf-8")
    assert read_hugging_face(ours).vocabulary.tokens == vocabulary.tokens
    for model in ({"type": "Unigram", "vocab": [["胃", -1.0]]}, None):
        (ours / "tokenizer.json").write_text(json.dumps({"model": model}), encoding="utf-8")
        with pytest.raises(ModelError, match="no WordPiece tokenizer"):
            read_hugging_face(ours)


def test_a_tokenizer_that_reads_otherwise_is_noted(
    ours: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "gi_classifier"):
        read_hugging_face(ours)
        assert caplog.messages == []
        change(ours / "tokenizer_config.json", do_lower_case=False, strip_accents=False)
        read_hugging_face(ours)
    lower, accents = caplog.messages
    assert "do_lower_case is false, but here letters are lower-cased" in lower
    assert "strip_accents is false" in accents


@pytest.mark.parametrize("shape", SHAPES)
def test_what_this_library_wrote_is_read_back_to_the_last_bit(
    shape: str, config: AlbertConfig, vocabulary: Vocabulary, settings: Settings, tmp_path: Path
) -> None:
    model = write_ours(tmp_path / "ours", shaped(config, shape), vocabulary, settings)
    back = build(tmp_path / "ours", settings, head=True)
    assert back.config == shaped(config, shape)
    for before, after in zip(model.get_weights(), back.model.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)


def test_a_directory_with_a_tensorflow_checkpoint_is_read_by_that(ours: Path) -> None:
    """Some publish both, and the pickled weights are not opened."""
    from gi_classifier.training.hugging_face import is_hugging_face

    assert is_hugging_face(ours)
    (ours / "model.safetensors").rename(ours / "pytorch_model.bin")
    assert is_hugging_face(ours)
    (ours / "albert_model.ckpt.index").touch()
    assert not is_hugging_face(ours)
