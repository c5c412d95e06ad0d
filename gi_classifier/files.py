"""Files and directories written whole or not at all, and JSON for people.

In: bytes. Out: a file that is either whole or as it was; drafts are hidden siblings.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from gi_classifier.errors import OutputExistsError


def to_json(table: Any) -> bytes:
    """JSON for people: indented, UTF-8, with a line end."""
    return (json.dumps(table, ensure_ascii=False, indent=2) + "\n").encode("utf-8")


def sibling(path: Path, purpose: str) -> Path:
    """The hidden path beside another that serves a purpose of its own."""
    return path.with_name(f".{path.name}.{purpose}")


def check_output(path: str | Path, *, force: bool = False) -> Path:
    """Return an output path, or raise because something is there and ``force`` was not given.

    Raises
    ------
    OutputExistsError
        Naming the path and the way out.
    """
    path = Path(path).absolute()
    if not path.exists():
        _recover(path)
    if path.exists() and not force:
        raise OutputExistsError(f"{path} exists. Choose another place, or force it (--force).")
    return path


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that it is either whole or as it was before."""
    draft = sibling(path, f"{os.getpid()}.draft")
    try:
        with draft.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def check_owned(path: Path, names: Collection[str]) -> None:
    """Raise where a directory that is to be replaced holds anything but files of these names."""
    if not path.is_dir():
        raise OutputExistsError(f"{path} exists and is no directory; it is not replaced.")
    foreign = sorted({entry.name for entry in path.iterdir()} - set(names))
    if foreign:
        raise OutputExistsError(
            f"{path} exists and is not replaced, since it holds what this command did not write:",
            foreign,
        )


def write_directory(files: Mapping[str, bytes], path: Path) -> None:
    """Write a directory's files to a sibling, and put that in the directory's place."""
    path = path.resolve()
    path.parent.mkdir(parents=True, exist_ok=True)
    draft, before = sibling(path, f"{os.getpid()}.draft"), sibling(path, "before")
    try:
        draft.mkdir()
        for name, content in files.items():
            with (draft / name).open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        _recover(path)
        if path.exists():
            path.rename(before)
        draft.rename(path)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    shutil.rmtree(before, ignore_errors=True)


def _recover(path: Path) -> None:
    """Finish or undo a replacement that was killed between its two renames."""
    before = sibling(path, "before")
    if before.is_dir():
        if path.exists():
            shutil.rmtree(before)
        else:
            before.rename(path)
