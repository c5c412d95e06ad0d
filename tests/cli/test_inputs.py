"""Rows that cannot be read stay in their places, in all that predict writes and prints."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import openpyxl
import pytest
from command_line import run

from gi_classifier.cli.inputs import apart
from gi_classifier.data.records import Records

CONTENT = 'id,text,label\n0001,胃溃疡,a\n0002,nan,b\n,,\n0003,"肠\n息肉",c\n0004,\udce7胃,d\n'


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "r.csv"
    path.write_bytes(CONTENT.encode("utf-8", "surrogateescape"))
    return path


def answers(path: Path) -> list[dict[str, str]]:
    """Rows of a written file, all values as text."""
    if path.suffix == ".csv":
        with path.open(encoding="utf-8-sig", newline="") as file:
            return list(csv.DictReader(file))
    if path.suffix == ".jsonl":
        rows = map(json.loads, path.read_text(encoding="utf-8").splitlines())
        return [{k: "" if v is None else str(v) for k, v in row.items()} for row in rows]
    head, *body = openpyxl.load_workbook(path).active.iter_rows(values_only=True)
    return [
        dict(zip(head, ("" if v is None else str(v) for v in row), strict=True)) for row in body
    ]


def test_kept_columns_of_earlier_answers_keep_names_of_their_own(
    trained: Path, tmp_path: Path
) -> None:
    earlier = tmp_path / "earlier.csv"
    earlier.write_text("text,label,label (input)\n胃溃疡,now,then\n", encoding="utf-8")
    output = tmp_path / "out.csv"
    run("predict", "--input", earlier, "--model", trained, "--output", output, "--keep-columns")
    (row,) = answers(output)
    assert (row["label (input)"], row["label (input) (input)"]) == ("then", "now")
    options = ("--model", trained, "--output", output, "--keep-columns", "--force")
    run("predict", "--input", earlier, *options, "--id-column", "label (input)")
    (row,) = answers(output)
    assert (row["label (input)"], row["label (input) (input)"]) == ("then", "now")


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".xlsx"])
def test_a_bad_row_keeps_its_place_with_its_reason(
    table: Path, trained: Path, tmp_path: Path, suffix: str
) -> None:
    output = tmp_path / f"out{suffix}"
    options = ("--model", trained, "--output", output, "--keep-columns", "--id-column", "id")
    done = run("predict", "--input", table, *options, code=1)
    rows = answers(output)
    assert [row["id"] for row in rows] == ["0001", "0002", "0003", "0004"]
    assert [(row["line"], row["row"]) for row in rows] == [
        *(("2", "2"), ("3", "3"), ("5", "5"), ("7", "6"))
    ]
    assert [bool(row["label"]) for row in rows] == [True, False, True, False]
    assert [row["label (input)"] for row in rows] == ["a", "b", "c", "d"]
    assert rows[2]["text"] == "肠\n息肉"
    assert [row["error"] for row in rows] == [
        "",
        "the text is empty: it says that a value is missing",
        "",
        "not utf-8 text (byte 0xE7 behind 0 characters)",
    ]
    assert "4 records: " in done.stdout
    assert "2 bad rows without an answer" in done.stdout
    assert "1 empty rows passed over" in done.stderr
    assert "line 7: not utf-8 text" in done.stderr


def test_strict_does_nothing_where_a_row_is_bad(table: Path, trained: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.csv"
    options = ("--model", trained, "--output", output, "--strict")
    done = run("predict", "--input", table, *options, code=1)
    assert "2 bad rows. Mend or drop" in done.stderr
    assert not output.exists()
    assert done.stdout == ""


def test_a_file_of_bad_rows_alone_has_no_answer(trained: Path, tmp_path: Path) -> None:
    path = tmp_path / "r.txt"
    path.write_text("nan\n无\n", encoding="utf-8")
    for options in ((), ("--min-confidence", "0.9")):
        done = run("predict", "--input", path, "--model", trained, "--json", *options, code=1)
        found = json.loads(done.stdout)
        assert (found["errors"], set(found["summary"].values())) == (2, {0})
        assert [row["label"] for row in found["records"]] == [None, None]


def test_a_worksheet_and_the_row_of_names_may_be_said(trained: Path, tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.append(["text"])
    book.active.append(["胃溃疡"])
    other = book.create_sheet("病例")
    for cells in (["题", ""], ["text", "id"], ["肠息肉", 7]):
        other.append(cells)
    book.save(tmp_path / "r.xlsx")
    command = ("predict", "--input", tmp_path / "r.xlsx", "--model", trained)
    done = run(*command)
    assert "worksheet 'Sheet'; 1 more is not read (--sheet NAME)" in done.stderr
    done = run(*command, "--sheet", "病例", "--header-row", 2, "--id-column", "id", "--json")
    (row,) = json.loads(done.stdout)["records"]
    assert (row["text"], row["id"], row["line"]) == ("肠息肉", "7", 3)
    assert "No such option" not in run(*command, "--sheet", "x", code=2).stderr
    for option in (("--sheet", "x"), ("--header-row", 1), ("--keep-columns",)):
        done = run("predict", "胃癌", "--model", trained, *option, code=2)
        assert "--keep-columns, --sheet and --header-row are for" in done.stderr


def test_a_column_that_a_file_of_lines_cannot_have_is_wrong_use(
    trained: Path, tmp_path: Path
) -> None:
    path = tmp_path / "r.txt"
    path.write_text("胃溃疡\n", encoding="utf-8")
    done = run("predict", "--input", path, "--model", trained, "--text-column", "报告", code=2)
    assert "has no column '报告'" in done.stderr


def test_names_of_labels_behind_the_last_tab_are_no_text(trained: Path, tmp_path: Path) -> None:
    path = tmp_path / "r.tsv"
    path.write_text("胃痛\tupper\n腹泻\t下消化道\n", "utf-8")
    result = run("predict", "--input", path, "--model", trained, "--json")
    assert [row["text"] for row in json.loads(result.stdout)["records"]] == ["胃痛", "腹泻"]


def test_records_of_another_file_are_left_out_with_a_note(
    capsys: pytest.CaptureFixture[str],
) -> None:
    records = Records(("胃溃疡", "结肠息肉", "肺炎"), (1, 2, 0), (1, 2, 3), source="test.csv")
    others = Records(("结肠息肉", "痔疮"), (2, 2), (1, 2), source="val.csv")
    assert apart(records, others).texts == ("胃溃疡", "肺炎")
    assert capsys.readouterr().err == "1 records of test.csv are in val.csv: left out.\n"
    assert apart(others, records.take([0, 2])) == others
    assert capsys.readouterr().err == ""
