"""The keyword table on screens of several widths."""

from __future__ import annotations

import re

import pandas as pd
import pytest
from rich.cells import cell_len

from gi_classifier.cli.keyword_screen import show_table

TABLE = pd.DataFrame(
    {
        "keyword": ["胃窦黏膜充血水肿糜烂", "[b]肠\u202e"],
        "label": [0, 0],
        "frequency": [12345, 6],
        "documents": [11111, 5],
        "mean": [1.2345, -0.5],
        "total": [123456.789, 3.0],
        "share": [0.25, 0.0],
        "distinctiveness": [1.5, 12.0],
        "example": ["…见胃窦黏膜充血水肿糜烂，" * 4, "\x1b[2J[/]:x:"],
    }
)


@pytest.mark.parametrize("width", [40, 60, 80, 120, 300])
def test_words_and_numbers_are_never_cut(
    width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    show_table(TABLE, ["[x]"], top=2, against=False)
    out = re.sub(r"\x1b\[\d*m", "", capsys.readouterr().out)
    assert "\x1b" not in out
    lines = out.splitlines()
    assert lines[0].strip() == "0 [x]"
    assert all(cell_len(line) <= width for line in lines if not line.startswith("(too narrow"))
    words = out.split()
    for whole in ("12,345", "123456.789", "[b]肠\\u202e"):
        assert whole in words
    assert "胃窦黏膜充血水肿糜烂" in out or ("糜烂" in words and width == 40)
    assert ("example" in out) is (width >= 120)
    assert ("too narrow for" in out) is (width <= 80)


def test_a_pipe_gets_it_whole(capsys: pytest.CaptureFixture[str]) -> None:
    show_table(TABLE, ["[x]"], top=1, against=True)
    out = capsys.readouterr().out
    assert "against 0 [x]" in out
    assert "…见胃窦黏膜充血水肿糜烂，" * 4 in out
    assert "… and 1 more" in out
