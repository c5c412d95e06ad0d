"""Shared by the tests of commands: small files of records, and models to change."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from command_line import call_command
from samples import made_up_records, write_pairs

from gi_classifier.cli.fit_novelty import fit_novelty


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Of records, the first of them twice."""
    rows = made_up_records(30)
    return write_pairs(tmp_path / "records.txt", [*rows, rows[0]])


@pytest.fixture
def val(tmp_path: Path) -> Path:
    return write_pairs(tmp_path / "val.txt", made_up_records()[:60])


@pytest.fixture
def test(tmp_path: Path) -> Path:
    return write_pairs(tmp_path / "test.txt", made_up_records()[60:])


@pytest.fixture
def model(trained: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(trained, tmp_path / "model"))


@pytest.fixture(scope="session")
def halves(records_file: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Of ``records_file``: to fit on, and to scale on."""
    lines = records_file.read_text(encoding="utf-8").splitlines(keepends=True)
    folder = tmp_path_factory.mktemp("halves")
    first, second = folder / "train.txt", folder / "val.txt"
    first.write_text("".join(lines[:90]), encoding="utf-8")
    second.write_text("".join(lines[90:]), encoding="utf-8")
    return first, second


@pytest.fixture(scope="module")
def fitted(
    trained: Path, halves: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A model with novelty fitted, for one file of tests to change."""
    place = tmp_path_factory.mktemp("fitted") / "model"
    shutil.copytree(trained, place)
    call_command(fit_novelty, halves[0], "--val", halves[1], "--model", place, "--force")
    return place
