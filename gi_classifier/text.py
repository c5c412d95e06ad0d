"""From text to token ids: normalisation, vocabulary, encoding, batches of like length.

In: strings, whole and unchanged. Out: int32 id arrays, with the offsets of each token in the
original string. Encoding is that of bert4keras' lower-casing ``Tokenizer`` on the normalised
text, at the speed of the ``tokenizers`` package, and imports no TensorFlow. Two things differ:
a capital sigma that ends a word is read as σ, not ς, and words above 100 characters are cut.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Literal

import numpy as np
from tokenizers import (
    Regex,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
)

from gi_classifier.errors import ModelError

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
# Stand for every character that the vocabulary lacks, inside a word and as a word of its own;
# private use, so that no text means them.
_UNKNOWN, _UNKNOWN_ALONE = "\ue000", "\ue001"
# Longer runs of letters or digits are read in pieces, or encoding would take quadratic time.
MAX_WORD = 100
SURROGATE = re.compile("[\ud800-\udfff]")
_SPACE = re.compile(r"\s+")
# What Python's \s matches, spelt out for the tokenizer's regular expressions.
SPACES = r"\t-\r\x{1c}-\x{20}\x{85}\p{Z}"
# Marks of half-width katakana, which NFKC makes combining ones.
_VOICING = "\uff9e\uff9f"
# The characters that are words of their own: bert4keras' blocks of ideographs, and punctuation.
_CJK = (
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0002a6df\U0002a700-\U0002ceaf"
    "\U0002f800-\U0002fa1f"
)
_ALONE = rf"[{_CJK}]|[!-/:-@\[-`{{-~]|\p{{P}}"


# Half-width voicing marks and three vowel signs: no combining marks but what they decompose into.
_HIDDEN_MARKS = "\uff9e\uff9f\u0f73\u0f75\u0f81"
# From so many marks on they are put in order here: unicodedata takes quadratic time for a long run.
_MANY_MARKS = 30
# None of these is a mark of either kind: Latin, punctuation, symbols, ideographs, full-width forms.
_MAYBE_MARK = re.compile(
    "[^\0-\u02ff\u2000-\u20cf\u2100-\u2cee\u3000-\u3029\u3030-\u3098\u309b-\ua66e\uff00-\uff9d]"
)


def _radicals() -> dict[int, int]:
    text = (files("gi_classifier") / "radicals.txt").read_text(encoding="utf-8")
    pairs = [line.split() for line in text.splitlines() if not line.startswith("#")]
    return {ord(radical): ord(ideograph) for radical, ideograph in pairs}


# Radicals that only look like an ideograph, as PDFs have them (⻔ ⻝), one for one.
RADICALS = _radicals()
_RADICAL = re.compile(f"[{''.join(map(chr, RADICALS))}]")


def composed(text: str, form: Literal["NFC", "NFKC"] = "NFKC") -> str:
    """The text in a normal form of Unicode, in time proportional to its length."""
    few = len(text) < _MANY_MARKS or not _MAYBE_MARK.search(text)
    if few or (
        sum(map(bool, map(unicodedata.combining, text))) + sum(map(text.count, _HIDDEN_MARKS))
        < _MANY_MARKS
    ):
        return unicodedata.normalize(form, text)
    parts: Literal["NFD", "NFKD"] = "NFD" if form == "NFC" else "NFKD"
    found: list[str] = []
    run: list[str] = []
    for character in "".join(unicodedata.normalize(parts, c) for c in text):
        if unicodedata.combining(character):
            run.append(character)
            continue
        found += sorted(run, key=unicodedata.combining)
        found.append(character)
        run = []
    found += sorted(run, key=unicodedata.combining)
    return unicodedata.normalize(form, "".join(found))


def normalise(text: str) -> str:
    """Return the text in the one form that records are compared and encoded in.

    NFKC; radicals as the ideographs they stand for (Unicode's Equivalent_Unified_Ideograph); lone
    surrogates, U+FFFD, control and format characters removed; every run of white space one space,
    none at the ends. Letter case stays.
    """
    # What is removed goes first: its neighbours may compose, and the result must be a fixed point.
    text = SURROGATE.sub("", text).replace("\ufffd", "")
    # What is printable has neither control nor format characters; most texts are.
    if not text.isprintable():
        text = "".join(
            c for c in text if c.isspace() or unicodedata.category(c) not in ("Cc", "Cf")
        )
    if _RADICAL.search(text):
        text = text.translate(RADICALS)
    return _SPACE.sub(" ", composed(text)).strip()


def folded(text: str) -> str:
    """Return the form in which two texts are the same one: normalised, in lower case."""
    return normalise(text).lower()


@dataclass(frozen=True)
class Encoded:
    """One text as tokens, without special tokens.

    Attributes
    ----------
    ids : ndarray of int32, shape (tokens,)
    offsets : ndarray of int32, shape (tokens, 2)
        Start and end of each token in the original text, with the combining marks behind it.
        They may overlap where one character stands for several tokens (℃). Conjoining jamo that
        make one syllable have the place of the first.
    """

    ids: np.ndarray
    offsets: np.ndarray


class Vocabulary:
    """The tokens of a model and the encoder made from them.

    Parameters
    ----------
    tokens : sequence of str
        In the order of their ids; must hold [PAD] as the first, [UNK], [CLS], [SEP] and [MASK].

    Raises
    ------
    ModelError
        A special token is missing, [PAD] is not the first, or a token stands twice.
    """

    def __init__(self, tokens: Sequence[str]) -> None:
        self.tokens = tuple(tokens)
        self.ids = {token: i for i, token in enumerate(self.tokens)}
        missing = [token for token in SPECIAL if token not in self.ids]
        if missing or self.tokens[0] != "[PAD]" or len(self.ids) != len(self.tokens):
            raise ModelError(
                "A vocabulary starts with [PAD], holds [UNK], [CLS], [SEP] and [MASK], and no "
                f"token twice. Received {len(self.tokens)} tokens; missing: {missing or 'none'}"
            )
        self._tokenizer = self._build()

    @classmethod
    def from_text(cls, text: str) -> Vocabulary:
        """Read ``vocab.txt``: one token a line, its line number is its id."""
        return cls([line.strip() for line in text.removesuffix("\n").split("\n")])

    @classmethod
    def from_file(cls, path: Path) -> Vocabulary:
        """Read a ``vocab.txt`` in UTF-8."""
        try:
            return cls.from_text(path.read_text(encoding="utf-8"))
        except UnicodeDecodeError as error:
            raise ModelError(f"{path} is not UTF-8: {error}") from error

    def to_text(self) -> str:
        """The contents of ``vocab.txt``."""
        return "\n".join(self.tokens) + "\n"

    def __len__(self) -> int:
        return len(self.tokens)

    def _build(self) -> Tokenizer:
        # bert4keras reads an unknown character inside a word as one [UNK], WordPiece the whole
        # word; with both forms of every character in its table, WordPiece does the same.
        table = dict(self.ids)
        unknown = self.ids["[UNK]"]
        characters = sorted({c for token in self.ids for c in token})
        for character in [*characters, _UNKNOWN, _UNKNOWN_ALONE]:
            table.setdefault(character, unknown)
            table.setdefault(f"##{character}", unknown)
        known = "".join(f"\\x{{{ord(c):x}}}" for c in characters)
        return _tokenizer(
            table,
            [
                normalizers.Replace(Regex(f"(?!{_ALONE})[^{known}{SPACES}]"), _UNKNOWN),
                normalizers.Replace(Regex(f"[^{known}{SPACES}{_UNKNOWN}]"), _UNKNOWN_ALONE),
            ],
        )

    def to_tokenizer_json(self) -> str:
        """The contents of ``tokenizer.json``, for programs that run the ``tokenizers`` package.

        It encodes as :meth:`encode` does, with special tokens, but for a word of letters or digits
        that holds a character the vocabulary lacks: all of that word is one [UNK] there.
        """
        tokenizer = _tokenizer(self.ids, [])
        radicals = [normalizers.Replace(chr(a), chr(b)) for a, b in RADICALS.items()]
        tokenizer.normalizer = normalizers.Sequence([*radicals, tokenizer.normalizer])
        ends = [(token, self.ids[token]) for token in ("[CLS]", "[SEP]")]
        tokenizer.post_processor = processors.TemplateProcessing(
            single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=ends
        )
        tokenizer.decoder = decoders.WordPiece()
        return str(tokenizer.to_str(pretty=True))

    def encode(self, texts: Sequence[str]) -> list[Encoded]:
        """Encode texts of any length, without special tokens, in parallel."""
        clean = [SURROGATE.sub("\ufffd", text).translate(RADICALS) for text in texts]
        encodings = self._tokenizer.encode_batch(clean, add_special_tokens=False)
        return [
            Encoded(
                np.asarray(found.ids, dtype=np.int32),
                np.asarray(_with_base(text, found.offsets), dtype=np.int32).reshape(-1, 2),
            )
            for text, found in zip(clean, encodings, strict=True)
        ]

    def with_special(self, ids: np.ndarray) -> np.ndarray:
        """Put [CLS] before and [SEP] behind the ids of one window."""
        return np.concatenate(([self.ids["[CLS]"]], ids, [self.ids["[SEP]"]])).astype(np.int32)


def _tokenizer(table: dict[str, int], last: Sequence[normalizers.Normalizer]) -> Tokenizer:
    """WordPiece on clean text; ``last`` normalisers are the last."""
    tokenizer = Tokenizer(
        models.WordPiece(table, unk_token="[UNK]", max_input_chars_per_word=MAX_WORD)
    )
    tokenizer.normalizer = normalizers.Sequence(
        [
            normalizers.Replace(Regex(rf"\x{{fffd}}|(?![{SPACES}])\p{{Cc}}|\p{{Cf}}"), ""),
            normalizers.NFKC(),
            normalizers.Lowercase(),
            normalizers.NFD(),
            normalizers.Replace(Regex(r"\p{Mn}"), ""),
            *last,
        ]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(f"[{SPACES}]+"), "removed"),
            pre_tokenizers.Split(Regex(f"{_ALONE}|{_UNKNOWN_ALONE}"), "isolated"),
            pre_tokenizers.Split(Regex(rf".{{1,{MAX_WORD}}}"), "isolated"),
        ]
    )
    return tokenizer


def _with_base(
    text: str, offsets: Sequence[tuple[int, int]]
) -> Sequence[tuple[int, int]] | np.ndarray:
    """Let no token begin with a combining mark or end before one.

    The tokenizer gives a mark that composes with what a character expands to (℃ and U+0301) to
    another token than the character, and any other mark to none.
    """
    if not any(map(unicodedata.combining, text)) and not any(c in text for c in _VOICING):
        return offsets
    marks = np.array([_is_mark(c) for c in text])
    # Between a character and its mark may stand what is removed.
    joins = marks | np.array([unicodedata.category(c) in ("Cc", "Cf") for c in text])
    places = np.arange(len(text))
    # Of each place, where the character begins that holds it, and where its last mark ends.
    first = np.maximum.accumulate(np.where(joins, 0, places))
    last = np.append(np.where(marks, len(text), places), len(text))
    last = np.minimum.accumulate(last[::-1])[::-1]
    starts, ends = np.asarray(offsets, dtype=int).reshape(-1, 2).T
    return np.stack([first[starts], last[ends]], axis=1)


def _is_mark(character: str) -> bool:
    return unicodedata.category(character) == "Mn" or character in _VOICING


def pad(rows: Sequence[np.ndarray]) -> np.ndarray:
    """Stack id rows of different length, padded with 0 at the end: int32 (rows, longest)."""
    out = np.zeros((len(rows), max(map(len, rows))), dtype=np.int32)
    for i, row in enumerate(rows):
        out[i, : len(row)] = row
    return out


def batches_by_length(
    lengths: Sequence[int], max_tokens: int, max_padding: float = math.inf
) -> Iterator[np.ndarray]:
    """Yield the indices of rows in batches of like length, at most ``max_tokens`` when padded.

    Every index comes exactly once; a single row longer than ``max_tokens`` is a batch of its own.
    No batch has more than ``max_padding`` tokens that only fill up its rows.
    """
    batch: list[int] = []
    filled = 0
    for index in np.argsort(lengths, kind="stable"):
        padded = (len(batch) + 1) * lengths[index]
        filled += lengths[index]
        if batch and (padded > max_tokens or padded - filled > max_padding):
            yield np.array(batch)
            batch, filled = [], lengths[index]
        batch.append(int(index))
    if batch:
        yield np.array(batch)
