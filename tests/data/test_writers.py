from __future__ import annotations

import csv
import io
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pyarrow.parquet as pq
import pytest

from gi_classifier.data.readers import read_records
from gi_classifier.data.writers import OUTPUT_FORMATS, check_holds, csv_for_excel, write_results
from gi_classifier.decisions.decision import NOVEL, UNDECIDED
from gi_classifier.decisions.rows import results
from gi_classifier.errors import RecordsError
from gi_classifier.settings import Settings

TEXTS = [
    "胃窦充血，见“糜烂”",
    '=HYPERLINK("http://x","肠")',
    "+1-2@a, b",
    "0012",
    "两行\n👩\u200d⚕️ \ue123",
    "nan值",
]
NAMES = ("=1+1", "胃")
SETTINGS = Settings(num_classes=2, label_names=NAMES)


def rows(texts: list[str]) -> list[dict[str, Any]]:
    share = np.linspace(0.1, 0.9, len(texts))
    return results(texts, np.stack([share, 1 - share], axis=1), SETTINGS)


def read_back(path: Path) -> list[dict[str, Any]]:
    if path.suffix == ".jsonl":
        return [json.loads(row) for row in path.read_text(encoding="utf-8").split("\n") if row]
    if path.suffix == ".csv":
        with path.open(encoding="utf-8-sig", newline="") as file:
            return list(csv.DictReader(file))
    if path.suffix == ".parquet":
        return list(pq.read_table(path).to_pylist())
    head, *body = openpyxl.load_workbook(path).active.iter_rows(values_only=True)
    return [dict(zip(head, row, strict=True)) for row in body]


def test_results_are_one_row_a_record_in_order() -> None:
    found = results(["胃", "肠"], np.array([[0.1, 0.7, 0.2], [0.25, 0.25, 0.5]]), Settings())
    assert found == [
        {
            "text": "胃",
            "label": 1,
            "name": "upper 上消化道",
            "probability": 0.7,
            "probability_0": 0.1,
            "probability_1": 0.7,
            "probability_2": 0.2,
        },
        {
            "text": "肠",
            "label": 2,
            "name": "lower 下消化道",
            "probability": 0.5,
            "probability_0": 0.25,
            "probability_1": 0.25,
            "probability_2": 0.5,
        },
    ]
    assert json.loads(json.dumps(found)) == found


