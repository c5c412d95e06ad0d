"""Weights of the reference become a model directory."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from samples import made_up_records

from gi_classifier.errors import ModelError, OutputExistsError
from gi_classifier.model.directory import load
from gi_classifier.model.predictor import Predictor
from gi_classifier.settings import AlbertConfig, Settings
from gi_classifier.text import Vocabulary
from gi_classifier.training.convert import convert
from gi_classifier.training.keras_backend import tf_keras


@pytest.fixture(scope="module")
def reference(
    config: AlbertConfig, vocabulary: Vocabulary, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Any]:
    """The ``.h5`` that plain bert4keras and a Dense head write, and their model."""
    from bert4keras.models import build_transformer_model

    folder = tmp_path_factory.mktemp("reference")
    (folder / "albert_config.json").write_text(json.dumps(config.to_dict()), encoding="utf-8")
    (folder / "vocab.txt").write_text(vocabulary.to_text(), encoding="utf-8")
    encoder = build_transformer_model(
        str(folder / "albert_config.json"), model="albert", dropout_rate=0.0
    )
    cls = tf_keras.layers.Lambda(lambda x: x[:, 0])(encoder.output)
    model = tf_keras.Model(encoder.input, tf_keras.layers.Dense(3, activation="softmax")(cls))
    source = np.random.default_rng(0)
    for weight in model.trainable_weights:
        draw = source.normal(0.0, 0.7 if len(weight.shape) > 1 else 0.1, weight.shape)
        weight.assign(draw + 1 if "gamma" in weight.name else draw)
    model.save_weights(str(folder / "best_model.h5"))
    return folder / "best_model.h5", model


@pytest.mark.slow
def test_a_reference_h5_becomes_a_directory_that_predicts_the_same(
    reference: tuple[Path, Any],
    vocabulary: Vocabulary,
    settings: Settings,
    tmp_path: Path,
) -> None:
    from bert4keras.tokenizers import Tokenizer

    source, model = reference
    convert(source, tmp_path / "model", settings=settings)
    texts = [text for text, _ in made_up_records(30)]
    found = Predictor.from_directory(load(tmp_path / "model")).predict_proba(texts)
    tokenizer = Tokenizer(str(source.parent / "vocab.txt"), do_lower_case=True)
    for text, row in zip(texts, found, strict=True):
        ids, segments = (
            np.array([part]) for part in tokenizer.encode(text, maxlen=settings.maxlen)
        )
        np.testing.assert_allclose(model([ids, segments])[0], row, rtol=0, atol=1e-5)
    assert len(set(found.argmax(axis=1))) > 1
    with pytest.raises(ModelError, match="is a model directory already"):
        convert(tmp_path / "model", tmp_path / "again", settings=settings)


def test_what_cannot_be_converted_is_refused_and_nothing_is_written(
    reference: tuple[Path, Any], base: Path, settings: Settings, tmp_path: Path
) -> None:
    output = tmp_path / "model"
    with pytest.raises(ModelError, match="holds no softmax head"):
        convert(base, output, settings=settings)
    with pytest.raises(ModelError, match=r"Label-Probability: needs .*2.*Received: .*3"):
        convert(reference[0], output, settings=replace(settings, num_classes=2))
    assert list(tmp_path.iterdir()) == []
    output.mkdir()
    with pytest.raises(OutputExistsError, match="exists"):
        convert(reference[0], output, settings=settings)
    (output / "mine.txt").write_text("mine")
    with pytest.raises(OutputExistsError, match=r"did not write:\n  mine\.txt"):
        convert(reference[0], output, settings=settings, force=True)
    assert (output / "mine.txt").read_text() == "mine"
