"""What is a file, folder, place or pattern is no text; medical texts like them are."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_line import run

from gi_classifier.cli.path_like import path_like
from gi_classifier.data.readers import read_records
from gi_classifier.errors import RecordsError

NAMES = [
    *("recrods.csv", "C:\\病历\\5月.xlsx", "C:\\病历", "*.csv", "r.csv.gz", "notes.docx"),
    *("*.xls?", "*.xls*", "*.*", "r.{csv,tsv}", "病历.CSV", " r.csv ", "'r.csv'", "r.csv~"),
    *("./x", "..", "~/x", "/data/r", "病历/5月.et", "\\\\srv\\x", "https://x.cn/a", "file:///a/b"),
    *("folder", "folder/", "folder/x", "folder\\x", "folder/*", "kept", "data/", "r．wps"),
]
TEXTS = [
    *("血压120/80mmHg", "Hp(+)/(-)", "3*4cm", "T2N0M0", "CT/MRI", "2.5*3.0cm", "约2.5*3.0*1.2"),
    *("3.0*2.*", "WBC 5.2*10^9/L", "b.i.d.", "A/B", "胃痛?", "体温37.5", "T.Bil 12.3", "/HP 3-5"),
    *("[a]", "阳性[/]", "CA19-9: 37", "既往史：/", "上腹痛\\下腹痛", "2024/05/01", "I:II", "1/2"),
    *("附件见r.csv\n胃痛", "胃" * 300 + ".pdf", "p53(+)/ki67[30%]", "Vit.B12 0.5mg q.8h"),
]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "folder").mkdir()
    (tmp_path / "kept").write_text("x", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", NAMES)
def test_names_and_patterns_of_files_are_wrong_use_with_a_hint(here: Path, name: str) -> None:
    for command in ("predict", "explain"):
        done = run(command, "胃溃疡", name, code=2)
        assert "Give a file with --input FILE" in " ".join(done.stderr.replace("│", " ").split())
        assert done.stdout == ""


@pytest.mark.parametrize("text", TEXTS)
def test_medical_texts_are_texts(here: Path, text: str) -> None:
    assert path_like(text) == ""


def test_a_long_text_that_ends_like_a_file_is_not_repeated(here: Path) -> None:
    said = run("predict", "胃癌", "患者张三上腹痛，" * 9 + "张三，见附件.pdf", code=2).stderr
    assert "Text 2 is the name of a file" in said
    assert "张三" not in said


def test_files_behind_one_input_are_told_to_repeat_it(here: Path) -> None:
    said = run("predict", "--input", "a.xlsx", "b.xlsx", "c.xlsx", code=2).stderr
    said = " ".join(said.replace("│", " ").split())
    assert "--input a.xlsx --input b.xlsx --input c.xlsx" in said


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("folder", "folder: no file of .txt, .tsv, .csv"),
        ("mi.docx", "Save its records as a .txt"),
        ("mi.json", "as .jsonl"),
        ("r.csv.gz", "Unpack it first"),
        ("alt.xls", "Save it as .xlsx"),
        ("kept", "rename it to .txt"),
    ],
)
def test_an_input_that_cannot_be_read_says_what_to_do(here: Path, name: str, advice: str) -> None:
    assert advice in run("predict", "--input", name, code=1).stderr


@pytest.mark.parametrize("arguments", [["-"], ["--input", "-"]])
@pytest.mark.parametrize("encoding", ["utf-8", "gb18030", "utf-16"])
def test_a_dash_reads_standard_input_as_a_txt(
    arguments: list[str], encoding: str, trained: Path
) -> None:
    content = "胃溃疡出血，行胃镜检查\t1\n患者结肠息肉切除术后\t2\n".encode(encoding)
    done = run("predict", *arguments, "--model", trained, stdin=content)
    assert [line.split("\t")[3] for line in done.stdout.splitlines()[:2]] == [
        *("胃溃疡出血，行胃镜检查", "患者结肠息肉切除术后")
    ]
    assert "standard input: 2 records, read as" in done.stderr


def test_a_dash_reads_standard_input_in_other_commands(trained: Path, corpus: Path) -> None:
    content = corpus.read_bytes()
    done = run("explain", "-", "--model", trained, stdin=content.splitlines(keepends=True)[0])
    assert "completeness error" in done.stdout
    done = run("evaluate", "-", "--model", trained, stdin=content)
    assert "standard input: 31 records" in done.stderr


def test_a_dash_stands_alone_and_holds_records() -> None:
    said = run("predict", "-", "胃溃疡", code=2).stderr
    assert "stands alone" in said
    assert "No record in standard input" in run("predict", "-", stdin=b"", code=1).stderr


def test_closed_standard_input_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", None)
    with pytest.raises(RecordsError, match="Standard input is closed"):
        read_records("-", labelled=False)
