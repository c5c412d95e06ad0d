"""Locks on open files and on folders, which end with the process that took them.

In: a file that is open, or a path. Out: whether it is ours, and still the one at its path.
"""

from __future__ import annotations

import os
import shutil
import time
import weakref
from contextlib import suppress
from pathlib import Path

from gi_classifier.errors import OutputError

# A child that was just forked holds what its parent closes, until it runs its own program.
_TRIES, _PAUSE = 20, 0.05


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

    A lock that another has is asked for again for a second.

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
        if not _locked_soon(file):
            os.close(file)
            raise OutputError(refusal)
        if is_at(file, path):
            return file
        # Its owner ended and removed it between the two.
        os.close(file)


def _locked_soon(file: int) -> bool:
    for _ in range(_TRIES - 1):
        if try_lock(file):
            return True
        time.sleep(_PAUSE)
    return try_lock(file)


def is_at(file: int, path: Path) -> bool:
    """Whether an open file is still the one at a path."""
    try:
        return os.path.samestat(os.fstat(file), path.lstat())
    except FileNotFoundError:
        return False


class LockedFolder:
    """A folder that one process at a time works in, made where it is missing.

    Parameters
    ----------
    path : Path
    refusal : str
        What to say where another process that is alive has it.
    mode : int
        Of a folder that is made.

    Raises
    ------
    OutputError
        Another process has it.
    """

    _LOCK = "lock"

    def __init__(self, path: Path, refusal: str, mode: int = 0o777) -> None:
        self.path = path
        while True:
            path.mkdir(mode=mode, exist_ok=True)
            # Who had it before may have removed it meanwhile.
            with suppress(FileNotFoundError):
                file = open_locked(path / self._LOCK, refusal)
                break
        self._unlock = weakref.finalize(self, os.close, file)

    def contents(self) -> list[Path]:
        """What was left in it."""
        return [path for path in self.path.iterdir() if path.name != self._LOCK]

    def clear(self) -> None:
        """Remove the files that were left in it."""
        for path in self.contents():
            path.unlink()

    def close(self) -> None:
        """Let others have it."""
        self._unlock()

    def remove(self) -> None:
        """Remove it with all that is in it, and let others make it anew."""
        # Windows removes no file that is open; elsewhere another may have it once it is closed.
        if os.name == "nt":
            self._unlock()
            shutil.rmtree(self.path, ignore_errors=True)
        elif self._unlock.alive:
            shutil.rmtree(self.path)
            self._unlock()
