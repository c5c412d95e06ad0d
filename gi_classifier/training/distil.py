"""Soft labels for unlabelled text, from a teacher: a linear model, or the model that goes on.

In: unlabelled passages and a teacher. Out: pieces of those passages with the probabilities that
the teacher gives them, to train the encoder on beside the records: it meets sentences that nobody
labelled, and learns what the teacher knows of them (Hinton et al. 2015). Of a model that goes on,
that is what its members know together; with ``token_dropout``, under noise that the teacher did
not have (Xie et al. 2020).
"""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from tqdm import tqdm

from gi_classifier.arrays import read_npz
from gi_classifier.data.records import Records
from gi_classifier.errors import RecordsError
from gi_classifier.files import write_whole
from gi_classifier.model.directory import ModelDirectory
from gi_classifier.model.predictor import Predictor
from gi_classifier.settings import Settings

SHORTEST = 8
# A slow teacher is asked about so many times what a label can keep, so many texts at once.
ASKED, CHUNK = 9, 4096
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


@dataclass(frozen=True)
class Teacher:
    """Gives texts the probability of each label.

    Attributes
    ----------
    ask : callable
        From texts to float (texts, classes), rows summing to 1.
    slow : bool
        Whether it is asked about no more texts than are needed, and nine times
        ``unlabelled_pieces`` at most.
    """

    ask: Callable[[Sequence[str]], np.ndarray]
    slow: bool = False


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

    return Teacher(probabilities)


def model_teacher(directory: ModelDirectory, work: Path) -> Teacher:
    """A model, by the members that it answers by; opened when it is asked first.

    What it said is kept in ``work``, so that a run that goes on does not ask again.
    """

    @cache
    def predictor() -> Predictor:
        return Predictor.from_directory(directory)

    def probabilities(texts: Sequence[str]) -> np.ndarray:
        named = hashlib.sha256("\0".join([directory.digest, *texts]).encode("utf-8", "replace"))
        file = work / f"teacher-{named.hexdigest()[:16]}.npz"
        if file.is_file():
            return read_npz(file)["probabilities"]
        found = predictor().predict_proba(texts)
        content = io.BytesIO()
        np.savez(content, probabilities=found)
        write_whole(file, content.getvalue())
        return found

    return Teacher(probabilities, slow=True)


def soft_labels(
    passages: Iterable[str], settings: Settings, teacher: Teacher
) -> tuple[list[str], np.ndarray]:
    """Cut unlabelled passages into pieces and let a teacher label them.

    Kept are the pieces of which the teacher is sure (``settings.teacher_confidence``), and of each
    label at most ``settings.unlabelled_pieces``, drawn at random.

    Parameters
    ----------
    passages : iterable of str
    settings : Settings
    teacher : Teacher

    Returns
    -------
    texts : list of str
    probabilities : ndarray of float32, shape (texts, num_classes)
        The teacher's; rows sum to 1.

    Raises
    ------
    RecordsError
        There is no piece, or the teacher is sure of none.
    """
    texts = list(dict.fromkeys(pieces(passages, settings.seed)))
    if not texts:
        raise RecordsError(
            f"The unlabelled text has no passage of {SHORTEST} characters or more. Give more text."
        )
    if teacher.slow:
        texts, found = _asked(texts, settings, teacher)
    else:
        found = teacher.ask(texts).astype(np.float32)
    sure = found.max(axis=1) >= settings.teacher_confidence
    if not sure.any():
        raise RecordsError(
            f"The teacher is sure of none of {len(texts)} pieces of unlabelled text. Train it on "
            "more labelled records, or lower teacher_confidence. "
            f"Received: {settings.teacher_confidence}"
        )
    source = np.random.default_rng([settings.seed, 4])
    drawn = [
        source.permutation(np.flatnonzero(sure & (found.argmax(axis=1) == label)))
        for label in range(settings.num_classes)
    ]
    rows = np.sort(np.concatenate([part[: settings.unlabelled_pieces] for part in drawn]))
    return [texts[row] for row in rows], found[rows]


def _asked(
    texts: Sequence[str], settings: Settings, teacher: Teacher
) -> tuple[list[str], np.ndarray]:
    """Texts drawn at random, until each label has enough that are sure, and their probabilities."""
    order = np.random.default_rng([settings.seed, 6]).permutation(len(texts))
    order = order[: ASKED * settings.unlabelled_pieces]
    sure = np.zeros(settings.num_classes, dtype=int)
    found: list[np.ndarray] = []
    with tqdm(total=len(order), desc="teacher", unit="piece", disable=None, leave=False) as bar:
        for begin in range(0, len(order), CHUNK):
            part = teacher.ask([texts[row] for row in order[begin : begin + CHUNK]])
            found.append(part.astype(np.float32))
            kept = part.argmax(axis=1)[part.max(axis=1) >= settings.teacher_confidence]
            sure += np.bincount(kept, minlength=len(sure))
            bar.update(len(part))
            if (sure >= settings.unlabelled_pieces).all():
                break
    probabilities = np.concatenate(found)
    return [texts[row] for row in order[: len(probabilities)]], probabilities
