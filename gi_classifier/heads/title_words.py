"""Words that say of which kind a page is: in its title, given or learned from titles.

In: lines at the heads of pages, and words by kind. Out: the kind that a title names. Pure
functions.
"""

from __future__ import annotations

import itertools
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set
from typing import Any

import numpy as np

from gi_classifier.errors import SettingsError

Words = Mapping[str, Sequence[str]]

GASTROSCOPY, COLONOSCOPY, PATHOLOGY = "gastroscopy", "colonoscopy", "pathology"
OTHER, NONE = "other", "none"
# The names of kinds in Chinese.
KIND_NAMES = {
    GASTROSCOPY: "胃镜报告",
    COLONOSCOPY: "肠镜报告",
    PATHOLOGY: "病理报告",
    OTHER: "其他报告或表格",
    NONE: "非文书",
}
# What titles of a kind say; written from the names that such forms have, not learned. A report of
# both endoscopies is one of the upper tract too.
TITLE_WORDS: Words = {
    GASTROSCOPY: (
        "胃镜 胃肠镜 十二指肠镜 上消化道内镜 上消化道内窥镜 上消化道镜 食管镜 食道镜 胃内镜 "
        "胃内窥镜 gastroscop gastroduodenoscop egd"
    ).split(),
    COLONOSCOPY: (
        "肠镜 直肠镜 乙状结肠镜 下消化道内镜 下消化道内窥镜 下消化道镜 肠内镜 肠内窥镜 "
        "colonoscop sigmoidoscop"
    ).split(),
    PATHOLOGY: "病理 活检 组织学 免疫组化 细胞学 patholog histolog biopsy".split(),
    OTHER: (
        "检验 化验 血常规 生化 尿 便常规 laborator ct 磁共振 核磁 mri 超声 彩超 b超 心电 x线 "
        "放射 透视 造影 骨密度 肺功能 脑电 处方 病案 病历 病程 证明 小结 入院记录 手术记录 护理 "
        "医嘱 同意书 申请单 预约单 通知单 告知书 会诊单 收费 发票 票据 清单 体检报告 小肠镜 "
        "支气管镜 膀胱镜 宫腔镜 喉镜 鼻内镜 腹腔镜 关节镜 胶囊内镜 呼气试验"
    ).split(),
}
# A line that tells something is no title.
_NO_TITLE = frozenset("：:，,。；;、")
_LONGEST_TITLE = 40
_SHORT = 3
# Of learned words: their length; the share of the pages that they tell apart rightly at least; the
# pages, and the share of a kind's, that each must add.
_LENGTHS, _RIGHT, _LEAST_PAGES, _LEAST_SHARE = range(2, 7), 0.95, 2, 0.05
_WEIGHTS, _LEAST_PROBABILITY = (0.0, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0), 1e-6


def plain(line: str) -> str:
    """A line as words are looked up in it: half-width, lower case, without white space."""
    return _plain_and_gaps(line)[0]


def _plain_and_gaps(line: str) -> tuple[str, set[int]]:
    """A line as :func:`plain` gives it, and the places before which white space stood."""
    parts = unicodedata.normalize("NFKC", line).lower().split()
    return "".join(parts), set(itertools.accumulate(map(len, parts)))


def checked_words(words: Any, kinds: Sequence[str]) -> dict[str, list[str]]:
    """Words that somebody gave, as they are looked up, by kind in sorted order.

    Raises
    ------
    SettingsError
        They are no mapping of lists, or some are blank or of no kind: all such kinds are named.
    """
    if not isinstance(words, Mapping):
        raise SettingsError(
            "words map each kind to a list of words of its titles. "
            f"Received: {type(words).__name__}"
        )
    found, problems = {}, []
    for kind, those in words.items():
        whole = isinstance(those, (list, tuple)) and all(isinstance(word, str) for word in those)
        if str(kind) not in kinds:
            problems.append(f"{kind!r}: no page is of this kind")
        elif not whole or not all(plain(word) for word in those):
            problems.append(f"{kind!r}: give a list of words, none of them blank")
        else:
            found[str(kind)] = [plain(word) for word in those]
    if problems:
        raise SettingsError("words name kinds of the pages, each with a list. Received:", problems)
    return dict(sorted(found.items()))


def named_kind(line: str, words: Words) -> str | None:
    """The kind that a line names; None where it names none, or is no title.

    A word inside a longer one of another kind does not count (肠镜 in 十二指肠镜). Of several, the
    last says what the page is (胃镜活检病理报告).
    """
    text, gaps = _plain_and_gaps(line)
    if not _may_be_title(text):
        return None
    spans = [
        (start, start + len(word), kind)
        for kind, those in words.items()
        for word in those
        for start in range(len(text) - len(word) + 1)
        if text.startswith(word, start) and not _inside_latin(text, gaps, start, word)
    ]
    whole = [
        span
        for span in spans
        if not any(
            other[0] <= span[0] and span[1] <= other[1] and span[:2] != other[:2] for other in spans
        )
    ]
    return max(whole, key=lambda span: span[1])[2] if whole else None


def _may_be_title(text: str) -> bool:
    return len(text) <= _LONGEST_TITLE and not _NO_TITLE & set(text)


