from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from gi_classifier.data import delimited
from gi_classifier.data.chunks import check_texts_of, iterate_texts
from gi_classifier.data.readers import read_records
from gi_classifier.data.records import Records
from gi_classifier.errors import LabelError, RecordsError, SettingsError
from gi_classifier.text import normalise
from gi_classifier.text_checks import is_missing

SECRET = "张三机密"


def put(path: Path, content: str) -> Path:
    path.write_bytes(content.encode("utf-8", "surrogateescape"))
    return path


def read(path: Path, **options: object) -> Records:
    return read_records(path, labelled=False, strict=False, **options)


@pytest.mark.parametrize("suffix", [".txt", ".tsv"])
def test_a_first_line_that_names_the_text_makes_a_table(tmp_path: Path, suffix: str) -> None:
    path = put(tmp_path / f"r{suffix}", 'id\ttext\tlabel\n0001\t胃"窦"炎\t1\n\n0002\t"肠\n癌"\t2\n')
    found = read_records(path, id_column="id", num_classes=3)
    assert (found.texts, found.labels, found.ids) == (
        ('胃"窦"炎', "肠\n癌"),
        (1, 2),
        ("0001", "0002"),
    )
    assert (found.lines, found.rows, found.empty) == ((2, 4), (2, 4), 1)
    assert read(path, text_column="id").texts == ("0001", "0002")
    assert read(put(path, "text\n胃癌\n")).texts == ("胃癌",)
    with pytest.raises(RecordsError, match="no column 'label'. It has 2: 'id', 'text'"):
        read_records(put(path, "id\ttext\n1\t胃\n"))


def test_a_table_whose_text_is_called_otherwise_lists_its_columns(tmp_path: Path) -> None:
    path = put(tmp_path / "r.tsv", "id\t报告\n0001\t胃溃疡\n0002\t肺炎\n")
    with pytest.raises(RecordsError, match="no column 'text'. It has 2: 'id', '报告'"):
        read(path)
    assert read(path, text_column="报告", id_column="id").ids == ("0001", "0002")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            "患者主诉\t结果\n胃痛\t胃炎\n",
            "no column 'text'. It has 2: '患者主诉', '结果'.*--text-column",
        ),
        ("病历\t诊断\n胃痛\t胃炎\n", "no column 'text'. It has 2: '病历', '诊断'"),
        ("编号\t病历描述\nx\t胃痛\n", "no column 'text'. It has 2: '编号', '病历描述'"),
        ("编号\t年龄\tEGD\n1\t50\t胃痛\n", "among them '编号', '年龄'; the others are not shown"),
        ("导出时间 2024\ntext\tlabel\n胃痛\t1\n", "Row 2 .*say --header-row 2"),
        ("# 导出\n\n\ntext\tlabel\n胃痛\t1\n", "Row 4 .*say --header-row 4"),
        ("导出\t\t\nID\tText\n1\t胃痛\n", "'Text' is no 'text'.*--header-row 2"),
        ("门诊一览\n编号\t病历描述\n1\t胃痛\n", "Row 2 .*--header-row 2, and --text-column"),
    ],
)
@pytest.mark.parametrize("suffix", [".txt", ".tsv"])
def test_a_row_of_other_names_is_no_record(
    tmp_path: Path, suffix: str, content: str, message: str
) -> None:
    with pytest.raises(RecordsError, match=message):
        read(put(tmp_path / f"r{suffix}", content))


@pytest.mark.parametrize(
    "content", ["GERD\tupper\n", "WBC\tHGB\n", "主诉\t腹痛\n", "胃镜检查\n报告\n", "诊断\t1\n"]
)
def test_records_that_are_short_are_no_row_of_names(tmp_path: Path, content: str) -> None:
    assert len(read(put(tmp_path / "r.tsv", content))) == content.count("\n")


