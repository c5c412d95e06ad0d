"""Groups texts that are nearly the same.

In: texts. Out: an int array, the number of each text's group.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from gi_classifier.text import folded

if TYPE_CHECKING:
    from scipy.sparse import csr_array

SIMILAR = 0.7
# Texts whose candidates are found at once, and pairs that are compared at once.
_BLOCK, _PAIRS = 256, 20_000
# A share of a size that is a whole number must not fall below it by rounding.
_ROUNDING = 1e-9


def near_duplicate_groups(texts: Sequence[str]) -> np.ndarray:
    """Group texts that are nearly the same.

    Similarity is the Jaccard index of the sets of character trigrams, digits all read as 0; pairs
    of at least 0.7 are joined, transitively. No pair is missed: two sets that similar share one of
    the rarest trigrams of both (prefix filtering, Chaudhuri and others 2006; Bayardo and others
    2007), and all pairs that do are compared.

    Returns
    -------
    ndarray of int, shape (texts,)
        The number of each text's group, from 0 in order of the first text of each, the same for
        the same texts on any machine.
    """
    if not texts:
        return np.zeros(0, dtype=int)
    sets, owners = _distinct(_trigram_sets(texts))
    groups = np.arange(sets.shape[0])
    for left, right in _candidates(sets):
        groups = _joined(sets, groups, left, right)
    _, first, found = np.unique(groups[owners], return_index=True, return_inverse=True)
    return np.asarray(np.argsort(np.argsort(first))[found])


def _trigram_sets(texts: Sequence[str]) -> csr_array:
    """The trigrams of each text, columns from the rarest up: int32 ones (texts, trigrams)."""
    from scipy.sparse import csr_array

    digits = {ord(d): "0" for d in "123456789"}
    shapes = [f"^{folded(text).translate(digits)}$".ljust(3) for text in texts]
    sizes = np.array([len(shape) for shape in shapes])
    points = np.frombuffer("".join(shapes).encode("utf-32-le"), dtype=np.uint32).astype(np.uint64)
    keys = points[:-2] << np.uint64(42) | points[1:-1] << np.uint64(21) | points[2:]
    # The two trigrams that reach over each text's end belong to no text.
    ends = np.cumsum(sizes)[:-1]
    keys = np.delete(keys, np.concatenate([ends - 2, ends - 1]))
    _, columns = np.unique(keys, return_inverse=True)
    count = int(columns.max()) + 1
    places = np.unique(np.repeat(np.arange(len(texts)), sizes - 2) * count + columns)
    rows, columns = np.divmod(places, count)
    rank = np.argsort(np.argsort(np.bincount(columns, minlength=count), kind="stable"))
    ones = np.ones(len(rows), dtype=np.int32)
    found = csr_array((ones, (rows, rank[columns])), shape=(len(texts), count))
    found.sort_indices()
    return found


def _distinct(sets: csr_array) -> tuple[csr_array, np.ndarray]:
    """Each set once, and which of them each text has."""
    numbers: dict[bytes, int] = {}
    bounds = zip(sets.indptr[:-1], sets.indptr[1:], strict=True)
    owners = np.array(
        [numbers.setdefault(sets.indices[a:b].tobytes(), len(numbers)) for a, b in bounds]
    )
    _, first = np.unique(owners, return_index=True)
    return sets[first], owners


def _candidates(sets: csr_array) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Pairs of rows that may be similar, block by block: two int arrays, the later rows first."""
    from scipy.sparse import csr_array

    sizes = np.diff(sets.indptr)
    # So many of its rarest trigrams that a similar set must share one of them.
    prefix = sizes - np.ceil(SIMILAR * sizes - _ROUNDING).astype(int) + 1
    kept = np.arange(sets.nnz) - np.repeat(sets.indptr[:-1], sizes) < np.repeat(prefix, sizes)
    ends = np.concatenate([[0], np.cumsum(prefix)])
    rare = csr_array((sets.data[kept], sets.indices[kept], ends), shape=sets.shape)
    turned = rare.T.tocsr()
    for begin in range(0, sets.shape[0], _BLOCK):
        shared = (rare[begin : begin + _BLOCK] @ turned).tocoo()
        left, right = shared.row + begin, shared.col
        smaller, larger = np.sort(np.stack([sizes[left], sizes[right]]), axis=0)
        near = (right < left) & (smaller >= SIMILAR * larger - _ROUNDING)
        yield left[near], right[near]


def _joined(sets: csr_array, groups: np.ndarray, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Join the groups of the pairs that are similar.

    Of each row a few pairs are compared first, then ever more: where thousands of texts are one
    group, hardly any of their millions of pairs need be.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    sizes, most = np.diff(sets.indptr), 1
    while len(left):
        begins = np.flatnonzero(np.diff(left, prepend=-1))
        place = np.arange(len(left)) - np.repeat(begins, np.diff(begins, append=len(left)))
        now, later = np.flatnonzero(place < most), np.flatnonzero(place >= most)
        close = []
        for begin in range(0, len(now), _PAIRS):
            pairs = now[begin : begin + _PAIRS]
            a, b = left[pairs], right[pairs]
            both = np.asarray(sets[a].multiply(sets[b]).sum(axis=1)).ravel()
            close.append(pairs[both >= SIMILAR * (sizes[a] + sizes[b] - both) - _ROUNDING])
        found = np.concatenate(close)
        joins = (np.ones(len(found)), (groups[left[found]], groups[right[found]]))
        graph = coo_array(joins, shape=(len(groups), len(groups)))
        groups = connected_components(graph, directed=False)[1][groups]
        apart = later[groups[left[later]] != groups[right[later]]]
        left, right, most = left[apart], right[apart], most * 4
    return groups
