from __future__ import annotations

from pathlib import Path

from gi_classifier.locks import is_at, try_lock


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
