"""The command thresholds, as a user runs it."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from command_line import run
from samples import made_up_records, write_pairs

from gi_classifier.decisions.policies import POLICIES
from gi_classifier.decisions.thresholds import stored_threshold
from gi_classifier.model.directory import THRESHOLDS, load
from gi_classifier.model.shipped import shipped


def test_thresholds_shows_every_policy_on_both_splits(model: Path, val: Path, test: Path) -> None:
    done = run("thresholds", val, "--test", test, "--label", 1, "--model", model)
    assert "validation (chosen here), 60 records, precision before 0.333" in done.stdout
    assert "test (checked here), 60 records, precision before 0.333" in done.stdout
    for policy in POLICIES:
        rows = [line for line in done.stdout.splitlines() if line.startswith(policy)]
        assert len(rows) == 2 or (len(rows) == 1 and ": " in rows[0])
    assert "were trained on, or chose the weights: figures on them flatter" in done.stderr
    assert not (model / THRESHOLDS).exists()


@pytest.mark.slow
def test_thresholds_saves_a_label_beside_the_others_and_writes_its_files(
    model: Path, val: Path, test: Path, tmp_path: Path
) -> None:
    command = ["thresholds", val, "--test", test, "--model", model, "--json"]
    output, plot = tmp_path / "out", tmp_path / "policies.png"
    once = run(*command, "--label", 2, "--save", "youden", "--policy", "F1")
    assert [row["policy"] for row in json.loads(once.stdout)["policies"]] == ["f1", "youden"]
    done = run(*command, "--label", 1, "--save", "tpr >= 0.9", "--output", output, "--plot", plot)
    found = json.loads(done.stdout)
    assert [row["policy"] for row in found["policies"]] == [*POLICIES, "tpr>=0.9"]
    chosen = found["policies"][-1]
    assert chosen["validation"]["tpr"] >= 0.9
    directory = load(model)
    both = directory.fusion().members
    assert stored_threshold(directory, 1, both) == chosen["validation"]["threshold"]
    assert (
        stored_threshold(directory, 2, both)
        == json.loads(once.stdout)["policies"][1]["validation"]["threshold"]
    )
    entry = json.loads((model / THRESHOLDS).read_text(encoding="utf-8"))["1"]
    assert entry["policy"] == "tpr>=0.9"
    assert entry["test"] == chosen["test"]
    assert json.loads((output / "policies.json").read_text(encoding="utf-8")) == found
    table = pd.read_csv(output / "policies.csv")
    assert list(table["split"]) == ["validation", "test"] * len(found["policies"])
    assert table["tpr"].iloc[-2] == pytest.approx(chosen["validation"]["tpr"])
    assert plot.read_bytes().startswith(b"\x89PNG")
    for path in (output / "origin.json", tmp_path / "policies.png.origin.json"):
        origin = json.loads(path.read_text(encoding="utf-8"))
        assert origin["model"] == directory.digest
        assert origin["settings"]["save_policy"] == "tpr >= 0.9"
    assert entry["origin"] == origin
    assert (
        "exists. Choose another" in run(*command, "--label", 1, "--output", output, code=1).stderr
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["thresholds", "--policy", "best"], "No such policy: 'best'. There are"),
        (["thresholds", "--save", "f0"], "beta of F-beta must be above 0"),
        (["thresholds", "--save", "f1"], "name it with --model"),
        (
            ["thresholds", "--save", "f1", "--model", str(shipped())],
            "--save never changes the model that ships; copy its directory",
        ),
        (["thresholds", "--label", "7"], "No such label; this model has 0 (neither 均非), 1"),
        (["thresholds", "--engine", "int4"], "--engine"),
    ],
)
def test_wrong_use_is_said_and_ends_with_2(arguments: list[str], message: str) -> None:
    label = ["--label", 1] if arguments[0] == "thresholds" and "--label" not in arguments else []
    done = run(*arguments, *label, "x.txt", "--test", "y.txt", code=2)
    assert message in " ".join(done.stderr.replace("│", " ").split())


def test_records_that_cannot_choose_end_with_1(
    model: Path, val: Path, test: Path, tmp_path: Path
) -> None:
    command = ["thresholds", val, "--model", model, "--label", 1]
    assert "No record is left in" in run(*command, "--test", val, code=1).stderr
    rest = write_pairs(tmp_path / "rest.txt", [row for row in made_up_records() if row[1] != 1])
    command = ["thresholds", rest, "--test", test, "--model", model, "--label", 1]
    assert (
        "for validation and for test. Received: 0 of the class and" in run(*command, code=1).stderr
    )


def test_a_policy_that_no_threshold_meets_is_said_and_not_saved(
    model: Path, test: Path, tmp_path: Path
) -> None:
    # The likeliest record of label 1 is of label 2 here.
    shifted = [(text, (label + 1) % 3) for text, label in made_up_records()[:60]]
    wrong = write_pairs(tmp_path / "wrong.txt", shifted)
    command = ["thresholds", wrong, "--test", test, "--model", model, "--label", 1]
    shown = run(*command, "--policy", "precision>=1").stdout
    assert "precision>=1: no threshold meets it; the highest precision is 0." in shown
    done = run(*command, "--save", "precision>=1", code=1)
    assert "No threshold to save for precision>=1: no threshold meets it" in done.stderr
    assert not (model / THRESHOLDS).exists()


def test_a_directory_that_version_0_1_0_wrote_is_replaced_when_forced(
    model: Path, val: Path, test: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out"
    output.mkdir()
    for name in ("policies.json", "policies.csv", "policies.png"):
        (output / name).write_bytes(b"old")
    command = ["thresholds", val, "--test", test, "--label", "上消化道", "--model", model]
    run(*command, "--policy", "f1", "--engine", "int8", "--output", output, "--force")
    names = {path.name for path in output.iterdir()}
    assert names == {"policies.json", "policies.csv", "origin.json"}
    origin = json.loads((output / "origin.json").read_text(encoding="utf-8"))
    assert origin["settings"]["engine"] == "int8"
    assert origin["settings"]["label_name"] == "上消化道"
