"""Cuts a record into words, clauses and sentences.

In: a string. Out: spans (start, end), in order, that cover every character once. Words come from
jieba with the dictionary beside this file; they never cross punctuation or white space.
"""

from __future__ import annotations

import itertools
import logging
import re
import unicodedata
from functools import lru_cache
from importlib.resources import files
from typing import Any, Literal, get_args

Unit = Literal["word", "clause", "sentence"]
UNITS: tuple[str, ...] = get_args(Unit)

# Full-width letters, digits and signs, one for one: jieba keeps only the ASCII ones together.
_WIDE = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
# A decimal or a percentage with its unit is one word, which jieba would cut at the point.
_NUMBER = r"\d++(?:(?:\.\d++)++%?|%)(?:[A-Za-z]++(?![0-9]))?"
# Or a run of letters, digits and ideographs up to the next of these.
_RUN = re.compile(rf"({_NUMBER})|(?:(?!{_NUMBER})\d++|[^\W\d_])+")
# A full stop behind a digit ends nothing: 1.5cm, 2.息肉.
_ENDS = {
    "clause": re.compile(r"[，,；;。！!？?\n]+|(?<!\d)\.(?!\d)"),
    "sentence": re.compile(r"[，,]*[；;。！!？?\n][，,；;。！!？?\n]*|(?<!\d)\.(?!\d)"),
}
# Sides, degrees, times and particles: they name nothing by themselves.
STOP_WORDS = frozenset(
    "左 右 双 左侧 右侧 双侧 两侧 单侧 一侧 上 下 前 后 内 外 中 里 侧 旁 间 上段 下段 中段 "
    "急性 亚急性 慢性 轻度 中度 重度 轻 重 大 小 高 低 多 少 多发 单发 散在 较 稍 略 约 "
    "年 月 日 天 周 时 分 次 个 枚 块 例 余 第 今 昨 近 现 再 又 复 仍 已 曾 "
    "的 了 及 与 和 或 伴 并 而 于 在 自 从 由 被 把 因 为 是 有 无 未 不 非 可 能 会 要 吗 呢 "
    "经 行 予 拟 作 做 给 用 示 见 可见 未见 所见 提示 考虑 建议 符合 明显 异常 正常 "
    "患者 病人 患儿 本人 我 你 他 她 医生 男 女 男性 女性 岁 入院 出院 住院 门诊 术 术前 术中 术后 "
    "手术 病 型 性 期 级 度 距 部 底部 处 区 样 者 等".split()
)
# High enough that a word of the dictionary wins against its parts.
_FREQUENCY = 20_000


def dictionary() -> str:
    """The words that ship, one a line."""
    return (files("gi_classifier.attribution") / "dictionary.txt").read_text(encoding="utf-8")


@lru_cache(maxsize=1)
def _segmenter() -> Any:
    import jieba

    jieba.setLogLevel(logging.WARNING)
    segmenter = jieba.Tokenizer()
    for word in dictionary().split():
        segmenter.add_word(word, freq=_FREQUENCY)
    return segmenter


def cut(text: str, by: Unit = "word") -> list[tuple[int, int]]:
    """Cut a text into spans.

    Parameters
    ----------
    text : str
    by : {"word", "clause", "sentence"}
        A clause or sentence keeps the punctuation that ends it. Among words, every character
        of punctuation and of white space is a span of its own.

    Returns
    -------
    list of (start, end)
    """
    if by == "word":
        return _words(text)
    ends = [match.end() for match in _ENDS[by].finditer(text)]
    bounds = [0, *ends, *([len(text)] if not ends or ends[-1] < len(text) else [])]
    return [(a, b) for a, b in itertools.pairwise(bounds) if b > a]


def _words(text: str) -> list[tuple[int, int]]:
    spans, place = [], 0
    for match in _RUN.finditer(text.translate(_WIDE)):
        spans += [(i, i + 1) for i in range(place, match.start())]
        place, run = match.start(), match.group()
        for word in [run] if match[1] else _segmenter().cut(run, HMM=False):
            spans.append((place, place + len(word)))
            place += len(word)
    return spans + [(i, i + 1) for i in range(place, len(text))]


def is_word(text: str) -> bool:
    """Whether a span is more than punctuation, white space, a bare number or a single letter."""
    letters = [c for c in text if c.isalpha()]
    return len(letters) > 1 or any(unicodedata.category(c) == "Lo" for c in letters)
