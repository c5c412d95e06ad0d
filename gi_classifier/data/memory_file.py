"""A file whose bytes are in memory alone, such as an upload, read as one on disk is.

In: what it is called and its bytes. Out: what readers ask of a path.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO, TypeAlias


@dataclass(frozen=True)
class MemoryFile:
    """Bytes with a name; its ending says the format.

    Attributes
    ----------
    name : str
        What messages call it.
    content : bytes

    Examples
    --------
    >>> from gi_classifier.data.memory_file import MemoryFile
    >>> MemoryFile("upload.csv", b"text").suffix
    '.csv'
    """

    name: str
    content: bytes = field(repr=False)

    def __str__(self) -> str:
        return self.name

    @property
    def suffix(self) -> str:
        """The ending, with its point."""
        return PurePosixPath(self.name).suffix

    def is_file(self) -> bool:
        """It always is one."""
        return True

    def is_dir(self) -> bool:
        """It never is one."""
        return False

    def open(self) -> IO[bytes]:
        """Its bytes, from the first on."""
        return io.BytesIO(self.content)


# What records are read from.
Source: TypeAlias = Path | MemoryFile
