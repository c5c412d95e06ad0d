"""The command screen run: a row for each page, and reasons for what is none."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_line import run
from made_pictures import file_of, printed
from PIL import Image

from gi_classifier.cli import screen_run
from gi_classifier.data.pictures.page import Picture
from gi_classifier.heads.page_gate import GateAnswer, PageGate

LOWER = ("电子结肠镜检查报告单", "乙状结肠见一息肉予切除", "直肠黏膜光滑")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An upper and a lower report, a view without print, and a file that is no picture."""
    place = tmp_path / "scans"
    place.mkdir()
    (place / "=1.png").write_bytes(file_of(printed()))
    (place / "2.jpg").write_bytes(file_of(printed(LOWER), "JPEG"))
    (place / "3.png").write_bytes(file_of(Image.new("RGB", (300, 400), (120, 60, 40))))
    (place / "4.png").write_bytes("胃窦溃疡".encode() * 9)
    return place


@pytest.mark.slow
def test_each_page_has_its_kind_and_whether_it_is_wanted(folder: Path, tmp_path: Path) -> None:
    output = tmp_path / "pages.csv"
    done = run("screen", "run", folder, "--wanted", "gastroscopy", "--output", output, code=1)
    with output.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [Path(row["file"]).name for row in rows] == ["2.jpg", "3.png", "4.png", "=1.png"]
    assert [row["kind"] for row in rows] == ["colonoscopy", "none", "", "gastroscopy"]
    assert [row["wanted"] for row in rows] == ["False", "False", "", "True"]
    assert rows[3]["name"] == "胃镜报告"
    assert rows[3]["evidence"] == "title"
    assert "no picture that can be read" in rows[2]["error"]
    assert "wanted: 1, passed over: 2" in done.stdout
    assert "胃" not in done.stderr
    assert json.loads((tmp_path / "pages.csv.origin.json").read_text("utf-8"))["settings"][
        "gate_sha256"
    ]
    assert not (tmp_path / ".pages.csv.state").exists()


def test_a_stopped_run_goes_on_with_the_files_that_were_not_seen(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    real = screen_run.pictures_of

    def stopping(file: Path) -> Iterator[Picture]:
        seen.append(file.name)
        if len(seen) == 3:
            raise KeyboardInterrupt
        return real(file)

    monkeypatch.setattr(screen_run, "pictures_of", stopping)
    options = ("screen", "run", folder, "--output", tmp_path / "pages.jsonl")
    run(*options, code=130)
    done = run(*options, code=1)
    assert seen == ["2.jpg", "3.png", "4.png", "4.png", "=1.png"]
    assert "Going on after 2 of 4 files" in done.stderr
    lines = (tmp_path / "pages.jsonl").read_text("utf-8").splitlines()
    assert [json.loads(line)["wanted"] for line in lines] == [None] * 4


def test_a_page_is_wanted_from_the_threshold_on_and_never_where_nothing_is(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Of colonoscopy and gastroscopy 0.8, which as a sum is a little less.
    answer = GateAnswer("gastroscopy", np.array([0.1, 0.7, 0.0, 0.2, 0.0]), "picture", 0.0)
    monkeypatch.setattr(PageGate, "answer", lambda gate, page: answer)
    command = ("screen", "run", folder / "3.png", "--json")
    both = ("--wanted", "gastroscopy", "--wanted", "colonoscopy", "--threshold", "0.8")
    assert json.loads(run(*command, *both).stdout)["summary"]["wanted"] == 1
    assert json.loads(run(*command).stdout)["summary"]["wanted"] is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--wanted", "stomach"], "--wanted is one of colonoscopy, gastroscopy, none, other"),
        (["--output", "pages.png"], "--output ends in one of"),
        (["--wanted", "other", "--threshold", "2"], "--threshold"),
        (["--threshold", "0.3"], "add --wanted KIND"),
    ],
)
def test_wrong_use_is_said(folder: Path, options: list[str], message: str) -> None:
    done: Any = run("screen", "run", folder, *options, code=2)
    assert message in " ".join(done.stderr.replace("│", " ").split())


def test_a_gate_that_is_none_is_said(folder: Path) -> None:
    done = run("screen", "run", folder, "--gate", folder / "2.jpg", code=1)
    assert "is no gate that was saved here" in done.stderr
