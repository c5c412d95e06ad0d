from __future__ import annotations

import contextlib
import random
import time
import zipfile
from datetime import date, datetime
from pathlib import Path

import openpyxl
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made_workbooks import (
    MAIN,
    STRICT,
    STRICT_RELATIONS,
    row,
    sheet_xml,
    text,
    write_workbook,
)
from openpyxl.styles import PatternFill

from gi_classifier.data.readers import read_records
from gi_classifier.data.records import Records
from gi_classifier.errors import RecordsError, SettingsError

HEADER = row(1, text("A1", "id"), text("B1", "text"))
SECRET = "张三机密"


def read(path: Path, **options: object) -> Records:
    return read_records(path, labelled=False, strict=False, **options)


def test_the_first_visible_worksheet_is_read_and_the_others_are_counted(tmp_path: Path) -> None:
    sheets = [sheet_xml(row(1, text("A1", "text")), row(2, text("A2", body))) for body in "胃肠肺"]
    path = write_workbook(
        tmp_path / "r.xlsx", *sheets, names=("隐藏", "病例", "其他"), states=("hidden", "", "")
    )
    found = read(path)
    assert found.texts == ("肠",)
    assert found.notes == ("worksheet '病例'; 2 more are not read (--sheet NAME)",)
    assert read(path, sheet="隐藏").texts == ("胃",)
    assert read(path, sheet="其他").texts == ("肺",)
    with pytest.raises(SettingsError, match="no worksheet 'x'. It has '隐藏', '病例', '其他'"):
        read(path, sheet="x")
    path = write_workbook(tmp_path / "h.xlsx", sheets[0], states=("veryHidden",))
    with pytest.raises(RecordsError, match="no worksheet is visible"):
        read(path)


def test_hidden_rows_are_read_and_counted_and_a_column_without_values_is_kept(
    tmp_path: Path,
) -> None:
    book = openpyxl.Workbook()
    for cells in (["id", "备注", "text"], [1, None, "胃溃疡"], [2, None, "肠息肉"]):
        book.active.append(cells)
    book.active.row_dimensions[3].hidden = True
    book.active.row_dimensions[9].hidden = True
    book.save(tmp_path / "r.xlsx")
    found = read(tmp_path / "r.xlsx", keep_columns=True)
    assert found.texts == ("胃溃疡", "肠息肉")
    assert found.notes[-1] == "rows that are hidden there are read as well: 1"
    assert found.kept == (
        {"id": "1", "备注": "", "text": "胃溃疡"},
        {"id": "2", "备注": "", "text": "肠息肉"},
    )


def test_a_chart_sheet_is_passed_over(tmp_path: Path) -> None:
    path = write_workbook(
        tmp_path / "r.xlsx",
        f'<chartsheet xmlns="{MAIN}"/>',
        sheet_xml(row(1, text("A1", "text")), row(2, text("A2", "胃"))),
        kinds=("chartsheet", "worksheet"),
    )
    assert read(path).texts == ("胃",)


