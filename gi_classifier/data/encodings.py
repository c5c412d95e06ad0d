"""Recognises a text file's encoding line by line, and reads its lines.

In: a file in UTF-8, GB18030 (GBK, GB2312) or, with its mark at the beginning, UTF-16 or UTF-32;
``.gz`` too. Out: the encoding with how it was decided, and lines in constant memory. Bytes that do
not decode stay in their line as lone surrogates (U+DC80…U+DCFF), so that the line can be named.
"""

from __future__ import annotations

import codecs
import gzip
import io
import re
import sys
import unicodedata
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import IO, TextIO, cast

from gi_classifier.data.memory_file import MemoryFile, Source
from gi_classifier.errors import MissingPathError, RecordsError

COMMON_CHARACTERS = Path(__file__).with_name("common_characters.txt")
# The path that stands for it; a file of this name has no ending, and could not be read either.
STANDARD_INPUT = Path("-")
UTF8, GB18030 = "utf-8", "gb18030"
# Bytes read at a time; small, for a progress bar counts by them.
_PART = 1 << 16
# Longer marks first: UTF-32's begins like UTF-16's.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# Least share of plausible characters with which a line fits an encoding, and with which a file is
# taken for GB18030: of real records it is above .95, of UTF-8 read so about .2, of Big5 .4.
_FITS, _FILE_FITS = 0.5, 0.6
# Lines beyond ASCII that are asked; the rest of a longer file follows.
_ASKED = 20_000
# Characters from which a smaller share is refused; below, it is said.
_ENOUGH = 12
# What EUC-KR writes Korean syllables and signs with; a Chinese text has others before long.
_HANGUL = re.compile(rb"(?:[\x00-\x7f]|[\xa1-\xa3\xb0-\xc8][\xa1-\xfe])*")
_BROKEN = re.compile("[\x00\udc80-\udcff]")
# Characters beyond ASCII from which a line is said to be in another encoding than its file.
_LEAST = 2
_IDEOGRAPH = re.compile("[\u2e80-\u2fdf\u3400-\u9fff\uf900-\ufaff]")
_LONG = re.compile("[\u0800-\U0010ffff]")
# Signs of medical text beside ASCII: in UTF-8 they may look like one Chinese character in GB18030.
_SIGNS = frozenset("°±µμ·×÷²³½¼")
# General punctuation to enclosed and technical signs; CJK punctuation; full-width forms.
_PUNCTUATION = re.compile("[\u2010-\u27bf\u3000-\u3030\uff01-\uffee]")
_LETTERS = "[\xc0-\xd6\xd8-\xf6\xf8-\xffαβγδεκλπσωΔΩΦ]"
# Beyond ASCII, those, signs and punctuation.
_FOREIGN = re.compile(f"[^\\x00-\\x7f\\xa0-\\xbf{_LETTERS[1:]}")
# Letters of one script, without those that common Chinese characters of GB18030 are in UTF-8.
_SCRIPTS = re.compile(
    "[\u0386-\u03ce]{3,}|[\u0401-\u045f\u0490\u0491]{3,}|[\u05d0-\u05ea]{3,}|[\u0621-\u06d2]{3,}|"
    "[\u0900-\u0dff]{3,}|[\u0e01-\u0e4e]{3,}|[\u3041-\u30ff]{3,}|[\uac00-\ud7a3]{3,}"
)
_LATIN = re.compile("[A-Za-z\xc0-\u024f\u1e00-\u1eff]{3,}")
_BESIDE_ASCII = re.compile(f"(?<=[0-9A-Za-z-]){_LETTERS}|{_LETTERS}(?=[0-9A-Za-z-])")


@dataclass(frozen=True)
class Encoding:
    """How a text file is encoded.

    Attributes
    ----------
    name : str
        "utf-8", "utf-8-sig", "gb18030", "utf-16-le" and the like.
    note : str
        What a user should know of how it was decided; "" where there is no doubt.
    """

    name: str
    note: str = ""


