"""Parquet files are read and written as the other tables are."""

from __future__ import annotations

import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gi_classifier.data import parquet
from gi_classifier.data.readers import read_records
from gi_classifier.data.writers import write_results
from gi_classifier.errors import MissingExtraError, RecordsError, SettingsError


def write(path: Path, **columns: object) -> Path:
    pq.write_table(pa.table(columns), path, row_group_size=2)
    return path


def test_rows_are_read_with_what_is_wrong_with_them(tmp_path: Path) -> None:
    day = datetime.date(2024, 5, 1)
    path = write(
        tmp_path / "r.parquet",
        id=[1, 2, 3, None, 5],
        text=["胃溃疡", None, "无", None, "肠\n息肉"],
        day=[day, day, None, None, day],
    )
    found = read_records(path, labelled=False, strict=False, id_column="id", keep_columns=True)
    assert found.texts == ("胃溃疡", "", "", "肠\n息肉")
    assert found.lines == found.rows == (1, 2, 3, 5)
    assert found.ids == ("1", "2", "3", "5")
    assert found.bad == (
        "line 2: the text is empty",
        "line 3: the text is empty: it says that a value is missing",
    )
    assert found.kept is not None
    assert found.kept[0] == {"id": "1", "text": "胃溃疡", "day": "2024-05-01"}
    assert (found.encoding, found.empty) == ("parquet", 1)


def test_a_text_that_is_a_number_is_a_bad_row_and_labels_are_read(tmp_path: Path) -> None:
    path = write(tmp_path / "r.parquet", text=["胃", "肠"], label=[1, 2])
    assert read_records(path).labels == (1, 2)
    path = write(tmp_path / "n.parquet", text=[7, 8], label=[1, 2])
    with pytest.raises(RecordsError, match="not text but int"):
        read_records(path)


def test_what_is_no_parquet_or_lacks_a_column_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "r.parquet"
    for content in (b"", b"PAR1" + bytes(50)):
        path.write_bytes(content)
        with pytest.raises(RecordsError, match="not a readable Parquet file"):
            read_records(path, labelled=False)
    write(path, text=["胃" * 50] * 100)
    whole = path.read_bytes()
    path.write_bytes(whole[:4] + bytes(len(whole) // 2) + whole[4 + len(whole) // 2 :])
    with pytest.raises(RecordsError, match="not a readable Parquet file"):
        read_records(path, labelled=False)
    write(path, 报告=["胃"])
    with pytest.raises(RecordsError, match="no column 'text'"):
        read_records(path, labelled=False)
    for option in ({"sheet": "x"}, {"header_row": 1}):
        with pytest.raises(SettingsError):
            read_records(path, labelled=False, text_column="报告", **option)  # type: ignore[arg-type]


def test_numbers_are_written_as_numbers_and_the_rest_as_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet, "_ROWS", 2)
    rows = [
        {"line": i, "text": "胃\ud800", "label": i or None, "probability": 0.5, "科": "内"}
        for i in range(3)
    ]
    del rows[1]["科"]
    path = tmp_path / "r.parquet"
    write_results(rows, path)
    found = pq.read_table(path)
    assert [str(kind) for kind in found.schema.types] == [
        *("int64", "string", "int64", "double", "string")
    ]
    assert found.column("label").to_pylist() == [None, 1, 2]
    assert found.column("科").to_pylist() == ["内", None, "内"]
    assert found.column("text").to_pylist() == ["胃\ufffd"] * 3


def test_labels_that_are_words_and_shares_named_after_them_are_written(tmp_path: Path) -> None:
    rows = [
        {"line": 2, "text": "胃", "label": "心内科", "probability_心内科": 1, "page": 1},
        {"line": 3, "text": "肠", "label": None, "probability_心内科": 0.25, "page": None},
    ]
    path = tmp_path / "r.parquet"
    write_results(rows, path)
    found = pq.read_table(path)
    assert [str(kind) for kind in found.schema.types] == [
        *("int64", "string", "string", "double", "int64")
    ]
    assert found.to_pylist() == rows


def test_columns_without_any_value_have_the_type_that_they_would_have(tmp_path: Path) -> None:
    rows = [{"line": 2, "text": "", "label": None, "probability_0": None, "name": None}]
    path = tmp_path / "r.parquet"
    write_results(rows, path)
    kinds = [str(kind) for kind in pq.read_table(path).schema.types]
    assert kinds == ["int64", "string", "int64", "double", "string"]


def test_a_text_that_is_no_utf_8_is_a_bad_row(tmp_path: Path) -> None:
    cells = ["胃".encode(), "肠炎".encode("gb18030"), None, "痔".encode()]
    for kind, plain in ((pa.string(), pa.binary()), (pa.large_string(), pa.large_binary())):
        path = write(tmp_path / "r.parquet", text=pa.array(cells, plain).view(kind), n=[1, 2, 3, 4])
        found = read_records(path, labelled=False, strict=False)
        assert found.texts == ("胃", "", "", "痔")
        assert found.bad == (
            "line 2: not utf-8 text (byte 0xB3 behind 0 characters)",
            "line 3: the text is empty",
        )


def test_without_pyarrow_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'gi_classifier\[parquet\]'"):
        parquet.check_parquet()
