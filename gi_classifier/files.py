"""Files and directories written whole or not at all, and JSON for people.

In: bytes. Out: a file that is either whole or as it was. What is being written is a hidden
sibling, ``.NAME.draft``, that its owner alone may read; one that a killed process left is removed
by the next run that writes the same name. What is mounted at its very place cannot be replaced
and is written in place.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import shutil
import stat
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from gi_classifier.errors import (
    GIClassifierError,
    MissingPathError,
    OutputError,
    OutputExistsError,
)
from gi_classifier.locks import is_at, try_lock

# What file managers and notebooks leave in every folder.
LEFT_BY_TOOLS = (".DS_Store", ".ipynb_checkpoints", "Thumbs.db", "desktop.ini")
_SURROGATE = re.compile("[\ud800-\udfff]")
# The longest name of a file, in bytes, on all common systems.
_LONGEST_NAME = 255
# How long another process may take over writing the same name.
_PATIENCE_SECONDS = 60.0
# A mounted file is busy; the folder around it may be read-only, or another file system.
_IN_PLACE = (errno.EBUSY, errno.EACCES, errno.EPERM, errno.EROFS, errno.EXDEV)
# What a system says of a file that another program has open.
_MAYBE_OPEN = (errno.EBUSY, errno.EACCES, errno.EPERM, errno.ETXTBSY)


def to_json(table: Any) -> bytes:
    """JSON for people: indented, UTF-8, with a line end."""
    return encode(json.dumps(table, ensure_ascii=False, indent=2) + "\n")


def encode(content: str) -> bytes:
    """UTF-8; lone surrogates, which no file encoding holds, become U+FFFD."""
    return _SURROGATE.sub("\ufffd", content).encode("utf-8")


def sibling(path: Path, purpose: str) -> Path:
    """The hidden path beside another that serves a purpose of its own: ``.NAME.PURPOSE``."""
    return _beside(path, ".", purpose)


def beside(path: Path, purpose: str) -> Path:
    """The path beside another that belongs to it: ``NAME.PURPOSE``."""
    return _beside(path, "", purpose)


def _beside(path: Path, before: str, purpose: str) -> Path:
    """A short digest stands for a name that would make another too long."""
    name = f"{before}{path.name}.{purpose}"
    if len(os.fsencode(name)) > _LONGEST_NAME:
        digest = hashlib.sha256(os.fsencode(path.name)).hexdigest()[:16]
        name = f"{before}{digest}.{purpose}"
    return path.with_name(name)


def read_regular(path: Path, *, size: int | None = None, most: int | None = None) -> bytes:
    """Read a file that is one, not a pipe or a device, which might never end.

    Parameters
    ----------
    path : Path
    size : int, optional
        Bytes that it must have.
    most : int, optional
        Bytes that it may have.

    Raises
    ------
    OSError
        It is not there, or may not be read.
    ValueError
        It is no regular file, or of another size.
    """
    if not stat.S_ISREG(path.stat().st_mode):
        raise ValueError("it is no regular file")
    # Another file may have taken its place since.
    file = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    with os.fdopen(file, "rb") as opened:
        state = os.fstat(opened.fileno())
        if not stat.S_ISREG(state.st_mode):
            raise ValueError("it is no regular file")
        if size is not None and state.st_size != size:
            raise ValueError(f"it has {state.st_size:,} bytes, not {size:,}")
        if most is not None and state.st_size > most:
            raise ValueError(f"it has {state.st_size:,} bytes; at most {most:,} are read")
        return opened.read(state.st_size)


def left_by_tools(name: str) -> bool:
    """Whether a file of this name belongs to a file manager or a notebook, not to a user."""
    return name in LEFT_BY_TOOLS or name.startswith("._")


def check_output(path: str | Path, *, force: bool = False) -> Path:
    """Return where a file may be written, or raise, before any work is done.

    Raises
    ------
    OutputExistsError
        Something is there and ``force`` was not given.
    MissingPathError
        Its folder does not exist.
    OutputError
        It is no file, or cannot be written.
    """
    path = Path(path).absolute()
    with _explained(path):
        if path.is_dir():
            raise OutputError(f"{path} is a folder. Name a file in it.")
        _check_free(path, force)
        if path.exists():
            if not path.is_file():
                raise OutputError(f"{path} is no regular file. Choose another place.")
            path.open("r+b").close()
        _check_folder(path)
        _try(path, _empty_file)
    return path


def check_output_directory(path: str | Path, *, force: bool = False) -> Path:
    """Return where a directory may be written, or raise, before any work is done.

    Raises
    ------
    OutputExistsError
        Something is there and ``force`` was not given.
    MissingPathError
        The folder around it does not exist.
    OutputError
        It cannot be written.
    """
    path = Path(path).absolute()
    with _explained(path):
        if not path.exists():
            _recover(path)
        _check_free(path, force)
        _check_folder(path)
        _try(path, _empty_directory)
    return path


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Raise errors of the system as ours, with a way out."""
    try:
        yield
    except GIClassifierError:
        raise
    except OSError as error:
        way_out = "Choose another place."
        if error.errno == errno.ENAMETOOLONG:
            way_out = "Choose a shorter name."
        elif error.errno in _MAYBE_OPEN:
            way_out = "Choose another place, or close the file where it is open (in Excel, say)."
        raise OutputError(f"{path} cannot be written: {error.strerror}. {way_out}") from error