def test_a_row_without_an_answer_says_why() -> None:
    shares = np.array([[0.1, 0.7, 0.2], [0.2, 0.5, 0.3], [0.6, 0.3, 0.1]])
    found = results(["胃", "肠", "猫"], shares, Settings(), [1, UNDECIDED, NOVEL])
    assert [row["label"] for row in found] == [1, None, None]
    assert [row["name"] for row in found] == ["upper 上消化道", "undecided 未定", "novel 陌生"]
    assert [row["probability"] for row in found] == [0.7, 0.5, 0.6]


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".xlsx", ".parquet"])
def test_tables_hold_every_field_and_the_text_as_it_was(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"out{suffix}"
    wanted = rows(TEXTS)
    write_results(wanted, path)
    found = read_back(path)
    assert [list(row) for row in found] == [list(row) for row in wanted]
    assert [{k: str(v) for k, v in row.items()} for row in found] == [
        {k: str(v) for k, v in row.items()} for row in wanted
    ]
    records = read_records(path)
    assert (list(records.texts), list(records.labels or ())) == (
        TEXTS,
        [r["label"] for r in wanted],
    )


@pytest.mark.parametrize("suffix", [".txt", ".tsv"])
def test_plain_files_hold_text_and_label_on_one_line(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"out{suffix}"
    write_results(rows(["胃\t窦\n充血", "肠"]), path)
    assert path.read_text(encoding="utf-8") == "胃 窦 充血\t1\n肠\t0\n"


def test_what_looks_like_a_formula_is_text_in_a_workbook(tmp_path: Path) -> None:
    write_results(rows(TEXTS), tmp_path / "out.xlsx")
    cells = [*openpyxl.load_workbook(tmp_path / "out.xlsx").active.iter_rows(min_row=2)]
    assert {cell.data_type for row in cells for cell in row} == {"s", "n"}
    assert {type(row[1].value) for row in cells} == {int}


def test_a_csv_starts_with_a_bom(tmp_path: Path) -> None:
    write_results(rows(TEXTS), tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_bytes().startswith(b"\xef\xbb\xbftext,label,")


@pytest.mark.parametrize("suffix", OUTPUT_FORMATS)
def test_lone_surrogates_and_control_characters_are_written(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"out{suffix}"
    write_results(rows(["胃\ud800窦\ufffe", "a\x1b[2J\x01\x0bb\x7f"]), path)
    found = (
        [line.split("\t")[0] for line in path.read_text(encoding="utf-8").split("\n")]
        if suffix in (".txt", ".tsv")
        else read_records(path).texts
    )
    between = " " if suffix in (".txt", ".tsv") else "\x0b"
    assert [*found][:2] == ["胃\ufffd窦\ufffe", f"a\x1b[2J\x01{between}b\x7f"]


@pytest.mark.parametrize("suffix", OUTPUT_FORMATS)
def test_no_results_are_a_file_without_records(tmp_path: Path, suffix: str) -> None:
    write_results([], tmp_path / f"out{suffix}")
    assert len(read_records(tmp_path / f"out{suffix}")) == 0


def test_line_ends_and_codes_of_characters_are_written_to_a_workbook_as_text(
    tmp_path: Path,
) -> None:
    texts = ["a\r\nb\rc", "_x000D_ 胃", "_x005F_x0041_", "胃_x", "_x0041_x0042_"]
    write_results(rows(texts), tmp_path / "out.xlsx")
    assert list(read_records(tmp_path / "out.xlsx").texts) == texts


@pytest.mark.slow
def test_more_rows_than_a_workbook_holds_are_refused_before_the_work(tmp_path: Path) -> None:
    many = [{"text": "胃"}] * 1_048_576
    with pytest.raises(RecordsError, match=r"holds 1,048,575 rows .*Received: 1,048,576"):
        check_holds(tmp_path / "out.xlsx", many)
    check_holds(tmp_path / "out.csv", many)
    check_holds(tmp_path / "out.xlsx", many[:-1])
    with pytest.raises(RecordsError, match="holds 32,767 characters"):
        check_holds(tmp_path / "out.xlsx", [{"text": "胃" * 32_768}])


def test_a_text_too_long_for_a_workbook_is_refused_not_cut(tmp_path: Path) -> None:
    long = rows(["胃", "胃" * 32_767, "肠" * 32_768])
    with pytest.raises(RecordsError, match="holds 32,767 characters") as caught:
        write_results(long, tmp_path / "out.xlsx")
    assert caught.value.problems == ["record 3"]
    assert [*tmp_path.iterdir()] == []
    with pytest.raises(RecordsError, match="holds 32,767 characters"):
        check_holds(tmp_path / "out.xlsx", [{"text": "\r" + "胃" * 32_766}])
    write_results(long[:2], tmp_path / "out.xlsx")
    assert read_back(tmp_path / "out.xlsx")[1]["text"] == long[1]["text"]


@pytest.mark.parametrize("suffix", OUTPUT_FORMATS)
def test_a_disk_that_fills_leaves_the_file_as_it_was(
    tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / f"out{suffix}"
    path.write_bytes(b"before")

    def full(number: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space left"):
            write_results(rows(TEXTS), path)
    assert path.read_bytes() == b"before"
    assert [*tmp_path.iterdir()] == [path]
    write_results(rows(TEXTS), path)
    assert path.read_bytes() != b"before"


def test_csv_for_excel_reads_back_and_no_cell_is_a_formula() -> None:
    cells = ["=1+1", "+1", "-1", "@a", "\t=1", "\r=1", "a=1", "胃“a”,\n=b", "\x00\ud800", "", None]
    content = csv_for_excel([{"n": -1.5, "text": cell} for cell in cells], ["n", "text"])
    assert content.startswith(b"\xef\xbb\xbfn,text\r\n")
    found = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))
    assert [row["text"] for row in found] == [
        *("'=1+1", "'+1", "'-1", "'@a", "'\t=1", "'\r=1"),
        *("a=1", "胃“a”,\n=b", "\x00\ufffd", "", ""),
    ]
    assert {row["n"] for row in found} == {"-1.5"}


def test_names_of_kept_columns_and_errors_as_text_are_written_to_a_workbook(tmp_path: Path) -> None:
    write_results([{"text": "胃", "label": 1, "\x1b编_x000D_": "#N/A"}], tmp_path / "out.xlsx")
    cells = [*openpyxl.load_workbook(tmp_path / "out.xlsx").active.iter_rows(min_row=2)]
    assert [cell.data_type for cell in cells[0]] == ["s", "n", "s"]
    found = read_records(tmp_path / "out.xlsx", keep_columns=True)
    assert found.kept == ({"text": "胃", "label": "1", "\x1b编_x000D_": "#N/A"},)


@pytest.mark.parametrize("suffix", [".txt", ".tsv"])
def test_plain_files_hold_the_reason_of_a_bad_row_behind_its_text(
    tmp_path: Path, suffix: str
) -> None:
    bad = [
        {"text": "胃", "label": 1, "error": ""},
        {"text": "nan", "label": None, "error": "the text\tis empty"},
    ]
    write_results(bad, tmp_path / f"out{suffix}")
    content = (tmp_path / f"out{suffix}").read_text(encoding="utf-8")
    assert content == "胃\t1\nnan\t\tthe text is empty\n"
