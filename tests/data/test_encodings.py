from __future__ import annotations

import gzip
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gi_classifier.data.encodings import (
    common_characters,
    line_problem,
    recognise,
    text_lines,
)
from gi_classifier.data.readers import read_records
from gi_classifier.errors import MissingPathError, RecordsError

ROOT = Path(__file__).resolve().parents[2]
LINES = ("胃窦充血糜烂", "结肠多发息肉切除", "发热咳嗽三天", "食管癌")


def put(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "r.txt"
    path.write_bytes(content)
    return path


def read(tmp_path: Path, content: bytes) -> tuple[str, list[str], list[str | None]]:
    """Encoding, lines without their ends, and what is wrong with each."""
    path = put(tmp_path, content)
    encoding = recognise(path).name
    lines = [line.rstrip("\r\n") for line in text_lines(path, encoding)]
    return encoding, lines, [line_problem(line, encoding) for line in lines]


@pytest.mark.parametrize(
    "bad",
    [
        "胃窦".encode()[:-2],
        "胃窦".encode()[:-1],
        "结肠息肉".encode()[1:],
        "慢性胃炎".encode("gb18030"),
        "胃痛，头痛；呕血".encode("gb18030"),
        "胃\x00窦".encode(),
        b"\x80",
        b"\xff\x81",
        "胃痛".encode("gb18030"),
        "呕血3天".encode("gb18030"),
    ],
)
@pytest.mark.parametrize("place", [0, 2, 4])
def test_a_utf8_file_with_one_bad_line_is_utf8_and_the_line_is_named(
    tmp_path: Path, bad: bytes, place: int
) -> None:
    rows = [line.encode() for line in LINES]
    rows.insert(place, bad)
    encoding, lines, problems = read(tmp_path, b"\n".join(rows))
    assert encoding == "utf-8"
    assert [line for i, line in enumerate(lines) if i != place] == list(LINES)
    assert [i for i, problem in enumerate(problems) if problem] == [place]
    assert "byte 0x" in (problems[place] or "") or "looks like gb18030" in (problems[place] or "")


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ("结肠息肉".encode("gb18030")[:-1], "not gb18030 text (byte 0xC8 behind 3 characters)"),
        ("胃".encode("gb18030") + b"\x80", "not gb18030 text (byte 0x80 behind 1 characters)"),
        ("胃\x00痛".encode("gb18030"), "a NUL character (byte 0x00 behind 1 characters)"),
        ("胃癌\u0378".encode("gb18030"), "characters that GB18030 does not assign"),
        ("胃食管反流病".encode(), "it looks like utf-8, in a file that is gb18030"),
    ],
)
def test_a_gbk_file_with_one_bad_line_is_gb18030_and_the_line_is_named(
    tmp_path: Path, bad: bytes, message: str | None
) -> None:
    rows = [line.encode("gb18030") for line in LINES]
    encoding, lines, problems = read(tmp_path, b"\r\n".join([*rows[:2], bad, *rows[2:]]))
    assert encoding == "gb18030"
    assert [line for i, line in enumerate(lines) if i != 2] == list(LINES)
    assert [problem for i, problem in enumerate(problems) if i != 2] == [None] * 4
    assert problems[2] == message


@pytest.mark.parametrize("text", ["Ω", "θ 5", "Привет", "Ωμέγα", "naïve", "αβγ", "שלום", "μ Ω"])
def test_other_letters_in_utf8_are_what_they_are(tmp_path: Path, text: str) -> None:
    content = "\n".join([*LINES, text]).encode()
    assert read(tmp_path, content) == ("utf-8", [*LINES, text], [None] * 5)


def test_private_characters_of_old_systems_are_read(tmp_path: Path) -> None:
    encoding, lines, problems = read(tmp_path, "胃窦炎".encode("gb18030") + b"\xaa\xa1\n")
    assert (encoding, lines, problems) == ("gb18030", ["胃窦炎\ue000"], [None])
    assert read(tmp_path, "胃窦炎\ue000".encode())[1:] == (["胃窦炎\ue000"], [None])