@pytest.mark.parametrize("title", ["sep=,\n", "张三检查一览,,\n", "导出 2024\n\n", "sep=,\n张三\n"])
def test_a_title_above_the_names_of_a_csv_is_said(tmp_path: Path, title: str) -> None:
    path = put(tmp_path / "r.csv", f"{title}id,text\n1,胃痛\n")
    row = title.count("\n") + 1
    with pytest.raises(RecordsError, match=f"say --header-row {row}") as caught:
        read(path)
    assert "张三" not in str(caught.value)
    assert read(path, header_row=row).texts == ("胃痛",)


@pytest.mark.parametrize("suffix", [".tsv", ".csv"])
def test_empty_rows_above_the_names_are_passed_over(tmp_path: Path, suffix: str) -> None:
    mark = "," if suffix == ".csv" else "\t"
    found = read(put(tmp_path / f"r{suffix}", f"\n\nid{mark}text\n1{mark}胃痛\n"))
    assert (found.texts, found.lines, found.rows) == (("胃痛",), (4,), (4,))


def test_quotes_between_tabs_join_no_rows(tmp_path: Path) -> None:
    path = put(tmp_path / "r.tsv", 'id\ttext\n1\t"胃痛\n2\t腹泻\n3\t咳嗽"\n4\t"肠\n癌"\n')
    found = read(path)
    assert found.texts == ('"胃痛', "腹泻", '咳嗽"', "肠\n癌")
    assert (found.lines, found.notes) == ((2, 3, 4, 5), ("1 cells in quotes span lines",))
    found = read(put(tmp_path / "r.csv", 'id,text\n1,"胃\n痛"\n2,"肠\n\n癌"\n'))
    assert found.notes == ("2 cells in quotes span lines",)


def test_no_characters_in_json_are_bad_rows(tmp_path: Path) -> None:
    lines = '{"text": "胃\\u0000痛"}\n{"text": "\\ud83d"}\n{"text": "\\ud83d\\ude00"}\n'
    found = read(put(tmp_path / "r.jsonl", lines))
    assert found.problems == (
        "a NUL character (behind 1 characters)",
        "half of a pair of UTF-16 (behind 0 characters)",
        None,
    )


@pytest.mark.parametrize(
    ("content", "ending"),
    [
        ("id,text\n1,胃痛\n", ".csv"),
        ('"住院号";"诊断"\n1;胃痛\n', ".csv"),
        ('\n{"text": "胃痛"}\n', ".jsonl"),
    ],
)
def test_lines_of_another_form_are_no_records(tmp_path: Path, content: str, ending: str) -> None:
    for name in ("r.txt", "r.tsv"):
        with pytest.raises(RecordsError, match=f"not text. Give the file the ending {ending}"):
            read(put(tmp_path / name, content))
    assert len(read(put(tmp_path / "r.txt", "胃镜, 病理\n{溃疡}\n主诉,腹痛\n"))) == 3


def test_a_name_in_other_case_is_no_column_and_no_record(tmp_path: Path) -> None:
    for name, content in (("r.tsv", "Text\tLabel\n胃\t1\n"), ("r.csv", "Text,Label\n胃,1\n")):
        with pytest.raises(RecordsError, match="'Text' is no 'text': case differs"):
            read_records(put(tmp_path / name, content))
    found = read(put(tmp_path / "r.jsonl", '{"TEXT": "胃"}\n'))
    assert found.problems == ("no object with 'text' 'TEXT' is no 'text': case differs.",)


