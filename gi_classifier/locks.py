"""Locks on open files, which end with the process that took them.

In: a file that is open. Out: whether it is ours, and still the one at its path.
"""

from __future__ import annotations

import os
from pathlib import Path


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


def is_at(file: int, path: Path) -> bool:
    """Whether an open file is still the one at a path."""
    try:
        return os.path.samestat(os.fstat(file), path.lstat())
    except FileNotFoundError:
        return False
