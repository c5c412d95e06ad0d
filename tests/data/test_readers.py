from __future__ import annotations

import gzip
import json
import random
from functools import partial
from pathlib import Path

import pandas as pd
import pytest

from gi_classifier.data.chunks import check_texts_of, iterate_texts
from gi_classifier.data.encodings import recognise
from gi_classifier.data.passages import check_passages, read_passages
from gi_classifier.data.readers import read_records
from gi_classifier.data.records import Records, drop_duplicates
from gi_classifier.data.writers import write_results
from gi_classifier.errors import (
    SHOWN_PROBLEMS,
    LabelError,
    MissingPathError,
    RecordsError,
    SettingsError,
)

ROWS = [("胃窦充血，见“糜烂”", 1), ("结肠息肉\u3000切除", 2), ("发热, 咳嗽", 0)]
TEXTS = tuple(text for text, _ in ROWS)


def lines(text: str = "text", label: str = "label") -> dict[str, str]:
    """The rows above in each textual format."""
    plain = "".join(f"{t}\t{n}\n" for t, n in ROWS)
    return {
        ".txt": plain,
        ".tsv": plain,
        ".csv": f"id,{text},{label}\n" + "".join(f'7,"{t}",{n}\n' for t, n in ROWS),
        ".jsonl": "".join(json.dumps({label: n, text: t}) + "\n" for t, n in ROWS),
    }


