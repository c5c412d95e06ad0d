"""The state of a long command, kept beside its output until that is written.

In: parts of the work as bytes, by name. Out: the same, when the same command is given again. A
state of other work is refused with what differs, unless the command begins anew.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gi_classifier.cli.outputs import say_how_to_go_on
from gi_classifier.files import sibling, to_json, write_whole
from gi_classifier.identity import check_same_work
from gi_classifier.locks import LockedFolder

_IDENTITY = "identity"


class SavedState:
    """Parts of a command's work, each written whole.

    Parameters
    ----------
    output : Path or None
        Beside it, ``.NAME.state``, which its owner alone may open, holds the parts; without an
        output, nothing is kept.
    identity : mapping
        All that the parts depend on, ready for JSON.
    restart : bool
        Drop the parts that are there, instead of going on from them.
    seconds : float
        Between two times that :meth:`write_seldom` writes.

    Raises
    ------
    OutputError
        Another process that is alive works on the same output.
    OutputExistsError
        The parts that are there are of other work: all that differs is named.
    """

    def __init__(
        self,
        output: Path | None,
        identity: Mapping[str, Any],
        *,
        restart: bool = False,
        seconds: float = 10.0,
    ) -> None:
        self.path = output and sibling(output.absolute(), "state")
        self.seconds = seconds
        self._written = time.monotonic()
        self._folder: LockedFolder | None = None
        if self.path is None:
            return
        if self.path.is_file():
            # A state of the first release was one file.
            self.path.unlink()
        self._folder = LockedFolder(
            self.path,
            f"Another process is working on {output} and is still running. Wait until it ends, "
            "or choose another output.",
            mode=0o700,
        )
        try:
            self._begin(self._folder, to_json(identity), restart)
        except BaseException:
            self._folder.close()
            raise

    def _begin(self, folder: LockedFolder, identity: bytes, restart: bool) -> None:
        """Go on from the parts of the same work; refuse those of other work."""
        if not restart:
            try:
                before = json.loads(self.read(_IDENTITY) or b"")
            except ValueError:
                # What was killed before it said what it is of, or is of an earlier release.
                restart = True
            else:
                check_same_work(folder.path, before, json.loads(identity))
        if restart:
            folder.clear()
        self.write(_IDENTITY, identity)

    def read(self, name: str) -> bytes | None:
        """A part, or None where it was not written."""
        place = self.path and self.path / name
        return place.read_bytes() if place and place.is_file() else None

    def write(self, name: str, content: bytes) -> None:
        """Write a part."""
        if self.path:
            write_whole(self.path / name, content)

    def write_seldom(self, name: str, content: Callable[[], bytes]) -> None:
        """Write a part if the last time is long enough ago."""
        if self.path and time.monotonic() - self._written > self.seconds:
            self.write(name, content())
            self._written = time.monotonic()

    def drop(self) -> None:
        """Remove all parts: the work is done."""
        if self._folder:
            self._folder.remove()

    @contextmanager
    def noting_stops(self) -> Iterator[None]:
        """Note how to go on where work is interrupted; drop the state of what failed at once."""
        try:
            yield
        except KeyboardInterrupt:
            if self._folder:
                self._folder.close()
                say_how_to_go_on()
            raise
        except Exception:
            if self._folder:
                # Nothing was done that could be gone on with.
                if [part.name for part in self._folder.contents()] == [_IDENTITY]:
                    self._folder.remove()
                self._folder.close()
            raise
