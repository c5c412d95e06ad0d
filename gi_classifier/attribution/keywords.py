"""The ranked keyword table of a corpus: which words decide for each label, and by how much.

In: records, one at a time, explained by integrated gradients. Out: a table with a row for each
keyword and label. Counting is streamed: what is held grows with the keywords, and by a number for
each distinct record that tells duplicates (some 60 bytes in a set).
"""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, get_args

import numpy as np
from tqdm import tqdm

from gi_classifier._version import __version__
from gi_classifier.attribution.attribution import Attribution, Span
from gi_classifier.attribution.integrated_gradients import (
    Explainer,
    PathOptions,
    shipped_explainer,
)
from gi_classifier.attribution.words import STOP_WORDS, dictionary, is_word
from gi_classifier.errors import InputError, RecordsError, SettingsError
from gi_classifier.model_dir import Bundle
from gi_classifier.predict import check_texts
from gi_classifier.records import check_texts_of, iterate_texts
from gi_classifier.splitting import fingerprint
from gi_classifier.text import folded, normalise

if TYPE_CHECKING:
    import pandas as pd

Unit = Literal["word", "span"]
UNITS: tuple[str, ...] = get_args(Unit)
COLUMNS = (
    "keyword",
    "label",
    "frequency",
    "documents",
    "mean",
    "total",
    "share",
    "distinctiveness",
    "example",
)
# Records explained between two states; characters either side of an example's keyword.
_CHUNK, _CONTEXT = 64, 12
# How records are explained that are only counted: fewer points, a table nearly the same (measured
# in docs/attribution.md).
COUNTING = PathOptions(steps=8, tolerance=0.05)


@dataclass(frozen=True)
class KeywordOptions:
    """What counts as a keyword; see :func:`keyword_table`."""

    threshold: float = 0.2
    extracts_max: bool = False
    unit: Unit = "word"
    against: bool = False
    all_words: bool = False

    def __post_init__(self) -> None:
        problems = []
        number = isinstance(self.threshold, Real) and not isinstance(self.threshold, bool)
        if not number or not 0 < self.threshold <= 1:
            problems.append(
                f"threshold must be a number above 0, at most 1. Received: {self.threshold!r}"
            )
        if self.unit not in UNITS:
            problems.append(f"unit must be one of {', '.join(UNITS)}. Received: {self.unit!r}")
        for name in ("extracts_max", "against", "all_words"):
            if not isinstance(getattr(self, name), bool):
                problems.append(f"{name} must be a bool. Received: {getattr(self, name)!r}")
        if problems:
            raise SettingsError("No keywords can be counted with these settings:", problems)


def rescaled(scores: np.ndarray) -> np.ndarray:
    """Divide a record's scores by the largest, and set those below 0 to 0: all in [0, 1].

    Zero stays zero, unlike with the reference's minimum-maximum rescaling, and equal scores, which
    that divides by zero, become 1 where they are positive. Without a positive score all are 0.
    """
    top = scores.max(initial=0.0)
    return np.asarray(np.maximum(scores, 0) / top if top > 0 else np.zeros_like(scores))


def keywords_of(attribution: Attribution, options: KeywordOptions) -> list[Span]:
    """Find one record's keywords.

    Parameters
    ----------
    attribution : Attribution
    options : KeywordOptions

    Returns
    -------
    list of Span
        In the order of the text, with unscaled scores (of ``against``: below 0).
        Words whose score, divided by the record's largest, reaches the threshold; with the unit
        "span", runs of adjacent tokens that do, broken by punctuation and white space. What can be
        no keyword (punctuation, stop words) has no part in it, so the largest is a keyword's. With
        ``extracts_max``, only the keyword that holds the record's largest score.
    """
    spans = attribution.spans("word" if options.unit == "word" else "token")
    allowed = [_allowed(span.text, options) for span in spans]
    scores = np.where(allowed, [span.score for span in spans], 0.0)
    shares = rescaled(-scores if options.against else scores)
    chosen = [bool(share >= options.threshold) for share in shares]
    if options.unit == "word":
        groups = [[i] for i, is_chosen in enumerate(chosen) if is_chosen]
    else:
        groups = _adjacent(spans, chosen)
    found = []
    for group in groups:
        start, end = spans[group[0]].start, max(spans[i].end for i in group)
        span = Span(attribution.text[start:end], start, end, float(scores[group].sum()))
        if is_word(span.text):
            found.append((float(shares[group].max()), span))
    if options.extracts_max and found:
        # The first of equals.
        found = [max(found, key=lambda pair: pair[0])]
    return [span for _, span in found]


def _allowed(part: str, options: KeywordOptions) -> bool:
    """Whether a word may stand in the table, or a token in a span."""
    if options.unit == "span":
        return any(c.isalnum() for c in part)
    return is_word(part) and (options.all_words or normalise(part) not in STOP_WORDS)


