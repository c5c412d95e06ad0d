"""What a stopped process left is gone on with, or refused, or cut off where it is torn."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from gi_classifier.errors import OutputError, OutputExistsError
from gi_classifier.pipelines import journal as module
from gi_classifier.pipelines.journal import journal_of, open_journal

IDENTITY = {"model": "a", "input": {"r.csv": {"bytes": 1}}, "option": {"use": None}}
ROWS = [{"text": "胃\n#\ud800", "line": 2}, {"text": "肠\u2028", "line": 3}]


class Stopped(BaseException):
    """In place of a signal."""


def left_by_a_stopped_run(output: Path) -> Path:
    with suppress(Stopped), open_journal(output, IDENTITY) as journal:
        journal.add(ROWS, {"at": 2})
        journal.add([], {"at": 3})
        raise Stopped
    return journal_of(output)


def found(output: Path, **options: Any) -> tuple[list[dict[str, Any]], object]:
    try:
        with open_journal(output, IDENTITY, **options) as journal:
            rows, state = list(journal.rows()), journal.state
            raise Stopped
    except Stopped:
        return rows, state


def test_rows_and_state_are_found_again(tmp_path: Path) -> None:
    left_by_a_stopped_run(tmp_path / "a.csv")
    assert found(tmp_path / "a.csv") == (ROWS, {"at": 3})
    assert found(tmp_path / "a.csv") == (ROWS, {"at": 3})
    assert found(tmp_path / "a.csv", restart=True) == ([], None)


def test_a_journal_is_private_and_gone_when_the_work_is_done(tmp_path: Path) -> None:
    path = left_by_a_stopped_run(tmp_path / "a.csv")
    assert path.name == ".a.csv.journal"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with open_journal(tmp_path / "a.csv", IDENTITY):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_run_stopped_before_it_did_anything_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(Stopped), open_journal(tmp_path / "a.csv", IDENTITY):
        raise Stopped
    assert list(tmp_path.iterdir()) == []


def test_what_is_torn_is_cut_off_wherever_it_is_torn(tmp_path: Path) -> None:
    path = left_by_a_stopped_run(tmp_path / "a.csv")
    whole = path.read_bytes()
    first = whole.index(b"\n") + 1
    middle = whole.index(b"\n", whole.index(b'"at":2')) + 1
    for end in range(len(whole) + 1):
        path.write_bytes(whole[:end])
        rows, state = found(tmp_path / "a.csv")
        if end == len(whole):
            assert (rows, state) == (ROWS, {"at": 3})
        elif end >= middle:
            assert (rows, state) == (ROWS, {"at": 2})
        else:
            assert (rows, state) == ([], None)
            assert end < first or not path.exists()


def test_rows_that_were_changed_are_not_taken(tmp_path: Path) -> None:
    path = left_by_a_stopped_run(tmp_path / "a.csv")
    path.write_bytes(path.read_bytes().replace(b'"line":3', b'"line":4'))
    assert found(tmp_path / "a.csv") == ([], None)


def test_other_work_is_refused_with_all_that_differs(tmp_path: Path) -> None:
    left_by_a_stopped_run(tmp_path / "a.csv")
    other = {"model": "b", "input": {"r.csv": {"bytes": 2}}, "option": {"use": None}}
    with pytest.raises(OutputExistsError, match="stopped command left") as error:
        open_journal(tmp_path / "a.csv", other).__enter__()
    assert error.value.problems == [
        'model: "a" then, "b" now',
        "input: r.csv: bytes: 1 then, 2 now",
    ]
    assert found(tmp_path / "a.csv")[1] == {"at": 3}


def test_two_runs_do_not_write_one_journal(tmp_path: Path) -> None:
    second = open_journal(tmp_path / "a.csv", IDENTITY)
    with open_journal(tmp_path / "a.csv", IDENTITY), pytest.raises(OutputError, match="Another"):
        second.__enter__()


@pytest.mark.skipif(os.name == "nt", reason="what is open is removed")
def test_the_journal_that_another_begins_at_the_end_of_ours_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = iter([True])

    def remove(path: Path) -> None:
        path.unlink()
        if next(first, False):
            path.write_bytes(b"of another")

    monkeypatch.setattr(module, "_remove", remove)
    with open_journal(tmp_path / "a.csv", IDENTITY):
        pass
    assert journal_of(tmp_path / "a.csv").read_bytes() == b"of another"


def test_where_no_file_can_be_made_rows_end_with_the_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise PermissionError(13, "refused")

    monkeypatch.setattr(module, "_locked", refused)
    with open_journal(tmp_path / "a.csv", IDENTITY) as journal:
        journal.add(ROWS, {"at": 2})
        assert (list(journal.rows()), journal.is_kept) == (ROWS, False)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name == "nt", reason="symbolic links")
def test_a_link_in_a_journals_place_is_not_followed(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_bytes(b"mine")
    journal_of(tmp_path / "a.csv").symlink_to(other)
    with pytest.raises(OSError, match="symbolic links"):
        open_journal(tmp_path / "a.csv", IDENTITY).__enter__()
    assert other.read_bytes() == b"mine"
