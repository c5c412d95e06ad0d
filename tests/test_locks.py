"""Locks end with who took them, and are waited for where that is soon."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import pytest

from gi_classifier import locks
from gi_classifier.errors import OutputError
from gi_classifier.locks import is_at, open_locked, try_lock


def test_a_lock_is_one_opener_s_until_it_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    path.touch()
    with path.open("rb") as second:
        with path.open("rb") as first:
            assert try_lock(first.fileno())
            assert not try_lock(second.fileno())
        assert try_lock(second.fileno())


def test_a_file_that_was_replaced_or_removed_is_no_longer_at_its_path(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    path.touch()
    with path.open("rb") as file:
        assert is_at(file.fileno(), path)
        (tmp_path / "other").touch()
        (tmp_path / "other").replace(path)
        assert not is_at(file.fileno(), path)
        path.unlink()
        assert not is_at(file.fileno(), path)


def test_a_locked_file_is_private_and_refused_to_a_second(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    first = open_locked(path, "taken")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(OutputError, match="taken"):
        open_locked(path, "taken")
    os.close(first)
    os.close(open_locked(path, "taken"))


def test_a_lock_that_a_child_holds_for_a_moment_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    # A forked child has what its parent closes: another name of the same open file.
    first = open_locked(path, "taken")
    held_by_child = os.dup(first)
    os.close(first)
    timer = threading.Timer(0.2, os.close, [held_by_child])
    timer.start()
    os.close(open_locked(path, "taken"))
    timer.join()


def test_a_file_removed_before_it_was_locked_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "lock"
    times = iter(range(2))

    def late(file: int) -> bool:
        if next(times) == 0:
            path.unlink()
        return try_lock(file)

    monkeypatch.setattr(locks, "try_lock", late)
    file = open_locked(path, "taken")
    assert is_at(file, path)
    os.close(file)


@pytest.mark.skipif(os.name == "nt", reason="symbolic links")
def test_a_link_in_place_of_a_lock_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "lock").symlink_to(tmp_path / "other")
    with pytest.raises(OSError, match="symbolic links"):
        open_locked(tmp_path / "lock", "taken")
    assert not (tmp_path / "other").exists()
