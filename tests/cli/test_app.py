from __future__ import annotations

import json
import os
import pty
import re
import shutil
import subprocess
import termios
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import typer
from command_line import ENTRY, run, run_alone
from samples import made_up_records

from gi_classifier import __version__
from gi_classifier.cli.app import app
from gi_classifier.data.readers import read_records
from gi_classifier.model.directory import FUSION, LINEAR, MANIFEST, load, save
from gi_classifier.model.shipped import shipped

TEXTS = ["胃窦黏膜充血，见溃疡", "结肠息肉切除术后", "右侧股骨颈骨折"]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "records.csv"
    path.write_text("记录\n" + "\n".join(f'"{text}"' for text in TEXTS) + "\n", encoding="utf-8")
    return path


def test_texts_as_arguments_are_classified_one_a_line() -> None:
    lines = run("predict", *TEXTS).stdout.splitlines()
    assert [line.split("\t")[0] for line in lines[:3]] == ["1", "2", "0"]
    assert lines[0].split("\t")[3] == TEXTS[0]
    assert lines[3] == "3 records: neither 均非 1, upper 上消化道 1, lower 下消化道 1"


def test_what_is_unlike_a_record_is_called_so() -> None:
    texts = ["今天天气真好，我们去公园玩吧", TEXTS[0]]
    lines = run("predict", *texts, "--reject-novel").stdout.splitlines()
    assert lines[0].startswith("–\tnovel 陌生\t")
    assert lines[1].startswith("1\tupper 上消化道\t")
    assert lines[2].endswith(", novel 陌生 1")


def test_json_is_one_document_on_standard_output() -> None:
    found = json.loads(run("predict", "--json", *TEXTS).stdout)
    assert [row["label"] for row in found["records"]] == [1, 2, 0]
    assert sum(found["summary"].values()) == 3
    row = found["records"][0]
    assert sum(row[f"probability_{label}"] for label in range(3)) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".xlsx", ".parquet", ".txt", ".tsv"])
def test_a_file_is_classified_into_a_file(table: Path, tmp_path: Path, suffix: str) -> None:
    output = tmp_path / f"out{suffix}"
    done = run("predict", "--input", table, "--text-column", "记录", "--output", output)
    assert f"Written to {output}" in done.stderr
    found = read_records(output)
    assert found.texts == tuple(TEXTS)
    assert found.labels == (1, 2, 0)


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".xlsx"])
def test_answers_stand_beside_the_line_and_the_id_of_their_record(
    tmp_path: Path, suffix: str
) -> None:
    table, output = tmp_path / "in.csv", tmp_path / f"out{suffix}"
    table.write_text(
        'patient,text\n007,"胃窦\n充血"\n,结肠息肉\n3,\n"=1\x0b",股骨颈骨折\n', encoding="utf-8"
    )
    options = ["--id-column", "patient", "--skip-blank", "--output", output]
    run("predict", "--input", table, *options)
    if suffix == ".jsonl":
        found = pd.read_json(output, lines=True, dtype={"patient": str})
    else:
        read = pd.read_csv if suffix == ".csv" else pd.read_excel
        found = read(output, dtype={"patient": str}, keep_default_na=False)
    assert found.columns[:4].tolist() == ["line", "patient", "text", "label"]
    assert found["line"].tolist() == [2, 4, 6]
    assert found["label"].tolist() == [1, 2, 0]
    assert found["patient"].tolist()[:2] == ["007", ""]
    assert found["patient"][2].startswith("=1")


@pytest.mark.slow
@pytest.mark.parametrize("command", ["predict", "keywords", "report", "novelty", "prior"])
def test_rows_without_text_are_left_out_and_counted(tmp_path: Path, command: str) -> None:
    table = tmp_path / "in.csv"
    table.write_text("text,n\n胃窦充血,1\n,2\n结肠息肉,3\n \u3000,4\n", encoding="utf-8")
    arguments: list[object] = [command, *(["--input"] if command == "predict" else []), table]
    if command == "report":
        arguments += ["--output", tmp_path / "page.html", "--force"]
    stderr = run(*arguments, code=1).stderr
    assert "2 bad rows" in stderr
    assert "line 3" in stderr
    assert "line 5" in stderr
    assert "2 rows without text left out" in run(*arguments, "--skip-blank").stderr


