"""Counts keywords record by record, in memory that the vocabulary bounds, with a state to go on
from.

In: texts, an explainer and options. Out: a table as a pandas DataFrame, or the state as JSON.
"""

from __future__ import annotations

import base64
import itertools
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from gi_classifier.attribution.attribution import Attribution, Span
from gi_classifier.attribution.integrated_gradients import Explainer, PathOptions
from gi_classifier.data.fingerprints import fingerprint
from gi_classifier.errors import RecordsError
from gi_classifier.text import folded, normalise

if TYPE_CHECKING:
    import pandas as pd
from gi_classifier.attribution.keywords import KeywordOptions, keywords_of
from gi_classifier.metrics.distinctiveness import distinctiveness

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

    def to_json(self) -> bytes:
        """As bytes."""
        seen = np.sort(np.fromiter(self.seen, dtype=np.uint64, count=len(self.seen)))
        table = {
            "halves": [half.to_dict() for half in self.halves],
            "read": self.read,
            "unconverged": self.unconverged,
            "seen": base64.b64encode(seen.tobytes()).decode(),
        }
        return json.dumps(table).encode()

    @classmethod
    def from_json(cls, content: bytes, source: str) -> Progress:
        """Undo :meth:`to_json`.

        Raises
        ------
        RecordsError
            These bytes are no state of a count.
        """
        try:
            table = json.loads(content)
            first, second = (KeywordCounter.from_dict(half) for half in table["halves"])
            seen = np.frombuffer(base64.b64decode(table["seen"]), dtype=np.uint64)
            return cls((first, second), table["read"], set(seen.tolist()), table["unconverged"])
        except (ValueError, KeyError, TypeError, IndexError) as error:
            raise RecordsError(
                f"{source} is no state of a count. Begin anew with --restart."
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
            key = int(fingerprint(text), 16)
            if key not in progress.seen:
                new.setdefault(key, text)
        found = explainer.explain(list(new.values()), **asdict(path)) if new else []
        for key, attribution in zip(new, found, strict=True):
            progress.halves[key % 2].add(attribution, options)
            progress.unconverged += not attribution.converged
        progress.seen.update(new)
        progress.read += len(part)
        yield len(part)
