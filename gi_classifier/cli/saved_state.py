"""The state of a long command, kept beside its output until that is written.

In: parts of the work as bytes, by name. Out: the same, when the same command is given again. A
state of other records, model or settings is refused, unless the command begins anew.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path

from gi_classifier.cli.outputs import say_how_to_go_on
from gi_classifier.errors import RecordsError
from gi_classifier.files import sibling, write_whole

_DIGEST = "digest"


class SavedState:
    """Parts of a command's work, each written whole.

    Parameters
    ----------
    output : Path or None
        Beside it, ``.NAME.state`` holds the parts; without an output, nothing is kept.
    digest : str
        Of all that the parts depend on.
    restart : bool
        Drop the parts that are there, instead of going on from them.
    seconds : float
        Between two times that :meth:`write_seldom` writes.

    Raises
    ------
    RecordsError
        The parts that are there are of other work.
    """

    def __init__(
        self, output: Path | None, digest: str, *, restart: bool = False, seconds: float = 10.0
    ) -> None:
        self.path = output and sibling(output.absolute(), "state")
        self.seconds = seconds
        self._written = time.monotonic()
        if self.path is None:
            return
        if restart:
            self.drop()
        else:
            self._check(digest)
        self.path.mkdir(mode=0o700, exist_ok=True)
        write_whole(self.path / _DIGEST, digest.encode())

    def _check(self, digest: str) -> None:
        place = self.path and self.path / _DIGEST
        if not place or not place.is_file():
            # What was killed before it said what it is of.
            self.drop()
        elif place.read_text(encoding="utf-8") != digest:
            raise RecordsError(
                f"{self.path} is of other records, model or settings. Give that command again, or "
                "begin anew with --restart."
            )

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
        """Remove all parts: the work is done, or begins anew."""
        if self.path and self.path.is_dir():
            shutil.rmtree(self.path)
        elif self.path:
            # A state of the first release was one file.
            self.path.unlink(missing_ok=True)

    def say_how_to_go_on(self) -> None:
        """Note, after an interruption, how to go on."""
        if self.path:
            say_how_to_go_on()
