"""Plain text to pretrain on."""

from __future__ import annotations

import io

import pytest

from gi_classifier.data.passages import check_passages, read_passages


def test_a_dash_is_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.TextIOWrapper(io.BytesIO("胃窦\n直肠\n胃窦\n".encode("gb18030")))
    monkeypatch.setattr("sys.stdin", stream)
    assert list(read_passages(check_passages("-"))) == ["胃窦", "直肠"]
