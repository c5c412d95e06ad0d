"""The n-grams of characters of texts, and where each stands.

In: texts. Out: their cleaned form, and their n-grams as keys of 64 bits with places; or where each
character of a cleaned text stood.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers

from gi_classifier.text import SPACES, SURROGATE, folded

LONGEST = 4
# Each character of an n-gram takes 16 of a key's 64 bits.
_BITS = 16
MOST_CHARACTERS = 2**_BITS - 1
_CODE_POINTS = 0x110000
_LINE_END, _LINE = re.compile(r"[\r\n]+"), re.compile(r"[^\r\n]+")


class Ngrams(NamedTuple):
    """Where n-grams stand in some texts, one entry for each place.

    Attributes
    ----------
    owners : ndarray of int, shape (places,)
        The position of each n-gram's text.
    keys : ndarray of uint64, shape (places,)
    starts, lengths : ndarray of int, shape (places,)
        The first character of each n-gram in its cleaned text, and how many it has.
    firsts : ndarray of int, shape (places,)
        The same as ``starts`` among the characters of all texts.
    """

    owners: np.ndarray
    keys: np.ndarray
    starts: np.ndarray
    lengths: np.ndarray
    firsts: np.ndarray


def code_points(texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """The characters of texts, one behind the other, and how many each text has.

    Returns
    -------
    points : ndarray of uint32, shape (characters,)
    sizes : ndarray of int, shape (texts,)
    """
    points = np.frombuffer("".join(texts).encode("utf-32-le"), dtype="<u4")
    return points, np.array([len(text) for text in texts], dtype=int)


def ngrams(texts: Sequence[str], numbers: np.ndarray) -> Ngrams:
    """Every n-gram of 1 to 4 characters that all have a number.

    Parameters
    ----------
    texts : sequence of str
        Cleaned.
    numbers : ndarray of uint16, shape (0x110000,)
        Each character's number; 0 for those that have none.
    """
    points, sizes = code_points(texts)
    numbered = numbers[points].astype(np.uint64)
    owners = np.repeat(np.arange(len(texts)), sizes)
    begins = np.concatenate(([0], np.cumsum(sizes)[:-1])) if len(sizes) else np.zeros(0, int)
    places = np.arange(len(points)) - np.repeat(begins, sizes)
    left = np.repeat(sizes, sizes) - places
    keys, whole = np.zeros_like(numbered), np.ones(len(points), dtype=bool)
    found = []
    for length in range(1, LONGEST + 1):
        last = np.zeros_like(numbered)
        last[: max(0, len(points) - length + 1)] = numbered[length - 1 :]
        keys = (keys << np.uint64(_BITS)) | last
        whole = whole & (left >= length) & (last > 0)
        at = np.flatnonzero(whole)
        found.append((owners[at], keys[at], places[at], np.full(len(at), length), at))
    return Ngrams(*(np.concatenate(parts) for parts in zip(*found, strict=True)))


def numbers_of(characters: str) -> np.ndarray:
    """Number characters by their place, from 1: uint16 (0x110000,), 0 for all others."""
    numbers = np.zeros(_CODE_POINTS, dtype=np.uint16)
    numbers[code_points([characters])[0]] = np.arange(1, len(characters) + 1)
    return numbers


@cache
def _characters() -> Tokenizer:
    """Cuts a text into the characters of its folded form, and knows where each stood."""
    tokenizer = Tokenizer(models.WordLevel({"?": 0}, unk_token="?"))
    tokenizer.normalizer = normalizers.Sequence(
        [
            normalizers.Replace(Regex(rf"\x{{fffd}}|(?![{SPACES}])\p{{Cc}}|\p{{Cf}}"), ""),
            normalizers.NFKC(),
            normalizers.Replace(Regex(f"[{SPACES}]+"), " "),
            normalizers.Strip(),
            normalizers.Lowercase(),
        ]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
    return tokenizer


def cleaned(text: str) -> str:
    """The folded text; line ends stay, as one line feed between lines that hold anything."""
    if "\n" not in text and "\r" not in text:
        return folded(text)
    return "\n".join(filter(None, map(folded, _LINE_END.split(text))))


def aligned(text: str) -> tuple[str, np.ndarray]:
    """The cleaned text, and where each of its characters stood.

    Returns
    -------
    clean : str
    offsets : ndarray of int, shape (characters of ``clean``, 2)
        Start and end in ``text``. They may overlap where one character stands for several (℃).
    """
    lines: list[str] = []
    offsets: list[tuple[int, int]] = []
    for line in _LINE.finditer(text):
        if clean := folded(line[0]):
            encoding = _characters().encode(SURROGATE.sub("\ufffd", line[0]))
            if lines:
                offsets.append((line.start() - 1, line.start()))
            offsets += [(line.start() + a, line.start() + b) for a, b in encoding.offsets]
            lines.append(clean)
    return "\n".join(lines), np.array(offsets, dtype=int).reshape(-1, 2)
