"""The command report, as a user runs it."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_line import run


@pytest.mark.slow
def test_report_is_one_page_that_says_where_it_was_written(
    corpus: Path, trained: Path, tmp_path: Path
) -> None:
    output = tmp_path / "report.html"
    done = run("report", corpus, "--model", trained, "--output", output)
    assert f"Written to {output}" in done.stderr
    page = output.read_text(encoding="utf-8")
    assert "http://" not in page
    assert "Line 行 1 " in page
    assert "command report, " in page
    assert "share 0.2" in page
    assert "https://" not in page
    assert "exists. Choose another" in run("report", corpus, "--output", output, code=1).stderr
