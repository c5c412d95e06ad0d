"""Files of any length are answered into a file, whatever stops the work."""

from __future__ import annotations

import csv
import json
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from command_line import run
from samples import made_up_records

from gi_classifier import predict_file
from gi_classifier.data import chunks
from gi_classifier.errors import (
    MissingExtraError,
    MissingPathError,
    OutputExistsError,
    RecordsError,
    SettingsError,
)
from gi_classifier.pipelines import file_answers
from gi_classifier.pipelines.answering import Answering
from gi_classifier.pipelines.journal import journal_of

# A command whose chunks are short, so that it can be killed between many.
KILLED = (
    "import gi_classifier.data.chunks as c; c.CHUNK_ROWS = 20\n"
    "from gi_classifier.cli.app import main; main()"
)


class Stopped(BaseException):
    """In place of a signal."""


def write(path: Path, count: int = 100) -> Path:
    lines = [f"{i},{text}" for i, (text, _) in enumerate(made_up_records(count))]
    lines[7:7] = ["7,nan", ",", '8,"胃\n肠"']
    path.write_text("\n".join(["id,text", *lines]) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(chunks, "CHUNK_ROWS", 20)
    return write(tmp_path / "r.csv")


def stop_after(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    """Let as many chunks be answered, and no more."""
    left = iter(range(count))
    before = Answering.__call__

    def call(self: Answering, texts: Any) -> Any:
        if texts and next(left, None) is None:
            raise Stopped
        return before(self, texts)

    monkeypatch.setattr(Answering, "__call__", call)


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_a_stopped_call_goes_on_to_the_same_bytes(
    table: Path, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options: dict[str, Any] = {"model": trained, "keep_columns": True}
    whole = predict_file(table, tmp_path / "whole.csv", **options)
    assert (whole.records, whole.bad, sum(whole.names.values())) == (102, 1, 101)
    output = tmp_path / "out.csv"
    for count in (0, 1, 2):
        with monkeypatch.context() as patch:
            stop_after(patch, count)
            with pytest.raises(Stopped):
                predict_file(table, output, **options)
        assert not output.exists()
        assert journal_of(output).exists() == (count > 0)
    assert predict_file(table, output, **options).names == whole.names
    assert output.read_bytes() == (tmp_path / "whole.csv").read_bytes()
    assert not journal_of(output).exists()
    found = rows(output)
    assert [row["id"] for row in found[6:10]] == ["6", "7", "8", "7"]
    assert [row["line"] for row in found[6:10]] == ["8", "9", "11", "13"]
    assert [row["row"] for row in found[6:10]] == ["8", "9", "11", "12"]


def test_what_changed_since_is_named_and_restart_begins_anew(
    table: Path, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "out.csv"
    with monkeypatch.context() as patch:
        stop_after(patch, 1)
        with pytest.raises(Stopped):
            predict_file(table, output, model=trained)
    with pytest.raises(OutputExistsError) as error:
        predict_file(table, output, model=trained, min_confidence=0.5)
    assert error.value.problems == ["option: min_confidence: null then, 0.5 now"]
    with pytest.raises(OutputExistsError) as error:
        predict_file(table, output)
    assert [problem.split(":")[0] for problem in error.value.problems] == ["model"]
    table.write_text(table.read_text("utf-8") + "9,痔疮\n", encoding="utf-8")
    with pytest.raises(OutputExistsError) as error:
        predict_file(table, output, model=trained)
    assert [problem.split(":")[0] for problem in error.value.problems] == ["input"] * 2
    assert predict_file(table, output, model=trained, restart=True).records == 103
    with pytest.raises(OutputExistsError, match="--force"):
        predict_file(table, output, model=trained)
    assert predict_file(table, output, model=trained, force=True).records == 103


def test_an_input_that_changes_while_it_is_read_is_an_error(
    table: Path, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stamps = iter([(1, 1), (2, 2)])
    monkeypatch.setattr(file_answers, "stamp_of", lambda path: next(stamps))
    with pytest.raises(RecordsError, match="was changed while it was read"):
        predict_file(table, tmp_path / "out.csv", model=trained)


def test_rows_of_a_folder_name_their_files(table: Path, trained: Path, tmp_path: Path) -> None:
    other = tmp_path / "s.jsonl"
    other.write_text('{"text": "胃溃疡", "科": "内"}\n{"text": "肠", "n": 2}\n', encoding="utf-8")
    (tmp_path / "t.txt").write_text("", encoding="utf-8")
    output = tmp_path / "out.csv"
    done = predict_file(tmp_path, output, model=trained, keep_columns=True)
    found = rows(output)
    assert len(found) == done.records == 104
    assert {row["file"] for row in found} == {str(table), str(other)}
    assert [(row["科"], row["n"], row["row"]) for row in found[-2:]] == [
        ("内", "", ""),
        ("", "2", ""),
    ]
    assert found[0]["row"] == "2"


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".xlsx", ".parquet", ".txt"])
def test_an_empty_file_is_no_file_of_answers(tmp_path: Path, trained: Path, suffix: str) -> None:
    table = tmp_path / "r.csv"
    table.write_text("text\n", encoding="utf-8")
    with pytest.raises(RecordsError, match="No record in"):
        predict_file(table, tmp_path / f"out{suffix}", model=trained)
    assert [path.name for path in tmp_path.iterdir()] == ["r.csv"]


def test_wrong_use_is_told_before_the_work(
    table: Path, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SettingsError, match="ends in one of"):
        predict_file(table, tmp_path / "out.pdf")
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "pyarrow", None)
        with pytest.raises(MissingExtraError, match="parquet"):
            predict_file(table, tmp_path / "out.parquet")
    with pytest.raises(SettingsError, match="called 'label' itself"):
        predict_file(table, tmp_path / "out.csv", id_column="label")
    with pytest.raises(SettingsError, match="one of the files to be read"):
        predict_file(table, table, force=True)
    with pytest.raises(MissingPathError):
        predict_file([table, tmp_path / "none.csv"], tmp_path / "out.csv")
    with pytest.raises(RecordsError, match="1 bad rows"):
        predict_file(table, tmp_path / "out.csv", strict=True)
    table.write_text(f"text\n{'胃' * 40_000}\n", encoding="utf-8")
    with pytest.raises(RecordsError, match="a cell of an .xlsx holds"):
        predict_file(table, tmp_path / "out.xlsx", model=trained)


def test_lines_of_json_are_printed_as_they_come(table: Path, trained: Path, tmp_path: Path) -> None:
    options = ("--model", trained, "--use", "linear", "--id-column", "id")
    done = run("predict", "--input", table, *options, "--output", "-", code=1)
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["line"] for row in found[6:10]] == [8, 9, 11, 13]
    assert [row.get("row") for row in found[6:10]] == [None, None, None, 12]
    assert [row["id"] for row in found if "error" in row] == ["7"]
    assert "102 records: " in done.stderr
    run("predict", "--input", table, "--output", "-", "--json", code=2)


def test_a_column_called_member_is_the_file_s_own(trained: Path, tmp_path: Path) -> None:
    path = tmp_path / "r.csv"
    path.write_text("text,member\n胃溃疡,linear\n", encoding="utf-8")
    options = ("--input", path, "--model", trained, "--keep-columns")
    done = run("predict", *options, "--output", tmp_path / "out.csv")
    assert "linear member" not in done.stdout
    assert rows(tmp_path / "out.csv")[0]["member"] == "linear"


def test_a_command_that_was_stopped_goes_on(
    table: Path, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = ("predict", "--input", table, "--model", trained, "--output", tmp_path / "o.jsonl")
    with monkeypatch.context() as patch:
        stop_after(patch, 2)
        with pytest.raises(Stopped):
            run(*command)
    done = run(*command, code=1)
    assert "Going on after 40 records." in done.stderr
    assert "102 records: " in done.stdout
    assert len((tmp_path / "o.jsonl").read_text("utf-8").splitlines()) == 102
    assert "exists" in run(*command, code=1).stderr


def kill_again_and_again(trained: Path, folder: Path, kills: int, records: int) -> int:
    """Kill a command at random moments until it ends by itself; return how often it was killed.

    Moments are counted by the bytes of the journal, so that a slow machine is killed as often.
    """
    table = write(folder / "r.csv", records)
    command = ["predict", "--use", "linear", "--model", str(trained), "--input", str(table)]
    output, whole = folder / "out.csv", folder / "whole.csv"
    start = [sys.executable, "-c", KILLED, *command, "--output"]
    assert subprocess.run([*start, str(whole)], capture_output=True).returncode == 1
    source = random.Random(kills)
    journal, killed = journal_of(output), 0
    step = 2 * whole.stat().st_size // kills
    while killed < kills:
        before = journal.stat().st_size if journal.exists() else 0
        moment = before + source.randrange(step)
        child = subprocess.Popen(
            [*start, str(output)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        while child.poll() is None and not (journal.exists() and journal.stat().st_size >= moment):
            time.sleep(0.001)
        time.sleep(source.random() * 0.02)
        child.kill()
        child.wait()
        if output.exists():
            # Killed after its end, or between the file and the end of the journal.
            break
        killed += 1
    options = ["--force"] if output.exists() else []
    assert subprocess.run([*start, str(output), *options], capture_output=True).returncode == 1
    assert output.read_bytes() == whole.read_bytes()
    assert not journal.exists()
    return killed


@pytest.mark.slow
def test_no_row_is_lost_or_doubled_by_five_kills(trained: Path, tmp_path: Path) -> None:
    assert kill_again_and_again(trained, tmp_path, 5, 3000) >= 3


@pytest.mark.long
def test_no_row_is_lost_or_doubled_by_fifty_kills(trained: Path, tmp_path: Path) -> None:
    assert kill_again_and_again(trained, tmp_path, 50, 30_000) >= 40
