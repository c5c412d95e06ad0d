"""Files, folders and patterns that a user names become a list of files."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from gi_classifier.errors import MissingPathError
from gi_classifier.pipelines.sources import contents_of, files_of


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("b.csv", "a.jsonl", "c.pdf", ".d.csv", "in/e.txt", "out.csv"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("胃", encoding="utf-8")
    return tmp_path


def test_a_folder_stands_for_its_files_of_records_but_the_output(folder: Path) -> None:
    found = files_of([folder], but=[folder / "out.csv"])
    assert found == ([folder / "a.jsonl", folder / "b.csv"], True)


def test_a_pattern_stands_for_what_fits_it(folder: Path) -> None:
    assert files_of([folder / "[ab].*"]) == ([folder / "a.jsonl", folder / "b.csv"], True)
    assert files_of([folder / "**" / "*.txt"]) == ([folder / "in" / "e.txt"], True)


def test_a_file_is_itself_and_each_is_read_once(folder: Path) -> None:
    path = folder / "b.csv"
    assert files_of([path]) == ([path], False)
    assert files_of([path, folder / "in" / "e.txt", folder]) == (
        [path, folder / "in" / "e.txt", folder / "a.jsonl", folder / "out.csv"],
        True,
    )
    assert files_of(["none.csv"]) == ([Path("none.csv")], False)


def test_a_name_with_brackets_is_a_file_where_it_is_one(tmp_path: Path) -> None:
    path = tmp_path / "r[1].csv"
    path.write_text("text\n", encoding="utf-8")
    assert files_of([path]) == ([path], False)


def test_folders_and_patterns_without_files_are_named(folder: Path) -> None:
    (folder / "none").mkdir()
    with pytest.raises(MissingPathError) as error:
        files_of([folder / "none", folder / "*.tsv", folder])
    assert [problem.split(":")[0] for problem in error.value.problems] == [
        str(folder / "none"),
        str(folder / "*.tsv"),
    ]


def test_contents_are_sizes_and_digests(folder: Path) -> None:
    path = folder / "b.csv"
    digest = hashlib.sha256("胃".encode()).hexdigest()
    assert contents_of([path]) == {str(path): {"bytes": 3, "sha256": digest}}