@pytest.mark.parametrize(
    ("content", "texts"),
    [
        ("胃痛\t1\n肠痛\t2\n", ("胃痛", "肠痛")),
        ("胃痛\t1\n\n肠痛\t 2 \n", ("胃痛", "肠痛")),
        ("血压\t120\n", ("血压\t120",)),
        ("胃痛\t1\n血压\t120\n", ("胃痛\t1", "血压\t120")),
        ("胃痛\t1\n肠痛\n", ("胃痛\t1", "肠痛")),
        ("胃痛\t-1\n", ("胃痛\t-1",)),
        ("胃痛\t0001\n肠痛\t0002\n", ("胃痛", "肠痛")),
        ("胃痛\t01\n肠痛\t1.0\n肺炎\t２\n", ("胃痛", "肠痛", "肺炎")),
        ("胃痛\tupper\n肠痛\t下消化道\n肺炎\tneither 均非\n", ("胃痛", "肠痛", "肺炎")),
        ("胃痛\t1\n咳嗽\n腹泻\t2\n", ("胃痛\t1", "咳嗽", "腹泻\t2")),
        ("胃痛\t1\n\udce8\udc83\n腹泻\t2\n", ("胃痛", "", "腹泻")),
        ("主诉\t腹痛\t1\n主诉\t咳嗽\t0\n", ("主诉\t腹痛", "主诉\t咳嗽")),
        ("WBC\t12.5\n", ("WBC\t12.5",)),
        ("胃痛\t²\n", ("胃痛\t²",)),
    ],
)
def test_what_stands_behind_the_last_tab_is_a_label_only_if_all_lines_have_one(
    tmp_path: Path, content: str, texts: tuple[str, ...]
) -> None:
    assert read(put(tmp_path / "r.txt", content)).texts == texts


def test_tabs_that_stay_in_texts_are_said(tmp_path: Path) -> None:
    found = read(put(tmp_path / "r.txt", "胃痛\t1\n咳嗽\n腹泻\t2\n血压\t120\n"))
    assert "3 of 4 lines have tabs, 2 end in a tab and a label" in found.notes[0]
    assert "read as text" in found.notes[0]
    path = put(tmp_path / "r.txt", "胃\t痛\t1\n腹泻\t2\n")
    assert read(path).notes == read_records(path).notes == ("1 texts hold tabs",)
    assert read(put(tmp_path / "r.txt", "胃痛\t1\n")).notes == ()


def test_a_line_with_a_label_and_no_text_is_bad_and_not_empty(tmp_path: Path) -> None:
    path = put(tmp_path / "r.txt", "胃痛\t1\n\t2\n\n腹泻\t0\n")
    found = read(path)
    assert (found.texts, found.empty, found.lines) == (("胃痛", "", "腹泻"), 1, (1, 2, 4))
    assert found.problems == (None, "the text is empty", None)
    assert read_records(path, labelled=False, skip_blank=True).blank == 1


def test_the_range_of_labels_is_that_of_the_model_and_labels_may_be_words(tmp_path: Path) -> None:
    path = put(tmp_path / "r.txt", "胃痛\t7\n肠痛\t9\n")
    assert read(path).texts == ("胃痛\t7", "肠痛\t9")
    assert read(path, num_classes=10).texts == ("胃痛", "肠痛")
    path = put(tmp_path / "r.txt", "胃痛\t心内科\n肠痛\t呼吸科\n")
    assert read(path).texts == ("胃痛\t心内科", "肠痛\t呼吸科")
    assert read(path, label_names=("心内科", "呼吸科")).texts == ("胃痛", "肠痛")


@pytest.mark.parametrize("suffix", [".txt", ".csv"])
def test_labels_may_be_names(tmp_path: Path, suffix: str) -> None:
    mark, head = ("\t", "") if suffix == ".txt" else (",", "text,label\n")
    names = ("neither 均非", "upper 上消化道", "lower 下消化道")
    rows = [("胃", "上消化道"), ("肠", "LOWER"), ("肺", "0"), ("心", "neither 均非")]
    path = put(tmp_path / f"r{suffix}", head + "".join(f"{t}{mark}{n}\n" for t, n in rows))
    assert read_records(path, num_classes=3, label_names=names).labels == (1, 2, 0, 0)
    with pytest.raises(LabelError, match="not an integer from 0 up: 4 characters"):
        read_records(path, num_classes=3)