def test_rows_of_several_files_name_their_file_and_their_origin_stands_beside(
    table: Path, tmp_path: Path
) -> None:
    other, output = tmp_path / "more.jsonl", tmp_path / "out.csv"
    other.write_text('{"记录": "胃癌"}\n', encoding="utf-8")
    options = ["--text-column", "记录", "--output", output, "--min-confidence", 0.5]
    done = run("predict", "--input", table, "--input", other, *options, "--json")
    found = pd.read_csv(output)
    assert found["file"].tolist() == [str(table)] * 3 + [str(other)]
    assert found["line"].tolist() == [2, 3, 4, 1]
    assert [row["file"] for row in json.loads(done.stdout)["records"]] == found["file"].tolist()
    made_with = json.loads((tmp_path / "out.csv.origin.json").read_text(encoding="utf-8"))
    assert made_with["library"] == f"gi_classifier {__version__}"
    assert made_with["model"] == load(shipped()).digest
    assert made_with["settings"]["command"] == "predict"
    assert made_with["settings"]["input"] == [str(table), str(other)]
    assert made_with["settings"]["min_confidence"] == 0.5


def test_an_output_is_none_of_the_files_that_are_read(table: Path, tmp_path: Path) -> None:
    arguments = ["--input", tmp_path / "other.csv", "--input", table, "--output", table]
    stderr = run("predict", *arguments, "--force", code=2).stderr.replace("│", " ")
    assert "is the file to be read; name another" in " ".join(stderr.split())


@pytest.mark.slow
def test_help_says_what_to_give_by_words_in_capitals() -> None:
    top: Any = typer.main.get_command(app)
    commands = [
        [name, *([inner] if inner else [])]
        for name, command in top.commands.items()
        for inner in getattr(command, "commands", [None])
    ]
    assert ["head", "train"] in commands
    for command in commands:
        shown = run(*command, "--help").stdout
        assert not re.findall(r"<(?:str|int|float|path|bool|list)\b", shown), command
        assert not re.findall(r"^│ [* ] {2,4}[a-z]", shown, re.M), command


def test_an_option_of_several_commands_is_told_in_the_same_words() -> None:
    top: Any = typer.main.get_command(app)
    for option in ("seed", "id_column", "use", "engine", "strict", "force"):
        # train's --use says what is trained.
        commands = [one for name, one in top.commands.items() if (name, option) != ("train", "use")]
        told = {p.help for one in commands for p in one.params if p.name == option}
        assert len(told) == 1, option


@pytest.mark.parametrize("command", ["prior", "keywords"])
def test_either_member_answers_alone(corpus: Path, trained: Path, command: str) -> None:
    options = (command, corpus, "--model", trained, "--json")
    albert, linear = (run(*options, "--use", use).stdout for use in ("albert", "linear"))
    assert json.loads(albert) != json.loads(linear)


@pytest.mark.parametrize(
    "command", [["thresholds", "--label", 1], ["abstain"], ["report"]], ids=lambda one: one[0]
)
def test_a_member_that_the_model_lacks_is_told(
    corpus: Path, trained: Path, tmp_path: Path, command: list[object]
) -> None:
    whole = load(trained)
    files = {name: part for name, part in whole.files.items() if name not in (LINEAR, FUSION)}
    alone = save(replace(whole, files=files), tmp_path / "alone")
    test = tmp_path / "test.txt"
    test.write_text("胃窦糜烂\t1\n直肠息肉\t2\n", encoding="utf-8")
    page = ("--output", tmp_path / "a.html")
    further = page if command == ["report"] else ("--test", test)
    stderr = run(*command, corpus, *further, "--model", alone, "--use", "linear", code=2).stderr
    assert "This model has no linear member" in stderr


