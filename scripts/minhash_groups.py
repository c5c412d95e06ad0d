"""The groups that the splits of the dataset that ships were made with: MinHash estimates.

They miss some pairs and join some that are not similar enough; they go, with this file, when the
dataset is split anew for the next weights.

In: texts. Out: an int array, the number of each text's group.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gi_classifier.text import folded

SIMILAR = 0.7
_BANDS, _ROWS = 20, 6


def minhash_groups(texts: Sequence[str]) -> np.ndarray:
    """Group texts that are nearly the same.

    Similarity is the Jaccard index of the sets of character trigrams, digits all read as 0,
    estimated by MinHash (Broder 1997) with 120 hash functions. Candidates are neighbours in one
    of 20 bands of 6; those with an estimate of at least 0.7 are joined, transitively.

    Returns
    -------
    ndarray of int, shape (texts,)
        The number of each text's group, the same for the same texts on any machine.
    """
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    if not texts:
        return np.zeros(0, dtype=int)
    signatures = _min_hashes(texts)
    edges = []
    for band in np.split(signatures, _BANDS, axis=1):
        _, bucket = np.unique(band, axis=0, return_inverse=True)
        order = np.argsort(bucket.ravel(), kind="stable")
        same = np.diff(bucket.ravel()[order]) == 0
        edges.append(np.stack([order[:-1][same], order[1:][same]], axis=1))
    pairs = np.unique(np.concatenate(edges), axis=0)
    close = (signatures[pairs[:, 0]] == signatures[pairs[:, 1]]).mean(axis=1) >= SIMILAR
    left, right = pairs[close].T
    graph = coo_matrix((np.ones(len(left)), (left, right)), shape=(len(texts), len(texts)))
    return np.asarray(connected_components(graph, directed=False)[1])


def _min_hashes(texts: Sequence[str]) -> np.ndarray:
    """MinHash signatures of the texts' trigrams: uint64 (texts, 120)."""
    digits = {ord(d): "0" for d in "123456789"}
    shapes = [f"^{folded(text).translate(digits)}$".ljust(3) for text in texts]
    ends = np.cumsum([len(shape) for shape in shapes])
    points = np.frombuffer("".join(shapes).encode("utf-32-le"), dtype=np.uint32).astype(np.uint64)
    keys = points[:-2] << np.uint64(42) | points[1:-1] << np.uint64(21) | points[2:]
    # The two trigrams that reach over each text's end belong to no text.
    keys = np.delete(keys, np.concatenate([ends[:-1] - 2, ends[:-1] - 1]))
    starts = np.concatenate([[0], ends[:-1]]) - 2 * np.arange(len(texts))
    source = np.random.default_rng(0)
    out = np.empty((len(texts), _BANDS * _ROWS), dtype=np.uint64)
    for column, salt in enumerate(source.integers(0, 2**63, size=out.shape[1], dtype=np.uint64)):
        out[:, column] = np.minimum.reduceat(_mix(keys ^ salt), starts)
    return out


def _mix(keys: np.ndarray) -> np.ndarray:
    """The finalizer of SplitMix64 (Steele et al. 2014): uint64 to uint64, one to one."""
    keys = (keys ^ keys >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
    keys = (keys ^ keys >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
    return np.asarray(keys ^ keys >> np.uint64(31))
