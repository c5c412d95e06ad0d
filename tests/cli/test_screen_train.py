"""The command screen train: a folder for each kind, a gate, and how good it is."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from command_line import run
from made_pictures import file_of
from PIL import Image


def _write(folder: Path, kind: str, brightness: int, count: int) -> None:
    (folder / kind).mkdir(parents=True)
    for number in range(count):
        noise = np.random.default_rng(number + brightness).random((60, 40, 3)) * 30
        image = Image.fromarray((noise + brightness).astype(np.uint8))
        (folder / kind / f"{number}.png").write_bytes(file_of(image))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    _write(tmp_path / "kinds", "深色", 20, 5)
    _write(tmp_path / "kinds", "light", 200, 5)
    return tmp_path / "kinds"


@pytest.mark.slow
def test_a_gate_is_trained_measured_drawn_and_used(folder: Path, tmp_path: Path) -> None:
    gate, plot = tmp_path / "gate.npz", tmp_path / "confusion.png"
    options = ("--output", gate, "--plot", plot, "--picture-alone")
    done = run("screen", "train", folder, *options)
    for words in ("precision", "recall", "F1", "accuracy", "ROC AUC", "truth / predicted"):
        assert words in done.stdout
    assert "Fewer than 30 pages: light, 深色" in done.stderr
    assert plot.read_bytes().startswith(b"\x89PNG")
    pages = ("screen", "run", folder / "深色", "--gate", gate, "--wanted", "light", "--json")
    found = json.loads(run(*pages).stdout)
    # Five pages are few: one may be taken for the other kind.
    assert [row["kind"] for row in found["pages"]].count("深色") >= 4
    assert all(row["wanted"] is (row["kind"] == "light") for row in found["pages"])
    assert {row["name"] for row in found["pages"]} == {""}


def test_what_cannot_be_trained_on_is_named(folder: Path, tmp_path: Path) -> None:
    def message(where: Path) -> str:
        return run("screen", "train", where, "--output", tmp_path / "gate.npz", code=1).stderr

    assert "There is no folder" in message(tmp_path / "none")
    assert "two or more. Received: 0" in message(folder / "light")
    (folder / "light" / "same.png").write_bytes((folder / "深色" / "1.png").read_bytes())
    assert "the same stand under two kinds" in message(folder)
    (folder / "light" / "same.png").write_bytes(b"no picture")
    (folder / "深色" / "bad.png").write_bytes(b"no picture either")
    said = message(folder)
    assert "Some files cannot be read" in said
    assert "same.png" in said
    assert "bad.png" in said
    assert not (tmp_path / "gate.npz").exists()