@pytest.mark.parametrize(
    "words", ["胃痛", "头痛", "呕血", "胃痛\n头痛\n呕血", "胃痛,1\n痰血,2", "毛霉"]
)
def test_gbk_that_happens_to_be_utf8_is_read_as_chinese(tmp_path: Path, words: str) -> None:
    content = words.encode("gb18030")
    # It is UTF-8 too, of Greek, Hebrew or Latin letters.
    assert content.decode("utf-8") != words
    assert read(tmp_path, content)[:2] == ("gb18030", words.split("\n"))


@pytest.mark.parametrize(
    "words",
    ["µ", "°", "±", "37.5°C", "5 µg/L ± 0.3", "a·b×c", "Guillain-Barré", "HCG-β 5", "Ménière"],
)
def test_signs_of_utf8_do_not_become_ideographs(tmp_path: Path, words: str) -> None:
    assert read(tmp_path, f"{words}\nabc\n".encode())[:2] == ("utf-8", [words, "abc"])


@pytest.mark.parametrize(
    "words",
    [
        *("Боль в животе", "Боль\nВсё", "α\nβ\nαβγ", "Πόνος στην κοιλιά", "ألم في المعدة"),
        *(
            "Ból żołądka",
            "Mide ağrısı",
            "Đau bụng",
            "Žaludeční vřed",
            "żółć",
            "כאב בטן",
            "위통이 있음",
        ),
    ],
)
def test_other_scripts_in_utf8_without_chinese_are_utf8(tmp_path: Path, words: str) -> None:
    found = words.split("\n")
    assert read(tmp_path, words.encode()) == ("utf-8", found, [None] * len(found))


@pytest.mark.parametrize(
    ("words", "encoding"),
    [("胃潰瘍", "big5"), ("위궤양", "euc-kr"), ("胃溃疡", "gbk"), ("胃未位", "gbk")],
)
def test_where_too_few_characters_decide_a_note_says_so(
    tmp_path: Path, words: str, encoding: str
) -> None:
    assert "characters" in recognise(put(tmp_path, words.encode(encoding))).note
    assert recognise(put(tmp_path, (words * 5).encode())).note == ""


def test_a_korean_text_that_gbk_reads_as_chinese_is_said(tmp_path: Path) -> None:
    words = "위염으로 입원하였다, 대장 용종 절제술"
    assert "Korean" in recognise(put(tmp_path, words.encode("euc-kr"))).note
    assert recognise(put(tmp_path, "胃炎入院，行大肠息肉切除术".encode("gbk"))).note == ""
    # A line for either encoding: that the share decided stays said.
    tied = recognise(put(tmp_path, "hašiš\n".encode() + words.encode("euc-kr"))).note
    assert re.match("gb18030 by its share of common .*; all of its .* Korean", tied)


def test_where_no_line_decides_the_note_says_by_what_it_was_decided(tmp_path: Path) -> None:
    assert recognise(put(tmp_path, "·".encode())).note.startswith("utf-8 by its share of common")
    assert recognise(put(tmp_path, "胃窦炎".encode())).note == ""
    assert recognise(put(tmp_path, b"abc")).note == ""
    found = read_records(put(tmp_path, "·\t1\n".encode()))
    assert found.notes[0].startswith("utf-8 by its share of common characters, 100%")


@pytest.mark.parametrize(
    ("words", "encoding"),
    [
        ("患者因反覆上腹部疼痛三年入院，胃鏡檢查顯示胃竇部潰瘍，建議切除", "big5"),
        ("患者は上腹部痛を訴え、胃カメラで潰瘍を認めた。大腸ポリープ切除術", "shift-jis"),
        ("患者は上腹部痛を訴え、胃カメラで潰瘍を認めた。大腸ポリープ切除術", "euc-jp"),
    ],
)
def test_other_encodings_are_refused_not_read_as_nonsense(
    tmp_path: Path, words: str, encoding: str
) -> None:
    with pytest.raises(RecordsError, match="neither UTF-8 nor GB18030 text: only .*Big5, Shift"):
        recognise(put(tmp_path, words.encode(encoding)))
    # In UTF-8 they are what they are.
    assert read(tmp_path, words.encode())[:2] == ("utf-8", [words])


