"""What a stopped measurement of completeness goes on from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from completeness import keep_rows, kept_rows, rounds


def test_rounds_hold_every_text_once_and_each_of_them_every_length() -> None:
    texts = ["胃" * n for n in range(1, 1001)]
    found = list(rounds(texts))
    assert sorted(text for part in found for text in part) == sorted(texts)
    assert [len(text) for text in found[0] + found[1]] == list(range(1, 1001, 8))


def test_what_was_kept_of_another_model_or_other_records_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "done.txt"
    assert kept_rows(None, "model records") == kept_rows(path, "model records") == []
    rows = [[0.1 + 0.2, np.float64(1e-17), 1.0], [0.5, np.float64(0), 0.0]]
    keep_rows(path, "model records", rows)
    assert kept_rows(path, "model records") == rows
    with pytest.raises(SystemExit, match=r"done\.txt is of another model or other records"):
        kept_rows(path, "model others")
