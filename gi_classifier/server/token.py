"""The bearer token: read from a file that nobody else can read, compared in constant time.

In: a path. Out: the token, or an error that says what is wrong with the file; never the token.
"""

from __future__ import annotations

import ipaddress
import os
import re
import secrets
import stat
from pathlib import Path

from gi_classifier.errors import MissingPathError, SettingsError

_LEAST = 16
_TOKEN = re.compile(r"[!-~]+")
# Of systemd: where a unit finds what LoadCredential= gives it.
_CREDENTIALS = "CREDENTIALS_DIRECTORY"
_MAKE = "Make one with: (umask 077; openssl rand -hex 32 > token)"


def read_token(path: Path) -> str:
    """The token in a file.

    Raises
    ------
    MissingPathError
        There is no such file.
    SettingsError
        Others may read it, or it holds no token.
    """
    if not path.is_file():
        raise MissingPathError(f"No file with a token at {path}. {_MAKE}")
    mode = path.stat().st_mode
    others = stat.S_IRWXG | stat.S_IRWXO
    if path.absolute().parent == Path(os.environ.get(_CREDENTIALS) or os.devnull):
        # The folder is the service's alone; its access list shows as the group's right to read.
        others &= ~stat.S_IRGRP
    if os.name == "posix" and mode & others:
        raise SettingsError(
            f"{path} can be read or written by others (mode {stat.S_IMODE(mode):03o}): its token "
            f"is none. Make another, and keep the file to yourself: chmod 600 {path}"
        )
    found = path.read_bytes()[:4096].decode("ascii", "replace").strip()
    if len(found) < _LEAST or not _TOKEN.fullmatch(found):
        raise SettingsError(
            f"{path} holds no token: one line of at least {_LEAST} ASCII characters without "
            f"spaces. Received: {len(found)} characters. {_MAKE}"
        )
    return found


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches a host."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_bearer(header: bytes, token: str) -> bool:
    """Whether an ``Authorization`` header holds the token; the time does not say how much of it."""
    scheme, _, given = header.partition(b" ")
    return scheme.lower() == b"bearer" and secrets.compare_digest(given.strip(), token.encode())