def test_a_few_characters_in_another_encoding_are_bad_rows_or_said(tmp_path: Path) -> None:
    for word in ("胃痛", "腸鏡"):
        path = put(tmp_path, word.encode("big5"))
        found = recognise(path)
        problems = [line_problem(line, found.name) for line in text_lines(path, found.name)]
        assert any(problems) or "common" in found.note


def test_traditional_characters_in_gbk_are_read(tmp_path: Path) -> None:
    words = "患者因反覆上腹部疼痛三年入院，胃鏡檢查顯示胃竇部潰瘍，建議切除"
    assert read(tmp_path, words.encode("gbk"))[:2] == ("gb18030", [words])


@pytest.mark.parametrize(
    ("encoding", "name"),
    [
        ("utf-16", "utf-16-le"),
        ("utf-16-be", "utf-16-be"),
        ("utf-32", "utf-32-le"),
        ("utf-32-be", "utf-32-be"),
        ("utf-8-sig", "utf-8-sig"),
    ],
)
def test_a_mark_at_the_beginning_decides(tmp_path: Path, encoding: str, name: str) -> None:
    content = "胃窦\t1\r\n肠😀\t2\r\n".encode(encoding)
    # Without an order of bytes in their name, these codecs write the mark themselves.
    mark = b"" if encoding in ("utf-16", "utf-32", "utf-8-sig") else "\ufeff".encode(encoding)
    found = read(tmp_path, mark + content)
    assert found == (name, ["胃窦\t1", "肠😀\t2"], [None, None])


def test_utf16_cut_in_a_character_names_its_last_line(tmp_path: Path) -> None:
    _, lines, problems = read(tmp_path, "胃\n肠".encode("utf-16")[:-1])
    assert lines[0] == "胃"
    assert problems[0] is None
    assert "not utf-16-le text" in (problems[1] or "")


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_any_line_end_ends_a_line_also_between_two_parts(tmp_path: Path, ending: str) -> None:
    for size in range((1 << 20) - 3, (1 << 20) + 2):
        content = f"{'a' * size}{ending}胃{ending}".encode()
        assert read(tmp_path, content)[1] == ["a" * size, "胃"]


def test_packed_files_are_read_and_torn_ones_named(tmp_path: Path) -> None:
    path = tmp_path / "r.txt.gz"
    path.write_bytes(gzip.compress("胃痛\n".encode("gb18030")))
    assert recognise(path).name == "gb18030"
    path.write_bytes(gzip.compress(b"a" * 9_000)[:-4])
    with pytest.raises(RecordsError, match="not a whole gzip file"):
        recognise(path)
    with pytest.raises(MissingPathError, match=r"No file at .*none\.txt"):
        recognise(tmp_path / "none.txt")


def test_common_characters_are_those_of_records_and_of_the_language() -> None:
    common = common_characters()
    assert 2_500 <= len(common) <= 3_500
    assert set("胃窦肠痔的是不了") <= common
    assert not set("鑳冪獥\n") & common
    text = (ROOT / "data" / "dev" / "admissions.txt").read_text(encoding="utf-8")
    ideographs = [c for c in text if "\u4e00" <= c <= "\u9fff"]
    assert sum(c in common for c in ideographs) > 0.98 * len(ideographs)


RECORDS = [
    line.split("\t")[0]
    for line in (ROOT / "data" / "test.txt").read_text(encoding="utf-8").splitlines()[:400]
]


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(st.sampled_from(RECORDS), min_size=1, max_size=4), st.sampled_from(["utf-8", "gbk"])
)
def test_real_records_are_read_as_they_were_in_either_encoding(
    tmp_path: Path, records: list[str], encoding: str
) -> None:
    content = "\n".join(records)
    try:
        written = content.encode(encoding)
    except UnicodeEncodeError:
        return
    name, lines, problems = read(tmp_path, written)
    assert content.isascii() or name.startswith(encoding[:2])
    assert (lines, set(problems)) == (records, {None})
