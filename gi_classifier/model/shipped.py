"""The model that ships: read and hashed once in a process, by one lock, whatever it is used for.

In: what opens a model directory. Out: what it opened, the same for every caller and thread.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from gi_classifier.model.directory import ModelDirectory, load

T = TypeVar("T")

_PACKAGE = Path(__file__).parent.parent
# Opening one thing may open another.
_lock = threading.RLock()
_opened: dict[Any, Any] = {}


def _free_lock() -> None:
    """In a forked process: the thread that held the lock is not in it."""
    global _lock
    _lock = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_free_lock)


def shipped() -> Path:
    """The model directory that ships: inside the installed package, or beside it in a clone."""
    inside = _PACKAGE / "weights"
    return inside if inside.is_dir() else _PACKAGE.parent / "weights"


def shipped_directory() -> ModelDirectory:
    """Its files, read by the first call that needs them."""
    with _lock:
        if load not in _opened:
            _opened[load] = load(shipped())
        found: ModelDirectory = _opened[load]
        return found


def open_shipped(opens: Callable[[ModelDirectory], T]) -> T:
    """What ``opens`` makes of the model that ships, made by the first call that asks for it."""
    with _lock:
        if opens not in _opened:
            _opened[opens] = opens(shipped_directory())
        found: T = _opened[opens]
        return found


def open_shared(directory: ModelDirectory, opens: Callable[[ModelDirectory], T]) -> T:
    """What ``opens`` makes of a directory; of the model that ships, what is open already."""
    # A directory with metadata of its own has the same files; an unpickled one has a copy.
    if (known := _opened.get(load)) is not None and directory.files is known.files:
        return open_shipped(opens)
    return opens(directory)


def load_or_shipped(path: str | Path | None) -> ModelDirectory:
    """The model directory at a path; without one, that of the model that ships."""
    return shipped_directory() if path is None else load(path)