def _check_free(path: Path, force: bool) -> None:
    if path.exists() and not force:
        raise OutputExistsError(f"{path} exists. Choose another place, or force it (--force).")


def _check_folder(path: Path) -> None:
    folder = Path(os.path.realpath(path)).parent
    if not folder.is_dir():
        raise MissingPathError(f"There is no folder {folder}. Make it first: mkdir -p '{folder}'")


def _try(path: Path, make: Callable[[Path], None]) -> None:
    """Make and drop a draft; it may fail where something writable is there already."""
    target = Path(os.path.realpath(path))
    try:
        with _draft(target, make):
            pass
    except OSError as error:
        if not (_goes_in_place(error, target) and os.access(target, os.W_OK)):
            raise


def _goes_in_place(error: OSError, target: Path) -> bool:
    """Whether what is at a path has to be written over, since it cannot be replaced."""
    return error.errno in _IN_PLACE and target.exists()


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that it is either whole or as it was before; it keeps its mode.

    Raises
    ------
    OSError
        The disk is full, say; what was at ``path`` is untouched, unless it is mounted at its very
        place.
    """
    with whole_file(path) as file:
        file.write(content)


@contextmanager
def whole_file(path: Path) -> Iterator[IO[bytes]]:
    """The same for what is written bit by bit: at the end, if nothing was raised, it is there."""
    target = Path(os.path.realpath(path))
    with ExitStack() as stack:
        try:
            draft = stack.enter_context(_draft(target, _empty_file))
        except OSError as error:
            if not _goes_in_place(error, target):
                raise
            with target.open("r+b") as file:
                file.truncate()
                yield file
                _to_disk(file)
            return
        with draft.open("r+b") as file:
            yield file
            _to_disk(file)
        try:
            draft.chmod(_mode(target, 0o666))
            draft.replace(target)
        except OSError as error:
            if not _goes_in_place(error, target):
                raise
            with draft.open("rb") as source, target.open("r+b") as file:
                file.truncate()
                shutil.copyfileobj(source, file)
                _to_disk(file)


def _write(path: Path, content: bytes) -> None:
    """Write over a file that is there, to the disk."""
    with path.open("r+b") as file:
        file.truncate()
        file.write(content)
        _to_disk(file)


def _to_disk(file: IO[bytes]) -> None:
    file.flush()
    os.fsync(file.fileno())


def _mode(path: Path, usual: int) -> int:
    """The mode of what is at a path; of something new, the usual one less the user's mask."""
    with suppress(FileNotFoundError):
        return stat.S_IMODE(path.stat().st_mode)
    mask = os.umask(0o077)
    os.umask(mask)
    return usual & ~mask