def put(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize("suffix", [".txt", ".tsv", ".csv", ".jsonl", ".TXT"])
def test_every_format_is_read_in_every_encoding(
    tmp_path: Path, suffix: str, ending: str, encoding: str
) -> None:
    content = lines()[suffix.lower()].replace("\n", ending)
    if suffix == ".jsonl":
        content = content.encode().decode("unicode_escape")
    records = read_records(put(tmp_path / f"r{suffix}", content.encode(encoding)))
    assert (records.texts, records.labels) == (TEXTS, (1, 2, 0))
    assert records.lines == ((2, 3, 4) if suffix == ".csv" else (1, 2, 3))
    assert (records.encoding, records.source) == (encoding, str(tmp_path / f"r{suffix}"))
    assert len(records) == 3


@pytest.mark.parametrize("labels", [[1, 2, 0], [1.0, 2.0, 0.0], ["1", "2.0", " 0 "]])
def test_excel_is_read_whatever_the_label_cells_hold(tmp_path: Path, labels: list[object]) -> None:
    table = pd.DataFrame({"label": labels, "报告": TEXTS})
    table.to_excel(tmp_path / "r.xlsx", index=False)
    records = read_records(tmp_path / "r.xlsx", text_column="报告")
    assert (records.texts, records.labels, records.lines) == (TEXTS, (1, 2, 0), (2, 3, 4))
    assert records.encoding == "xlsx"


@pytest.mark.parametrize("suffix", [".txt", ".csv", ".jsonl", ".xlsx"])
def test_records_without_labels_are_read_where_none_are_wanted(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"r{suffix}"
    if suffix == ".xlsx":
        pd.DataFrame({"text": TEXTS}).to_excel(path, index=False)
    else:
        header = "text\n" if suffix == ".csv" else ""
        row = (
            '"{}"\n' if suffix == ".csv" else '{{"text": "{}"}}\n' if suffix == ".jsonl" else "{}\n"
        )
        put(path, (header + "".join(row.format(text) for text in TEXTS)).replace("\n", "\r\n"))
    records = read_records(path, labelled=False)
    assert (records.texts, records.labels) == (TEXTS, None)
    with pytest.raises(
        (LabelError, RecordsError), match=r"line 2: the label is missing|no column 'label'|'label'"
    ):
        read_records(path)


def test_csv_lines_are_those_of_the_file(tmp_path: Path) -> None:
    content = 'text,label\n"第一行\n第二行",1\n\n\n咳嗽,0\n"a\r\n\r\nb",2\n肠,2\n'
    records = read_records(put(tmp_path / "r.csv", content))
    assert records.lines == (2, 6, 7, 10)
    assert records.texts == ("第一行\n第二行", "咳嗽", "a\r\n\r\nb", "肠")


def test_a_csv_cell_may_be_longer_than_the_reader_s_own_limit(tmp_path: Path) -> None:
    path = put(tmp_path / "r.csv", f"text,label\n{'胃' * 200_000},1\n")
    assert len(read_records(path).texts[0]) == 200_000


BAD = [
    (" \u200b", 1, "the text is empty"),
    ("胃", "", "the label is missing"),
    ("胃", "1.5", "not an integer from 0 up: a number"),
    ("胃", "-1", "not an integer from 0 up: a number"),
    ("胃", "²", "not an integer"),
    ("胃", "胃镜", "not an integer"),
    ("胃", "9" * 400, "not an integer"),
    ("胃", 3, "the label is out of range 0…2"),
]


@pytest.mark.parametrize("suffix", [".txt", ".csv", ".jsonl", ".xlsx"])
def test_all_bad_rows_are_named_at_once_with_their_lines(tmp_path: Path, suffix: str) -> None:
    rows = [("好的", 1), *[(text, label) for text, label, _ in BAD]]
    path = tmp_path / f"r{suffix}"
    table = pd.DataFrame(rows, columns=["text", "label"])
    if suffix == ".xlsx":
        table.to_excel(path, index=False)
    elif suffix == ".csv":
        table.to_csv(path, index=False)
    elif suffix == ".jsonl":
        put(path, "".join(json.dumps({"text": t, "label": n}) + "\n" for t, n in rows))
    else:
        put(path, "".join(f"{t}\t{n}\n" for t, n in rows))
    with pytest.raises(RecordsError, match=f"{len(BAD)} bad rows") as caught:
        read_records(path, num_classes=3)
    first = 2 if suffix in (".txt", ".jsonl") else 3
    assert len(caught.value.problems) == len(BAD)
    for line, problem, (_, _, wanted) in zip(
        range(first, 99), caught.value.problems, BAD, strict=False
    ):
        assert problem.startswith(f"line {line}: ")
        assert wanted in problem


def test_labels_alone_being_wrong_is_a_label_error(tmp_path: Path) -> None:
    put(tmp_path / "r.txt", "胃\t7\n肠\t2\n肺\tx\n")
    with pytest.raises(LabelError, match="2 bad rows") as caught:
        read_records(tmp_path / "r.txt", num_classes=3)
    assert [problem.split(":")[0] for problem in caught.value.problems] == ["line 1", "line 3"]


def test_cells_without_text_are_named(tmp_path: Path) -> None:
    pd.DataFrame({"text": ["胃", None, 5, float("nan")], "label": [1, 1, 1, 1]}).to_excel(
        tmp_path / "r.xlsx", index=False
    )
    put(tmp_path / "r.jsonl", '{"text": null, "label": 1}\n{"text": NaN, "label": true}\n')
    put(tmp_path / "r.csv", "label,text\n1\n0,肺\n")
    for name, found in {
        "r.xlsx": ["line 3: the text is", "line 4: the text is not text but a", "line 5: the"],
        "r.jsonl": ["line 1: the text is empty", "line 2: the text is empty; the label is not"],
        "r.csv": ["line 2: the text is empty"],
    }.items():
        with pytest.raises(RecordsError, match="bad rows") as caught:
            read_records(tmp_path / name)
        for wanted in found:
            assert any(problem.startswith(wanted) for problem in caught.value.problems)


def test_the_message_shows_the_first_problems_and_counts_the_rest(tmp_path: Path) -> None:
    path = put(tmp_path / "r.txt", "胃\n" * (SHOWN_PROBLEMS + 5))
    with pytest.raises(LabelError, match="… and 5 more$") as caught:
        read_records(path)
    assert len(caught.value.problems) == SHOWN_PROBLEMS + 5
    assert str(caught.value).count("\n") == SHOWN_PROBLEMS + 1


def test_lines_of_jsonl_that_hold_no_record_are_named(tmp_path: Path) -> None:
    good = '{"text": "胃", "label": 1}'
    bad = ["{", "[1]", '{"text": "胃"}', "[" * 100_000]
    path = put(tmp_path / "r.jsonl", "\n".join([good, *bad, "", good]))
    with pytest.raises(RecordsError, match="4 bad rows") as caught:
        read_records(path)
    assert [p.split(":")[0] for p in caught.value.problems] == [f"line {i}" for i in (2, 3, 4, 5)]


@pytest.mark.parametrize("suffix", [".csv", ".xlsx"])
def test_a_missing_column_is_named_with_those_that_are_there(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"r{suffix}"
    table = pd.DataFrame({"报告": TEXTS, "标签": [1, 2, 0]})
    _ = table.to_csv(path, index=False) if suffix == ".csv" else table.to_excel(path, index=False)
    with pytest.raises(RecordsError, match=r"no column 'text', 'label'\. It has 2: '报告', '标签'"):
        read_records(path)
    assert read_records(path, text_column="报告", label_column="标签").labels == (1, 2, 0)


def test_a_comma_without_quotes_cuts_no_text_silently(tmp_path: Path) -> None:
    path = put(tmp_path / "r.csv", "id,text\n1,胃溃疡,结肠息肉恶变\n2,肺炎,\n")
    with pytest.raises(RecordsError, match="1 bad rows") as caught:
        read_records(path, labelled=False)
    assert caught.value.problems == [
        "line 2: 3 cells, the first row has 2: a comma in a text without quotes?"
    ]


@pytest.mark.parametrize("suffix", [".csv", ".xlsx"])
def test_names_of_columns_may_have_spaces_around_but_not_come_twice(
    tmp_path: Path, suffix: str
) -> None:
    path = tmp_path / f"r{suffix}"
    for names in ([" text ", "label"], ["text", "text"]):
        table = pd.DataFrame([["胃", 1]], columns=names)
        _ = (
            table.to_csv(path, index=False)
            if suffix == ".csv"
            else table.to_excel(path, index=False)
        )
        if names[0] != "text":
            assert read_records(path).texts == ("胃",)
    with pytest.raises(RecordsError, match="more than one column 'text'. Rename"):
        read_records(path, labelled=False)


def test_tabs_between_cells_are_recognised_as_the_mistake(tmp_path: Path) -> None:
    path = put(tmp_path / "r.csv", "id\ttext\n1\t胃\n")
    with pytest.raises(RecordsError, match="--text-column.*commas between the cells, not tabs"):
        read_records(path, labelled=False)


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".xlsx"])
def test_a_further_column_is_kept_beside_the_records(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"r{suffix}"
    table = pd.DataFrame({"科室": ["消化科", None, 3], "text": TEXTS, "label": [1, 2, 0]})
    if suffix == ".jsonl":
        path.write_text(table.to_json(orient="records", lines=True), encoding="utf-8")
    else:
        _ = (
            table.to_csv(path, index=False)
            if suffix == ".csv"
            else table.to_excel(path, index=False)
        )
    records = read_records(path, group_column="科室", id_column="label")
    assert records.groups == ("消化科", "", "3")
    assert (records.ids, records.label_texts) == (("1", "2", "0"), None)
    assert records.take([2, 0]).groups == ("3", "消化科")
    assert read_records(path, labelled=False, group_column="科室").groups == records.groups
    assert read_records(path).groups is None


@pytest.mark.parametrize("suffix", [".txt", ".csv"])
def test_labels_are_kept_as_text_where_that_is_asked_for(tmp_path: Path, suffix: str) -> None:
    mark = "\t" if suffix == ".txt" else ","
    rows = [("text", "label")] * (suffix == ".csv") + [("胃癌", " 心内科"), ("肺炎", "呼吸科")]
    path = put(tmp_path / f"r{suffix}", "".join(f"{t}{mark}{d}\n" for t, d in rows))
    records = read_records(path, label_texts=True)
    assert (records.texts, records.labels) == (("胃癌", "肺炎"), None)
    assert records.label_texts == ("心内科", "呼吸科") == records.take([0, 1]).label_texts
    put(path, "".join(f"{t}{mark}{d}\n" for t, d in [*rows, ("肠癌", ""), ("胃癌", "消化科")]))
    with pytest.raises(LabelError, match=r"1 bad rows(?s:.*)line \d: the label is missing"):
        read_records(path, label_texts=True)
    put(path, "".join(f"{t}{mark}{d}\n" for t, d in [*rows, ("胃癌", "消化科")]))
    with pytest.raises(RecordsError, match=r"lines \d and \d: one text, two labels"):
        drop_duplicates(read_records(path, label_texts=True))


def test_a_further_column_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(RecordsError, match=r"no column 'kind'\. It has 2: 'text', 'label'"):
        read_records(put(tmp_path / "r.csv", "text,label\n胃,1\n"), group_column="kind")
    for options in ({"group_column": "kind"}, {"id_column": "kind"}, {"text_column": "kind"}):
        with pytest.raises(SettingsError, match=r"\.txt has no column 'kind': its first line does"):
            read_records(put(tmp_path / "r.txt", "胃\t1\n"), **options)
    with pytest.raises(RecordsError, match="bad rows") as caught:
        read_records(put(tmp_path / "r.jsonl", '{"text": "胃", "label": 1}\n'), group_column="kind")
    assert caught.value.problems == ["line 1: no object with 'text', 'label', 'kind'"]


@pytest.mark.parametrize("name", ["r.doc", "r", "r.xls", "r.json"])
def test_an_unknown_format_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(RecordsError, match=r"unknown format .*this reads \.txt, \.tsv"):
        read_records(put(tmp_path / name, "胃\t1\n"))


@pytest.mark.parametrize("name", ["r.txt", "r.xlsx"])
def test_a_missing_file_or_a_directory_is_no_file(tmp_path: Path, name: str) -> None:
    with pytest.raises(FileNotFoundError, match=f"No file of records at .*{name}"):
        read_records(tmp_path / name)
    (tmp_path / name).mkdir()
    with pytest.raises(MissingPathError, match=f"{name}: it is a folder. Name the files in it"):
        read_records(tmp_path / name)


TRADITIONAL = "患者因反覆上腹部疼痛三年入院，胃鏡檢查顯示胃竇部潰瘍\t1\n"
JAPANESE = "患者は上腹部痛を訴え、胃カメラで潰瘍を認めた。大腸ポリープ切除術\t1\n"
TEXT = "".join(f"{text}\t{label}\n" for text, label in ROWS)


@pytest.mark.parametrize(
    "content",
    [
        TEXT.encode("utf-16-le"),
        TEXT.encode("utf-32-be"),
        random.Random(1).randbytes(5000),
        b"PK\x03\x04" + random.Random(2).randbytes(500),
        TRADITIONAL.encode("big5"),
        JAPANESE.encode("shift-jis"),
    ],
    ids=["utf-16-le", "utf-32-be", "random", "zip", "big5", "shift-jis"],
)
def test_what_is_neither_utf8_nor_gb18030_is_refused(tmp_path: Path, content: bytes) -> None:
    for suffix in (".txt", ".csv", ".jsonl"):
        with pytest.raises(RecordsError, match=r"neither UTF-8 nor GB18030|no text but a workbook"):
            read_records(put(tmp_path / f"r{suffix}", content))


@pytest.mark.parametrize(
    "content",
    [b"PK\x03\x04 cut short", b"text,label\n", b"", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" * 200],
    ids=["zip", "csv", "empty", "password"],
)
def test_what_is_no_workbook_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(RecordsError, match=r"not a readable \.xlsx file"):
        read_records(put(tmp_path / "r.xlsx", content))


def test_broken_quotes_are_named_with_their_line(tmp_path: Path) -> None:
    with pytest.raises(RecordsError, match="line 3: not CSV"):
        read_records(put(tmp_path / "r.csv", 'text,label\n胃,1\n"肠"x,2\n'))


@pytest.mark.parametrize("suffix", [".txt", ".jsonl", ".csv"])
def test_a_file_without_records_gives_none_or_names_what_is_missing(
    tmp_path: Path, suffix: str
) -> None:
    path = put(tmp_path / f"r{suffix}", "")
    if suffix == ".csv":
        with pytest.raises(RecordsError, match="the file is empty"):
            read_records(path)
        put(path, "text,label\n")
    assert len(read_records(path)) == 0


def test_the_encoding_of_a_file_is_recognised(tmp_path: Path) -> None:
    path = tmp_path / "x.txt"
    for content, encoding in (
        (b"abc", "utf-8"),
        ("胃镜".encode("gbk"), "gb18030"),
        (b"\xef\xbb\xbfabc", "utf-8-sig"),
        # A character on the border of two parts that are read one after the other.
        (b"a" * ((1 << 20) - 1) + "胃镜".encode() * 9, "utf-8"),
    ):
        path.write_bytes(content)
        assert recognise(path).name == encoding


@pytest.mark.parametrize("suffix", [".txt", ".csv", ".jsonl", ".xlsx"])
def test_texts_come_one_at_a_time_as_they_come_at_once(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"records{suffix}"
    rows = [{"text": text, "label": 1} for text in ("胃，窦", "结 肠", "他说“胃”", 'a,b"c')]
    write_results(rows, path)
    found = read_records(path, labelled=False)
    whole = found.texts
    counted = check_texts_of(path)
    assert (counted.encoding, counted.tally.readable, counted.tally.blank) == (found.encoding, 4, 0)
    assert len(whole) == 4
    assert tuple(iterate_texts(path)) == whole


@pytest.mark.parametrize("suffix", [".txt", ".csv", ".jsonl", ".xlsx"])
def test_rows_without_text_are_left_out_where_that_is_asked_for(
    tmp_path: Path, suffix: str
) -> None:
    path = tmp_path / f"records{suffix}"
    # The fourth row is entirely empty.
    rows = [("1", "胃"), ("2", ""), ("3", " \u3000"), (None, None), ("5", "nan"), ("6", "肠")]
    if suffix == ".txt":
        path.write_text("胃\nnan\n<NA>\n\n无。\n肠\n", encoding="utf-8")
    elif suffix == ".csv":
        body = "".join(f"{n or ''},{text or ''}\n" for n, text in rows)
        path.write_text(f"n,text\n{body}", encoding="utf-8")
    elif suffix == ".jsonl":
        lines = [json.dumps({"n": n, "text": text}) for n, text in rows]
        path.write_text("\n".join(lines), encoding="utf-8")
    else:
        pd.DataFrame(rows, columns=["n", "text"]).to_excel(path, index=False)
    with pytest.raises(RecordsError, match="3 bad rows.*or leave out rows without text"):
        read_records(path, labelled=False)
    found = read_records(path, labelled=False, skip_blank=True)
    assert (found.texts, found.blank, found.empty) == (("胃", "肠"), 3, 1)
    assert found.lines[0] + 5 == found.lines[1]
    counted = check_texts_of(path, skip_blank=True).tally
    assert (counted.records, counted.blank, counted.empty) == (2, 3, 1)
    assert tuple(iterate_texts(path)) == ("胃", "肠")


def test_what_is_wrong_is_not_left_out_as_blank(tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    path.write_text('{"text": "胃"}\n{"text": "无"}\n{"text": 3}\n{\n', encoding="utf-8")
    for check in (check_texts_of, partial(read_records, labelled=False)):
        with pytest.raises(RecordsError, match=r"2 bad rows(?s:.*)line 3(?s:.*)line 4"):
            check(path, skip_blank=True)


def test_bad_rows_of_a_stream_are_all_named_before_any_is_read(tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    path.write_text('{"text": "胃"}\n{"text": " ", "n": 1}\n{"no": 1}\n{\n', encoding="utf-8")
    with pytest.raises(RecordsError, match=r"3 bad rows(?s:.*)line 2(?s:.*)line 3(?s:.*)line 4"):
        check_texts_of(path)
    with pytest.raises(FileNotFoundError, match=r"No file of records at .*nowhere\.txt"):
        check_texts_of(tmp_path / "nowhere.txt")


def make(texts: list[str], labels: list[int] | None) -> Records:
    own = None if labels is None else tuple(labels)
    return Records(tuple(texts), own, tuple(range(11, 11 + len(texts))))


@pytest.mark.parametrize("labels", [[1, 2, 1, 0, 1], None])
def test_equal_texts_are_dropped_but_for_the_first(labels: list[int] | None) -> None:
    found = drop_duplicates(make(["ＥＲＣＰ 术", "肠", "\ufeffercp  术", "肺", "Ercp 术"], labels))
    assert (found.texts, found.lines) == (("ＥＲＣＰ 术", "肠", "肺"), (11, 12, 14))
    assert found.labels == (None if labels is None else (1, 2, 0))


def test_one_text_with_two_labels_is_named_with_both_lines() -> None:
    with pytest.raises(RecordsError, match="one text with two labels") as caught:
        drop_duplicates(make(["胃", "肠", "胃 ", "胃", "肠"], [1, 2, 0, 1, 0]))
    assert caught.value.problems == [
        "lines 11 and 13: one text, labels 1 and 0",
        "lines 12 and 15: one text, labels 2 and 0",
    ]


def test_errors_hold_no_record_s_text(tmp_path: Path) -> None:
    secret = "张三住院号"
    path = put(tmp_path / "r.txt", f"{secret}\t1\n{secret}\t0\n{secret}\n")
    with pytest.raises(LabelError) as caught:
        read_records(path)
    with pytest.raises(RecordsError) as torn:
        drop_duplicates(make([secret, secret], [0, 1]))
    assert secret not in str(caught.value) + str(torn.value)


def test_taking_rows_keeps_their_lines_and_labels() -> None:
    found = make(["胃", "肠", "肺"], [1, 2, 0]).take(i for i in (2, 0))
    assert (found.texts, found.labels, found.lines) == (("肺", "胃"), (0, 1), (13, 11))


def test_a_tab_inside_an_unlabelled_text_is_part_of_it(tmp_path: Path) -> None:
    path = tmp_path / "r.txt"
    path.write_text("主诉：腹痛\t肠镜见直肠癌\n胃癌\t1\n", encoding="utf-8")
    assert read_records(path, labelled=False).texts == ("主诉：腹痛\t肠镜见直肠癌", "胃癌\t1")


@pytest.mark.parametrize(
    ("suffix", "content"),
    [
        (".txt", "1\t患者张三男67岁反复上腹痛两年\n"),
        (".csv", "患者张三男67岁反复上腹痛两年\n患者李四\n"),
        (".jsonl", '{"text": "患者张三男67岁反复上腹痛两年"\n'),
    ],
)
def test_no_error_shows_a_records_text(tmp_path: Path, suffix: str, content: str) -> None:
    path = tmp_path / f"r{suffix}"
    path.write_text(content, encoding="utf-8")
    with pytest.raises((LabelError, RecordsError)) as caught:
        read_records(path)
    assert "张三" not in str(caught.value)


def test_rows_that_are_no_json_are_named_with_the_other_bad_rows(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    path.write_text('{"text": "", "label": 1}\nno json\n{"text": "a", "label": 9}\n', "utf-8")
    with pytest.raises(RecordsError) as caught:
        read_records(path, num_classes=3)
    assert [problem.split(":")[0] for problem in caught.value.problems] == [
        "line 1",
        "line 2",
        "line 3",
    ]


def test_unlabelled_text_is_read_from_any_file_each_line_once(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("胃底　溃疡\n\n \n直肠息肉\n", encoding="utf-8-sig")
    (tmp_path / "b.txt").write_bytes("直肠息肉\n阑尾切除术后患者\n".encode("gb18030"))
    (tmp_path / "c.txt.gz").write_bytes(gzip.compress("胃底 溃疡\n发热".encode()))
    paths = [tmp_path / name for name in ("a.txt", "b.txt", "c.txt.gz")]
    wanted = ["胃底 溃疡", "直肠息肉", "阑尾切除术后患者", "发热"]
    assert list(read_passages(paths)) == wanted
    with pytest.raises(FileNotFoundError, match=r"No file at .*d\.txt"):
        list(read_passages([tmp_path / "d.txt"]))


def test_tables_and_torn_archives_are_no_unlabelled_text(tmp_path: Path) -> None:
    names = [tmp_path / name for name in ("a.csv", "b.XLSX", "c.txt", "d.TXT.GZ")]
    for path in names:
        path.write_bytes(gzip.compress("胃底 溃疡".encode())[:-4])
    with pytest.raises(RecordsError, match=r"plain lines .*a\.csv, .*b\.XLSX$"):
        check_passages(names)
    assert check_passages(str(names[2])) == [names[2]]
    with pytest.raises(RecordsError, match=r"d\.TXT\.GZ: not a whole gzip file"):
        list(read_passages([names[3]]))
    with pytest.raises(FileNotFoundError, match=r"No text at .*e\.txt, .*f\.txt$"):
        check_passages([tmp_path / "e.txt", names[2], tmp_path / "f.txt"])


@pytest.mark.parametrize(
    ("name", "content", "wanted"),
    [
        ("r.csv", "id,text,x\n1,胃,a\n2,胃,肠,b\n", "2,胃,肠,b"),
        ("r.csv", 'id,text,x\n1,胃,a\n2,"胃"肠,b\n', '2,"胃"肠,b'),
        ("r.csv", "id,text\n1,胃\n2,nan\n", "nan"),
        ("r.jsonl", '{"text":"胃"}\n{胃肠\n', "{胃肠"),
        ("r.jsonl", '{"text":"胃"}\n{"text":"a","text":"b"}\n', '{"text":"a","text":"b"}'),
        ("r.jsonl", '{"text":"胃"}\n{"text":["胃肠"]}\n', '["胃肠"]'),
        ("r.txt", "胃\n一二\x00\n", "一二\x00"),
    ],
)
def test_bad_rows_keep_what_stands_as_their_text(
    tmp_path: Path, name: str, content: str, wanted: str
) -> None:
    path = tmp_path / name
    path.write_text(content, encoding="utf-8")
    found = read_records(path, labelled=False, strict=False)
    assert found.texts == ("胃", "")
    assert found.problems is not None
    assert found.problems[1]
    assert found.unread == ("", wanted)


def test_numbers_of_json_keep_the_digits_of_an_id(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    ids = ("110101199001011234.0", "110101199001011235.0", "1.5", "7")
    path.write_text("".join(f'{{"id": {one}, "text": "胃", "label": 1.0}}\n' for one in ids))
    found = read_records(path, id_column="id")
    assert (found.ids, found.labels) == (ids, (1, 1, 1, 1))
    with pytest.raises(RecordsError, match="not text but float"):
        read_records(path, text_column="label", labelled=False)
