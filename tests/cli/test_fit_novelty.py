from __future__ import annotations

import hashlib
import json
import shutil
from functools import partial
from pathlib import Path

import pytest
from command_line import call_command

from gi_classifier.cli.fit_novelty import fit_novelty
from gi_classifier.errors import OutputExistsError
from gi_classifier.model.directory import NOVELTY, WEIGHTS, load
from gi_classifier.model.shipped import shipped

call = partial(call_command, fit_novelty)


def test_fitting_stores_it_in_the_directory_with_its_digest(fitted: Path, trained: Path) -> None:
    directory = load(fitted)
    assert NOVELTY in directory.files
    listing = json.loads((fitted / "manifest.json").read_text(encoding="utf-8"))["files"]
    assert listing[NOVELTY]["sha256"] == hashlib.sha256(directory.files[NOVELTY]).hexdigest()
    assert directory.files[WEIGHTS] == load(trained).files[WEIGHTS]


def test_fitting_twice_stores_the_same(fitted: Path, halves: tuple[Path, Path]) -> None:
    before = (fitted / NOVELTY).read_bytes()
    out, err = call(halves[0], "--val", halves[1], "--model", fitted, "--force")
    assert (fitted / NOVELTY).read_bytes() == before
    assert "Fitted on 90 records, scaled on 30" in out
    assert "Stored in" not in out
    assert "Stored in" in err


def test_a_novelty_that_is_there_is_replaced_only_by_force(
    fitted: Path, halves: tuple[Path, Path]
) -> None:
    with pytest.raises(OutputExistsError, match="Fit it anew with --force"):
        call(halves[0], "--val", halves[1], "--model", fitted)


def test_few_validation_records_are_told(fitted: Path, halves: tuple[Path, Path]) -> None:
    _, err = call(halves[0], "--val", halves[1], "--model", fitted, "--force")
    assert "30 validation records are few" in err


def test_records_in_both_files_are_told(fitted: Path, halves: tuple[Path, Path]) -> None:
    _, err = call(halves[0], "--val", halves[0], "--model", fitted, "--force")
    assert "90 records stand in both files" in err
    call(halves[0], "--val", halves[1], "--model", fitted, "--force")


def test_the_model_that_ships_is_never_refitted(halves: tuple[Path, Path]) -> None:
    _, err = call(halves[0], "--val", halves[1], "--model", shipped(), code=2)
    assert "never changes the model that ships" in err


def test_a_model_directory_with_a_strange_file_is_not_replaced(
    fitted: Path, halves: tuple[Path, Path], tmp_path: Path
) -> None:
    place = tmp_path / "model"
    shutil.copytree(fitted, place)
    (place / "mine.txt").write_text("keep", encoding="utf-8")
    with pytest.raises(OutputExistsError, match=r"mine\.txt"):
        call(halves[0], "--val", halves[1], "--model", place, "--force")
    assert (place / "mine.txt").is_file()


def test_wrong_use_is_told(halves: tuple[Path, Path]) -> None:
    train, val = halves
    for arguments, message in (
        ([], "Missing argument"),
        ([train, "--val", val], "Missing option '--model'"),
        ([train, "--model", "here"], "Missing option '--val'"),
    ):
        assert message in call(*arguments, code=2)[1]
