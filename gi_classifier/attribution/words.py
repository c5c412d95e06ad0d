"""Cuts a record into words, clauses and sentences.

In: a string. Out: spans (start, end), in order, that cover every character once. Words come from
jieba with the dictionary beside this file; they never cross punctuation or white space, but for
the points and the percent sign inside a number (1.5cm, 2020.1.5, 5%GNS).
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from functools import lru_cache
from importlib.resources import files
from typing import Any, Literal, get_args

from gi_classifier.segmenter import new_segmenter
from gi_classifier.text import RADICALS

Unit = Literal["word", "clause", "sentence"]
UNITS: tuple[str, ...] = get_args(Unit)

# One for one: full-width letters, digits and signs, of which jieba keeps only the ASCII ones
# together, and radicals.
_READ_AS = RADICALS | {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
# A decimal or a percentage with its unit is one word, which jieba would cut at the point.
_NUMBER = r"\d++(?:(?:\.\d++)++%?|%)(?:[A-Za-z]++(?![0-9]))?"
# A number and its unit: 9cm, 120mmHg, 5%GNS, 10μg; not T3N1 or 14C呼气试验.
_MEASURE = re.compile(r"\d[\d.%]*+[A-Za-zµμ]*(?:H2O)?")
# Or a run of letters, digits and ideographs up to the next of these.
_RUN = re.compile(rf"({_NUMBER})|(?:(?!{_NUMBER})\d++|[^\W\d_])+")
# The number of an item in a list, which stays with its item: 1.息肉, 2、息肉, （3）息肉, ④息肉. Not
# 1.5cm, 3、7、11点, HER2(0); behind an ideograph only with a point, since 窦2、角1 are counts.
_BEFORE = (
    r"(?:^|(?<=[\s，,；;。！!？?：:)）】”])|(?<=\D[.．])"
    r"|(?<=[\u4e00-\u9fff])(?=\d+[.．]\w))"
)
_ITEM = (
    r"(?<![A-Za-z\d.．、])(?:[①-⒛]|[(（][1-9１-９]\d?[)）](?=\s*[^\W\d_]))"
    # Two digits behind Latin letters and a space are a measure (HR 18.); 3.2型糖尿病 is an item.
    rf"|{_BEFORE}(?:[1-9１-９]|(?<![A-Za-z]\s)[1１]\d)[.．、](?=[^\S\n]*\S)(?!\s*\d(?!型))"
)
# A point ends nothing inside a number or behind a digit (1.5cm), unless white space follows.
_POINT = r"(?<!\d)\.(?!\d)|\.(?=\s+[^\s\d]|\s*$)"
_COMMA = r"，|(?<!\d),|,(?!\d)"
_STOPS = r"[；;。！!？?\n]"
_ENDS = {
    "clause": re.compile(rf"(?P<item>{_ITEM})|(?:{_STOPS}|{_COMMA})+|{_POINT}"),
    "sentence": re.compile(rf"(?P<item>{_ITEM})|{_STOPS}(?:{_STOPS}|{_COMMA})*|{_POINT}"),
}
# Sides, degrees, times and particles: they name nothing by themselves.
_STOP_WORDS = (
    "左 右 双 左侧 右侧 双侧 两侧 单侧 一侧 上 下 前 后 内 外 中 里 侧 旁 间 上段 下段 中段 "
    "急性 亚急性 慢性 轻度 中度 重度 轻 重 大 小 高 低 多 少 多发 单发 散在 较 稍 略 约 "
    "年 月 日 天 周 时 分 次 个 枚 块 例 余 第 今 昨 近 现 再 又 复 仍 已 曾 "
    "的 了 及 与 和 或 伴 并 而 于 在 自 从 由 被 把 因 为 是 有 无 未 不 非 可 能 会 要 吗 呢 "
    "经 行 予 拟 作 做 给 用 示 见 可见 未见 所见 提示 考虑 建议 符合 明显 异常 正常 "
    "患者 病人 患儿 本人 我 你 他 她 医生 男 女 男性 女性 岁 入院 出院 住院 门诊 术 术前 术中 术后 "
    "手术 病 型 性 期 级 度 距 部 底部 处 区 样 者 等"
)
_ENGLISH_STOP_WORDS = (
    "a an and are as at be been by for from had has have in into is it its no not of on or over "
    "per than that the there this to under was were which who with without"
)
# Those in English as in a sentence and at its beginning: in capitals, NO and AT are others.
STOP_WORDS = frozenset(f"{_STOP_WORDS} {_ENGLISH_STOP_WORDS} {_ENGLISH_STOP_WORDS.title()}".split())
# High enough that a word of the dictionary wins against its parts.
_FREQUENCY = 20_000


def dictionary() -> str:
    """The words that ship, one a line."""
    return (files("gi_classifier.attribution") / "dictionary.txt").read_text(encoding="utf-8")


@lru_cache(maxsize=1)
def _segmenter() -> Any:
    segmenter = new_segmenter()
    for word in dictionary().split():
        segmenter.add_word(word, freq=_FREQUENCY)
    return segmenter


def release_segmenter() -> None:
    """Give back the 54 MB of jieba's dictionary; the next cut reads it again, in a second."""
    _segmenter.cache_clear()


def cut(text: str, unit: Unit = "word") -> list[tuple[int, int]]:
    """Cut a text into spans.

    Parameters
    ----------
    text : str
    unit : {"word", "clause", "sentence"}
        A clause or sentence keeps the punctuation that ends it; an item of a numbered list
        (1. 2. or 1、 2、 or （1）（2） or ①②) begins one of each. Among words, every character of
        punctuation and of white space is a span of its own.

    Returns
    -------
    list of (start, end)
    """
    if unit == "word":
        return _words(text)
    # An item begins where its number does; all else ends behind its punctuation.
    ends = [m.start() if m["item"] else m.end() for m in _ENDS[unit].finditer(text)]
    bounds = [0, *ends, len(text)]
    return [(a, b) for a, b in itertools.pairwise(bounds) if b > a]


def _words(text: str) -> list[tuple[int, int]]:
    spans, place = [], 0
    for match in _RUN.finditer(text.translate(_READ_AS)):
        spans += [(i, i + 1) for i in range(place, match.start())]
        place, run = match.start(), match.group()
        for word in [run] if match[1] else _segmenter().cut(run, HMM=False):
            spans.append((place, place + len(word)))
            place += len(word)
    return spans + [(i, i + 1) for i in range(place, len(text))]


def is_word(text: str) -> bool:
    """Whether a span is more than punctuation, white space, a number or measure, or a letter."""
    if _MEASURE.fullmatch(text.translate(_READ_AS)):
        return False
    letters = [c for c in text if c.isalpha()]
    return len(letters) > 1 or any(unicodedata.category(c) == "Lo" for c in letters)