def _inside_latin(text: str, gaps: Set[int], start: int, word: str) -> bool:
    """Whether a short Latin word is but a part of one, as ct is of doctor."""
    end = start + len(word)
    around = "" if start in gaps else text[max(0, start - 1) : start]
    around += "" if end in gaps else text[end : end + 1]
    short = word.isascii() and len(word) <= _SHORT
    return short and any(c.isascii() and c.isalpha() for c in around)


def first_named(lines: Iterable[str], words: Words) -> tuple[str | None, bool]:
    """The kind that the first line to name one names, and whether there is any line.

    No line is asked for beyond that one.
    """
    any_line = False
    for line in lines:
        any_line = True
        if kind := named_kind(line, words):
            return kind, True
    return None, any_line


def learned_words(titles: Sequence[Sequence[str]], kinds: Sequence[str]) -> dict[str, list[str]]:
    """Words of 2 to 6 characters that tell the kinds' titles apart, the most telling first.

    Parameters
    ----------
    titles : sequence of sequence of str
        The lines at each page's head.
    kinds : sequence of str
        Of each page.

    Returns
    -------
    dict
        By kind, in sorted order; a kind whose titles say nothing of their own has no word.
    """
    parts = [_parts(lines) for lines in titles]
    everywhere = Counter(part for of_page in parts for part in of_page)
    found: dict[str, list[str]] = {}
    for kind in sorted(set(kinds)):
        pages = [of_page for of_page, own in zip(parts, kinds, strict=True) if own == kind]
        here = Counter(part for of_page in pages for part in of_page)
        telling = {part for part, n in here.items() if n >= _RIGHT * everywhere[part]}
        least = max(_LEAST_PAGES, _LEAST_SHARE * len(pages))
        found[kind] = []
        while pages:
            here = Counter(part for of_page in pages for part in of_page & telling)
            # Of equally frequent ones the shortest, which other titles are likeliest to hold.
            best = min(here, key=lambda part: (-here[part], len(part), part), default="")
            if here[best] < least:
                break
            found[kind].append(best)
            pages = [of_page for of_page in pages if best not in of_page]
    return found


def _parts(lines: Sequence[str]) -> set[str]:
    return {
        part
        for text, gaps in map(_plain_and_gaps, lines)
        if _may_be_title(text)
        for length in _LENGTHS
        for start in range(len(text) - length + 1)
        for part in (text[start : start + length],)
        if not any(c.isdigit() for c in part) and not _inside_latin(text, gaps, start, part)
    }


def said_table(said: np.ndarray, codes: np.ndarray, kinds: int) -> np.ndarray:
    """How often a title says what, by the page's kind: shares (kinds, kinds + 2), rows sum to 1.

    Parameters
    ----------
    said : ndarray of int, shape (n,)
        The kind that was named, or ``kinds`` where lines named none, or ``kinds + 1`` without any.
    codes : ndarray of int, shape (n,)
    kinds : int
    """
    counts = np.full((kinds, kinds + 2), 0.5)
    np.add.at(counts, (codes, said), 1)
    return np.asarray(counts / counts.sum(axis=1, keepdims=True))


def joined(seen: np.ndarray, shares: np.ndarray, weight: float) -> np.ndarray:
    """Probabilities (n, kinds) from those of the picture and the shares of what titles say.

    The picture's are raised to the power ``weight``: on a layout that it never saw, a head is too
    sure of itself.
    """
    joint = np.maximum(seen, _LEAST_PROBABILITY) ** weight * shares
    return np.asarray(joint / joint.sum(axis=1, keepdims=True))


def picture_weight(seen: np.ndarray, shares: np.ndarray, codes: np.ndarray) -> float:
    """The weight of :func:`joined` that makes the true kinds likeliest, of a few."""
    rows = np.arange(len(codes))
    likely = [np.log(joined(seen, shares, w)[rows, codes]).mean() for w in _WEIGHTS]
    return float(_WEIGHTS[int(np.argmax(likely))])


def sure_from(probabilities: np.ndarray, codes: np.ndarray, right: float) -> np.ndarray:
    """From which probability on each kind is right at least so often; infinity where it never is.

    Parameters
    ----------
    probabilities : ndarray, shape (n, kinds)
        Of pages that what gave them did not see.
    codes : ndarray of int, shape (n,)
    right : float
        Share of the pages with the kind's probability at least so high that are of it, with 95%
        confidence (Clopper and Pearson 1934): 0.9 takes 29 pages without an error.

    Returns
    -------
    ndarray, shape (kinds,)
        Between two probabilities that were seen, so that a like page is not decided by rounding.
    """
    from scipy.stats import beta

    found = np.full(probabilities.shape[1], np.inf)
    predicted = probabilities.argmax(axis=1)
    for kind in range(probabilities.shape[1]):
        chosen = predicted == kind
        values, wrong = probabilities[chosen, kind], codes[chosen] != kind
        order = np.argsort(-values, kind="stable")
        values, errors = values[order], np.cumsum(wrong[order])
        pages = np.arange(1, len(values) + 1)
        fine = np.flatnonzero(beta.ppf(0.05, pages - errors, errors + 1) >= right)
        if len(fine):
            last = fine[-1]
            following = values[last + 1] if last + 1 < len(values) else values[last]
            found[kind] = (values[last] + following) / 2
    return found
