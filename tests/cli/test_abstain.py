"""The command abstain, as a user runs it."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from command_line import run
from samples import made_up_records

from gi_classifier.model.directory import load


def test_abstain_says_what_it_guarantees_or_that_it_cannot(
    model: Path, val: Path, test: Path, tmp_path: Path
) -> None:
    command = ["abstain", val, "--test", test, "--model", model]
    output, plot = tmp_path / "out", tmp_path / "curve.png"
    done = run(*command, "--alpha", 0.8, "--output", output, "--plot", plot)
    assert "With confidence 0.9, at most 0.8 of the answered records are wrong" in done.stdout
    found = json.loads((output / "abstention.json").read_text(encoding="utf-8"))
    assert f"min_confidence {found['min_confidence']!r}" in done.stdout
    assert found["test"]["min_confidence"] == found["min_confidence"]
    table = pd.read_csv(output / "abstention.csv")
    assert list(table["split"][table["chosen"]]) == ["validation", "test"]
    assert plot.read_bytes().startswith(b"\x89PNG")
    for path in (output / "origin.json", tmp_path / "curve.png.origin.json"):
        origin = json.loads(path.read_text(encoding="utf-8"))
        assert origin["model"] == load(model).digest
        assert (origin["settings"]["alpha"], origin["settings"]["engine"]) == (0.8, None)


def test_abstain_without_a_guarantee_says_what_it_takes_and_fails(
    model: Path, val: Path, test: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out"
    command = ["abstain", val, "--test", test, "--model", model, "--alpha", 0.001]
    done = run(*command, "--output", output, "--plot", tmp_path / "curve.png", code=1)
    assert "No least confidence guarantees an error of at most 0.001" in done.stderr
    assert "It takes 5,296 answered validation records" in done.stderr
    assert "Area under the risk-coverage curve" in done.stdout
    found = json.loads((output / "abstention.json").read_text(encoding="utf-8"))
    assert found["min_confidence"] is found["test"] is None
    assert json.loads(run(*command, "--json", code=1).stdout) == found


def test_labels_may_be_names_in_a_table(model: Path, tmp_path: Path) -> None:
    names = ("均非", "upper", "2")
    files = []
    for name, rows in (("val", made_up_records()[:60]), ("test", made_up_records()[60:])):
        lines = [f"{text},{names[label]}" for text, label in rows]
        files.append(tmp_path / f"{name}.csv")
        files[-1].write_text("\n".join(["病历,类别", *lines]), encoding="utf-8")
    options = ["--text-column", "病历", "--label-column", "类别", "--alpha", 0.8, "--json"]
    done = run("abstain", files[0], "--test", files[1], "--model", model, *options)
    assert json.loads(done.stdout)["test"]["records"] == 60


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--alpha", "1"], "alpha must be a number in (0, 1). Received: 1.0"),
        (["--delta", "nan"], "delta must be a number in (0, 1). Received: nan"),
        (["--engine", "int4"], "--engine is one of"),
        (["--plot", "x.jpg"], "--plot ends in .png"),
    ],
)
def test_wrong_use_is_said_and_ends_with_2(options: list[str], message: str) -> None:
    done = run("abstain", "x.txt", "--test", "y.txt", *options, code=2)
    assert message in " ".join(done.stderr.replace("│", " ").split())