def test_an_id_column_is_one_of_the_file_and_none_of_the_output(table: Path) -> None:
    arguments = ["predict", "--input", table, "--text-column", "记录"]
    done = run(*arguments, "--id-column", "number", "--json", code=1)
    assert "no column 'number'. It has 1: '记录'" in done.stderr
    for name in ("name", "probability_1"):
        done = run(*arguments, "--id-column", name, "--json", code=2)
        said = " ".join(done.stderr.replace("│", "").split())
        assert f"--id-column {name}: a column of the output has this name" in said
    for options in ([], ["--output", table.with_suffix(".txt")]):
        done = run(*arguments, "--id-column", "number", *options, code=2)
        assert "is written to .csv, .jsonl, .xlsx" in done.stderr
    done = run("predict", "胃癌", "--id-column", "number", code=2)
    assert "names a column of --input FILE" in " ".join(done.stderr.replace("│", "").split())


def test_encoding_that_was_read_is_said(tmp_path: Path) -> None:
    path = tmp_path / "excel.csv"
    path.write_bytes("text\n胃窦黏膜充血\n".encode("gb18030"))
    done = run("predict", "--input", path)
    assert "1 records, read as gb18030" in done.stderr
    assert done.stdout.startswith("1\tupper 上消化道")


def test_existing_output_needs_force(table: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.csv"
    output.write_text("mine", encoding="utf-8")
    arguments = ["predict", "--input", table, "--text-column", "记录", "--output", output]
    assert "exists. Choose another place" in run(*arguments, code=1).stderr
    assert output.read_text(encoding="utf-8") == "mine"
    same = run(*arguments[:-1], table, "--force", code=2).stderr.replace("│", " ")
    assert "is the file to be read; name another" in " ".join(same.split())
    run(*arguments, "--force")
    assert output.read_text(encoding="utf-8-sig").startswith("line,text,label,name,probability")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["predict", "--input", "{tmp}/none.csv"], "No file of records at"),
        (["predict", "--input", "{tmp}/records.csv"], "no column 'text'. It has 1: '记录'"),
        (["predict", "--input", "{tmp}/records.pdf"], "unknown format '.pdf'; this reads"),
        (["predict", "--input", "{tmp}/binary.csv"], "neither UTF-8 nor GB18030"),
        (["predict", ""], "position 0: an empty text"),
        (["predict", "胃癌", "--model", "{tmp}/none"], "No model directory at"),
        (["predict", "胃癌", "--model", "{tmp}"], f"it has no {MANIFEST}"),
        (["info", "{tmp}/none"], "No model directory at"),
        (
            ["train", "{tmp}/records.csv", "--output", "{tmp}/m"],
            "no column 'text', 'label'",
        ),
        (
            ["continue", "{tmp}/none", "x.txt", "--output", "{tmp}/m"],
            "No model directory",
        ),
        (["evaluate", "{tmp}/none.txt"], "No file of records at"),
    ],
)
def test_failed_work_exits_with_1_and_one_message(
    table: Path, tmp_path: Path, arguments: list[str], message: str
) -> None:
    (tmp_path / "binary.csv").write_bytes(b"\xff\x81,\xff\xff\n" * 3)
    done = run(*(a.replace("{tmp}", str(tmp_path)) for a in arguments), code=1)
    assert message in done.stderr
    assert not (tmp_path / "m").exists()
    assert not (tmp_path / "m.training").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["predict"],
        ["predict", "胃癌", "--input", "x.csv"],
        ["predict", "胃癌", "--output", "x.pdf"],
        ["predict", "--no-such-option"],
        ["train", "--output", "m"],
        ["train", "a.txt", "--output", "m", "--val", "b.txt"],
        ["train", "a.txt", "--output", "m", "--set", "epochs"],
        ["train", "a.txt", "--output", "m", "--set", "epoch=1"],
        ["train", "a.txt", "--output", "m", "--set", "epochs=0"],
        ["train", "a.txt", "--output", "m", "--test", "b.txt"],
        ["continue", "m", "a.txt", "--output", "n", "--val", "b.txt"],
        ["pretrain", "a.txt"],
        ["convert", "a.h5", "--output", "m"],
        ["convert", "a.h5", "--to", "pickle", "--output", "m"],
        ["predict", "胃癌", "--label", "3", "--threshold", "0.5"],
        ["predict", "胃癌", "--engine", "gpu"],
        ["evaluate", "a.txt", "--errors", "-1"],
        ["nonsense"],
    ],
)
def test_wrong_use_exits_with_2(arguments: list[str]) -> None:
    run(*arguments, code=2)


