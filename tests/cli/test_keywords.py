"""The command keywords, as a user runs it."""

from __future__ import annotations

import ast
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
from command_line import run
from samples import made_up_records


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--share", "0"], "share must be a number in (0, 1]. Received: 0"),
        (["--unit", "letter"], "unit must be one of"),
        (["--min-frequency", "0"], "'--min-frequency'"),
        (["--output", "x.xlsx"], "ends in .csv. Received: x.xlsx"),
        (["--output", "x.csv"], "--output x.csv is the file to be read"),
        (["--plot", "x.pdf"], "--plot ends in .png. Received: x.pdf"),
        (["--pooled", "--plot", "x.png"], "leave out --pooled"),
    ],
)
def test_wrong_use_is_said_and_ends_with_2(arguments: list[str], message: str) -> None:
    stderr = run("keywords", "x.csv", *arguments, code=2).stderr.replace("│", " ")
    assert message in " ".join(stderr.split())


def test_halves_that_share_little_are_not_ranked_against_each_other(
    trained: Path, tmp_path: Path
) -> None:
    file = tmp_path / "few.txt"
    file.write_text("胃窦溃疡\n直肠息肉\n", encoding="utf-8")
    stderr = run("keywords", file, "--model", trained, "--stability").stderr
    assert "too few to compare their ranks" in stderr
    assert "rank correlation" not in stderr


def test_an_empty_table_is_said(corpus: Path, trained: Path) -> None:
    done = run("keywords", corpus, "--model", trained, "--min-frequency", 10_000)
    assert "No keyword occurs 10000 times or more." in done.stderr


@pytest.mark.slow
def test_keywords_are_printed_written_drawn_and_measured_as_a_rule(
    corpus: Path, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gi_classifier.cli.keywords._LEAST_SHARED", 1)
    table, picture = tmp_path / "table.csv", tmp_path / "table.png"
    done = run(
        *("keywords", corpus, "--model", trained, "--output", table, "--plot", picture),
        *("--top", 2, "--stability"),
    )
    assert "31 records, 1 of them duplicates, counted once" in done.stderr
    assert "rank correlation" in done.stderr
    assert "frequency  documents" in done.stdout
    written = pd.read_csv(table, encoding="utf-8-sig")
    assert list(written.columns)[:3] == ["keyword", "label", "frequency"]
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert not list(tmp_path.glob(".table*"))
    for file in (table, picture):
        origin = json.loads(file.with_name(f"{file.name}.origin.json").read_text("utf-8"))
        assert origin["settings"] | {"share": 0.2, "top": 2} == origin["settings"]
        assert len(origin["model"]) == 64
    for more in ((), ("--restart",)):
        stderr = run("keywords", corpus, "--output", table, *more, code=1).stderr
        assert "exists. Choose another place" in stderr

    found = json.loads(run("rules", corpus, "--keywords", table, "--top", 5, "--json").stdout)
    assert found["records"] == 31
    assert len(found["classes"]) == 3
    assert 0 < found["coverage"] <= 1
    assert "hold a keyword that decides" in run("rules", corpus, "--keywords", table).stdout


@pytest.mark.slow
def test_formats_hold_the_same_keywords(corpus: Path, trained: Path) -> None:
    common = ("keywords", corpus, "--model", trained, "--format")
    rows = json.loads(run(*common, "table", "--json").stdout)
    reference = ast.literal_eval(run(*common, "reference").stdout)
    counts: dict[str, int] = {}
    for row in rows:
        counts[row["keyword"]] = counts.get(row["keyword"], 0) + row["frequency"]
    assert dict(reference) == counts
    pooled = json.loads(run(*common, "table", "--json", "--pooled").stdout)
    assert {row["keyword"]: row["frequency"] for row in pooled} == counts
    against = run("keywords", corpus, "--model", trained, "--against").stdout
    assert against.startswith("against ")
    assert [count for _, count in reference] == sorted(counts.values(), reverse=True)
    assert len(run(*common, "csv").stdout.splitlines()) == len(rows) + 1


@pytest.mark.slow
def test_killed_and_gone_on_the_table_is_that_of_one_run(trained: Path, tmp_path: Path) -> None:
    corpus, state = tmp_path / "corpus.txt", tmp_path / ".second.csv.state" / "progress"
    corpus.write_text("".join(f"{text}\n" for text, _ in made_up_records(3000)), "utf-8")
    whole, second = tmp_path / "whole.csv", tmp_path / "second.csv"
    common = ["keywords", corpus, "--model", trained, "--tolerance", "0.5", "--steps", "4"]
    run(*common, "--output", whole)
    code = (
        "import gi_classifier.cli.keyword_count as command; command._STATE_SECONDS = 0.0; "
        "from gi_classifier.cli.app import main; main()"
    )
    begun = subprocess.Popen([sys.executable, "-c", code, *map(str, common), "--output", second])
    while not state.is_file() and begun.poll() is None:
        time.sleep(0.01)
    begun.send_signal(signal.SIGKILL)
    begun.wait()
    assert state.is_file()
    assert not second.exists()
    changed = [*common[:-1], "5"]
    stderr = run(*changed, "--output", second, code=1).stderr
    assert "option: steps: 4 then, 5 now" in stderr
    stderr = run(*common, "--output", second).stderr
    assert "Going on after" in stderr
    assert second.read_bytes() == whole.read_bytes()
    assert not state.parent.exists()
