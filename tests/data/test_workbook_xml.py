from __future__ import annotations

import time
from pathlib import Path

import pytest
from made_workbooks import MAIN, row, sheet_xml, text, write_workbook

from gi_classifier.data import workbook_xml, workbooks
from gi_classifier.data.readers import read_records
from gi_classifier.errors import RecordsError

HEADER = row(1, text("A1", "text"))


def read(path: Path) -> None:
    read_records(path, labelled=False, strict=False)


def test_columns_merged_over_all_rows_are_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workbooks, "MOST_CELLS", 100)
    first = "".join(text(f"{workbook_xml.column_letters(c)}1", f"n{c}") for c in range(1, 20))
    merges = "".join(
        f'<mergeCell ref="{letters}1:{letters}1048576"/>'
        for letters in map(workbook_xml.column_letters, range(1, 20))
    )
    rows = [row(n, text(f"A{n}", "胃")) for n in range(2, 20)]
    sheet = sheet_xml(row(1, text("A1", "text"), first), *rows, tail=merges)
    with pytest.raises(RecordsError, match="more than 100 merged cells"):
        read(write_workbook(tmp_path / "r.xlsx", sheet))


def test_one_shared_text_in_many_cells_is_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workbook_xml, "MOST_CHARACTERS", 10_000)
    strings = f'<sst xmlns="{MAIN}"><si><t>{"胃" * 1000}</t></si></sst>'
    rows = [row(n, f'<c r="A{n}" t="s"><v>0</v></c>') for n in range(2, 20)]
    path = write_workbook(tmp_path / "r.xlsx", sheet_xml(HEADER, *rows), strings=strings)
    with pytest.raises(RecordsError, match="more than 10,000 characters in all"):
        read(path)


def test_more_rows_than_a_worksheet_has_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workbook_xml, "_LAST_ROW", 1000)
    path = write_workbook(tmp_path / "r.xlsx", sheet_xml(HEADER, "<row/>" * 1000))
    with pytest.raises(RecordsError, match="more than 1,000 rows"):
        read(path)


def test_rows_out_of_order_and_a_long_format_take_no_time(tmp_path: Path) -> None:
    styles = (
        f'<styleSheet xmlns="{MAIN}"><numFmts><numFmt numFmtId="200" formatCode="{";" * 500_000}"/>'
        '</numFmts><cellXfs><xf numFmtId="200"/></cellXfs></styleSheet>'
    )
    pairs = '<row r="2"/><row r="1002"/>' * 20_000
    last = row(1003, text("A1003", "胃"), '<c r="B1003" s="0"><v>5</v></c>')
    path = write_workbook(tmp_path / "r.xlsx", sheet_xml(HEADER, pairs, last), styles=styles)
    before = time.perf_counter()
    read(path)
    assert time.perf_counter() - before < 5
