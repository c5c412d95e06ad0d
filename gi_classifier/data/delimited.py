"""Rows of cells with commas or tabs between, also behind a row that cannot be read.

In: lines of text. Out: the first line, the cells and the problem of each row. Quotes hold line
ends; between tabs, only where no tab stands within them.
"""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterable, Iterator

# Characters that may be read again behind rows that cannot be read; where more would be, a row has
# so many lines at most. Each stray quote could read the rest of a file otherwise.
_READ_AGAIN, _FEW_LINES = 50_000_000, 100


class _Lines:
    """Lines for the csv module that can be given back after a row that it cannot read."""

    def __init__(self, lines: Iterable[str]) -> None:
        self.lines = iter(lines)
        self.taken: list[str] = []
        self.back: deque[str] = deque()
        self.number = 0
        self.again = 0

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        if self.again > _READ_AGAIN and len(self.taken) == _FEW_LINES:
            raise StopIteration
        line = self.back.popleft() if self.back else next(self.lines)
        self.taken.append(line)
        self.number += 1
        return line

    def keep_first(self) -> str:
        """Give back all lines of the row but its first, which is returned."""
        self.back.extendleft(reversed(self.taken[1:]))
        self.number -= len(self.taken) - 1
        self.again += sum(map(len, self.taken[1:]))
        return self.taken[0]


def delimited_rows(
    lines: Iterable[str], delimiter: str, notes: list[str]
) -> Iterator[tuple[int, list[str], str | None]]:
    """First line, cells and problem of each row, also behind one that cannot be read.

    Once iterated, ``notes`` says how many cells span lines.
    """
    # One cell may hold a whole record; the module's own limit is 131,072 characters.
    csv.field_size_limit(2**31 - 1)
    source = _Lines(lines)
    reader = csv.reader(source, strict=True, delimiter=delimiter)
    spanning = 0
    while True:
        source.taken.clear()
        first = source.number + 1
        try:
            cells = next(reader)
        except StopIteration:
            break
        except csv.Error as error:
            line = source.keep_first()
            reader = csv.reader(source, strict=True, delimiter=delimiter)
            if delimiter == "\t":
                # Quotes have no meaning between tabs in most programs' files.
                yield first, line.rstrip("\r\n").split(delimiter), None
            else:
                yield first, [line.rstrip("\r\n")], f"not CSV ({error})"
            continue
        long = [cell for cell in cells if len(cell.splitlines()) > 1]
        if delimiter == "\t" and len(source.taken) > 1 and any("\t" in cell for cell in long):
            # Two quotes that have no meaning, with rows between them.
            yield first, source.keep_first().rstrip("\r\n").split(delimiter), None
            continue
        if len(source.taken) > 1:
            spanning += len(long)
        yield first, cells, None
    if spanning:
        notes.append(f"{spanning} cells in quotes span lines")