def open_file(path: Source) -> IO[bytes]:
    """Open a file for its bytes, those of a ``.gz`` unpacked; ``-`` is standard input."""
    if isinstance(path, MemoryFile):
        return path.open()
    if path == STANDARD_INPUT:
        if sys.stdin is None:
            raise RecordsError("Standard input is closed: there is nothing to read at -")
        return io.BytesIO(_all_of(sys.stdin))
    if not path.is_file():
        raise MissingPathError(f"No file at {path}")
    opened = gzip.open if path.suffix.lower() == ".gz" else open
    return cast(IO[bytes], opened(path, "rb"))


@lru_cache(maxsize=1)
def _all_of(stream: TextIO) -> bytes:
    """The bytes of standard input, which can be read once: kept, since files are read twice."""
    return stream.buffer.read()


def recognise(path: Source) -> Encoding:
    """Recognise a text file's encoding, in constant memory.

    Lines that only one encoding fits decide for the file. A line fits one if it decodes and most
    of its characters are common there. Where none decides, the share of common characters of the
    whole file does, and the note says so; at a tie it is UTF-8.

    Raises
    ------
    MissingPathError
    RecordsError
        It is no text, in another encoding, or a ``.gz`` that is not whole.
    """
    with open_file(path) as file:
        first = _whole(path, file)
    for mark, name in _MARKS:
        if first.startswith(mark):
            return Encoding(name)
    if first.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"\x1f\x8b", b"%PDF")):
        raise RecordsError(
            f"{path}: no text but a workbook, document or archive with the wrong ending. "
            "Give it its own ending, or save it as UTF-8 text."
        )
    if first.count(0) > max(3, len(first) // 5):
        raise RecordsError(
            f"{path}: neither UTF-8 nor GB18030 text but UTF-16 without its mark, or no text. "
            "Save it as UTF-8 (in Excel: CSV UTF-8)."
        )
    votes = _Votes()
    for line in _byte_lines(path, ""):
        if not line.isascii():
            votes.add(line)
            if votes.lines == _ASKED:
                break
    return votes.decision(path)


def _whole(path: Source, file: IO[bytes]) -> bytes:
    """The first bytes of a file that can be read."""
    try:
        return file.read(4096)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise _torn(path, error) from error


def _torn(path: Source, error: Exception) -> RecordsError:
    return RecordsError(f"{path}: not a whole gzip file ({error})")


class _Votes:
    """Counts which encoding the lines of a file speak for."""

    def __init__(self) -> None:
        self.utf8 = self.gb18030 = self.neither = self.lines = 0
        # Lines of another script in UTF-8, and those for GB18030 that are valid UTF-8 too.
        self.scripts = self.either = 0
        self.hangul = True
        # Plausible characters and all, of the lines that decode.
        self.shares = {UTF8: [0, 0], GB18030: [0, 0]}

    def add(self, line: bytes) -> None:
        """Count a line with bytes beyond ASCII."""
        self.lines += 1
        fits, decodes = {}, {}
        for name, share in self.shares.items():
            text = _decoded(line, name)
            decodes[name] = text is not None
            plausible, count = _plausible(text or "")
            fits[name] = text is not None and plausible >= _FITS * count
            share[0] += plausible
            share[1] += count
        self.neither += not any(decodes.values())
        self.hangul = self.hangul and _HANGUL.fullmatch(line) is not None
        one_script = decodes[UTF8] and is_of_one_script(line.decode(UTF8))
        only_utf8 = not fits[GB18030] and (fits[UTF8] or not decodes[GB18030])
        self.scripts += one_script
        if one_script or (decodes[UTF8] and only_utf8):
            self.utf8 += 1
        elif fits[GB18030] and not fits[UTF8]:
            self.gb18030 += 1
            self.either += decodes[UTF8]

    def decision(self, path: Source) -> Encoding:
        """The encoding of the file whose lines were counted."""
        if self.neither * 2 > self.lines:
            raise RecordsError(
                f"{path}: neither UTF-8 nor GB18030 text. Save it as UTF-8 (in Excel: CSV UTF-8)."
            )
        share = {name: part / max(count, 1) for name, (part, count) in self.shares.items()}
        note = ""
        gb18030 = self.gb18030 - (self.either if self.scripts else 0)
        if self.utf8 != gb18030:
            chosen = UTF8 if self.utf8 > gb18030 else GB18030
        elif not self.lines:
            return Encoding(UTF8)
        else:
            # Where nothing is UTF-8, much that GB18030 reads implausibly is neither; see below.
            foreign = not self.shares[UTF8][1] and self.shares[GB18030][1] >= _ENOUGH
            chosen = GB18030 if share[GB18030] > share[UTF8] or foreign else UTF8
            note = (
                f"{chosen} by its share of common characters, {share[chosen]:.0%}"
                if share[chosen]
                else f"no line fits UTF-8 or GB18030; read as {chosen}"
            )
        if chosen == GB18030 and share[GB18030] < _FILE_FITS:
            said = (
                f"only {share[GB18030]:.0%} of its characters are common Chinese ones if it is "
                "read as GB18030; it may be Big5, Shift-JIS or damaged"
            )
            if self.shares[GB18030][1] >= _ENOUGH:
                raise RecordsError(
                    f"{path}: neither UTF-8 nor GB18030 text: {said}. Save it as UTF-8 (in Excel: "
                    "CSV UTF-8)."
                )
            note = said
        elif chosen == GB18030 and self.shares[GB18030][1] < _ENOUGH:
            few = (
                f"only {self.shares[GB18030][1]} characters say that it is {chosen}; it may be "
                "Big5 or EUC-KR: look at the texts, or save it as UTF-8"
            )
            note = f"{note}; {few}" if note else few
        elif chosen == GB18030 and self.hangul:
            said = "all of its characters would be Korean in EUC-KR: look at the texts"
            note = f"{note}; {said}" if note else said
        elif self.scripts == self.utf8 and chosen == UTF8 and self.shares[UTF8][1] < _ENOUGH:
            few = f"only {self.shares[UTF8][1]} characters, not Chinese, say that it is {chosen}"
            note = note or few
        return Encoding(chosen, note)


def is_of_one_script(text: str) -> bool:
    """Whether a text without Chinese has a word of at least three letters in another script.

    Latin ones need small letters within and beyond ASCII; GB18030 with capitals may look so.
    """
    if _IDEOGRAPH.search(text):
        return False
    if found := _SCRIPTS.search(text):
        return len(set(found.group())) > 1
    return any(
        sum(c > "\x7f" and c.islower() for c in word) >= (1 if re.search("[a-z]", word) else 3)
        for word in _LATIN.findall(text)
    )


def _decoded(line: bytes, encoding: str) -> str | None:
    """A line, or None where it does not decode to characters that are assigned or private."""
    try:
        text = line.decode(encoding)
    except UnicodeDecodeError:
        return None
    if encoding == GB18030 and any(unicodedata.category(c) == "Cn" for c in set(text)):
        return None
    return text


def _plausible(text: str) -> tuple[int, int]:
    """Of the characters beyond ASCII, how many a Chinese record is likely to hold, and all."""
    common, found, count = common_characters(), 0, 0
    for character, times in Counter(text).items():
        if character < "\x80" or character == "\ufeff" or "\ue000" <= character <= "\uf8ff":
            continue
        count += times
        # Beyond U+FFFF it takes four bytes of either encoding that fit by no accident.
        rare = character > "\uffff" or _PUNCTUATION.match(character)
        if rare or character in common or character in _SIGNS:
            found += times
    # Beside ASCII: β-blocker, Barré. By themselves they are Chinese read as UTF-8.
    found += len(_BESIDE_ASCII.findall(text))
    return found, count


@cache
def common_characters() -> frozenset[str]:
    """Common Chinese characters: of jieba's dictionary, and of records of this field."""
    return frozenset(COMMON_CHARACTERS.read_text(encoding="utf-8")) - {"\n"}


class Meter:
    """Counts the bytes of a file whose lines were given out.

    Attributes
    ----------
    read : int
    """

    def __init__(self) -> None:
        self.read = 0


def text_lines(path: Source, encoding: str, meter: Meter | None = None) -> Iterator[str]:
    r"""Yield a text file's lines with their ends (``\n``, ``\r\n``), without its mark.

    ``\r`` ends lines only where the file has no ``\n``.

    Bytes that do not decode become lone surrogates; :func:`line_problem` says so.
    """
    # UTF-16 and UTF-32 are read as UTF-8 bytes.
    codec = GB18030 if encoding == GB18030 else UTF8
    for number, line in enumerate(_byte_lines(path, encoding, meter)):
        text = line.decode(codec, "surrogateescape")
        yield text if number else text.lstrip("\ufeff")


def line_problem(text: str, encoding: str) -> str | None:
    """Say what of a line, or of a cell, did not decode, or only by accident; None where all did."""
    if text.isascii() and "\x00" not in text:
        return None
    if not (found := _BROKEN.search(text)):
        if encoding == GB18030 and any(unicodedata.category(c) == "Cn" for c in set(text)):
            return "characters that GB18030 does not assign"
        other = _other_encoding(text, encoding)
        return f"it looks like {other}, in a file that is {encoding}" if other else None
    byte = ord(found.group()) & 0xFF
    where = f"byte 0x{byte:02X} behind {found.start()} characters"
    return f"a NUL character ({where})" if not byte else f"not {encoding} text ({where})"


def _other_encoding(text: str, encoding: str) -> str | None:
    """The encoding that a line of a file in another is in, though it decodes in that one too."""
    codec, other = (GB18030, UTF8) if encoding == GB18030 else (UTF8, GB18030)
    # By accident, GB18030 is UTF-8 only of characters of two bytes: Greek, Hebrew and the like.
    if codec == UTF8 and (_LONG.search(text) or not _FOREIGN.search(text)):
        return None
    if codec == UTF8 and is_of_one_script(text):
        return None
    plausible, count = _plausible(text)
    if count < _LEAST or plausible >= _FITS * count:
        return None
    meant = _decoded(text.encode(codec, "surrogatepass"), other)
    if meant is None:
        return None
    plausible, count = _plausible(meant)
    return other if count >= _LEAST and plausible == count else None


def _byte_lines(path: Source, encoding: str, meter: Meter | None = None) -> Iterator[bytes]:
    """Yield lines of bytes with their ends; those of UTF-16 and UTF-32 as UTF-8."""
    with open_file(path) as file:
        parts: Iterable[bytes] = _parts(path, file, meter or Meter())
        if encoding.startswith(("utf-16", "utf-32")):
            parts = _recoded(parts, encoding)
        yield from _split(parts, _has_line_feed(path, encoding))


def _has_line_feed(path: Source, encoding: str) -> bool:
    """Whether a line of a file ends in a line feed; else lines end in carriage returns."""
    with open_file(path) as file:
        parts: Iterable[bytes] = _parts(path, file, Meter())
        if encoding.startswith(("utf-16", "utf-32")):
            parts = _recoded(parts, encoding)
        return any(b"\n" in part for part in parts)


def _parts(path: Source, file: IO[bytes], meter: Meter) -> Iterator[bytes]:
    try:
        while part := file.read(_PART):
            yield part
            meter.read += len(part)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise _torn(path, error) from error


def _recoded(parts: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    """UTF-16 or UTF-32 as UTF-8; what is no character, as bytes that are not UTF-8."""
    decoder = codecs.getincrementaldecoder(encoding)("surrogatepass")
    for part in parts:
        yield decoder.decode(part).encode("utf-8", "surrogatepass")
    try:
        yield decoder.decode(b"", True).encode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        yield b"\xff"


def _split(parts: Iterable[bytes], has_line_feed: bool) -> Iterator[bytes]:
    """Cut parts of a file into lines; a line feed ends one, or where there is none, a return."""
    end = b"\n" if has_line_feed else b"\r"
    pending: list[bytes] = []
    for part in parts:
        pending.append(part)
        if end not in part:
            continue
        *lines, last = b"".join(pending).split(end)
        # The last goes on.
        pending = [last]
        yield from (line + end for line in lines)
    if rest := b"".join(pending):
        yield rest
