"""The XML parts of a workbook, read as streams: sheets, styles, shared strings, rows.

In: open parts of the archive (ECMA-376, transitional or strict; names are compared without their
namespaces). Out: plain values. Cells and their length are bounded; no entity is resolved.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import IO, Any
from xml.parsers import expat

from gi_classifier.data.cells import Cell
from gi_classifier.data.number_formats import BUILT_IN, GENERAL, displayed

# Cells of a worksheet, and characters of one; a spreadsheet itself writes at most 32,767.
MOST_CELLS, LONGEST_CELL = 20_000_000, 1_000_000
# Characters of all cells together, shared texts counted wherever they stand; and of a format.
MOST_CHARACTERS, _LONGEST_FORMAT = 1 << 30, 255
_LAST_ROW, _LAST_COLUMN = 1_048_576, 16_384
# Bytes that are parsed at a time; of one tag, comment or the like (a parser may go through what it
# has of one again and again); and characters of a name with its namespace.
_PART, LONGEST_TAG, _LONGEST_NAME = 1 << 18, 2 << 20, 4096
_ESCAPE = re.compile(r"_x([0-9A-Fa-f]{4})_")
_REFERENCE = re.compile(r"([A-Z]{1,3})([1-9][0-9]{0,6})")
_DAY = re.compile(r"\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d+)?)?Z?)?", re.ASCII)
_ERRORS = frozenset(
    "#NULL! #DIV/0! #VALUE! #REF! #NAME? #NUM! #N/A #GETTING_DATA #SPILL! #CALC!".split()
)
_Start = Callable[[str, dict[str, str]], None]


class WorkbookLimitError(ValueError):
    """A workbook holds more than is read."""


@dataclass(frozen=True)
class Sheet:
    """A sheet of a workbook: its name, whether it is visible, and the relation to its part."""

    name: str
    visible: bool
    relation: str


@dataclass(frozen=True, order=True)
class Merge:
    """Cells merged downwards: first and last row, 1-based, and the 0-based first column."""

    first: int
    last: int
    column: int


def column_letters(column: int) -> str:
    """The letters of a 0-based column: A, Z, AA."""
    found, column = "", column + 1
    while column:
        column, rest = divmod(column - 1, 26)
        found = chr(65 + rest) + found
    return found


@lru_cache(maxsize=4096)
def _local(name: str) -> str:
    if len(name) > _LONGEST_NAME:
        raise WorkbookLimitError(f"a name in its XML is longer than {_LONGEST_NAME:,} characters.")
    return name.rpartition(" ")[2]


def _attributes(given: dict[str, str]) -> dict[str, str]:
    # Most have no namespace.
    if not any(" " in name for name in given):
        return given
    return {_local(name): value for name, value in given.items()}


def _refuse_entities(*_: Any) -> None:
    raise ValueError("a document type, which no workbook has")


def _parser(
    start: _Start,
    end: Callable[[str], None] | None = None,
    text: Callable[[str], None] | None = None,
) -> expat.XMLParserType:
    """A parser that calls with local names and attributes."""
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _refuse_entities
    parser.StartElementHandler = lambda name, given: start(_local(name), _attributes(given))
    if end:
        parser.EndElementHandler = lambda name: end(_local(name))
    if text:
        parser.CharacterDataHandler = text
    return parser


def _parsed(file: IO[bytes], parser: expat.XMLParserType) -> Iterator[None]:
    """Parse a part of the archive, piece by piece."""
    fed = 0
    while piece := file.read(_PART):
        parser.Parse(piece, False)
        fed += len(piece)
        if fed - parser.CurrentByteIndex > LONGEST_TAG:
            raise WorkbookLimitError(
                f"a tag or comment in its XML is longer than {LONGEST_TAG:,} bytes."
            )
        yield
    parser.Parse(b"", True)
    yield


def _read(file: IO[bytes], parser: expat.XMLParserType) -> None:
    for _ in _parsed(file, parser):
        pass


def read_relations(file: IO[bytes], folder: str) -> dict[str, tuple[str, str]]:
    """Kind and path of each relation by its name; outside ones are left out."""
    found: dict[str, tuple[str, str]] = {}

    def start(name: str, given: dict[str, str]) -> None:
        if name == "Relationship" and given.get("TargetMode") != "External":
            target = given.get("Target", "").replace("\\", "/")
            path = target if target.startswith("/") else f"{folder}/{target}"
            found[given.get("Id", "")] = (
                given.get("Type", ""),
                posixpath.normpath(path).lstrip("/"),
            )

    _read(file, _parser(start))
    return found


def read_sheets(file: IO[bytes]) -> tuple[list[Sheet], bool]:
    """Sheets in order, and whether days are counted from 1904."""
    found: list[Sheet] = []
    since_1904 = False

    def start(name: str, given: dict[str, str]) -> None:
        nonlocal since_1904
        if name == "sheet":
            visible = given.get("state", "visible") == "visible"
            found.append(Sheet(unescaped(given.get("name", "")), visible, given.get("id", "")))
        elif name == "workbookPr":
            since_1904 = given.get("date1904", "") in ("1", "true")

    _read(file, _parser(start))
    return found, since_1904


def read_styles(file: IO[bytes]) -> list[str]:
    """The number format of each cell style; of a style that is damaged, none."""
    codes = dict(BUILT_IN)
    found: list[str] = []
    inside = False

    def start(name: str, given: dict[str, str]) -> None:
        nonlocal inside
        number = int(given["numFmtId"]) if given.get("numFmtId", "").isdecimal() else 0
        if name == "numFmt":
            code = given.get("formatCode", GENERAL)
            codes[number] = code if len(code) <= _LONGEST_FORMAT else GENERAL
        elif name == "cellXfs":
            inside = True
        elif name == "xf" and inside:
            found.append(codes.get(number, GENERAL))

    def end(name: str) -> None:
        nonlocal inside
        inside = inside and name != "cellXfs"

    _read(file, _parser(start, end))
    return found


def read_merges(file: IO[bytes]) -> list[Merge]:
    """Cells merged downwards; they stand behind the rows that they speak of."""
    found: list[Merge] = []

    def start(name: str, given: dict[str, str]) -> None:
        if name == "mergeCell":
            corners = [_REFERENCE.fullmatch(x) for x in given.get("ref", "").split(":")]
            if len(corners) == 2 and corners[0] and corners[1]:
                first, last = int(corners[0][2]), int(corners[1][2])
                if first < last:
                    found.append(Merge(first, last, _column(corners[0][1])))

    _read(file, _parser(start))
    return found


def read_shared_strings(file: IO[bytes]) -> list[str]:
    """The texts that cells point to, their formats left out."""
    found: list[str] = []
    text = _Text()

    def start(name: str, given: dict[str, str]) -> None:
        if name == "si":
            text.begin()
        text.start(name)

    def end(name: str) -> None:
        text.end(name)
        if name == "si":
            found.append(unescaped(text.take()))
            if len(found) > MOST_CELLS:
                raise WorkbookLimitError(f"too large: more than {MOST_CELLS:,} shared texts.")

    _read(file, _parser(start, end, text.add))
    return found


def unescaped(text: str) -> str:
    """``_x000D_`` and the like as the characters that they stand for."""
    if "_x" not in text:
        return text
    found = _ESCAPE.sub(lambda match: chr(int(match[1], 16)), text)
    # Two halves of a character beyond U+FFFF.
    return found.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


class _Text:
    """Collects the character data of ``t`` (not of phonetic hints) and of ``v``."""

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        self.parts: list[str] = []
        self.length = self.hints = 0
        self.inside = False

    def start(self, name: str) -> None:
        if name == "rPh":
            self.hints += 1
        elif name in ("t", "v"):
            self.inside = not self.hints

    def end(self, name: str) -> None:
        if name == "rPh":
            self.hints -= 1
        elif name in ("t", "v"):
            self.inside = False

    def add(self, data: str) -> None:
        if self.inside:
            self.parts.append(data)
            self.length += len(data)
            if self.length > LONGEST_CELL:
                raise WorkbookLimitError(f"a cell holds more than {LONGEST_CELL:,} characters.")

    def take(self) -> str:
        return "".join(self.parts)


def _column(letters: str) -> int:
    found = 0
    for letter in letters:
        found = found * 26 + ord(letter) - 64
    return found - 1


def sheet_rows(
    file: IO[bytes],
    strings: Sequence[str],
    styles: Sequence[str],
    since_1904: bool,
    hidden: list[int],
) -> Iterator[tuple[int, dict[int, Any]]]:
    """Yield the number and the cells of each row, by 0-based column; empty cells are left out.

    Rows that hold something and are hidden are yielded as well; ``hidden`` gets their numbers.
    """
    sheet = _Rows(strings, styles, since_1904, hidden)
    parser = _parser(sheet.start, sheet.end, sheet.text.add)
    for _ in _parsed(file, parser):
        yield from sheet.done
        sheet.done.clear()


class _Rows:
    """Builds rows from the elements of a worksheet."""

    def __init__(
        self, strings: Sequence[str], styles: Sequence[str], since_1904: bool, hidden: list[int]
    ) -> None:
        self.strings, self.styles, self.since_1904 = strings, styles, since_1904
        self.hidden, self.is_hidden = hidden, False
        self.done: list[tuple[int, dict[int, Any]]] = []
        self.cells: dict[int, Any] = {}
        self.row = self.count = self.rows = self.characters = 0
        self.column = -1
        self.given: dict[str, str] = {}
        self.has_value = self.has_formula = False
        self.text = _Text()

    def start(self, name: str, given: dict[str, str]) -> None:
        """Begin an element."""
        if name == "row":
            self.row = int(given.get("r", self.row + 1))
            self.rows += 1
            if self.rows > _LAST_ROW:
                raise WorkbookLimitError(f"too large: more than {_LAST_ROW:,} rows.")
            self.column, self.cells = -1, {}
            self.is_hidden = given.get("hidden") in ("1", "true")
        elif name == "c":
            self._begin_cell(given)
        elif name == "f":
            self.has_formula = True
        elif name in ("v", "is"):
            self.has_value = True
        self.text.start(name)

    def _begin_cell(self, given: dict[str, str]) -> None:
        self.given, self.has_value, self.has_formula = given, False, False
        self.text.begin()
        self.count += 1
        if self.count > MOST_CELLS:
            raise WorkbookLimitError(f"too large: more than {MOST_CELLS:,} cells.")
        place = _REFERENCE.fullmatch(given.get("r", ""))
        self.column = _column(place[1]) if place else self.column + 1
        if not (1 <= self.row <= _LAST_ROW and self.column < _LAST_COLUMN):
            raise ValueError("a cell outside the worksheet")

    def end(self, name: str) -> None:
        """End an element."""
        self.text.end(name)
        if name == "c":
            value = self._value()
            if value is not None and value != "":
                self.cells[self.column] = value
                self.characters += len(value) if isinstance(value, str) else 0
                if self.characters > MOST_CHARACTERS:
                    raise WorkbookLimitError(f"more than {MOST_CHARACTERS:,} characters in all.")
        elif name == "row":
            self.done.append((self.row, self.cells))
            if self.is_hidden and self.cells:
                self.hidden.append(self.row)

    def _value(self) -> str | Cell | None:
        """What the cell holds: text, something else, or None."""
        kind, written = self.given.get("t", "n"), self.text.take()
        # A formula whose value is the empty text has that stored.
        calculated = kind == "str" and self.has_value
        if self.has_formula and not written and not calculated:
            return Cell(
                "formula",
                "",
                problem="a formula without a stored value (open the file in Excel or WPS and save "
                "it)",
            )
        if not self.has_value:
            return None
        if kind in ("str", "inlineStr"):
            return unescaped(written)
        written = written.strip()
        return self._other(kind, written) if written else None

    def _other(self, kind: str, written: str) -> str | Cell:
        """A value that is not written as text in the cell."""
        if kind == "s":
            known = written.isascii() and written.isdigit() and len(written) < 10
            if known and int(written) < len(self.strings):
                return self.strings[int(written)]
            return _damaged("shared text", "points to none")
        if kind == "b":
            shown = {"0": "FALSE", "1": "TRUE", "false": "FALSE", "true": "TRUE"}.get(written)
            return Cell("truth value", shown) if shown else _damaged("a truth value")
        if kind == "e":
            shown = written if written in _ERRORS else "#ERROR"
            return Cell("error", shown, problem=f"the error {shown}")
        if kind == "d":
            day = written.removesuffix("Z").removesuffix("T00:00:00").replace("T", " ")
            return Cell("date", day) if _DAY.fullmatch(written) else _damaged("a date")
        if kind == "n":
            style = self.given.get("s", "0")
            known = style.isascii() and style.isdigit() and int(style[:9]) < len(self.styles)
            code = self.styles[int(style)] if known else GENERAL
            return displayed(written, code, since_1904=self.since_1904)
        return _damaged("of a type that there is not")


def _damaged(kind: str, said: str = "holds something else") -> Cell:
    return Cell(kind, "", problem=f"damaged: it is marked as {kind} and {said}")
