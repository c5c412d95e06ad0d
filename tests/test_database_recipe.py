"""The recipe of docs/scaling.md for a database, run as it stands there, on SQLite."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.mark.slow
def test_the_recipe_answers_a_table_in_chunks_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (ROOT / "docs" / "scaling.md").read_text("utf-8")
    (code,) = re.findall(r"```python\n(# A table of a database.*?)```", page, re.S)
    monkeypatch.chdir(tmp_path)
    with sqlite3.connect("hospital.db") as database:
        database.execute("create table records (id integer primary key, diagnosis text)")
        rows = [(1, "胃窦糜烂"), (2, None), (5, "结肠息肉"), (7, "右肺结节"), (8, "无")]
        database.executemany("insert into records values (?, ?)", rows)
    code = code.replace("limit = 10_000", "limit = 2")
    for _ in range(2):
        exec(compile(code, "scaling.md", "exec"), {})
    with sqlite3.connect("hospital.db") as database:
        found = database.execute("select id, label, error from answers order by id").fetchall()
    assert [(key, label) for key, label, _ in found] == [
        *((1, 1), (2, None), (5, 2), (7, 0), (8, None))
    ]
    assert [bool(error) for _, _, error in found] == [False, True, False, False, True]