def test_a_code_before_a_tab_is_no_text(tmp_path: Path) -> None:
    for content in ("0001\t胃溃疡\n", "A-12\t胃溃疡\n2024-05-01\t肺炎\n", "0001\t胃溃疡\t1\n"):
        with pytest.raises(RecordsError, match="columns without names.*as in id<TAB>text"):
            read(put(tmp_path / "r.tsv", content))
    found = read(put(tmp_path / "r.tsv", "胃癌\n0001\t胃溃疡\n"))
    assert found.texts == ("胃癌", "")
    assert "name the columns" in (found.problems or ("", ""))[1]


@pytest.mark.parametrize(
    "option", ["text_column", "id_column", "group_column", "header_row", "sheet"]
)
def test_an_option_that_cannot_apply_is_wrong_use(tmp_path: Path, option: str) -> None:
    given = {option: 1 if option == "header_row" else "号"}
    for name, content in (("r.txt", "胃痛\n"), ("r.tsv", "胃痛\t1\n")):
        path = put(tmp_path / name, content)
        if option == "header_row":
            with pytest.raises(RecordsError, match="no column 'text'"):
                read(path, **given)
        else:
            with pytest.raises(SettingsError, match="has no column '号'|has no worksheets"):
                read(path, **given)
    path = put(tmp_path / "r.jsonl", '{"text": "胃"}\n')
    if option in ("header_row", "sheet"):
        with pytest.raises(SettingsError, match="leave out --"):
            read(path, **given)


def test_labels_are_not_read_without_being_strict(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="strict=False reads no labels"):
        read_records(put(tmp_path / "r.txt", "胃\t1\n"), strict=False)


def test_the_row_of_names_may_stand_below_titles(tmp_path: Path) -> None:
    content = "检查一览,,\n\nid,text\n1,胃\n2,肠\n"
    path = put(tmp_path / "r.csv", content)
    found = read(path, header_row=3, id_column="id")
    assert (found.texts, found.ids, found.lines, found.rows) == (
        ("胃", "肠"),
        ("1", "2"),
        (4, 5),
        (4, 5),
    )
    with pytest.raises(RecordsError, match="the file is empty"):
        read(path, header_row=9)


BAD_CSV = [
    ('1,"胃"x\n', "not CSV ("),
    ("1,胃,肠\n", "3 cells, the first row has 2: a comma in a text"),
    ("1,nan\n", "the text is empty: it says that a value is missing"),
    ("1,\n", "the text is empty"),
    ("1\n", "the text is empty"),
]


@pytest.mark.parametrize(("bad", "message"), BAD_CSV)
def test_a_bad_row_of_a_csv_stays_in_its_place(tmp_path: Path, bad: str, message: str) -> None:
    path = put(tmp_path / "r.csv", f'id,text\n0,"胃\n痛"\n{bad},,\n2,肠\n3,"肺"\n')
    found = read(path, keep_columns=True)
    assert found.texts == ("胃\n痛", "", "肠", "肺")
    assert found.problems is not None
    assert (found.problems[1] or "").startswith(message)
    assert [found.problems[i] for i in (0, 2, 3)] == [None] * 3
    assert (found.lines, found.rows, found.empty) == ((2, 4, 6, 7), (2, 3, 5, 6), 1)
    assert found.readable == [0, 2, 3]
    assert found.bad == (f"line 4: {found.problems[1]}",)
    assert (found.kept or ())[2] == {"id": "2", "text": "肠"}
    assert list(iterate_texts(path)) == ["胃\n痛", "肠", "肺"]
    counted = check_texts_of(path, strict=False).tally
    assert (counted.readable, tuple(counted.shown)) == (3, found.bad)
    with pytest.raises(RecordsError, match="1 bad rows") as caught:
        read_records(path, labelled=False)
    assert caught.value.problems == list(found.bad)


def test_a_quote_that_never_closes_costs_its_own_line_only(tmp_path: Path) -> None:
    rows = "".join(f"{n},肠{n}\n" for n in range(2000))
    found = read(put(tmp_path / "r.csv", f'id,text\n9,"胃\n{rows}'))
    assert found.problems is not None
    assert found.problems[0] == "not CSV (unexpected end of data)"
    assert found.texts[1:] == tuple(f"肠{n}" for n in range(2000))
    assert found.lines == tuple(range(2, 2003))


