"""Tiny ALBERTs of Hugging Face transformers, by transformers itself and by this library."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gi_classifier.files import to_json
from gi_classifier.model.directory import CONFIG, SETTINGS, VOCABULARY, WEIGHTS, ModelDirectory
from gi_classifier.settings import AlbertConfig, Settings
from gi_classifier.text import Vocabulary
from gi_classifier.training.keras_model import classifier, to_h5
from gi_classifier.training.transformers_export import transformers_files


def torch_and_transformers() -> tuple[Any, Any]:
    """Both packages; the test is skipped where there is no torch (setup.cfg says where)."""
    torch = pytest.importorskip("torch", reason="torch is installed with Python 3.11 alone")
    return torch, pytest.importorskip("transformers")


def _draw(source: np.random.Generator, name: str, shape: tuple[int, ...]) -> np.ndarray:
    """Weights so large that every layer shows in the output."""
    draw = source.normal(0, 0.7 if len(shape) > 1 else 0.1, shape).astype(np.float32)
    return draw + 1 if "orm.weight" in name or "gamma" in name else draw


def albert(config: AlbertConfig, kind: str = "AlbertModel", seed: int = 0, **changes: Any) -> Any:
    """A model of transformers of our config's shape, whose weights are all random."""
    torch, transformers = torch_and_transformers()
    shape = {**config.to_dict(), "embedding_size": config.embedding_size or config.hidden_size}
    model = getattr(transformers, kind)(transformers.AlbertConfig(**{**shape, **changes}))
    source = np.random.default_rng(seed)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            weight.copy_(torch.tensor(_draw(source, name, tuple(weight.shape))))
    return model.eval()


def save(model: Any, folder: Path, vocabulary: Vocabulary) -> Path:
    """Write a model of transformers with its vocabulary beside it."""
    model.save_pretrained(folder)
    (folder / "vocab.txt").write_text(vocabulary.to_text(), encoding="utf-8")
    return folder


def our_directory(
    config: AlbertConfig, vocabulary: Vocabulary, settings: Settings
) -> tuple[Any, ModelDirectory]:
    """A random Keras model of ours, and what of its directory holds ALBERT."""
    model = classifier(config, settings.num_classes)
    source = np.random.default_rng(3)
    for weight in model.trainable_weights:
        weight.assign(_draw(source, weight.name, tuple(weight.shape)))
    files = {
        SETTINGS: to_json(settings.to_dict()),
        CONFIG: to_json(config.to_dict()),
        VOCABULARY: vocabulary.to_text().encode("utf-8"),
        WEIGHTS: to_h5(model),
    }
    return model, ModelDirectory(files)


def write_ours(
    folder: Path, config: AlbertConfig, vocabulary: Vocabulary, settings: Settings
) -> Any:
    """Write a random model of ours for transformers; return its Keras model."""
    model, directory = our_directory(config, vocabulary, settings)
    folder.mkdir()
    for name, content in transformers_files(directory).items():
        (folder / name).write_bytes(content)
    return model


def batch(config: AlbertConfig) -> np.ndarray:
    """Ids of four rows of length 12, two of them padded."""
    ids = np.random.default_rng(1).integers(1, config.vocab_size, (4, 12)).astype(np.int32)
    ids[:, 0] = 2
    ids[1, 3:] = ids[3, 11:] = 0
    return ids


def run(model: Any, ids: np.ndarray) -> Any:
    """What a model of transformers gives for padded ids."""
    torch, _ = torch_and_transformers()
    rows = torch.tensor(ids.astype(np.int64))
    with torch.no_grad():
        return model(input_ids=rows, attention_mask=(rows != 0).long())


SHAPES = {
    "factorised": {},
    "not factorised": {"embedding_size": None},
    "gelu by tanh": {"hidden_act": "gelu_new"},
    "relu": {"hidden_act": "relu"},
}


def shaped(config: AlbertConfig, shape: str) -> AlbertConfig:
    """A config of one of the shapes above."""
    changes: dict[str, Any] = SHAPES[shape]
    return replace(config, **changes)