def _adjacent(spans: Sequence[Span], chosen: Sequence[bool]) -> list[list[int]]:
    """Runs of chosen tokens that touch each other."""
    groups: list[list[int]] = []
    for i, span in enumerate(spans):
        if not chosen[i]:
            continue
        # Two tokens may stem from one character, so a start may lie before the last end.
        touches = groups and groups[-1][-1] == i - 1 and span.start <= spans[i - 1].end
        if touches:
            groups[-1].append(i)
        else:
            groups.append([i])
    return groups


@dataclass
class _Row:
    """What is known of one keyword of one label."""

    frequency: int = 0
    documents: int = 0
    total: float = 0.0
    best: float = 0.0
    keyword: str = ""
    example: str = ""

    def add(self, other: _Row) -> None:
        self.frequency += other.frequency
        self.documents += other.documents
        self.total += other.total
        if other.best > self.best:
            self.best, self.keyword, self.example = other.best, other.keyword, other.example


@dataclass
class KeywordCounter:
    """Counts keywords over records; can be stored as JSON and merged.

    Attributes
    ----------
    rows : dict
        From (label, keyword in lower case) to its counts.
    """

    rows: dict[tuple[int, str], _Row] = field(default_factory=dict)

    def add(self, attribution: Attribution, options: KeywordOptions) -> None:
        """Count one record's keywords."""
        found: dict[str, _Row] = {}
        for span in keywords_of(attribution, options):
            key = folded(span.text)
            row = found.setdefault(key, _Row(documents=1))
            row.add(
                _Row(
                    1,
                    0,
                    span.score,
                    abs(span.score),
                    normalise(span.text),
                    _context(attribution, span),
                )
            )
        for key, row in found.items():
            self.rows.setdefault((attribution.label, key), _Row()).add(row)

    def merged(self, other: KeywordCounter) -> KeywordCounter:
        """Both counts together."""
        both = KeywordCounter()
        for part in (self, other):
            for key, row in part.rows.items():
                both.rows.setdefault(key, _Row()).add(row)
        return both

    def to_dict(self) -> dict[str, Any]:
        """Everything, ready for JSON."""
        return {
            "rows": [[label, key, *asdict(row).values()] for (label, key), row in self.rows.items()]
        }

    @classmethod
    def from_dict(cls, table: Mapping[str, Any]) -> KeywordCounter:
        """Undo :meth:`to_dict`."""
        return cls({(row[0], row[1]): _Row(*row[2:]) for row in table["rows"]})

    def to_frame(self, *, by_label: bool = True, min_frequency: int = 1) -> pd.DataFrame:
        """The ranked table; see :func:`keyword_table`."""
        import pandas as pd

        rows = self.rows
        if not by_label:
            rows = {}
            for (_, key), row in self.rows.items():
                rows.setdefault((-1, key), _Row()).add(row)
        counts = [
            (row.keyword, label, row.frequency, row.documents, row.total / row.frequency, row.total)
            for (label, _), row in rows.items()
        ]
        table = pd.DataFrame(counts, columns=list(COLUMNS[:6]))
        table["share"] = table["total"] / table.groupby("label")["total"].transform("sum")
        words = pd.factorize(pd.Series([key for _, key in rows], dtype=object))[0]
        table["distinctiveness"] = distinctiveness(
            table["label"].to_numpy(), words, table["frequency"].to_numpy()
        )
        table["example"] = [row.example for row in rows.values()]
        table = table[table["frequency"] >= min_frequency]
        # Keywords of equal total keep the order of their characters, whatever came first.
        order = np.lexsort((table["keyword"], -table["total"].abs(), table["label"]))
        table = table.iloc[order].reset_index(drop=True)
        return table if by_label else table.drop(columns=["label", "distinctiveness"])


def _context(attribution: Attribution, span: Span) -> str:
    text, start, end = attribution.text, span.start, span.end
    left, right = max(0, start - _CONTEXT), min(len(text), end + _CONTEXT)
    cut = f"{'…' if left else ''}{text[left:right]}{'…' if right < len(text) else ''}"
    return " ".join(cut.split())


