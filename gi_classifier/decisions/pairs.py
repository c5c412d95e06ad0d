"""How surprising neighbouring tokens are, by counts of token pairs in the training records.

In: token ids. Out: a float for each text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

# A pair of tokens is kept if it stands in this many records: no single record is remembered.
_LEAST_RECORDS = 2


@dataclass(frozen=True)
class Pairs:
    """A model of neighbouring tokens, smoothed as of Witten and Bell (1991).

    Attributes
    ----------
    tokens : ndarray of int64, shape (vocabulary,)
        How often each token stands in the records.
    keys : ndarray of int64, shape (pairs,)
        First token times the size of the vocabulary plus second token, rising.
    counts : ndarray of int64, shape (pairs,)
    """

    tokens: np.ndarray
    keys: np.ndarray
    counts: np.ndarray

    @classmethod
    def fit(cls, ids: Sequence[np.ndarray], vocabulary: int) -> Pairs:
        """Count what stands in at least two of the records (each int (tokens,))."""
        rows = [row.astype(np.int64) for row in ids]
        found = [row[:-1] * vocabulary + row[1:] for row in rows]
        counts = np.unique(np.concatenate(found), return_counts=True)[1]
        keys, records = np.unique(np.concatenate([np.unique(r) for r in found]), return_counts=True)
        # Both hold the same pairs in the same order.
        kept = records >= _LEAST_RECORDS
        tokens = np.bincount(np.concatenate(rows), minlength=vocabulary)
        return cls(tokens, keys[kept], counts[kept])

    def surprise(self, ids: Sequence[np.ndarray]) -> np.ndarray:
        """Mean over a text's tokens of minus the log probability after the one before: (n,).

        Parameters
        ----------
        ids : sequence of ndarray of int, shape (tokens,)
            With [CLS] and [SEP], so at least two.
        """
        size = len(self.tokens)
        first, second = (
            np.concatenate([row[part] for row in ids]).astype(np.int64)
            for part in (slice(None, -1), slice(1, None))
        )
        known = np.bincount(self.keys // size, self.counts, minlength=size)
        kinds = np.bincount(self.keys // size, minlength=size)
        alone = (self.tokens + 0.5) / (self.tokens.sum() + 0.5 * size)
        wanted = first * size + second
        places = np.searchsorted(self.keys, wanted)
        seen = np.zeros(len(wanted))
        inside = places < len(self.keys)
        hit = inside & (np.append(self.keys, -1)[places] == wanted)
        seen[hit] = self.counts[places[hit]]
        weight = kinds[first]
        probability = np.where(
            weight > 0,
            (seen + weight * alone[second]) / np.maximum(known[first] + weight, 1),
            alone[second],
        )
        lengths = np.array([len(row) - 1 for row in ids])
        owners = np.repeat(np.arange(len(ids)), lengths)
        return np.asarray(np.bincount(owners, -np.log(probability), len(ids)) / lengths)
