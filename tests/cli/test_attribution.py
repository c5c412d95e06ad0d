"""The commands explain, keywords, rules and report, as a user runs them."""

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

TEXT = "胃镜未见异常。结肠镜：乙状结肠见一息肉。"


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    path = tmp_path / "records.txt"
    rows = made_up_records(30)
    lines = [f"{text}\t{label}\n" for text, label in [*rows, rows[0]]]
    path.write_text("".join(lines), encoding="utf-8")
    return path


def test_explain_shows_the_clauses_of_a_mixed_record_with_their_signs() -> None:
    lines = run("explain", "--by", "clause", TEXT).stdout.splitlines()
    assert lines[0].startswith("2 lower 下消化道: probability 0.")
    assert "completeness error" in lines[0]
    rows = [line.split("\t") for line in lines[2:]]
    scores = {text: float(score) for score, _, text in rows}
    assert sum(float(score) for score, _, _ in rows[:-1]) == pytest.approx(
        float(rows[-1][0]), abs=0.005
    )
    assert rows[-1][2].startswith("in all; log-odds +")
    assert scores["结肠镜：乙状结肠见一息肉。"] > 0 > scores["胃镜未见异常。"]


def test_explain_as_json_adds_up() -> None:
    found = json.loads(run("explain", "--label", 1, "--json", TEXT).stdout)[0]
    assert found["label"] == 1
    total = sum(found["scores"]) + found["special"]
    change = found["log_odds"] - found["baseline_log_odds"]
    assert abs(total - change) == pytest.approx(found["error"] * abs(change), abs=1e-6)
    assert found["text"] == TEXT
    assert "".join(span["text"] for span in found["spans"]) == TEXT


def test_explain_writes_a_page_and_a_picture(tmp_path: Path) -> None:
    html, png = tmp_path / "x.html", tmp_path / "x.png"
    run("explain", "<script>alert(1)</script>胃癌", "--html", html, "--png", png)
    page = html.read_text(encoding="utf-8")
    assert page.startswith("<!DOCTYPE html>")
    assert "<script" not in page
    assert png.read_bytes().startswith(b"\x89PNG")
    assert "exists. Choose another place" in run("explain", TEXT, "--html", html, code=1).stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["explain", TEXT, "--baseline", "nothing"], "baseline must be one of"),
        (["explain", TEXT, "--tolerance", "2"], "tolerance must be a number"),
        (["explain", TEXT, "--steps", "0"], "steps must be an integer"),
        (["keywords", "x.txt", "--threshold", "0"], "threshold must be a number"),
        (["keywords", "x.txt", "--unit", "letter"], "unit must be one of"),
        (["keywords", "x.txt", "--min-frequency", "0"], "min_frequency must be an integer"),
        (["keywords", "x.txt", "--resume"], "--resume needs --output"),
        (["keywords", "x.txt", "--output", "x.xlsx"], "ends in .csv. Received: x.xlsx"),
        (["keywords", "x.csv", "--output", "x.csv"], "--output x.csv is the file to be read"),
        (["keywords", "x.txt", "--plot", "x.pdf"], "--plot ends in .png. Received: x.pdf"),
        (["explain", TEXT, "--png", "x.jpg"], "--png ends in .png. Received: x.jpg"),
        (["explain", "data/demo.csv"], "data/demo.csv is a file: give it with --input."),
        (["explain", "--input", "x.csv", "--id-column", "line"], "a column of the output has"),
        (["explain", TEXT, "--input", "x.csv"], "Give either TEXT… or --input FILE."),
        (["keywords", "x.txt", "--pooled", "--plot", "x.png"], "leave out --pooled"),
    ],
)
def test_wrong_use_is_said_and_ends_with_2(arguments: list[str], message: str) -> None:
    assert message in " ".join(run(*arguments, code=2).stderr.replace("│", " ").split())


def test_an_unknown_label_is_an_error_that_names_the_labels() -> None:
    for given in ("7", "胃"):
        stderr = run("explain", TEXT, "--label", given, code=2).stderr.replace("│", " ")
        listed = "0 (neither 均非), 1 (upper 上消化道), 2 (lower 下消化道)"
        assert f"--label is one of {listed}. Received: '{given}'" in " ".join(stderr.split())


def test_a_label_may_be_named_in_either_language() -> None:
    outputs = {run("explain", TEXT, "--label", given).stdout for given in (1, "Upper", "上消化道")}
    assert len(outputs) == 1


