from __future__ import annotations

import csv
import hashlib
import io
import json
import re
import shutil
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from gi_classifier.cli.novelty import novelty
from gi_classifier.errors import GIClassifierError, ModelError, OutputExistsError, RecordsError
from gi_classifier.model.directory import NOVELTY, WEIGHTS, load
from gi_classifier.model.shipped import shipped

app = typer.Typer()
app.command()(novelty)
_runner = CliRunner()


def call(*arguments: object, code: int = 0) -> tuple[str, str]:
    """Standard output and error of the command, in this process."""
    result = _runner.invoke(app, [str(a) for a in arguments])
    if isinstance(result.exception, (GIClassifierError, OSError)):
        raise result.exception
    assert result.exit_code == code, result.output
    return result.stdout, re.sub(r"\s+│?\s*", " ", result.stderr)


@pytest.fixture(scope="module")
def halves(records_file: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    lines = records_file.read_text(encoding="utf-8").splitlines(keepends=True)
    folder = tmp_path_factory.mktemp("halves")
    first, second = folder / "train.txt", folder / "val.txt"
    first.write_text("".join(lines[:90]), encoding="utf-8")
    second.write_text("".join(lines[90:]), encoding="utf-8")
    return first, second


@pytest.fixture(scope="module")
def model(
    trained: Path, halves: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    place = tmp_path_factory.mktemp("fitted") / "model"
    shutil.copytree(trained, place)
    call("--fit", halves[0], "--val", halves[1], "--model", place, "--force")
    return place


@pytest.fixture
def mixed(tmp_path: Path, records_file: Path) -> Path:
    lines = records_file.read_text(encoding="utf-8").splitlines()
    path = tmp_path / "mixed.txt"
    path.write_text("\n".join([*lines[:5], "hello world, how are you?"]), encoding="utf-8")
    return path


def test_fitting_stores_it_in_the_directory_with_its_digest(model: Path, trained: Path) -> None:
    directory = load(model)
    assert NOVELTY in directory.files
    listing = json.loads((model / "manifest.json").read_text(encoding="utf-8"))["files"]
    assert listing[NOVELTY]["sha256"] == hashlib.sha256(directory.files[NOVELTY]).hexdigest()
    assert directory.files[WEIGHTS] == load(trained).files[WEIGHTS]


def test_fitting_twice_stores_the_same(model: Path, halves: tuple[Path, Path]) -> None:
    before = (model / NOVELTY).read_bytes()
    out, _ = call("--fit", halves[0], "--val", halves[1], "--model", model, "--force")
    assert (model / NOVELTY).read_bytes() == before
    assert "Fitted on 90 records, scaled on 30" in out


def test_a_novelty_that_is_there_is_replaced_only_by_force(
    model: Path, halves: tuple[Path, Path]
) -> None:
    with pytest.raises(OutputExistsError, match="Fit it anew with --force"):
        call("--fit", halves[0], "--val", halves[1], "--model", model)


def test_few_validation_records_are_told(model: Path, halves: tuple[Path, Path]) -> None:
    _, err = call("--fit", halves[0], "--val", halves[1], "--model", model, "--force")
    assert "30 validation records are few" in err


def test_records_in_both_files_are_told(model: Path, halves: tuple[Path, Path]) -> None:
    _, err = call("--fit", halves[0], "--val", halves[0], "--model", model, "--force")
    assert "90 records stand in both files" in err
    call("--fit", halves[0], "--val", halves[1], "--model", model, "--force")


def test_the_most_novel_record_comes_first(model: Path, mixed: Path) -> None:
    out, _ = call(mixed, "--model", model, "--top", 2)
    lines = out.splitlines()
    assert re.match(r"6 records: \d \(\d+\.\d%\) are novel, their score above 0\.98\.", lines[0])
    assert len(lines) == 3
    assert lines[1].startswith("6\t")
    assert lines[1].endswith("\tnovel\thello world, how are you?")


def test_json_holds_every_score_in_order(model: Path, mixed: Path) -> None:
    found = json.loads(call(mixed, "--model", model, "--json", "--top", 1)[0])
    assert found["records"] == len(found["scores"]) == 6
    assert found["rejected"] == sum(score > found["threshold"] for score in found["scores"])
    assert [row["line"] for row in found["most_novel"]] == [6]


def test_output_is_a_table_of_all_records(model: Path, mixed: Path, tmp_path: Path) -> None:
    output = tmp_path / "scores.csv"
    _, err = call(mixed, "--model", model, "--output", output)
    rows = list(csv.DictReader(io.StringIO(output.read_text(encoding="utf-8-sig"))))
    assert [row["line"] for row in rows] == list("123456")
    assert rows[5]["rejected"] == "True"
    assert "Written to" in err
    with pytest.raises(OutputExistsError, match="exists"):
        call(mixed, "--model", model, "--output", output)


def test_a_model_without_it_says_how_to_fit_it(trained: Path, mixed: Path, tmp_path: Path) -> None:
    place = tmp_path / "model"
    directory = load(trained)
    from gi_classifier.model.directory import ModelDirectory, save

    save(
        ModelDirectory(
            {n: c for n, c in directory.files.items() if n != NOVELTY}, directory.metadata
        ),
        place,
    )
    with pytest.raises(ModelError, match="gi-classifier novelty --fit TRAIN --val VAL"):
        call(mixed, "--model", place)


def test_the_model_that_ships_is_never_refitted(halves: tuple[Path, Path]) -> None:
    _, err = call("--fit", halves[0], "--val", halves[1], "--model", shipped(), code=2)
    assert "never changes the model that ships" in err


def test_wrong_use_is_told(halves: tuple[Path, Path], mixed: Path, tmp_path: Path) -> None:
    train, val = halves
    for arguments, message in (
        ([], "either FILE, or --fit"),
        ([mixed, "--fit", train], "either FILE, or --fit"),
        (["--fit", train], "--fit needs --val VAL and --model"),
        (["--fit", train, "--val", val], "--fit needs --val VAL and --model"),
        ([mixed, "--val", val], "--val goes with --fit"),
        ([mixed, "--output", tmp_path / "a.txt"], "--output ends in .csv"),
        (
            ["--fit", train, "--val", val, "--model", tmp_path, "--output", tmp_path / "a.csv"],
            "leave out --output",
        ),
    ):
        assert message in call(*arguments, code=2)[1]


def test_a_file_without_a_record_is_an_error(model: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty.txt"
    empty.write_text("", encoding="utf-8")
    with pytest.raises(RecordsError, match="No record in"):
        call(empty, "--model", model)


def test_a_model_directory_with_a_strange_file_is_not_replaced(
    model: Path, halves: tuple[Path, Path], tmp_path: Path
) -> None:
    place = tmp_path / "model"
    shutil.copytree(model, place)
    (place / "mine.txt").write_text("keep", encoding="utf-8")
    with pytest.raises(OutputExistsError, match=r"mine\.txt"):
        call("--fit", halves[0], "--val", halves[1], "--model", place, "--force")
    assert (place / "mine.txt").is_file()
