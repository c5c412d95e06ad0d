"""Which files are meant by what a user names: files, folders, patterns; and what they hold.

In: paths as they were given. Out: paths of files in order, and their size and sha256.
"""

from __future__ import annotations

import glob
import hashlib
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from gi_classifier.data.encodings import STANDARD_INPUT, open_file
from gi_classifier.data.opening import FORMATS
from gi_classifier.errors import MissingPathError

_PART = 1 << 20


def files_of(given: Sequence[str | Path], but: Iterable[Path] = ()) -> tuple[list[Path], bool]:
    """The files that paths, folders and patterns name, each once.

    Parameters
    ----------
    given : sequence of str or Path
        A folder stands for the files of records directly in it, a pattern (``*``, ``?``, ``[…]``,
        ``**``) for those that fit it; both in the order of their names, hidden ones left out.
    but : iterable of Path
        What no folder or pattern stands for: an output.

    Returns
    -------
    list of Path
    bool
        Whether there may be several: a row then names its file.

    Raises
    ------
    MissingPathError
        A folder or a pattern names no file: all of them.
    """
    left_out = {path.resolve() for path in but}
    found: dict[Path, None] = {}
    missing = []
    several = False
    for path in map(Path, given):
        if path == STANDARD_INPUT or path.is_file():
            found[path] = None
            continue
        listed = _listed(path)
        if listed is None:
            # What opens it says that it is missing.
            found[path] = None
            continue
        several = True
        kept = [one for one in listed if one.resolve() not in left_out]
        found.update(dict.fromkeys(kept))
        if not kept:
            missing.append(f"{path}: no file of {', '.join(FORMATS)}")
    if missing:
        raise MissingPathError("No file of records in:", missing)
    return list(found), several or len(found) > 1


def _listed(path: Path) -> list[Path] | None:
    """The files in a folder, or those that fit a pattern; None where it is neither."""
    if path.is_dir():
        inside: Iterable[Path] = path.iterdir()
    elif glob.has_magic(str(path)):
        inside = map(Path, glob.iglob(str(path), recursive=True))
    else:
        return None
    return sorted(
        one
        for one in inside
        if one.suffix.lower() in FORMATS and not one.name.startswith(".") and one.is_file()
    )


def contents_of(files: Sequence[Path]) -> dict[str, Any]:
    """Size and sha256 of each file, by its path."""
    found = {}
    for path in files:
        digest, size = hashlib.sha256(), 0
        with open_file(path) as file:
            while part := file.read(_PART):
                digest.update(part)
                size += len(part)
        found[str(path)] = {"bytes": size, "sha256": digest.hexdigest()}
    return found


def stamp_of(path: Path) -> tuple[int, int] | None:
    """What changes when a file is written: its size and its time; None for standard input."""
    if path == STANDARD_INPUT:
        return None
    state = os.stat(path)
    return state.st_size, state.st_mtime_ns