def test_the_names_are_found_below_titles_or_where_the_user_says(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet["A1"] = "消化内科检查一览"
    sheet.merge_cells("A1:C1")
    sheet["A2"] = "2024年5月"
    for place, cells in enumerate(
        [("编号", "text"), ("a", "胃"), ("编号", "text"), ("b", "肠")], 4
    ):
        for column, cell in zip("AC", cells, strict=True):
            sheet[f"{column}{place}"] = cell
    book.save(tmp_path / "r.xlsx")
    found = read(tmp_path / "r.xlsx", id_column="编号")
    assert (found.texts, found.ids, found.lines) == (
        ("胃", "text", "肠"),
        ("a", "编号", "b"),
        (5, 6, 7),
    )
    assert "the names of the columns are in row 4" in found.notes
    assert read(tmp_path / "r.xlsx", header_row=6).texts == ("肠",)
    with pytest.raises(SettingsError, match="nothing stands in row 3"):
        read(tmp_path / "r.xlsx", header_row=3)
    with pytest.raises(RecordsError, match="no column 'text'. It has 1, not shown"):
        read(tmp_path / "r.xlsx", header_row=2)
    with pytest.raises(RecordsError, match="no column '报告'. It has 2: '编号', 'text'"):
        read(tmp_path / "r.xlsx", text_column="报告")


@pytest.mark.parametrize("titled", [False, True])
@pytest.mark.parametrize("merged", ["A", "AB"])
def test_names_merged_over_two_rows_are_found_also_below_a_title(
    tmp_path: Path, titled: bool, merged: str
) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    first = 1
    if titled:
        sheet["A1"] = "检查一览"
        sheet.merge_cells("A1:D2")
        first = 3
    for column, name in zip("AC", ("id", "检查"), strict=True):
        sheet[f"{column}{first}"] = name
    sheet[f"B{first + ('B' not in merged)}"] = "text"
    for column in merged:
        sheet.merge_cells(f"{column}{first}:{column}{first + 1}")
    sheet.merge_cells(f"C{first}:D{first}")
    for column, name in zip("CD", ("所见", "结论"), strict=True):
        sheet[f"{column}{first + 1}"] = name
    for column, cell in zip("ABCD", ("0012", "胃", "充血", "炎"), strict=True):
        sheet[f"{column}{first + 2}"] = cell
    book.save(tmp_path / "r.xlsx")
    found = read(tmp_path / "r.xlsx", id_column="id", keep_columns=True)
    assert (found.texts, found.ids, found.lines) == (("胃",), ("0012",), (first + 2,))
    assert found.kept == ({"id": "0012", "text": "胃", "所见": "充血", "结论": "炎"},)
    assert f"the names of the columns are in row {first + 1}" in found.notes
    assert read(tmp_path / "r.xlsx", header_row=first + 1, id_column="id").texts == ("胃",)


def test_a_lower_row_of_names_that_is_not_written_takes_no_record(tmp_path: Path) -> None:
    merges = '<mergeCells><mergeCell ref="A1:A2"/><mergeCell ref="B1:B2"/></mergeCells>'
    rows = (HEADER, row(3, text("A3", "1"), text("B3", "胃")), row(4, text("B4", "肠")))
    path = write_workbook(tmp_path / "r.xlsx", sheet_xml(*rows, tail=merges))
    assert read(path, id_column="id").lines == (3, 4)


def test_merged_ids_stand_in_each_of_their_rows_but_merged_texts_do_not(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    for cells in [("id", "text", "科室"), (1, "胃", "甲"), (None, "肠", None), (3, "肺", "乙")]:
        sheet.append(cells)
    sheet.append((4, None, None))
    sheet.append((None, None, None))
    for merged in ("A2:A3", "C2:C3", "B4:B5", "A5:A6"):
        sheet.merge_cells(merged)
    book.save(tmp_path / "r.xlsx")
    found = read(tmp_path / "r.xlsx", id_column="id", group_column="科室")
    assert found.texts == ("胃", "肠", "肺", "")
    assert found.ids == ("1", "1", "3", "4")
    assert found.groups == ("甲", "甲", "乙", "")
    assert found.problems == (None, None, None, "the text is empty")


def test_cells_are_read_as_they_are_displayed(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(["id", "日期", "text", "错"])
    sheet.append([42, date(2024, 5, 1), "胃", "#N/A"])
    sheet["A2"].number_format = "0000000"
    sheet.append([110101199003077, datetime(2024, 5, 1, 8, 30), "肠", True])
    book.save(tmp_path / "r.xlsx")
    found = read(tmp_path / "r.xlsx", id_column="id", keep_columns=True)
    assert found.ids == ("0000042", "110101199003077")
    assert found.kept == (
        {"id": "0000042", "日期": "2024-05-01", "text": "胃", "错": "#N/A"},
        {"id": "110101199003077", "日期": "2024-05-01 08:30:00", "text": "肠", "错": "TRUE"},
    )


def test_what_stands_for_no_text_is_named_by_its_kind(tmp_path: Path) -> None:
    cells = [
        '<c r="B2" t="e"><v>#N/A</v></c>',
        '<c r="B3"><f>A1&amp;"x"</f></c>',
        '<c r="B4"><f>A1</f><v></v></c>',
        '<c r="B5"><v>12</v></c>',
        '<c r="B6" t="b"><v>1</v></c>',
        '<c r="B7" t="d"><v>2024-05-01</v></c>',
        '<c r="B8" t="str"><f>A1</f><v>胃</v></c>',
        *(f'<c r="B{n}" t="{kind}"><v>{SECRET}</v></c>' for n, kind in enumerate("sbdnexq", 9)),
    ]
    rows = [row(n, f'<c r="A{n}"><v>{n}</v></c>', cell) for n, cell in enumerate(cells, 2)]
    path = write_workbook(tmp_path / "r.xlsx", sheet_xml(HEADER, *rows))
    for skip_blank in (False, True):
        found = read(path, skip_blank=skip_blank)
        assert found.problems is not None
        problems = [problem or "" for problem in found.problems]
        assert problems[0] == "the text is the error #N/A"
        assert problems[1].startswith("the text is a formula without a stored value (open the file")
        assert problems[2] == problems[1]
        assert problems[3:6] == [
            f"the text is not text but a {kind}" for kind in ("number", "truth value", "date")
        ]
        assert found.texts[6] == "胃"
        assert all(problem.startswith("the text is") for problem in problems[7:])
        assert SECRET not in "".join(problems)
    with pytest.raises(RecordsError, match="13 bad rows") as caught:
        read_records(path, labelled=False)
    assert SECRET not in str(caught.value)


def test_a_formula_that_is_marked_as_text_and_has_no_value_is_named(tmp_path: Path) -> None:
    rows = (
        row(2, '<c r="B2" t="str"><f>A1</f></c>'),
        row(3, '<c r="B3" t="str"><f>A1</f><v/></c>'),
    )
    path = write_workbook(tmp_path / "r.xlsx", sheet_xml(HEADER, *rows))
    for skip_blank in (False, True):
        found = read(path, skip_blank=skip_blank)
        assert (found.lines, found.empty) == ((2,), 1)
        assert "a formula without a stored value" in str(found.problems)


def test_a_worksheet_without_cells_is_said_to_be_empty(tmp_path: Path) -> None:
    openpyxl.Workbook().save(tmp_path / "r.xlsx")
    with pytest.raises(RecordsError, match="the worksheet is empty"):
        read(tmp_path / "r.xlsx")


@pytest.mark.parametrize("part", ["sheet", "strings", "styles"])
@pytest.mark.parametrize("form", ['<c z="{}"/>', "<!--{}-->", "<?a {}?>", '<c xmlns="{}"/>'])
def test_one_long_piece_of_xml_is_refused_at_once(tmp_path: Path, part: str, form: str) -> None:
    long = form.format("a" + random.Random(0).randbytes(2 << 20).hex())
    sheet = sheet_xml(HEADER, row(2, text("B2", "胃")), tail=long if part == "sheet" else "")
    more = {} if part == "sheet" else {part: f'<x xmlns="{MAIN}">{long}</x>'}
    path = write_workbook(tmp_path / "r.xlsx", sheet, **more)
    before = time.perf_counter()
    with pytest.raises(RecordsError, match="is longer than"):
        read(path)
    assert time.perf_counter() - before < 3


def test_a_formula_without_a_value_is_named_beside_the_text_too(tmp_path: Path) -> None:
    cells = row(2, '<c r="A2"><f>B2</f></c>', text("B2", "胃"))
    path = write_workbook(tmp_path / "r.xlsx", sheet_xml(HEADER, cells))
    found = read(path, id_column="id")
    assert found.problems is not None
    assert (found.problems[0] or "").startswith("column 'id' is a formula without a stored value")
    assert read(path).texts == ("胃",)
    noted = read(path, keep_columns=True)
    assert noted.kept == ({"id": "", "text": "胃"},)
    assert noted.notes[-1].startswith("column 'id' is a formula without a stored value")
    assert noted.notes[-1].endswith("kept as empty in line 2")


@pytest.mark.parametrize(
    ("written", "wanted"),
    [
        ("a_x000D_\nb", "a\r\nb"),
        ("_x80C3_", "胃"),
        ("_x005F_x000D_", "_x000D_"),
        ("_xD83D__xDE00_", "😀"),
        ("_xZZZZ_ _x12_", "_xZZZZ_ _x12_"),
        ("胃_x", "胃_x"),
    ],
)
def test_escaped_characters_are_decoded(tmp_path: Path, written: str, wanted: str) -> None:
    rows = row(1, text("A1", "te_x0078_t"), text("B1", "编_x000D_号")), row(2, text("A2", written))
    path = write_workbook(tmp_path / "r.xlsx", sheet_xml(*rows))
    assert read(path).texts == (wanted,)


def test_shared_strings_are_read_without_formats_and_phonetic_hints(tmp_path: Path) -> None:
    strings = (
        f'<sst xmlns="{MAIN}"><si><t>text</t></si><si><r><rPr><b/></rPr><t>胃</t></r>'
        '<r><t xml:space="preserve"> 窦</t></r><rPh sb="0" eb="1"><t>wei</t></rPh></si></sst>'
    )
    cells = [row(n, f'<c r="A{n}" t="s"><v>{n - 1}</v></c>') for n in (1, 2, 3)]
    path = write_workbook(tmp_path / "r.xlsx", sheet_xml(*cells), strings=strings)
    found = read(path)
    assert found.texts == ("胃 窦", "")
    assert found.problems == (
        None,
        "the text is damaged: it is marked as shared text and points to none",
    )


def test_the_strict_form_and_places_left_out_are_read(tmp_path: Path) -> None:
    body = (
        "<row><c t='inlineStr'><is><t>id</t></is></c>"
        "<c t='inlineStr'><is><t>text</t></is></c></row>"
        "<row><c t='d'><v>2024-05-01T00:00:00</v></c><c t='inlineStr'><is><t>胃</t></is></c></row>"
    )
    path = write_workbook(
        tmp_path / "r.xlsx", sheet_xml(body, main=STRICT), main=STRICT, relations=STRICT_RELATIONS
    )
    found = read(path, id_column="id")
    assert (found.texts, found.ids, found.lines) == (("胃",), ("2024-05-01",), (2,))


def test_fills_and_styles_that_other_readers_stumble_over_do_not_matter(tmp_path: Path) -> None:
    styles = (
        f'<styleSheet xmlns="{MAIN}"><numFmts><numFmt numFmtId="165" formatCode="0000"/></numFmts>'
        '<fills><fill/></fills><cellXfs><xf/><xf numFmtId="165"/><xf numFmtId="x"/></cellXfs>'
        "</styleSheet>"
    )
    cells = [
        row(n, f'<c r="A{n}" s="{style}"><v>7</v></c>', text(f"B{n}", "胃"))
        for n, style in ((2, "1"), (3, "2"), (4, "99"), (5, "x"))
    ]
    path = write_workbook(tmp_path / "r.xlsx", sheet_xml(HEADER, *cells), styles=styles)
    assert read(path, id_column="id").ids == ("0007", "7", "7", "7")
    book = openpyxl.Workbook()
    book.active.append(["text"])
    book.active.append(["胃"])
    book.active["A2"].fill = PatternFill("solid", fgColor="FFFF00")
    book.save(tmp_path / "f.xlsx")
    assert read(tmp_path / "f.xlsx").texts == ("胃",)


def test_a_stray_cell_in_the_last_corner_costs_nothing(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.append(["text"])
    book.active.append(["胃"])
    book.active["XFD1048576"] = 1
    book.save(tmp_path / "r.xlsx")
    assert (tmp_path / "r.xlsx").stat().st_size < 10_000
    begun = time.monotonic()
    found = read(tmp_path / "r.xlsx")
    assert time.monotonic() - begun < 5
    assert (found.texts, found.lines) == (("胃", ""), (2, 1_048_576))
    assert found.problems == (None, "the text is empty")


@pytest.mark.slow
def test_a_huge_cell_or_part_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    huge = sheet_xml(row(1, text("A1", "text")), row(2, text("A2", "a" * 120_000_000)))
    path = write_workbook(tmp_path / "r.xlsx", huge)
    assert path.stat().st_size < 1_000_000
    begun = time.monotonic()
    with pytest.raises(RecordsError, match=r"too large: xl/worksheets/sheet0\.xml has 120,\d"):
        read(path)
    assert time.monotonic() - begun < 2
    long = sheet_xml(row(1, text("A1", "text")), row(2, text("A2", "a" * 1_000_001)))
    with pytest.raises(RecordsError, match="a cell holds more than 1,000,000 characters"):
        read(write_workbook(tmp_path / "l.xlsx", long))


def test_a_size_that_is_declared_wrongly_does_not_help(tmp_path: Path) -> None:
    path = write_workbook(tmp_path / "r.xlsx", sheet_xml(row(1, text("A1", "a" * 5_000_000))))
    content = path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        size = archive.getinfo("xl/worksheets/sheet0.xml").file_size
    content = content.replace(size.to_bytes(4, "little"), (100).to_bytes(4, "little"))
    path.write_bytes(content)
    with pytest.raises(RecordsError, match="damaged"):
        read(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "it is empty"),
        (b"PK\x03\x04 cut short", "it is damaged"),
        (b"text,label\n", r"give it the ending \.csv or \.txt"),
        (b"\xef\xbb\xbf<html><table></table>", "a web page or XML with the wrong ending"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" * 200, r"of the old form \.xls"),
        (
            b"\xd0\xcf\x11\xe0" + b"\0" * 900 + "EncryptedPackage".encode("utf-16-le"),
            "protected by a password",
        ),
    ],
    ids=["empty", "zip", "csv", "html", "xls", "password"],
)
def test_what_is_no_workbook_is_said_with_what_to_do(
    tmp_path: Path, content: bytes, message: str
) -> None:
    (tmp_path / "r.xlsx").write_bytes(content)
    with pytest.raises(RecordsError, match=message):
        read(tmp_path / "r.xlsx")


def test_damaged_parts_are_one_error_without_their_content(tmp_path: Path) -> None:
    whole = sheet_xml(HEADER, row(2, text("A2", "1"), text("B2", SECRET)))
    entity = f'<!DOCTYPE a [<!ENTITY x "{SECRET}">]>{whole.replace(SECRET, "&x;")}'
    outside = whole.replace('"A2"', '"A0"').replace('r="2"', 'r="1048577"')
    for number, sheet in enumerate((whole[:-30], entity, outside, whole.replace('"2"', '"x"'))):
        path = write_workbook(tmp_path / f"{number}.xlsx", sheet)
        with pytest.raises(RecordsError, match="it is damaged") as caught:
            read(path)
        assert SECRET not in str(caught.value)
    with zipfile.ZipFile(tmp_path / "no.xlsx", "w") as archive:
        archive.writestr("word/document.xml", "<a/>")
    with pytest.raises(RecordsError, match="no workbook in it"):
        read(tmp_path / "no.xlsx")


def test_a_password_inside_the_archive_is_named(tmp_path: Path) -> None:
    path = write_workbook(tmp_path / "r.xlsx", sheet_xml(HEADER))
    content = bytearray(path.read_bytes())
    for mark, place in ((b"PK\x01\x02", 8), (b"PK\x03\x04", 6)):
        start = 0
        while (start := content.find(mark, start)) >= 0:
            content[start + place] |= 1
            start += 4
    path.write_bytes(content)
    with pytest.raises(RecordsError, match="protected by a password"):
        read(path)


CELLS = st.text(
    st.characters(
        codec="utf-8", exclude_categories=("Cc", "Cs"), exclude_characters="\ufffe\uffff"
    ),
    min_size=1,
    max_size=40,
)


@pytest.mark.slow
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=5))
def test_what_pandas_writes_is_read_as_it_was(tmp_path: Path, cells: list[tuple[str, str]]) -> None:
    pd.DataFrame(cells, columns=["id", "text"]).to_excel(tmp_path / "r.xlsx", index=False)
    back = pd.read_excel(tmp_path / "r.xlsx", dtype=str, keep_default_na=False)["text"]
    found = read(tmp_path / "r.xlsx")
    assert found.problems is not None
    for line, body, problem in zip(found.lines, found.texts, found.problems, strict=True):
        assert body == ("" if problem else back[line - 2])
    assert len(found) + found.empty == len(cells)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(4))
