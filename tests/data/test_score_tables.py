from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pytest

from gi_classifier.data.score_tables import read_scores
from gi_classifier.errors import RecordsError, SettingsError

FRAME = pd.DataFrame(
    {
        "page": ["a", "b", "c", "d"],
        "confidence": [0.5, 1e-3, -2, 7],
        "科室": ["急诊", "内科", None, "急诊"],
        "valid": [True, False, True, False],
    }
)


@pytest.mark.parametrize("ending", [".csv", ".jsonl", ".xlsx", ".tsv", ".parquet"])
def test_a_table_reads_the_same_in_every_format(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"scores{ending}"
    if ending in (".csv", ".tsv"):
        FRAME.to_csv(path, index=False, sep="\t" if ending == ".tsv" else ",")
    elif ending == ".jsonl":
        FRAME.to_json(path, orient="records", lines=True, force_ascii=False)
    elif ending == ".xlsx":
        FRAME.to_excel(path, index=False)
    else:
        FRAME.to_parquet(path)
    found = read_scores(path, ["confidence"], group_column="科室")
    np.testing.assert_array_equal(found.scores, FRAME[["confidence"]])
    np.testing.assert_array_equal(found.valid, FRAME["valid"])
    assert found.groups == ("急诊", "内科", "", "急诊")


def test_dates_are_no_scores_and_a_group_that_was_never_computed_is_a_bad_row(
    tmp_path: Path,
) -> None:
    book = openpyxl.Workbook()
    book.active.append(["confidence", "科室", "valid"])
    for row in ([0.5, "内科", 1], [date(2024, 3, 5), "内科", 1], [0.5, "=A1", 0]):
        book.active.append(row)
    path = tmp_path / "scores.xlsx"
    book.save(path)
    with pytest.raises(RecordsError, match="2 bad rows") as caught:
        read_scores(path, ["confidence"], group_column="科室")
    date_row, formula_row = caught.value.problems
    assert date_row == "line 3: 'confidence' is no finite number"
    assert formula_row.startswith("line 4: column '科室' is ")
    assert len(read_scores(path, ["valid"]).scores) == 3


def table(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(["score,other,valid", *lines]) + "\n", "utf-8")
    return path


def test_whether_a_row_is_valid_may_be_written_as_people_do(tmp_path: Path) -> None:
    words = {"1": 1, "0": 0, "1.0": 1, "TRUE": 1, "no": 0, "是": 1, "否": 0, "有效": 1, "无效": 0}
    path = table(tmp_path / "t.csv", *(f"1,2,{word}" for word in words))
    assert read_scores(path, ["score"]).valid.astype(int).tolist() == [*words.values()]


def test_all_bad_rows_are_said_at_once_and_nothing_that_stands_in_them(tmp_path: Path) -> None:
    lines = ("1,2,1", "secret,nan,1", ",,", "1,inf,maybe", ",2,")
    with pytest.raises(RecordsError, match="3 bad rows") as caught:
        read_scores(table(tmp_path / "t.csv", *lines), ["score", "other"])
    assert caught.value.problems == [
        "line 3: 'score' is no finite number; no 'other'",
        "line 5: 'other' is no finite number; "
        "'valid' is neither 1 nor 0, true nor false, 是 nor 否",
        "line 6: no 'score'; no 'valid'",
    ]
    assert "secret" not in str(caught.value)


def test_rows_without_a_score_are_left_out_where_that_is_asked_for(tmp_path: Path) -> None:
    path = table(tmp_path / "t.csv", "1,,1", "2,3,0", ",3,1")
    found = read_scores(path, ["score"], skip_blank=True)
    assert (len(found), found.lines, found.left_out) == (2, (2, 3), 1)


def test_a_table_without_a_column_or_a_row_is_said(tmp_path: Path) -> None:
    with pytest.raises(RecordsError, match="no column 'novelty'"):
        read_scores(table(tmp_path / "t.csv", "1,2,1"), ["score", "novelty"])
    with pytest.raises(RecordsError, match="No row with all scores in"):
        read_scores(table(tmp_path / "t.csv", ",2,1"), ["score"], skip_blank=True)
    plain = tmp_path / "t.txt"
    plain.write_text("胃窦糜烂\t1\n", "utf-8")
    with pytest.raises(SettingsError, match="has no column 'score', 'valid'"):
        read_scores(plain, ["score"])
