"""The command explain, as a user runs it."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from command_line import run
from rich.cells import cell_len
from samples import made

from gi_classifier.cli import explain as command

TEXT = "胃镜未见异常。结肠镜：乙状结肠见一息肉。"


def test_explain_shows_the_clauses_of_a_mixed_record_with_their_signs() -> None:
    lines = run(
        "explain", "--unit", "clause", "胃窦溃疡复查。结肠镜：乙状结肠见一息肉，予切除。"
    ).stdout.splitlines()
    assert lines[0].startswith("2 lower 下消化道: probability 0.")
    assert "completeness error" in lines[0]
    rows = [line.split("\t") for line in lines[2:]]
    scores = {text: float(score) for score, _, text in rows}
    assert sum(float(score) for score, _, _ in rows[:-1]) == pytest.approx(
        float(rows[-1][0]), abs=0.005
    )
    assert rows[-1][2].startswith("in all; score +")
    assert scores["结肠镜：乙状结肠见一息肉，"] > 0 > scores["胃窦溃疡复查。"]


def test_explain_as_json_adds_up() -> None:
    found = json.loads(run("explain", "--label", 1, "--json", TEXT).stdout)[0]
    assert found["label"] == 1
    total = sum(found["scores"]) + found["special"]
    change = found["score"] - found["baseline_score"]
    assert abs(total - change) == pytest.approx(found["error"] * abs(change), abs=1e-6)
    assert found["text"] == TEXT
    assert "".join(span["text"] for span in found["spans"]) == TEXT


@pytest.mark.slow
def test_explain_writes_a_page_and_a_picture_with_their_origin(tmp_path: Path) -> None:
    html, png = tmp_path / "x.html", tmp_path / "x.png"
    done = run(
        *("explain", "<script>alert(1)</script>胃癌", "--unit", "clause"),
        *("--output", html, "--plot", png),
    )
    page = html.read_text(encoding="utf-8")
    assert page.startswith("<!DOCTYPE html>")
    assert "<script" not in page
    assert "command explain, " in page
    assert png.read_bytes().startswith(b"\x89PNG")
    origin = json.loads((tmp_path / "x.png.origin.json").read_text(encoding="utf-8"))
    assert origin["settings"]["unit"] == "clause"
    assert "胃癌" not in json.dumps(origin, ensure_ascii=False)
    assert f"Written to {html}" in done.stderr
    assert "Written" not in done.stdout
    assert "exists. Choose another place" in run("explain", TEXT, "--output", html, code=1).stderr


WRONG = [
    ([TEXT, "--baseline", "nothing"], "baseline must be one of"),
    ([TEXT, "--tolerance", "2"], "tolerance must be a number"),
    ([TEXT, "--steps", "0"], "steps must be an integer"),
    ([TEXT, "--unit", "line"], "'line' is not one of"),
    ([TEXT, "--plot", "x.jpg"], "--plot ends in .png. Received: x.jpg"),
    (
        [TEXT, "--output", "x.txt"],
        "--output ends in one of .html, .jsonl, .csv, .xlsx. Received: x.txt",
    ),
    ([TEXT, "--keep-columns"], "--keep-columns is for --input FILE."),
    (["data/demo.csv"], "data/demo.csv is a file, not a text. Give a file with --input FILE"),
    (["--input", "x.csv", "--id-column", "line"], "a column of the output has"),
    ([TEXT, "--input", "x.csv"], "Give either TEXT… or --input FILE."),
    ([TEXT, "胃癌", "--plot", "x.png"], "--plot draws one record. Received: 2"),
]


@pytest.mark.parametrize(("arguments", "message"), WRONG)
def test_wrong_use_is_said_and_ends_with_2(arguments: list[str], message: str) -> None:
    stderr = run("explain", *arguments, code=2).stderr.replace("│", " ")
    assert message in " ".join(stderr.split())


def test_an_unknown_label_is_an_error_that_names_the_labels() -> None:
    for given in ("7", "胃"):
        stderr = run("explain", TEXT, "--label", given, code=2).stderr
        listed = "0 (neither 均非), 1 (upper 上消化道), 2 (lower 下消化道)"
        assert f"this model has {listed}. Received: '{given}'" in " ".join(stderr.split())


@pytest.mark.slow
def test_a_label_may_be_named_in_either_language() -> None:
    outputs = {run("explain", TEXT, "--label", given).stdout for given in (1, "Upper", "上消化道")}
    assert len(outputs) == 1


@pytest.mark.slow
def test_explain_reads_a_file_and_names_each_record(tmp_path: Path) -> None:
    file = tmp_path / "records.csv"
    file.write_text("住院号,诊断\n007,胃溃疡\n008,\n009,直肠息肉\n", encoding="gb18030")
    page = tmp_path / "x.html"
    whole = ["explain", "--input", file, "--text-column", "诊断", "--output", page]
    assert "line 3\n– error: the text is empty\nline 4\n2 lower" in run(*whole, code=1).stdout
    assert 'line 3</small><small class="warning">error 错误: the text is empty' in page.read_text(
        encoding="utf-8"
    )
    command = [*whole[:-2], "--skip-blank"]
    found = json.loads(run(*command, "--id-column", "住院号", "--json").stdout)
    assert [item["record"] for item in found] == [
        {"line": 2, "住院号": "007"},
        {"line": 4, "住院号": "009"},
    ]
    assert [item["label"] for item in found] == [1, 2]
    done = run(*command)
    assert done.stdout.startswith("line 2\n1 upper 上消化道")
    assert "2 records, read as gb18030, 1 rows without text left out" in done.stderr


@pytest.mark.slow
def test_scores_are_written_as_rows_beside_the_columns_of_the_file(tmp_path: Path) -> None:
    file = tmp_path / "records.csv"
    file.write_text("id,text,score\n007,胃溃疡。腹痛,9\n008,,8\n009,直肠息肉,7\n", encoding="utf-8")
    command = (
        "explain",
        "--input",
        file,
        "--unit",
        "clause",
        "--keep-columns",
        "--id-column",
        "id",
    )
    for ending in (".csv", ".xlsx", ".jsonl"):
        output = tmp_path / f"out{ending}"
        done = run(*command, "--output", output, code=1)
        assert f"Written to {output}" in done.stderr
        assert (tmp_path / f"out{ending}.origin.json").is_file()
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text("utf-8").splitlines()]
    assert [row["record"] for row in rows] == [
        {"line": line, "id": f"00{line + 5}", "score": str(11 - line)} for line in (2, 3, 4)
    ]
    assert "spans" not in rows[1]
    assert (rows[1]["text"], rows[1]["label"]) == ("", None)
    assert "empty" in rows[1]["error"]
    for table in (
        pd.read_csv(tmp_path / "out.csv", dtype=str, keep_default_na=False),
        pd.read_excel(tmp_path / "out.xlsx", dtype=str, keep_default_na=False),
    ):
        assert table["id"].tolist() == ["007", "007", "008", "009"]
        assert table["score (input)"].tolist() == ["9", "9", "8", "7"]
        assert table["text"].tolist() == ["胃溃疡。", "腹痛", "", "直肠息肉"]
        assert table["start"].tolist() == ["0", "4", "", "0"]
        assert table["error"].map(bool).tolist() == [False, False, True, False]
        scores = [span["score"] for row in (rows[0], rows[2]) for span in row["spans"]]
        assert table["score"].drop(2).astype(float).tolist() == pytest.approx(scores, abs=1e-5)


@pytest.mark.slow
def test_several_files_are_read_and_their_records_named_on_the_page(tmp_path: Path) -> None:
    files = [tmp_path / "a.txt", tmp_path / "b.txt"]
    for file, text in zip(files, ("胃癌\n", "直肠息肉\n"), strict=True):
        file.write_text(text, encoding="utf-8")
    page = tmp_path / "x.html"
    # One by itself, the other as what its folder holds.
    inputs = ("--input", files[0], "--input", tmp_path)
    found = json.loads(run("explain", *inputs, "--output", page, "--json").stdout)
    assert [item["record"]["file"] for item in found] == [str(file) for file in files]
    assert f"{files[1]}, line 1" in page.read_text(encoding="utf-8")


@pytest.mark.slow
def test_nothing_in_a_record_or_its_id_acts_on_a_terminal(tmp_path: Path) -> None:
    file = tmp_path / "records.csv"
    file.write_text("id,text\n[a]\x1b[2J,胃\u202e癌\x1b]0x\x07[/]:x:\n", encoding="utf-8")
    command = ("explain", "--input", file, "--id-column", "id")
    stdout = run(*command, "--unit", "sentence").stdout
    assert not re.search("[\x1b\x07\u202e]", stdout)
    assert "id [a]\\x1b[2J" in stdout
    assert "胃\\u202e癌\\x1b]0x\\x07[/]:x:" in stdout
    (item,) = json.loads(run(*command, "--json").stdout)
    assert item["text"] == "胃\u202e癌\x1b]0x\x07[/]:x:"
    assert item["record"]["id"] == "[a]\x1b[2J"


def test_on_a_terminal_of_80_columns_the_text_is_cut_and_never_its_score(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = made("胃癌。" * 100 + "[b]肠", [2.5] * 300 + [-12.5] * 4)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    command._show(found, command.Unit.sentence)
    lines = re.sub(r"\x1b\[\d*m", "", capsys.readouterr().out).splitlines()
    assert all(cell_len(line) <= 80 for line in lines[1:])
    assert any(line.split()[0] == "-50.000" and "[b]肠" in line for line in lines)
    assert any("in all; score +4.300" in line for line in lines)
    assert any("89 more" in line for line in lines)
    command._show(replace(found, scores=found.scores * 1e4), command.Unit.token)
    assert "+25000.000" in capsys.readouterr().out
