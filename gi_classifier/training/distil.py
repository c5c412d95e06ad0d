"""Soft labels for unlabelled text, from a teacher: a linear model, or the model that goes on.

In: unlabelled passages and a teacher. Out: pieces of those passages with the probabilities that
the teacher gives them, to train the encoder on beside the records: it meets sentences that nobody
labelled, and learns what the teacher knows of them (Hinton et al. 2015). Of a model that goes on,
that is what both members know together, under noise that the teacher did not have (Xie et al.
2020).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np

from gi_classifier.data.records import Records
from gi_classifier.errors import RecordsError
from gi_classifier.settings import Settings

SHORTEST = 8
# From texts to the probability of each label: (texts, classes).
Teacher = Callable[[Sequence[str]], np.ndarray]
# A teacher is asked about so many times what can be kept; a model reads some hundreds a second.
_ASKED = 3
# Half a typical window; most sentences of a record are shorter.
_LONGEST = 100
_SENTENCE = re.compile(r"[^。！？；!?;]+[。！？；!?;]*")


def pieces(passages: Iterable[str], seed: int) -> Iterator[str]:
    """Cut passages into runs of whole sentences, the first that reach 8 to 100 characters.

    The limit is drawn for each piece. A longer sentence stays whole; what is left below 8 is
    dropped.
    """
    source = np.random.default_rng([seed, 3])
    for passage in passages:
        piece, wanted = "", source.integers(SHORTEST, _LONGEST)
        for sentence in _SENTENCE.findall(passage):
            if len(piece.strip()) >= SHORTEST and len(piece) + len(sentence) > wanted:
                yield piece.strip()
                piece, wanted = "", source.integers(SHORTEST, _LONGEST)
            piece += sentence
        if len(piece.strip()) >= SHORTEST:
            yield piece.strip()


def linear_teacher(records: Records, settings: Settings) -> Teacher:
    """TF-IDF + logistic regression, fitted on labelled records."""
    from gi_classifier.metrics.baselines import tfidf_probabilities

    def probabilities(texts: Sequence[str]) -> np.ndarray:
        return tfidf_probabilities(
            records.texts,
            records.labels or (),
            texts,
            classes=settings.num_classes,
            seed=settings.seed,
        )

    return probabilities


def soft_labels(
    passages: Iterable[str], settings: Settings, teacher: Teacher
) -> tuple[list[str], np.ndarray]:
    """Cut unlabelled passages into pieces and let a teacher label them.

    Kept are the pieces of which the teacher is sure (``settings.teacher_confidence``), and of each
    label at most ``settings.unlabelled_pieces``, drawn at random. It is asked about three times as
    many at most.

    Parameters
    ----------
    passages : iterable of str
    settings : Settings
    teacher : callable
        From texts to probabilities (texts, num_classes).

    Returns
    -------
    texts : list of str
    probabilities : ndarray of float32, shape (texts, num_classes)
        The teacher's; rows sum to 1.

    Raises
    ------
    RecordsError
        The teacher is sure of none.
    """
    texts = list(dict.fromkeys(pieces(passages, settings.seed)))
    if not texts:
        raise RecordsError(
            f"The unlabelled text has no passage of {SHORTEST} characters or more. Give more text."
        )
    source = np.random.default_rng([settings.seed, 4])
    most = _ASKED * settings.num_classes * settings.unlabelled_pieces
    texts = [texts[row] for row in np.sort(source.permutation(len(texts))[:most])]
    found = teacher(texts).astype(np.float32)
    sure = found.max(axis=1) >= settings.teacher_confidence
    drawn = [
        source.permutation(np.flatnonzero(sure & (found.argmax(axis=1) == label)))
        for label in range(settings.num_classes)
    ]
    if not sure.any():
        raise RecordsError(
            f"The teacher is sure of none of {len(texts)} pieces of unlabelled text. Train it on "
            "more labelled records, or lower teacher_confidence. "
            f"Received: {settings.teacher_confidence}"
        )
    rows = np.sort(np.concatenate([part[: settings.unlabelled_pieces] for part in drawn]))
    return [texts[row] for row in rows], found[rows]
