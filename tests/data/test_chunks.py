"""A file read in chunks is the file read at once, from wherever the reading goes on."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import pytest
from made_workbooks import row, sheet_xml, text, write_workbook

from gi_classifier.data import chunks as module
from gi_classifier.data.chunks import RecordChunks, Tally
from gi_classifier.data.readers import read_records
from gi_classifier.data.records import Records

LINES = [
    "0001,胃溃疡",
    "0002,nan",
    ",",
    '0003,"肠\n息肉"',
    "0004,\udce7胃",
    "",
    "5,a,b",
    "6,痔",
] * 3


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHUNK_ROWS", 4)


def files(folder: Path) -> list[Path]:
    content = "\n".join(["id,text", *LINES, ","]).encode("utf-8", "surrogateescape")
    made = {
        "a.csv": content,
        "b.tsv": content.replace(b",", b"\t"),
        "c.jsonl": '{"id": 1, "text": "胃"}\n\n{"text": "肠"}\n{\n'.encode() * 5,
        "e.csv": "id,text\n1,胃溃疡\n".encode("gb18030") * 6,
    }
    for name, body in made.items():
        (folder / name).write_bytes(body)
    cells = [row(n, text(f"A{n}", str(n)), text(f"B{n}", "胃" * (n % 3))) for n in range(2, 12)]
    names = row(1, text("A1", "id"), text("B1", "text"))
    write_workbook(folder / "d.xlsx", sheet_xml(names, *cells))
    return sorted(folder.iterdir())


def joined(parts: list[Records]) -> dict[str, list[object]]:
    names = ("texts", "lines", "rows", "ids", "kept", "problems", "unread")
    return {name: [x for part in parts for x in getattr(part, name)] for name in names}


def test_chunks_together_are_the_file_read_at_once(tmp_path: Path) -> None:
    for path in files(tmp_path):
        for skip_blank in (False, True):
            options = {"id_column": "id", "keep_columns": True, "skip_blank": skip_blank}
            source = RecordChunks(path, **options)  # type: ignore[arg-type]
            parts = list(source)
            whole = read_records(path, labelled=False, strict=False, **options)  # type: ignore[arg-type]
            assert joined(parts) == joined([whole])
            assert max(map(len, parts)) == 4
            tally = source.tally
            assert (tally.blank, tally.empty) == (whole.blank, whole.empty)
            assert (tally.bad, tally.shown) == (len(whole.bad), list(whole.bad[:20]))
            assert (source.notes, source.encoding) == (whole.notes, whole.encoding)
            assert source.share == 1


def test_reading_goes_on_from_any_tally(tmp_path: Path) -> None:
    for path in files(tmp_path):
        source = RecordChunks(path, keep_columns=True)
        tallies, parts = [asdict(source.tally)], []
        for part in source:
            parts.append(part)
            tallies.append(asdict(source.tally))
        for number, tally in enumerate(tallies):
            rest = RecordChunks(path, Tally(**tally), keep_columns=True)
            assert list(rest) == parts[number:]
            assert rest.tally == source.tally
            assert rest.notes == source.notes


def test_long_texts_make_short_chunks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHUNK_CHARACTERS", 10)
    path = tmp_path / "r.txt"
    path.write_text("胃" * 30 + "\n胃痛\n腹泻\n" + "肠" * 9 + "\n痔\n", encoding="utf-8")
    assert [len(part) for part in RecordChunks(path)] == [1, 3, 1]


def test_a_share_of_the_file_is_known_on_the_way(tmp_path: Path) -> None:
    path = tmp_path / "r.csv"
    path.write_text("text\n" + "胃溃疡\n" * 20_000, encoding="utf-8")
    source = RecordChunks(path)
    shares = [source.share for _ in source]
    known = [share for share in shares if share is not None]
    assert len(known) > len(shares) / 2
    assert known == sorted(known)