def distinctiveness(labels: np.ndarray, words: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """How much more one label has a word than all others together, as z-scores.

    The weighted log-odds ratio with an informative Dirichlet prior (Monroe, Colaresi and Quinn
    2008, equations 16 and 22); the prior is the words' counts over all labels.

    Parameters
    ----------
    labels, words, counts : ndarray of int, shape (rows,)
        Each pair of label and word, by number, once, with its count.

    Returns
    -------
    ndarray of float64, shape (rows,)
        Above about 2: more than chance. 0 where there is but one label or one word.
    """
    if len(set(labels.tolist())) < 2 or len(set(words.tolist())) < 2:
        return np.zeros(len(labels))
    _, word = np.unique(words, return_inverse=True)
    _, label = np.unique(labels, return_inverse=True)
    prior = np.bincount(word, counts)[word]
    all_prior = counts.sum()
    own, own_all = counts, np.bincount(label, counts)[label]
    other, other_all = prior - own, counts.sum() - own_all
    first = np.log((own + prior) / (own_all + all_prior - own - prior))
    second = np.log((other + prior) / (other_all + all_prior - other - prior))
    return np.asarray((first - second) / np.sqrt(1 / (own + prior) + 1 / (other + prior)))


class Stability(NamedTuple):
    """How well two halves' rankings agree.

    Attributes
    ----------
    correlation : float
        Spearman's, of the ranks over the union of both tops.
    shared, compared : int
        Keywords in both tops, and in their union.
    """

    correlation: float
    shared: int
    compared: int


def stability(first: pd.DataFrame, second: pd.DataFrame, top: int = 50) -> dict[int, Stability]:
    """Rank correlation of two halves' tables, by label.

    Parameters
    ----------
    first, second : DataFrame
        Tables of :func:`keyword_table`.
    top : int
        Of each table's label, so many of the highest totals.

    Returns
    -------
    dict of int to Stability
        A keyword that a table lacks stands behind its last, so tops that share little correlate
        below 0. nan where fewer than three keywords are compared.

    Raises
    ------
    InputError
        A table has no labels.
    """
    if not all("label" in table for table in (first, second)):
        raise InputError("Stability is measured by label; these tables pool the labels.")
    from scipy.stats import spearmanr

    found = {}
    for label in sorted({*first["label"], *second["label"]}):
        words = [
            [folded(word) for word in table["keyword"][table["label"] == label]]
            for table in (first, second)
        ]
        union = list(dict.fromkeys([*words[0][:top], *words[1][:top]]))
        ranks = [
            [{w: i for i, w in enumerate(part)}.get(word, len(part)) for word in union]
            for part in words
        ]
        correlation = float(spearmanr(*ranks)[0]) if len(union) > 2 else float("nan")
        shared = len({*words[0][:top]} & {*words[1][:top]})
        found[int(label)] = Stability(correlation, shared, len(union))
    return found


@dataclass
class Progress:
    """How far a count has come: all that going on depends on.

    Attributes
    ----------
    halves : (KeywordCounter, KeywordCounter)
        Records fall to one of them by their fingerprint.
    read : int
        Records read, duplicates too.
    seen : set of int
        Fingerprints.
    unconverged : int
        Records whose completeness error stayed above the tolerance.
    """

    halves: tuple[KeywordCounter, KeywordCounter] = field(
        default_factory=lambda: (KeywordCounter(), KeywordCounter())
    )
    read: int = 0
    seen: set[int] = field(default_factory=set)
    unconverged: int = 0

    @property
    def whole(self) -> KeywordCounter:
        """Both halves together."""
        return self.halves[0].merged(self.halves[1])

    @property
    def duplicates(self) -> int:
        """Records read that equal an earlier one, once normalised and lower-cased."""
        return self.read - len(self.seen)

    def to_json(self, mark: str) -> bytes:
        """As bytes, with a mark of what the count depends on."""
        seen = np.sort(np.fromiter(self.seen, dtype=np.uint64, count=len(self.seen)))
        table = {
            "mark": mark,
            "halves": [half.to_dict() for half in self.halves],
            "read": self.read,
            "unconverged": self.unconverged,
            "seen": base64.b64encode(seen.tobytes()).decode(),
        }
        return json.dumps(table).encode()

    @classmethod
    def from_json(cls, content: bytes, mark: str, source: str) -> Progress:
        """Undo :meth:`to_json`.

        Raises
        ------
        RecordsError
            The state is of another count, or no state.
        """
        try:
            table = json.loads(content)
            if table["mark"] != mark:
                raise RecordsError(
                    f"{source} is of another file, model or setting. Leave out --resume to "
                    "begin anew."
                )
            first, second = (KeywordCounter.from_dict(half) for half in table["halves"])
            seen = np.frombuffer(base64.b64decode(table["seen"]), dtype=np.uint64)
            return cls((first, second), table["read"], set(seen.tolist()), table["unconverged"])
        except (ValueError, KeyError, TypeError, IndexError) as error:
            if isinstance(error, RecordsError):
                raise
            raise RecordsError(
                f"{source} is no state of a count. Leave out --resume to begin anew."
            ) from error


def count_keywords(
    texts: Iterable[str],
    explainer: Explainer,
    options: KeywordOptions,
    path: PathOptions,
    progress: Progress,
) -> Iterator[int]:
    """Count the keywords of texts that were checked, and yield after every few.

    Parameters
    ----------
    texts : iterable of str
        From the first on; those that ``progress`` has read are passed over.
    explainer : Explainer
    options : KeywordOptions
    path : PathOptions
    progress : Progress
        Changed in place; whole whenever this yields.

    Yields
    ------
    int
        Records read since the last time.
    """
    rest = itertools.islice(texts, progress.read, None)
    while part := list(itertools.islice(rest, _CHUNK)):
        new: dict[int, str] = {}
        for text in part:
            mark = int(fingerprint(text), 16)
            if mark not in progress.seen:
                new.setdefault(mark, text)
        found = explainer.explain(list(new.values()), **asdict(path)) if new else []
        for mark, attribution in zip(new, found, strict=True):
            progress.halves[mark % 2].add(attribution, options)
            progress.unconverged += not attribution.converged
        progress.seen.update(new)
        progress.read += len(part)
        yield len(part)


def mark_of(
    source: Path, text_column: str, bundle: Bundle, options: KeywordOptions, path: PathOptions
) -> str:
    """A digest of what a count depends on: file, model, dictionary, version and settings."""
    parts = (__version__, text_column, asdict(options), asdict(path), bundle.manifest()["files"])
    digest = hashlib.sha256(repr(parts).encode())
    digest.update(dictionary().encode())
    with source.open("rb") as file:
        while part := file.read(1 << 20):
            digest.update(part)
    return digest.hexdigest()


def keyword_table(
    texts_or_file: Sequence[str] | str | Path,
    *,
    threshold: float = KeywordOptions.threshold,
    extracts_max: bool = False,
    by_label: bool = True,
    min_frequency: int = 1,
    unit: Unit = KeywordOptions.unit,
    against: bool = False,
    all_words: bool = False,
    text_column: str = "text",
    skip_blank: bool = False,
    explainer: Explainer | None = None,
    **path: Any,
) -> pd.DataFrame:
    """Rank the words that decide for each label over a corpus.

    Each record is explained for the label that the model gives it; a record that occurs several
    times counts once. A word's score is the sum of its tokens', in log-odds.

    Parameters
    ----------
    texts_or_file : sequence of str, or path
        Records, or a file of them (.txt, .tsv, .csv, .jsonl or .xlsx), which is streamed, but
        for .xlsx.
    threshold : float
        Share of the record's largest score from which a word counts, above 0 and at most 1. The
        reference used 0.2 and 0.5.
    extracts_max : bool
        Take only the keyword that holds the record's largest score.
    by_label : bool
        Rank within each label; else all labels together, without the columns ``label`` and
        ``distinctiveness``.
    min_frequency : int
        Leave out keywords that occur less often.
    unit : {"word", "span"}
        Words of the dictionary, or as in the reference runs of adjacent tokens above the threshold.
    against : bool
        The negative table: words that speak against the label that won; their scores are below 0.
    all_words : bool
        Of words, also those that name nothing by themselves (右侧, 急性, 术后, 见 …:
        :data:`gi_classifier.attribution.words.STOP_WORDS`).
    text_column : str
        Column of .csv, .jsonl and .xlsx.
    skip_blank : bool
        Leave out a file's rows without text, which are errors otherwise.
    explainer : Explainer, optional
        Without, that of the model that ships.
    **path
        Options of :func:`gi_classifier.explain`, without ``label``; those of :data:`COUNTING` are
        the default here.

    Returns
    -------
    DataFrame
        Sorted by label and falling total (of ``against``: from the lowest up): keyword; label;
        frequency (occurrences above the threshold); documents (records that have one); mean and
        total score; share of the label's total; distinctiveness (:func:`distinctiveness`); an
        example in its context.

    Raises
    ------
    InputError, RecordsError, FileNotFoundError
        What is given cannot be read: all bad rows or positions are named.
    SettingsError
        With every option out of range.
    """
    options = KeywordOptions(threshold, extracts_max, unit, against, all_words)
    chosen = PathOptions.of(path, COUNTING)
    check_min_frequency(min_frequency)
    if isinstance(texts_or_file, (str, Path)):
        count, _, _ = check_texts_of(texts_or_file, text_column=text_column, skip_blank=skip_blank)
        texts = iterate_texts(texts_or_file, text_column=text_column)
    else:
        checked = check_texts(texts_or_file)
        count, texts = len(checked), iter(checked)
    progress = Progress()
    with tqdm(total=count, unit="record", disable=None, leave=False) as bar:
        for done in count_keywords(
            texts, explainer or shipped_explainer(), options, chosen, progress
        ):
            bar.update(done)
    return progress.whole.to_frame(by_label=by_label, min_frequency=min_frequency)


def check_min_frequency(value: Any) -> None:
    """Raise where it is no integer of at least 1."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
        raise SettingsError(f"min_frequency must be an integer of at least 1. Received: {value!r}")