@pytest.mark.parametrize("head", ["id,text", "text,id"])
def test_a_line_that_cannot_be_cut_stands_as_the_text_alone(tmp_path: Path, head: str) -> None:
    found = read(put(tmp_path / "r.csv", f'{head}\n2,"便血"了\n1,2,3\n'), id_column="id")
    assert found.ids == ("", "")
    assert found.unread == ('2,"便血"了', "1,2,3")


def test_many_quotes_that_never_close_do_not_read_the_file_again_for_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delimited, "_READ_AGAIN", 10_000)
    again: list[int] = []
    monkeypatch.setattr(
        delimited._Lines,
        "keep_first",
        lambda self, keep=delimited._Lines.keep_first: again.append(len(self.taken)) or keep(self),
    )
    path = put(tmp_path / "r.csv", "text,id\n" + '胃","\n' * 3000 + '"肠\n炎",7\n')
    found = read(path)
    assert found.problems is not None
    assert sum(problem is not None for problem in found.problems) == 3000
    assert found.texts[-1] == "肠\n炎"
    assert max(again) > 1000
    assert sum(again) < 3000 * 110 + 10_000


def test_bad_lines_of_json_stay_in_their_place(tmp_path: Path) -> None:
    lines = [
        '{"text": "胃", "text": "肠"}',
        '{"text": "胃", "a": {"b": 1, "b": 2}}',
        "{",
        "[1]",
        '{"id": 1}',
        '{"text": 5, "id": 1}',
        '{"text": null, "id": 1}',
        "{}",
        "",
        '{"text": null}',
        '{"text": "胃", "n": [1], "x": null, "y": 1.5}',
    ]
    found = read(put(tmp_path / "r.jsonl", "\n".join(lines)), keep_columns=True)
    assert found.problems == (
        "a key stands in an object twice",
        "a key stands in an object twice",
        "not JSON (JSONDecodeError)",
        "not a JSON object",
        "no object with 'text'",
        "not text but int",
        "the text is empty",
        None,
    )
    assert (found.empty, found.lines[-1]) == (3, 11)
    assert (found.kept or ())[-1] == {"text": "胃", "n": "[1]", "x": "", "y": "1.5"}


def test_lines_of_old_macs_are_records_each(tmp_path: Path) -> None:
    for name in ("r.txt", "r.tsv"):
        found = read_records(put(tmp_path / name, "胃痛\t1\r腹泻\t2\r咳嗽\t0\r"))
        assert (found.texts, found.labels) == (("胃痛", "腹泻", "咳嗽"), (1, 2, 0))
    assert len(read(put(tmp_path / "r.csv", "text\r胃痛\r咳嗽\r"))) == 2
    found = read(put(tmp_path / "r.txt", "胃痛\r伴呕吐\n腹泻\r\n"))
    assert found.texts == ("胃痛\r伴呕吐", "腹泻")
    assert found.notes[-1].startswith("1 lines hold carriage returns and are one text each")
    found = read(put(tmp_path / "r.txt", "胃痛\t1\r腹泻\t2\r咳嗽\t0\n"))
    assert found.problems == ("a carriage return behind a tab: several records in one line?",)


MISSING = [
    *("nan", "NaN", "None", "none", "<NA>", "NaT", "NULL", "null", "N/A", "n/a", "#N/A", "NA"),
    *("无", " 无 ", "无。", "无、无", "無", "-", "—", "/", "\u200b", "ＮＡＮ", "（无）"),
]


@pytest.mark.parametrize("word", MISSING)
def test_missing_values_are_blank(tmp_path: Path, word: str) -> None:
    assert is_missing(word)
    for path in (
        put(tmp_path / "r.csv", f"id,text\n1,{word}\n"),
        put(tmp_path / "r.jsonl", json.dumps({"id": 1, "text": word})),
        put(tmp_path / "r.tsv", f"id\ttext\n1\t{word}\n"),
    ):
        assert (read(path).problems or ("",))[0].startswith("the text is empty")  # type: ignore[union-attr]
        assert len(read(path, skip_blank=True)) == 0