def test_explain_reads_a_file_and_names_each_record(tmp_path: Path) -> None:
    file = tmp_path / "records.csv"
    file.write_text("住院号,诊断\n007,胃溃疡\n008,\n009,直肠息肉\n", encoding="gb18030")
    command = ["explain", "--input", file, "--text-column", "诊断", "--skip-blank"]
    found = json.loads(run(*command, "--id-column", "住院号", "--json").stdout)
    assert [item["record"] for item in found] == [
        {"line": 2, "住院号": "007"},
        {"line": 4, "住院号": "009"},
    ]
    assert [item["label"] for item in found] == [1, 2]
    done = run(*command)
    assert done.stdout.startswith("line 2\n1 upper 上消化道")
    assert "2 records, read as gb18030, 1 rows without text left out" in done.stderr


def test_rules_refuse_keywords_that_speak_against(corpus: Path, trained: Path) -> None:
    table = corpus.with_name("against.csv")
    picture = table.with_suffix(".png")
    run(
        *("keywords", corpus, "--model", trained, "--against", "--output", table),
        *("--plot", picture),
    )
    assert (pd.read_csv(table)["total"] < 0).all()
    stderr = run("rules", table, corpus, code=1).stderr
    assert "These keywords speak against their labels" in stderr


def test_a_table_saved_anew_in_another_encoding_is_read(corpus: Path, trained: Path) -> None:
    table = corpus.with_name("table.csv")
    run("keywords", corpus, "--model", trained, "--output", table)
    before = run("rules", table, corpus).stdout
    table.write_text(table.read_text(encoding="utf-8-sig"), encoding="gb18030")
    assert run("rules", table, corpus).stdout == before


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


def test_keywords_are_printed_written_drawn_and_measured_as_a_rule(
    corpus: Path, trained: Path, tmp_path: Path
) -> None:
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
    for more in ((), ("--resume",)):
        stderr = run("keywords", corpus, "--output", table, *more, code=1).stderr
        assert "exists. Choose another place" in stderr

    found = json.loads(run("rules", table, corpus, "--top", 5, "--json").stdout)
    assert found["records"] == 31
    assert len(found["classes"]) == 3
    assert 0 < found["coverage"] <= 1
    assert "hold a keyword that decides" in run("rules", table, corpus).stdout


def test_formats_hold_the_same_keywords(corpus: Path, trained: Path) -> None:
    common = ("keywords", corpus, "--model", trained, "--format")
    rows = json.loads(run(*common, "json").stdout)
    reference = ast.literal_eval(run(*common, "reference").stdout)
    counts: dict[str, int] = {}
    for row in rows:
        counts[row["keyword"]] = counts.get(row["keyword"], 0) + row["frequency"]
    assert dict(reference) == counts
    pooled = json.loads(run(*common, "json", "--pooled").stdout)
    assert {row["keyword"]: row["frequency"] for row in pooled} == counts
    against = run("keywords", corpus, "--model", trained, "--against").stdout
    assert against.startswith("against ")
    assert [count for _, count in reference] == sorted(counts.values(), reverse=True)
    assert len(run(*common, "csv").stdout.splitlines()) == len(rows) + 1


def test_the_script_of_the_reference_prints_its_list(corpus: Path, trained: Path) -> None:
    script = Path(__file__).parent.parent.parent / "scripts" / "feature_importance.py"
    arguments = [str(corpus), "--model", str(trained), "--format", "reference", "--unit", "span"]
    done = subprocess.run([sys.executable, script, *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert all(isinstance(count, int) for _, count in ast.literal_eval(done.stdout))


@pytest.mark.slow
def test_killed_and_gone_on_the_table_is_that_of_one_run(trained: Path, tmp_path: Path) -> None:
    corpus, state = tmp_path / "corpus.txt", tmp_path / ".second.csv.state"
    corpus.write_text("".join(f"{text}\n" for text, _ in made_up_records(3000)), "utf-8")
    whole, second = tmp_path / "whole.csv", tmp_path / "second.csv"
    common = ["keywords", corpus, "--model", trained, "--tolerance", "0.5", "--steps", "4"]
    run(*common, "--output", whole)
    code = (
        "import gi_classifier.cli.explain as commands; commands._STATE_SECONDS = 0.0; "
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
    stderr = run(*changed, "--output", second, "--resume", code=1).stderr
    assert "is of another file, model or setting" in stderr
    stderr = run(*common, "--output", second, "--resume").stderr
    assert "Going on after" in stderr
    assert second.read_bytes() == whole.read_bytes()
    assert not state.exists()


def test_report_is_one_page_that_says_where_it_was_written(
    corpus: Path, trained: Path, tmp_path: Path
) -> None:
    output = tmp_path / "report.html"
    done = run("report", corpus, "--model", trained, "--output", output)
    assert f"Written to {output}" in done.stdout
    page = output.read_text(encoding="utf-8")
    assert "http://" not in page
    assert "Line 行 1 " in page
    assert "https://" not in page
    assert "exists. Choose another" in run("report", corpus, "--output", output, code=1).stderr
