"""Shared by the tests of commands: a small file of records, the first of them twice."""

from __future__ import annotations

from pathlib import Path

import pytest
from samples import made_up_records


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    path = tmp_path / "records.txt"
    rows = made_up_records(30)
    lines = [f"{text}\t{label}\n" for text, label in [*rows, rows[0]]]
    path.write_text("".join(lines), encoding="utf-8")
    return path