@pytest.mark.slow
def test_characters_that_the_terminal_lacks_do_not_stop_the_work(tmp_path: Path) -> None:
    path = tmp_path / "odd.jsonl"
    path.write_text('{"text": "胃窦溃疡😀"}\n', encoding="utf-8")
    for options in ([], ["--json"]):
        done = subprocess.run(
            [*ENTRY, "predict", "--input", str(path), *options],
            capture_output=True,
            env={**os.environ, "PYTHONIOENCODING": "gbk"},
        )
        assert done.returncode == 0, done.stderr.decode("gbk")
        found = done.stdout.decode("gbk")
        if options:
            assert json.loads(found)["records"][0]["text"] == "胃窦溃疡😀"
        else:
            assert "溃疡" in found


def test_version_is_printed() -> None:
    assert run_alone("--version").stdout.strip() == f"gi-classifier {__version__}"


def test_changed_model_directory_is_refused(trained: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(trained, tmp_path / "model")
    (copy / "vocab.txt").write_text("changed", encoding="utf-8")
    message = run("predict", "胃癌", "--model", copy, code=1).stderr
    assert "vocab.txt: changed since it was saved (it has 7 bytes, not" in message


def test_info_says_what_a_model_directory_holds(trained: Path) -> None:
    found = json.loads(run("info", trained, "--json").stdout)
    assert found["settings"]["maxlen"] == 32
    assert found["training"]["epochs"] == 3
    assert "model.onnx" in found["files"]
    assert "maxlen: 32" in run("info", trained).stdout


@pytest.mark.slow
def test_train_continue_and_predict_from_the_shell(
    records_file: Path, base: Path, tmp_path: Path
) -> None:
    options = ["--set", "epochs=1", "--set", "maxlen=32", "--set", "overlap=8"]
    first, second = tmp_path / "first", tmp_path / "second"
    run("train", records_file, "--base", base, "--output", first, *options)
    unlabelled = tmp_path / "notes.txt"
    unlabelled.write_text("胃窦溃疡伴出血一例\n直肠息肉切除术后\n", encoding="utf-8")
    options = [*options[:2], "--unlabelled", unlabelled, "--set", "teacher_confidence=0"]
    run("continue", first, records_file, "--output", second, *options)
    assert load(second).settings.epochs == 1
    assert load(second).metadata["training"]["unlabelled_pieces"] == 2
    assert len(run("predict", "胃癌", "--model", second).stdout.splitlines()) == 2


@pytest.mark.slow
def test_pretrained_encoder_is_a_base_to_train_from(base: Path, tmp_path: Path) -> None:
    corpus = tmp_path / "corpus.txt"
    corpus.write_text("\n".join(text for text, _ in made_up_records(30)), encoding="utf-8")
    output = tmp_path / "encoder"
    vocabulary = base.with_name("vocab.txt")
    options = ["--set", "epochs=1", "--set", "maxlen=16"]
    run("pretrain", corpus, "--output", output, "--vocabulary", vocabulary, *options)
    assert (output / "model.h5").is_file()


@pytest.mark.slow
def test_nothing_is_drawn_in_a_pipe_and_a_bar_on_a_terminal(table: Path) -> None:
    arguments = ["predict", "--input", str(table), "--text-column", "记录"]
    assert "record/s" not in run(*arguments).stderr
    leader, follower = pty.openpty()
    termios.tcsetwinsize(follower, (24, 80))
    subprocess.run([*ENTRY, *arguments], stderr=follower, stdout=subprocess.DEVNULL, check=True)
    os.close(follower)
    shown = b""
    try:
        while block := os.read(leader, 4096):
            shown += block
    except OSError:
        pass
    os.close(leader)
    assert b"/3" in shown


def test_every_command_is_listed() -> None:
    listed = run("--help").stdout
    for command in ("predict", "train", "continue", "evaluate", "info", "convert", "pretrain"):
        assert f" {command} " in listed
    for command in ("explain", "keywords", "rules", "report"):
        assert f" {command} " in listed
    for command in (
        "thresholds",
        "abstain",
        "prior",
        "novelty",
        "head",
        "compare",
        "inspect",
        "screen",
    ):
        assert f" {command} " in listed
