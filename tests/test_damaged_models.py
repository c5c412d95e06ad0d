"""Damaged model directories with hashes made anew: ModelError or an answer, and it ends."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from gi_classifier.model.directory import MANIFEST, REQUIRED, SPLITS, save
from gi_classifier.settings import AlbertConfig, Settings
from gi_classifier.text import Vocabulary

pytest.importorskip("resource", reason="resource: limits of memory are POSIX's")
FUZZING = Path(__file__).parent / "fuzzing.py"
FILES = [MANIFEST, *(name for name in REQUIRED if "int8" not in name), SPLITS]


@pytest.fixture(scope="module")
def tiny(
    tmp_path_factory: pytest.TempPathFactory,
    config: AlbertConfig,
    vocabulary: Vocabulary,
    settings: Settings,
) -> Path:
    from random_models import random_directory

    _, directory = random_directory(config, vocabulary, settings)
    files = {**directory.files, SPLITS: b'{"train": ["ab", "cd"], "val": ["ef"]}'}
    made = type(directory)(files, directory.metadata)
    return save(made, tmp_path_factory.mktemp("tiny") / "model")


def damage(path: Path, name: str, count: int) -> dict[str, int]:
    done = subprocess.run(
        [sys.executable, FUZZING, path, name, str(count)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60 + 2 * count,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, int] = json.loads(done.stdout)
    return found


@pytest.mark.slow
@pytest.mark.parametrize("name", FILES)
def test_a_damaged_file_is_refused_or_answers(tiny: Path, name: str) -> None:
    assert damage(tiny, name, 50)["refused"] > 5


@pytest.mark.long
@pytest.mark.parametrize("name", FILES)
def test_two_thousand_damages_of_a_file_are_refused_or_answer(tiny: Path, name: str) -> None:
    assert damage(tiny, name, 2000)["refused"] > 200
