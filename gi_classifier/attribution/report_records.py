"""Which records a report shows, found as records go by in memory that their number does not change.

In: texts and their probabilities, some at a time. Out: how often each label is the likeliest, and
the records that the model is surest and least sure of; as plain values too, to go on from.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from gi_classifier.data.fingerprints import fingerprint
from gi_classifier.errors import InputError


@dataclass(frozen=True)
class ShownRecord:
    """A record that a report may show.

    Attributes
    ----------
    text : str
    shares : list of float
        The probability of each label.
    margin : float
        Between those of the two likeliest labels.
    number : int
        Among the records, from 1.
    line : int or None
        Where it stands in its file.
    id : str
        What that calls it, or "".
    """

    text: str
    shares: list[float]
    margin: float
    number: int
    line: int | None
    id: str


class ReportRecords:
    """What a report says of records, some at a time.

    Parameters
    ----------
    labels : int
    examples : int
        How many records are kept for each label: those that the model is surest of.
    doubtful : int
        How many are kept whose two likeliest labels are nearest to each other.

    Attributes
    ----------
    counts : list of int
        How often each label is the likeliest.
    surest : list of list of ShownRecord
        Of each label, the surest first; of equal texts, one.
    doubtful : list of ShownRecord
        The least sure first.
    """

    def __init__(self, labels: int, examples: int = 3, doubtful: int = 10) -> None:
        self._examples, self._doubtful = examples, doubtful
        self.counts = [0] * labels
        self.surest: list[list[ShownRecord]] = [[] for _ in range(labels)]
        self.doubtful: list[ShownRecord] = []

    @property
    def count(self) -> int:
        """How many records went by."""
        return sum(self.counts)

    def add(
        self,
        texts: Sequence[str],
        probabilities: np.ndarray,
        lines: Sequence[int] | None = None,
        ids: Sequence[str] | None = None,
    ) -> None:
        """Take further records into account.

        Parameters
        ----------
        texts : sequence of str
        probabilities : ndarray, shape (n, labels)
            Rows sum to 1.
        lines, ids : sequence of int, of str, optional
            Where each record stands in its file, and what that calls it.

        Raises
        ------
        InputError
            Probabilities are not one row for each text, of so many labels.
        """
        if probabilities.shape != (len(texts), len(self.counts)):
            raise InputError(
                f"A report needs a probability of each of {len(self.counts)} labels for each "
                f"record. Received: {len(texts)} records and probabilities of shape "
                f"{probabilities.shape}"
            )
        before = self.count
        ranked = np.sort(probabilities, axis=1)
        margins = ranked[:, -1] - ranked[:, -2]
        predicted = probabilities.argmax(axis=1)

        def record(i: int) -> ShownRecord:
            return ShownRecord(
                texts[i],
                probabilities[i].tolist(),
                float(margins[i]),
                before + i + 1,
                lines[i] if lines is not None else None,
                ids[i] if ids is not None else "",
            )

        rising = np.argsort(margins, kind="stable").tolist()
        falling = np.argsort(-margins, kind="stable")
        self.doubtful = _first(self.doubtful, map(record, rising), self._doubtful, _doubt)
        for label in range(len(self.counts)):
            own = map(record, falling[predicted[falling] == label].tolist())
            self.surest[label] = _first(self.surest[label], own, self._examples, _sureness)
            self.counts[label] += int((predicted == label).sum())

    def to_dict(self) -> dict[str, Any]:
        """What was found, as plain values."""
        return {
            "counts": self.counts,
            "surest": [list(map(asdict, records)) for records in self.surest],
            "doubtful": list(map(asdict, self.doubtful)),
        }

    def go_on_from(self, table: Mapping[str, Any]) -> None:
        """Take over what :meth:`to_dict` gave."""
        self.counts = list(table["counts"])
        self.surest = [[ShownRecord(**one) for one in part] for part in table["surest"]]
        self.doubtful = [ShownRecord(**one) for one in table["doubtful"]]


def _doubt(record: ShownRecord) -> tuple[float, int]:
    return record.margin, record.number


def _sureness(record: ShownRecord) -> tuple[float, int]:
    return -record.margin, record.number


def _first(
    before: Iterable[ShownRecord],
    added: Iterable[ShownRecord],
    most: int,
    rank: Callable[[ShownRecord], tuple[float, int]],
) -> list[ShownRecord]:
    """The first so many of two ranked lists, of equal texts the first."""
    found: dict[str, ShownRecord] = {}
    for record in heapq.merge(before, added, key=rank):
        if len(found) >= most:
            break
        found.setdefault(fingerprint(record.text), record)
    return list(found.values())
