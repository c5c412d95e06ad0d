"""Ranks the words of each label in an inspection of records.

In: texts and their labels. Out: rows ready for JSON and CSV, of terms that two records have.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np

from gi_classifier.attribution.words import STOP_WORDS, cut, is_word
from gi_classifier.metrics.distinctiveness import distinctiveness

# A term of one record alone says nothing of a class, and may be somebody's name.
LEAST_RECORDS = 2


def rank_terms(
    texts: Sequence[str], labels: np.ndarray | None, same: np.ndarray
) -> list[dict[str, Any]]:
    """Rank the words of each label by how much more it has them than the others.

    Parameters
    ----------
    texts : sequence of str
        Normalised.
    labels : ndarray of int, shape (n,), or None
    same : ndarray of int, shape (n,)
        Equal texts share a number; those of one label are counted once.

    Returns
    -------
    list of dict
        ``label`` (None where there are none), ``rank`` from 1, ``term`` (in lower case),
        ``occurrences``, ``records``, ``share`` (of the label's distinct texts) and
        ``distinctiveness`` (:func:`~gi_classifier.metrics.distinctiveness.distinctiveness`; 0 for a
        single label, whose terms are ranked by occurrences). Stop words, punctuation, numbers and
        terms of one text alone are left out, and so are terms that are not above 0 where there
        are two labels or more.
    """
    own = np.zeros(len(texts), dtype=int) if labels is None else labels
    rows = np.unique(np.stack([same, own], axis=1), axis=0, return_index=True)[1]
    size = Counter(own[rows].tolist())
    counts: Counter[tuple[int, str]] = Counter()
    documents: Counter[tuple[int, str]] = Counter()
    # A text under two labels is one text.
    spread: dict[str, set[int]] = defaultdict(set)
    for row in sorted(rows.tolist()):
        words = [texts[row][a:b].lower() for a, b in cut(texts[row])]
        words = [word for word in words if is_word(word) and word not in STOP_WORDS]
        counts.update((int(own[row]), word) for word in words)
        documents.update((int(own[row]), word) for word in set(words))
        for word in words:
            spread[word].add(int(same[row]))
    pairs = [pair for pair in counts if len(spread[pair[1]]) >= LEAST_RECORDS]
    if not pairs:
        return []
    places = {word: place for place, word in enumerate(spread)}
    scores = distinctiveness(
        np.array([label for label, _ in pairs]),
        np.array([places[word] for _, word in pairs]),
        np.array([counts[pair] for pair in pairs]),
    )
    ranked = sorted(
        zip(pairs, scores.tolist(), strict=True),
        key=lambda item: (item[0][0], -item[1], -counts[item[0]], item[0][1]),
    )
    found: list[dict[str, Any]] = []
    ranks: Counter[int] = Counter()
    for (label, word), score in ranked:
        if len(size) > 1 and score <= 0:
            continue
        ranks[label] += 1
        found.append(
            {
                "label": None if labels is None else label,
                "rank": ranks[label],
                "term": word,
                "occurrences": counts[label, word],
                "records": documents[label, word],
                "share": documents[label, word] / size[label],
                "distinctiveness": score,
            }
        )
    return found
