"""The command report, as a user runs it."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_line import run

from gi_classifier.attribution import keyword_counts
from gi_classifier.cli import keyword_count
from gi_classifier.cli.saved_state import SavedState
from gi_classifier.data import chunks
from gi_classifier.errors import RecordsError


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


def test_what_is_refused_at_its_beginning_leaves_no_state(tmp_path: Path) -> None:
    for begun, kept in ((False, []), (True, [".page.html.state"])):
        state = SavedState(tmp_path / "page.html", {"share": 0.2})
        if begun:
            state.write("records", b"{}")
        with pytest.raises(RecordsError), state.noting_stops():
            raise RecordsError("no record")
        assert [path.name for path in tmp_path.iterdir()] == kept


@pytest.mark.slow
def test_stopped_in_either_half_and_gone_on_the_page_is_that_of_one_run(
    corpus: Path, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chunks, "CHUNK_ROWS", 10)
    monkeypatch.setattr(keyword_counts, "_CHUNK", 10)
    monkeypatch.setattr(keyword_count, "_STATE_SECONDS", 0.0)
    write = SavedState.write
    output = tmp_path / "report.html"
    common = ("report", corpus, "--model", trained, "--output")
    run(*common, tmp_path / "whole.html")

    def stop_after(part: str, count: int) -> None:
        left = iter(range(count))

        def written(self: SavedState, name: str, content: bytes) -> None:
            write(self, name, content)
            if name == part and next(left, None) is None:
                raise KeyboardInterrupt

        monkeypatch.setattr(SavedState, "write", written)

    for part, count in (("records", 1), ("progress", 1)):
        stop_after(part, count)
        assert "--restart begins anew" in run(*common, output, code=130).stderr
        assert not output.exists()
    refused = run(*common, output, "--share", "0.5", code=1).stderr
    assert "option: share: 0.2 then, 0.5 now" in refused
    monkeypatch.setattr(SavedState, "write", write)
    assert "Going on after 20 of 31 records" in run(*common, output).stderr
    whole = (tmp_path / "whole.html").read_text("utf-8")
    assert output.read_text("utf-8") == whole
    assert [path.name for path in tmp_path.glob(".*")] == []
