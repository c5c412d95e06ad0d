"""A token's file: kept from others, or refused."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gi_classifier.errors import MissingPathError, SettingsError
from gi_classifier.server.token import is_bearer, is_loopback, read_token

TOKEN = "0123456789abcdef"


def written(path: Path, content: str, mode: int = 0o600) -> Path:
    path.write_text(content, "utf-8")
    path.chmod(mode)
    return path


def test_a_token_is_read_without_its_line_end(tmp_path: Path) -> None:
    assert read_token(written(tmp_path / "token", f"{TOKEN}\n")) == TOKEN


@pytest.mark.skipif(os.name != "posix", reason="modes of POSIX")
@pytest.mark.parametrize("mode", [0o644, 0o640, 0o602, 0o604])
def test_a_file_that_others_may_read_or_write_is_refused(tmp_path: Path, mode: int) -> None:
    with pytest.raises(SettingsError, match=f"by others .mode {mode:03o}.*chmod 600") as caught:
        read_token(written(tmp_path / "token", TOKEN, mode))
    assert TOKEN not in str(caught.value)


@pytest.mark.skipif(os.name != "posix", reason="modes of POSIX")
def test_a_credential_of_systemd_shows_its_access_list_as_the_group(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert read_token(written(tmp_path / "token", TOKEN, 0o440)) == TOKEN
    with pytest.raises(SettingsError, match="by others"):
        read_token(written(tmp_path / "other", TOKEN, 0o444))


@pytest.mark.parametrize("content", ["", "\n", "short", "two words of a token", "令牌" * 10])
def test_what_is_no_token_is_refused_without_being_shown(tmp_path: Path, content: str) -> None:
    with pytest.raises(SettingsError, match="holds no token") as caught:
        read_token(written(tmp_path / "token", content))
    assert not content.strip() or content not in str(caught.value)


def test_a_token_that_is_not_there_is_missed(tmp_path: Path) -> None:
    with pytest.raises(MissingPathError, match="Make one with"):
        read_token(tmp_path / "nonesuch")


def test_only_the_whole_token_opens() -> None:
    assert is_bearer(f"Bearer {TOKEN}".encode(), TOKEN)
    assert is_bearer(f"bearer {TOKEN}".encode(), TOKEN)
    for header in ("", "Bearer", f"Bearer {TOKEN}0", f"Bearer {TOKEN[:-1]}", f"Basic {TOKEN}"):
        assert not is_bearer(header.encode(), TOKEN)
    assert not is_bearer("Bearer 令牌".encode(), TOKEN)


def test_which_hosts_this_machine_alone_reaches() -> None:
    assert all(map(is_loopback, ["127.0.0.1", "127.9.9.9", "localhost", "::1"]))
    assert not any(map(is_loopback, ["0.0.0.0", "::", "10.0.0.1", "gi.example", ""]))
