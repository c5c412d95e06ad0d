"""Shared by all tests: a tiny random model (2 layers, hidden 8) and small records."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gi_classifier.attribution.attribution import Attribution
from gi_classifier.settings import AlbertConfig, Settings
from gi_classifier.text import SPECIAL, Vocabulary

ENTRY = [sys.executable, "-m", "gi_classifier"]
CHARACTERS = (
    "食管贲门胃窦体底角幽十二指肠结直回阑尾肛痔黏膜充血糜烂溃疡息肉癌术切除患者便吞咽困难"
    "发热咳嗽骨折肺心脏脑，。、：；（）"
)


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


def made(text: str, scores: list[float] | None = None, **changes: object) -> Attribution:
    """An attribution by hand: one token for each character that is not white space."""
    places = [i for i, c in enumerate(text) if not c.isspace()]
    values = np.zeros(len(places)) if scores is None else np.array(scores)
    found = Attribution(
        text=text,
        label=1,
        label_name="upper 上消化道",
        tokens=tuple(text[i] for i in places),
        offsets=np.array([(i, i + 1) for i in places], dtype=int).reshape(-1, 2),
        scores=values,
        special=0.0,
        probability=0.987,
        baseline_probability=0.412,
        log_odds=4.3,
        baseline_log_odds=-0.4,
        error=0.0012,
        steps=18,
        converged=True,
        baseline="mask",
    )
    return replace(found, **changes)


def run(*arguments: object, code: int = 0) -> subprocess.CompletedProcess[str]:
    """Run the command line in a process of its own, to an expected exit code."""
    done = subprocess.run([*ENTRY, *map(str, arguments)], capture_output=True, text=True)
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done


def made_up_records(count: int = 120) -> list[tuple[str, int]]:
    """Distinct records, no two nearly the same, whose label shows in one character."""
    import random

    source = random.Random(5)
    filler = [c for c in CHARACTERS if c not in "胃肠肺，。、：；（）"]
    rows = []
    for i in range(count):
        body = source.sample(filler, 10)
        body.insert(source.randrange(11), "肺胃肠"[i % 3])
        rows.append(("".join(body), i % 3))
    return rows


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
