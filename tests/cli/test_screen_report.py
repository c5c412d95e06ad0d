"""The command screen report, as a user runs it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from command_line import run


@pytest.fixture
def tables(tmp_path: Path) -> list[Path]:
    paths = []
    for seed, name in enumerate(("val.csv", "test.csv")):
        random = np.random.default_rng(seed)
        valid = random.random(120) < 0.5
        frame = pd.DataFrame(
            {
                "=quality": random.normal(size=120) + 2 * valid,
                "novelty": random.normal(size=120) - valid,
                "科室": random.choice(["急诊", "=cmd"], 120),
                "valid": np.where(valid, "是", "否"),
            }
        )
        paths.append(tmp_path / name)
        frame.to_csv(paths[-1], index=False)
    return paths


def test_the_report_shows_writes_and_draws_the_filters(tables: list[Path], tmp_path: Path) -> None:
    output, plot = tmp_path / "out", tmp_path / "filter.png"
    command = ["screen", "report", tables[0], "--test", tables[1], "--score", "=quality"]
    command += ["--low-score", "novelty", "--by", "科室"]
    done = run(*command, "--output", output, "--plot", plot)
    for words in (
        "validation (chosen here), tpr>=0.95, 120 rows, precision before",
        "test (checked here), tpr>=0.95, 120 rows, precision before",
        "all pass, thresholds chosen jointly",
        "test by 科室",
        "test, as in `compare`; precision, recall and F1 are those of valid rows",
    ):
        assert words in done.stdout
    assert plot.read_bytes().startswith(b"\x89PNG")
    found = json.loads((output / "filter.json").read_text("utf-8"))
    printed = json.loads(run(*command, "--json").stdout)
    assert printed["groups"] == found["groups"]
    table = pd.read_csv(output / "filter.csv")
    assert len(table) == 2 * (2 + 4) + 2 * 2 * 4
    whole = table[(table["split"] == "test") & (table["filter"] == "tree") & table["group"].isna()]
    assert whole["work_saved"].item() == pytest.approx(found["filters"][-1]["test"]["work_saved"])
    rows = pd.read_csv(output / "rows.csv")
    assert len(rows) == 240
    passes = (rows[["joint: =quality", "joint: novelty"]] >= 0).all(axis=1)
    assert (passes == rows["joint"].astype(bool)).all()
    # Nothing in them is a formula.
    assert set(rows["group"]) == {"急诊", "'=cmd"}
    assert set(table["score"].dropna()) == {"'=quality", "novelty"}
    assert (output / "origin.json").exists()


def test_what_may_flatter_or_be_turned_round_is_said(tables: list[Path], tmp_path: Path) -> None:
    again = tmp_path / "again.csv"
    again.write_bytes(tables[0].read_bytes())
    command = ["screen", "report", tables[0], "--test", again, "--score", "novelty"]
    done = run(*command, "--policy", "precision>=1")
    assert "120 test rows have the scores of a validation row" in done.stderr
    assert "novelty: on validation it is better the other way round (ROC AUC 0." in done.stderr
    assert "is it a --low-score?" in done.stderr
    assert "each: novelty: no threshold meets it; the highest precision is" in done.stdout


def test_wrong_use_is_said_before_anything_is_read(tables: list[Path], tmp_path: Path) -> None:
    command = ["screen", "report", tables[0], "--test", tables[1]]
    assert "Name the scores: --score COLUMN" in run(*command, code=2).stderr
    twice = run(*command, "--score", "novelty", "--by", "novelty", code=2)
    assert "A column is named twice among scores" in twice.stderr
    same = run(*command[:-1], tables[0], "--score", "novelty", code=2)
    assert "name other rows" in same.stderr
    unknown = run(*command, "--score", "novelty", "--policy", "best", code=2)
    assert "No such policy: 'best'" in unknown.stderr
