from __future__ import annotations

import csv
import io
import json
import re
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from command_line import call_command

from gi_classifier.cli.novelty import novelty
from gi_classifier.decisions.novelty import NoveltyScorer
from gi_classifier.errors import ModelError, OutputExistsError, RecordsError
from gi_classifier.model.directory import NOVELTY, load

call = partial(call_command, novelty)


@pytest.fixture
def mixed(tmp_path: Path, records_file: Path) -> Path:
    lines = records_file.read_text(encoding="utf-8").splitlines()
    path = tmp_path / "mixed.txt"
    path.write_text("\n".join([*lines[:5], "hello world, how are you?"]), encoding="utf-8")
    return path


def test_the_most_novel_record_comes_first(fitted: Path, mixed: Path) -> None:
    out, _ = call(mixed, "--model", fitted, "--top", 2)
    lines = out.splitlines()
    assert re.match(r"6 records: \d \(\d+\.\d%\) are novel, their score above 0\.98\.", lines[0])
    assert len(lines) == 3
    assert lines[1].startswith("6\t")
    assert lines[1].endswith("\tnovel\thello world, how are you?")


def test_json_holds_every_score_in_order(fitted: Path, mixed: Path) -> None:
    found = json.loads(call(mixed, "--model", fitted, "--json", "--top", 1)[0])
    assert found["records"] == len(found["scores"]) == 6
    assert found["rejected"] == sum(score > found["threshold"] for score in found["scores"])
    assert [row["line"] for row in found["most_novel"]] == [6]


def test_output_is_a_table_of_all_records(fitted: Path, mixed: Path, tmp_path: Path) -> None:
    output = tmp_path / "scores.csv"
    _, err = call(mixed, "--model", fitted, "--output", output)
    rows = list(csv.DictReader(io.StringIO(output.read_text(encoding="utf-8-sig"))))
    assert [row["line"] for row in rows] == list("123456")
    assert rows[5]["rejected"] == "True"
    assert "Written to" in err
    with pytest.raises(OutputExistsError, match="exists"):
        call(mixed, "--model", fitted, "--output", output)
    origin = json.loads((tmp_path / "scores.csv.origin.json").read_text(encoding="utf-8"))
    assert origin["model"] == load(fitted).digest
    assert origin["settings"]["file"] == str(mixed)


def test_what_the_file_calls_its_records_stands_beside_the_scores(
    fitted: Path, tmp_path: Path
) -> None:
    file, output = tmp_path / "notes.csv", tmp_path / "scores.csv"
    file.write_text("no,text\n007,胃窦黏膜充血\n008,hello \x1b[2J world\n", encoding="utf-8")
    command = [file, "--model", fitted, "--id-column", "no"]
    out, _ = call(*command, "--output", output)
    assert [line.split("\t")[:2] for line in out.splitlines()[1:]] == [["3", "008"], ["2", "007"]]
    assert "\x1b" not in out
    rows = list(csv.DictReader(io.StringIO(output.read_text(encoding="utf-8-sig"))))
    assert [(row["line"], row["no"]) for row in rows] == [("2", "007"), ("3", "008")]
    assert list(rows[0]) == ["line", "no", "novelty", "rejected", "text"]
    found = json.loads(call(*command, "--json", "--top", 1)[0])
    assert found["most_novel"][0]["no"] == "008"


def test_names_of_the_file_s_columns_are_neither_ours_nor_formulas(
    fitted: Path, tmp_path: Path
) -> None:
    file, output = tmp_path / "notes.csv", tmp_path / "scores.csv"
    file.write_text('file,=1+1,text\na,b,"胃窦\n黏膜"\nc,d,肠息肉\n', encoding="utf-8")
    call(file, "--model", fitted, "--id-column", "file", "--keep-columns", "--output", output)
    rows = list(csv.DictReader(io.StringIO(output.read_text(encoding="utf-8-sig"), newline="")))
    assert [(row["file"], row["row"], row["'=1+1"]) for row in rows] == [
        ("a", "2", "b"),
        ("c", "3", "d"),
    ]


def test_chunks_change_no_score_and_a_stopped_command_goes_on(
    fitted: Path, mixed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = tmp_path / "a.csv", tmp_path / "b.csv"
    command = (mixed, "--model", fitted, "--json", "--top", 3)
    at_once = json.loads(call(*command)[0])
    monkeypatch.setattr("gi_classifier.data.chunks.CHUNK_ROWS", 2)
    whole, _ = call(*command, "--output", first)
    assert json.loads(whole)["scores"] == pytest.approx(at_once["scores"], abs=1e-6)
    assert call(*command)[0] == whole
    scores = NoveltyScorer.scores
    left = iter(range(2))

    def stopped(self: NoveltyScorer, texts: list[str]) -> np.ndarray:
        if next(left, None) is None:
            raise KeyboardInterrupt
        return scores(self, texts)

    with monkeypatch.context() as patch:
        patch.setattr(NoveltyScorer, "scores", stopped)
        _, said = call(*command, "--output", second, code=130)
    assert "The same command goes on" in said
    assert not second.exists()
    found, said = call(*command, "--output", second)
    assert "Going on after 4 records." in said
    assert json.loads(found) == json.loads(whole)
    assert second.read_bytes() == first.read_bytes()


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
    with pytest.raises(ModelError, match="gi-classifier fit-novelty TRAIN --val VAL"):
        call(mixed, "--model", place)


def test_wrong_use_is_told(mixed: Path, tmp_path: Path) -> None:
    for arguments, message in (
        ([], "Missing argument"),
        ([mixed, "--output", tmp_path / "a.txt"], "--output ends in .csv"),
        ([mixed, "--plot", tmp_path / "a.jpg"], "--plot ends in .png"),
        ([mixed, "--id-column", "novelty"], "a column of the output has this name"),
    ):
        assert message in call(*arguments, code=2)[1]


def test_a_file_without_a_record_is_an_error(fitted: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty.txt"
    empty.write_text("", encoding="utf-8")
    with pytest.raises(RecordsError, match="No record in"):
        call(empty, "--model", fitted)
