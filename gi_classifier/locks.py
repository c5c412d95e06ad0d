"""Locks on open files, which end with the process that took them.

In: a file that is open, or a path. Out: whether it is ours, and still the one at its path.
"""

from __future__ import annotations

import os
from pathlib import Path

from gi_classifier.errors import OutputError


def try_lock(file: int) -> bool:
    """Lock an open file until it is closed or its process ends; False where another has it.

    File systems that know no locks let everybody through.
    """
    try:
        import fcntl
    except ImportError:
        import msvcrt

        try:
            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
        except OSError:
            return False
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


def open_locked(path: Path, refusal: str) -> int:
    """Open a private file, made where it is missing, and lock it; no link is followed.

    Parameters
    ----------
    path : Path
    refusal : str
        What to say where another process that is alive has it.

    Returns
    -------
    int
        To read and write, and to close; that unlocks it.

    Raises
    ------
    OutputError
        Another process has it.
    OSError
        It cannot be opened; FileNotFoundError where its folder is not there.
    """
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    while True:
        file = os.open(path, flags, 0o600)
        if not try_lock(file):
            os.close(file)
            raise OutputError(refusal)
        if is_at(file, path):
            return file
        # Its owner ended and removed it between the two.
        os.close(file)


def is_at(file: int, path: Path) -> bool:
    """Whether an open file is still the one at a path."""
    try:
        return os.path.samestat(os.fstat(file), path.lstat())
    except FileNotFoundError:
        return False
