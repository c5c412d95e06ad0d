"""Pictures given to predict: rows for pages, reasons for what is none, a run that goes on."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line import run
from made_pictures import file_of, pdf_with_text, printed
from PIL import Image

from gi_classifier.cli import explain_pictures, pictures
from gi_classifier.data.pictures.page import Page, Quality

LOWER = ("电子结肠镜检查报告单", "乙状结肠见一息肉，予切除", "直肠黏膜光滑")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An upper and a lower report, a blank sheet and a file that is no picture."""
    place = tmp_path / "scans"
    place.mkdir()
    (place / "1.png").write_bytes(file_of(printed()))
    (place / "2.jpg").write_bytes(file_of(printed(LOWER), "JPEG"))
    (place / "3.png").write_bytes(file_of(Image.new("L", (300, 200), 255)))
    (place / "4.png").write_bytes("胃窦溃疡".encode() * 9)
    return place


def table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.slow
def test_pages_of_a_folder_get_a_row_each_and_bad_ones_a_reason(
    folder: Path, tmp_path: Path
) -> None:
    output = tmp_path / "answers.csv"
    done = run("predict", "--image", folder, "--output", output, code=1)
    rows = table(output)
    assert [row["label"] for row in rows] == ["1", "2", "", ""]
    assert [Path(row["file"]).name for row in rows] == ["1.png", "2.jpg", "3.png", "4.png"]
    assert "胃窦" in rows[0]["text"]
    assert float(rows[0]["confidence"]) > 0.9
    assert float(rows[0]["coverage"]) > 0.95
    assert [row["error"][:12] for row in rows[:3]] == ["", "", "no text was "]
    assert "no picture that can be read" in rows[3]["error"]
    assert "pages: 4, of files: 4, not read: 2" in done.stderr
    assert "胃" not in done.stderr
    assert not (tmp_path / ".answers.csv.state").exists()


@pytest.mark.slow
def test_a_stopped_run_goes_on_with_the_files_that_were_not_read(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "answers.csv"
    read: list[str] = []
    real = pictures.read_pages

    def stopping(file: Path) -> Iterator[Page]:
        read.append(file.name)
        if len(read) == 3:
            raise KeyboardInterrupt
        return real(file)

    monkeypatch.setattr(pictures, "read_pages", stopping)
    run("predict", "--image", folder, "--output", output, code=130)
    assert (tmp_path / ".answers.csv.state" / "pages.json").is_file()
    other = run("predict", "--image", folder / "1.png", "--output", output, code=1)
    assert "(--restart)" in other.stderr
    done = run("predict", "--image", folder, "--output", output, code=1)
    assert read == ["1.png", "2.jpg", "3.png", "3.png", "4.png"]
    assert "Going on after 2 of 4 files" in done.stderr
    assert [row["label"] for row in table(output)] == ["1", "2", "", ""]


def test_a_page_that_is_read_as_a_dash_is_a_bad_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, quality = tmp_path / "scan.pdf", Quality(0.5, 0.5, 0.9, 0.1)
    file.write_bytes(b"")
    texts = ("胃窦溃疡", "—", "无", "")
    pages = [
        Page(text, (), (), 0, 0.0, quality, True, file.name, number, len(texts), 9, 9)
        for number, text in enumerate(texts, 1)
    ]
    monkeypatch.setattr(pictures, "read_pages", lambda _: pages)
    source, _ = pictures.read_pictures([file], None, restart=False)
    assert source.texts == ["胃窦溃疡"]
    missing = "the text is empty: it says that a value is missing"
    assert source.errors == [None, missing, missing, "no text was found on it"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--image", "FILE", "胃溃疡"], "one of them"),
        (["--image", "FILE", "--input", "a.csv"], "one of them"),
        (["--image", "FILE", "--keep-columns", "--sheet", "1"], "without --keep-columns, --sheet"),
        (["--image", "FILE", "--id-column", "file", "--strict"], "without --id-column, --strict"),
    ],
)
@pytest.mark.parametrize("command", ["predict", "explain"])
def test_options_that_do_not_go_together_are_wrong_use(
    folder: Path, command: str, options: list[str], message: str
) -> None:
    words = [str(folder / "1.png") if word == "FILE" else word for word in options]
    done = run(command, *words, code=2)
    assert message in " ".join(done.stderr.replace("│", " ").split())


def test_a_png_of_several_pages_is_refused_before_any_is_recognised(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(explain_pictures, "read_picture", None)
    pages = folder / "5.pdf"
    pages.write_bytes(pdf_with_text("胃溃疡", "肠息肉"))
    for given in (folder, pages):
        done = run("explain", "--image", given, "--output", folder / "a.png", code=2)
        assert "A .png shows one page" in done.stderr


@pytest.mark.parametrize("below", ["a", "a" * 120])
def test_a_picture_given_as_a_text_is_pointed_at_its_option(folder: Path, below: str) -> None:
    picture = (folder / below).with_suffix(".png")
    (folder / "1.png").rename(picture)
    done = run("predict", picture, code=2)
    # A line may end anywhere, at a hyphen too.
    assert "--imageFILE" in "".join(done.stderr.replace("│", " ").split())
    assert "read with --image" in run("predict", "--input", picture, code=1).stderr


def test_a_plot_is_not_left_out_in_silence_where_pages_are_explained(folder: Path) -> None:
    done = run("explain", "--image", folder / "1.png", "--plot", folder / "a.png", code=2)
    assert "without --plot" in " ".join(done.stderr.replace("│", " ").split())


def test_pages_are_answered_in_bulk_where_it_is_asked_for(folder: Path) -> None:
    done = run("predict", "--image", folder / "1.png", "--bulk", "--json", code=0)
    (page,) = json.loads(done.stdout)["records"]
    assert (page["label"], page["member"]) == (1, "linear")


def test_a_missing_file_and_an_empty_folder_are_said(tmp_path: Path) -> None:
    assert "There is no" in run("predict", "--image", tmp_path / "none.png", code=1).stderr
    assert "holds no picture" in run("predict", "--image", tmp_path, code=1).stderr


def test_an_output_that_is_one_of_the_pictures_is_not_replaced(folder: Path) -> None:
    name = folder / "1.png"
    run("predict", "--image", name, "--output", name, "--force", code=2)
    assert name.read_bytes() == file_of(printed())
