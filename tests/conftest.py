"""Shared by all tests: a tiny random model (2 layers, hidden 8) and small records."""

from __future__ import annotations

import json
import os
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path

import hypothesis
import pytest
from samples import CHARACTERS, made_up_records
from tools import NEEDS

from gi_classifier.decisions.bulk import Bulk
from gi_classifier.model.directory import BULK, FUSION, ModelDirectory, load, save
from gi_classifier.model.fusion import Fusion, to_file
from gi_classifier.settings import AlbertConfig, Settings
from gi_classifier.text import SPECIAL, Vocabulary

# Tests that load transformers read what they wrote themselves.
os.environ["HF_HUB_OFFLINE"] = "1"
# How long an example takes says more of the machine than of the code.
hypothesis.settings.register_profile("house", deadline=None)
hypothesis.settings.load_profile("house")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """In CI, a test that is skipped because the machine lacks something fails."""
    report = yield
    if report.skipped and os.environ.get("CI", "") not in ("", "false", "0"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else ""
        if NEEDS in reason or "could not import" in reason:
            report.outcome = "failed"
            report.longrepr = f"{reason}: to be installed by .ci/run"
    return report


@pytest.fixture(scope="session")
def vocabulary() -> Vocabulary:
    """ASCII, their inner forms, a few words and the characters above."""
    ascii_characters = [chr(i) for i in range(33, 127) if not chr(i).isupper()]
    inside = [f"##{c}" for c in "abcdefghijklmnopqrstuvwxyz0123456789"]
    tokens = [*SPECIAL, *ascii_characters, *inside, "ercp", "cm", "##cm", *CHARACTERS]
    return Vocabulary(list(dict.fromkeys(tokens)))


@pytest.fixture(scope="session")
def config(vocabulary: Vocabulary) -> AlbertConfig:
    """Two layers, hidden 8."""
    return AlbertConfig(
        vocab_size=len(vocabulary),
        hidden_size=8,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=16,
        embedding_size=4,
        max_position_embeddings=64,
    )


@pytest.fixture(scope="session")
def settings() -> Settings:
    """Short windows, few epochs, a rate at which a tiny model learns."""
    return Settings(
        maxlen=32,
        overlap=8,
        batch_size=16,
        epochs=3,
        learning_rate=0.02,
        final_learning_rate=0.01,
        warmup_steps=2,
        decay_steps=100,
    )


@pytest.fixture(scope="session")
def base(
    tmp_path_factory: pytest.TempPathFactory, config: AlbertConfig, vocabulary: Vocabulary
) -> Path:
    """A config with its vocabulary beside it: what a random tiny model is built from."""
    folder = tmp_path_factory.mktemp("base")
    (folder / "albert_config.json").write_text(json.dumps(config.to_dict()), encoding="utf-8")
    (folder / "vocab.txt").write_text(vocabulary.to_text(), encoding="utf-8")
    return folder / "albert_config.json"


@pytest.fixture(scope="session")
def records_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The records above as ``text<TAB>label`` lines."""
    path = tmp_path_factory.mktemp("records") / "records.txt"
    path.write_text("".join(f"{text}\t{label}\n" for text, label in made_up_records()), "utf-8")
    return path


@pytest.fixture(scope="session")
def trained(
    tmp_path_factory: pytest.TempPathFactory, records_file: Path, base: Path, settings: Settings
) -> Path:
    """A model directory trained on the records above."""
    from gi_classifier import train

    output = tmp_path_factory.mktemp("trained") / "model"
    train(records_file, output, settings=settings, base=base)
    return output


@pytest.fixture
def both_members(trained: Path, tmp_path: Path) -> Path:
    """A model in which both members count, without a cut."""
    found = load(trained)
    fusions = {
        "both": Fusion(0.7, 0.6, (0.0, 0.1, 0.2)),
        "albert": Fusion(0.9, 0.0, (0.0, 0.0, 0.0)),
        "linear": Fusion(0.0, 1.1, (0.0, 0.0, 0.2)),
    }
    files = {**found.files, FUSION: to_file(fusions)}
    return save(ModelDirectory(files, found.metadata), tmp_path / "both")


@pytest.fixture
def bulk(both_members: Path, tmp_path: Path) -> Path:
    """The same with a cut."""
    found = load(both_members)
    cut = Bulk(found.digest, 2.0, 10_000, 9_000, 4, 0.00092)
    files = {**found.files, BULK: cut.to_bytes()}
    return save(replace(found, files=files), tmp_path / "bulk")