def test_a_workbook_damaged_anyhow_is_read_or_refused_in_one_way(tmp_path: Path, seed: int) -> None:
    source = random.Random(seed)
    book = openpyxl.Workbook()
    for cells in [("id", "text"), *((n, f"胃溃疡{n}") for n in range(6))]:
        book.active.append(cells)
    book.active.merge_cells("A3:A4")
    book.save(tmp_path / "whole.xlsx")
    with zipfile.ZipFile(tmp_path / "whole.xlsx") as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    path = tmp_path / "r.xlsx"
    for _ in range(500):
        damaged = source.choice([name for name in parts if "theme" not in name])
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in parts.items():
                archive.writestr(name, mutated(content, source) if name == damaged else content)
        if source.random() < 0.2:
            path.write_bytes(mutated(path.read_bytes(), source))
        with contextlib.suppress(RecordsError):
            read(path, id_column="id", keep_columns=True)


def mutated(content: bytes, source: random.Random) -> bytes:
    """The bytes with up to four of them changed, left out, repeated or put in."""
    found = bytearray(content)
    for _ in range(source.randint(1, 4)):
        place = source.randrange(len(found))
        match source.randrange(4):
            case 0:
                found[place] = source.randrange(256)
            case 1:
                del found[place : place + source.randint(1, 20)]
            case 2:
                found[place:place] = found[: source.randint(1, 40)]
            case _:
                found[place:place] = source.choice((b'"', b"<", b"9" * 12, b"\x00", b"&#0;", b"-1"))
    return bytes(found)
