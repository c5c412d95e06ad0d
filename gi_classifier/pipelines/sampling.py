"""A uniform sample of rows that come one after the other, however many there will be.

In: arrays of rows. Out: all of them while they are few, else as many as asked for, each with the
same chance (reservoir sampling by random keys; Vitter 1985 for the problem).
"""

from __future__ import annotations

import numpy as np


class Sample:
    """At most ``most`` rows of those that were added.

    Parameters
    ----------
    most : int
    columns : int
    seed : int
        The same rows and seed give the same sample.

    Attributes
    ----------
    seen : int
        Rows that were added.
    """

    def __init__(self, most: int, columns: int, seed: int = 0) -> None:
        self.most, self.seen = most, 0
        self._source = np.random.default_rng(seed)
        self._rows = np.zeros((0, columns))
        self._keys = np.zeros(0)

    @property
    def rows(self) -> np.ndarray:
        """The sample, in the order in which it came: float64 (rows, columns)."""
        return self._rows

    def add(self, rows: np.ndarray) -> None:
        """Let rows (n, columns) take part."""
        self.seen += len(rows)
        self._rows = np.concatenate([self._rows, rows])
        self._keys = np.concatenate([self._keys, self._source.random(len(rows))])
        if len(self._keys) > self.most:
            kept = np.sort(np.argpartition(self._keys, self.most - 1)[: self.most])
            self._rows, self._keys = self._rows[kept], self._keys[kept]