@contextmanager
def _draft(path: Path, make: Callable[[Path], None]) -> Iterator[Path]:
    """A new private sibling of a path, locked; unless it was renamed, it is gone at the end."""
    draft = sibling(path, "draft")
    lock = _claimed(draft, make)
    try:
        yield draft
    finally:
        # Once it was renamed, another process may have made one of the same name.
        if lock is None or is_at(lock, draft):
            _remove(draft)
        if lock is not None:
            os.close(lock)


def _empty_file(draft: Path) -> None:
    draft.touch(mode=0o600, exist_ok=False)


def _empty_directory(draft: Path) -> None:
    draft.mkdir(mode=0o700)


def _claimed(draft: Path, make: Callable[[Path], None]) -> int | None:
    """Make a draft once no living process has one of this name; return the lock on it."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            make(draft)
        except FileExistsError:
            if not _remove_abandoned(draft):
                if time.monotonic() > deadline:
                    raise OutputError(f"Another process is writing {draft}. Try later.") from None
                time.sleep(0.05)
            continue
        if os.name == "nt":
            return None
        with suppress(FileNotFoundError):
            lock = os.open(draft, os.O_RDONLY)
            if try_lock(lock) and is_at(lock, draft):
                return lock
            os.close(lock)


def _remove_abandoned(draft: Path) -> bool:
    """Remove what a killed process left; False where the process lives."""
    if os.name == "nt" or draft.is_symlink():
        # Windows does not remove what is open.
        with suppress(PermissionError):
            _remove(draft)
        return not draft.exists()
    with suppress(FileNotFoundError):
        lock = os.open(draft, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
        try:
            if not try_lock(lock):
                return False
            if is_at(lock, draft):
                _remove(draft)
        finally:
            os.close(lock)
    return True


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def check_owned(path: Path, names: Collection[str]) -> None:
    """Raise where a directory that is to be replaced holds anything but files of these names.

    What file managers and notebooks leave in every folder does not count.
    """
    if not path.is_dir():
        raise OutputExistsError(f"{path} exists and is no directory; it is not replaced.")
    found = {entry.name for entry in path.iterdir() if not left_by_tools(entry.name)}
    foreign = sorted(found - set(names))
    if foreign:
        raise OutputExistsError(
            f"{path} exists and is not replaced, since it holds what this command did not write:",
            foreign,
        )


def write_directory(files: Mapping[str, bytes], path: Path) -> None:
    """Write a directory's files to a sibling, and put that in the directory's place.

    In a directory that is mounted at its very place, the files are replaced one by one, the last
    one of ``files`` at the end.
    """
    path = path.resolve()
    try:
        with _draft(path, _empty_directory) as draft:
            for name, content in files.items():
                _empty_file(draft / name)
                _write(draft / name, content)
                (draft / name).chmod(_mode(path / name, 0o666))
            draft.chmod(_mode(path, 0o777))
            _recover(path)
            if path.exists():
                path.rename(sibling(path, "before"))
            draft.rename(path)
        shutil.rmtree(sibling(path, "before"), ignore_errors=True)
    except OSError as error:
        if not _goes_in_place(error, path):
            raise
        _write_files(files, path)


def _write_files(files: Mapping[str, bytes], path: Path) -> None:
    """Replace a directory's files; without the last one of them it counts as no result."""
    if files:
        (path / list(files)[-1]).unlink(missing_ok=True)
    for entry in list(path.iterdir()):
        if entry.name not in files and not left_by_tools(entry.name):
            _remove(entry)
    for name, content in files.items():
        write_whole(path / name, content)


def _recover(path: Path) -> None:
    """Finish or undo a replacement that was killed between its two renames."""
    before = sibling(path, "before")
    if before.is_dir():
        if path.exists():
            shutil.rmtree(before)
        else:
            before.rename(path)