@pytest.mark.parametrize(
    "word", ["无力", "无腹痛", "nano", "胃", "无发热，无咳嗽", "none of it", "0"]
)
def test_texts_that_begin_like_a_missing_value_are_none(word: str) -> None:
    assert not is_missing(word)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("r.csv", f"{SECRET},1\n{SECRET}二,0\n"),
        ("r.csv", f"{SECRET}\n"),
        ("r.csv", "张三病史,1\n"),
        ("r.csv", "张三,诊断\n"),
        ("r.csv", f"text,label\n{SECRET},{SECRET}\n"),
        ("r.csv", f'text,label\n"{SECRET}"{SECRET},1\n'),
        ("r.csv", f"text,label\n胃,1,{SECRET}\n"),
        ("r.csv", f"text,label\n胃,{SECRET[:2]}\n"),
        ("r.txt", f"{SECRET}\t{SECRET}\n"),
        ("r.txt", f"1\t{SECRET}\n"),
        ("r.txt", f"{SECRET}\x00\t1\n"),
        ("r.tsv", f"text\tlabel\n{SECRET}\t{SECRET}\n"),
        ("r.jsonl", f'{{"{SECRET}": 1}}\n{{"text": "{SECRET}", "label": "{SECRET}"}}\n'),
        ("r.jsonl", f'{{"text": "{SECRET}", "text": "{SECRET}"}}\n{SECRET}\n'),
        ("r.jsonl", f'{{"text": ["{SECRET}"], "label": 1}}\n'),
    ],
)
def test_no_message_holds_what_stands_in_a_record(tmp_path: Path, name: str, content: str) -> None:
    with pytest.raises((LabelError, RecordsError)) as caught:
        read_records(put(tmp_path / name, content), num_classes=3)
    assert "张三" not in str(caught.value)


@pytest.mark.parametrize("first", ["ZhangSan,ZY20240012", "Li_Si,id", "李四诊断,1", "bad,Anna"])
def test_a_first_row_that_may_be_a_record_is_not_shown(tmp_path: Path, first: str) -> None:
    with pytest.raises(RecordsError, match="not shown since they may be a record") as caught:
        read(put(tmp_path / "r.csv", f"{first}\n"))
    assert not any(cell in str(caught.value) for cell in first.split(",") if len(cell) > 2)
    with pytest.raises(LabelError, match="the label is out of range") as wrong:
        read_records(put(tmp_path / "r.csv", "text,label\n胃,138001380\n"), num_classes=3)
    assert "13800" not in str(wrong.value)


ROWS = st.lists(
    st.tuples(
        st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=12),
        st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=12),
    ),
    min_size=1,
    max_size=5,
)


@pytest.mark.slow
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(ROWS, st.sampled_from([",", "\t"]))
@example([("", "/"), ("0", "0")], ",")
def test_what_the_csv_module_writes_is_read_as_it_was(
    tmp_path: Path, rows: list[tuple[str, str]], mark: str
) -> None:
    content = io.StringIO(newline="")
    csv.writer(content, delimiter=mark).writerows([("id", "text"), *rows])
    # The mark decides the encoding: of any characters, few are common ones.
    path = put(tmp_path / ("r.csv" if mark == "," else "r.tsv"), f"\ufeff{content.getvalue()}")
    found = read(path, id_column="id")
    wanted = [(own.strip(), body) for own, body in rows if normalise(body) or normalise(own)]
    assert found.problems is not None
    pairs = zip(found.ids or (), found.texts, found.problems, strict=True)
    assert len(found) + found.empty == len(rows)
    for (own, body, problem), (first, text) in zip(pairs, wanted, strict=False):
        if not found.empty:
            assert (own, body) == (first, "" if problem else text)
