"""The rows of a long piece of work, kept beside its output until that is written.

In: rows as plain values, some at a time, and the state of the work behind them. Out: after the
process was killed, the rows and the state of the last time; at the end, all rows one by one.

``.NAME.journal`` is one file of lines, which its owner alone may read. The first says what the work
depends on; then come rows, and behind those that were added together a checkpoint: ``#`` and JSON
of the state and of the rows' sha256. Rows and checkpoint are one write, so what a killed process
left half written has no checkpoint that fits, and is cut off.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from gi_classifier.errors import OutputError
from gi_classifier.files import sibling
from gi_classifier.identity import check_same_work
from gi_classifier.locks import open_locked

_FORMAT = 1
_MARK = b"#"
# A folder in which nothing can be made, though a file in it can be written: one that is mounted.
_NO_PLACE = (errno.EACCES, errno.EPERM, errno.EROFS)


def journal_of(output: Path) -> Path:
    """Where the journal of an output is kept."""
    return sibling(output.absolute(), "journal")


class Journal:
    """Rows that were done, and the state behind them; see :func:`open_journal`.

    Attributes
    ----------
    state : dict or None
        As it was given with the last rows; None where there are none.
    is_kept : bool
        Whether the rows outlive the process.
    """

    def __init__(self, file: IO[bytes], identity: Mapping[str, Any], path: Path | None) -> None:
        self.state: dict[str, Any] | None = None
        self.is_kept = path is not None
        self._file = file
        first = _line({"journal": _FORMAT, **identity})
        # What a killed process left of its first line says nothing.
        if not (line := file.readline()).endswith(b"\n"):
            file.seek(0)
            file.truncate()
            file.write(line := first)
            self._sync()
        check_same_work(path, _read(line), _read(first))
        self._begin = len(line)
        self._end = self._restore()
        file.truncate(self._end)

    def _restore(self) -> int:
        """Read up to the last whole checkpoint; return where it ends."""
        self._file.seek(self._begin)
        end = self._begin
        digest = hashlib.sha256()
        for line in self._file:
            if not line.startswith(_MARK):
                digest.update(line)
                continue
            found = _read(line[1:])
            if not line.endswith(b"\n") or found.get("sha256") != digest.hexdigest():
                break
            self.state = found["state"]
            end += found["bytes"] + len(line)
            digest = hashlib.sha256()
        return end

    def add(self, rows: Sequence[Mapping[str, Any]], state: Mapping[str, Any]) -> None:
        """Keep rows, and the state of the work once they are done: both or neither."""
        body = b"".join(map(_line, rows))
        checkpoint = {
            "sha256": hashlib.sha256(body).hexdigest(),
            "bytes": len(body),
            "state": state,
        }
        content = body + _MARK + _line(checkpoint)
        self._file.seek(self._end)
        self._file.write(content)
        self._sync()
        self._end += len(content)
        self.state = dict(state)

    def rows(self) -> Iterator[dict[str, Any]]:
        """All rows, in the order in which they were added."""
        self._file.seek(self._begin)
        for line in self._file:
            if not line.startswith(_MARK):
                yield _read(line)

    def _sync(self) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())


@contextmanager
def open_journal(
    output: Path | None, identity: Mapping[str, Any], *, restart: bool = False
) -> Iterator[Journal]:
    """Open the journal of an output, locked; it is removed where the work ends well.

    Parameters
    ----------
    output : Path or None
        Beside it the journal is kept; without, and where the folder takes no file, it is a
        temporary file that ends with the process.
    identity : mapping
        All that the rows depend on, ready for JSON; of tables, each entry is compared by itself.
    restart : bool
        Drop what an earlier process left.

    Raises
    ------
    OutputExistsError
        What is there is of other work: all that differs is named.
    OutputError
        Another process that is alive writes the same output.
    """
    path = output and journal_of(output)
    file = None
    try:
        if path:
            file = _locked(path)
    except OSError as error:
        if isinstance(error, OutputError) or error.errno not in _NO_PLACE:
            raise
    if file is None or path is None:
        with tempfile.TemporaryFile() as unnamed:
            yield Journal(unnamed, identity, None)
        return
    with file:
        if restart:
            file.truncate(0)
        journal = Journal(file, identity, path)
        try:
            yield journal
        except BaseException:
            # Nothing was done that could be gone on with.
            if journal.state is None:
                _remove(path)
            raise
        _remove(path)
    # Windows removes no file that is open; elsewhere another process may have made it anew.
    if os.name == "nt":
        _remove(path)


def _locked(path: Path) -> IO[bytes]:
    """Open a file that only its owner may read, and that no other process has locked."""
    number = open_locked(
        path,
        f"Another process is writing {path} and is still running. Wait until it ends, or choose "
        "another output.",
    )
    os.chmod(path, 0o600)
    return os.fdopen(number, "r+b")


def _remove(path: Path) -> None:
    with suppress(PermissionError):
        path.unlink(missing_ok=True)


def _line(table: Mapping[str, Any]) -> bytes:
    """A line of JSON; half of a character stays as it is."""
    text = json.dumps(table, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "surrogatepass") + b"\n"


def _read(line: bytes) -> dict[str, Any]:
    """What :func:`_line` wrote; empty where it is not whole."""
    try:
        table = json.loads(line.decode("utf-8", "surrogatepass"))
    except ValueError:
        return {}
    return table if isinstance(table, dict) else {}
