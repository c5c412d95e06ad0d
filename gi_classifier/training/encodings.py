"""Records as what training steps on: windows of token ids with soft labels.

In: records and settings. Out: :class:`Encodings`, ids in windows and targets (windows, classes).
"""

from __future__ import annotations

import itertools
import logging
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gi_classifier.data.fingerprints import fingerprint
from gi_classifier.data.near_duplicates import near_duplicate_groups
from gi_classifier.data.records import Records
from gi_classifier.model.windows import cut_windows
from gi_classifier.settings import Settings
from gi_classifier.text import Vocabulary
from gi_classifier.training.distil import Teacher, linear_teacher, soft_labels

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Encodings:
    """Records ready to train on.

    Attributes
    ----------
    ids : sequence of ndarray of int32
        One window of a record each, with special tokens.
    targets : ndarray of float32, shape (windows, classes)
        The probability of each label: 0 or 1 where the record is labelled, a teacher's else.
    mask_id : int
        The id of [MASK].
    """

    ids: Sequence[np.ndarray]
    targets: np.ndarray
    mask_id: int

    @property
    def labels(self) -> np.ndarray:
        """The likeliest label of each window: int (windows,)."""
        found: np.ndarray = self.targets.argmax(axis=1)
        return found


def encode(records: Records, vocabulary: Vocabulary, settings: Settings) -> Encodings:
    """Windows of labelled records, with special tokens.

    The first window of each record. Where label 0 is the background, a record of it has nothing
    else in any window, so all of its windows count.
    """
    rows: list[np.ndarray] = []
    labels: list[int] = []
    cut = 0
    windows = cut_windows(vocabulary.encode(records.texts), vocabulary, settings)
    for part, label in zip(windows.by_text(), records.labels or (), strict=True):
        found = windows.ids[part]
        if settings.window_rule != "evidence" or label != 0:
            cut += len(found) > 1
            found = found[:1]
        rows += found
        labels += [label] * len(found)
    if cut:
        logger.info(
            "%d of %d records are longer than maxlen; their first window is used", cut, len(records)
        )
    targets = np.eye(settings.num_classes, dtype=np.float32)[np.array(labels, dtype=int)]
    return Encodings(rows, targets, vocabulary.ids["[MASK]"])


def with_unlabelled(
    data: Encodings,
    splits: Mapping[str, Records],
    passages: Sequence[str],
    vocabulary: Vocabulary,
    settings: Settings,
    teacher: Teacher | None = None,
    held_before: Container[str] = (),
) -> Encodings:
    """Training data, and behind it pieces of unlabelled text with their teacher's labels.

    Pieces that are near-duplicates of held-out records are left out, those that earlier runs held
    out (``held_before``, fingerprints), and those longer than a window, of which the teacher reads
    more. Without a teacher, a linear one is fitted on the training records.
    """
    teacher = teacher or linear_teacher(splits["train"], settings)
    texts, targets = soft_labels(passages, settings, teacher)
    held = [text for name in ("val", "test") if name in splits for text in splits[name].texts]
    groups = near_duplicate_groups([*held, *texts])
    near = np.isin(groups[len(held) :], groups[: len(held)])
    near |= np.array([fingerprint(text) in held_before for text in texts])
    encoded = vocabulary.encode(texts)
    kept = np.array([len(tokens.ids) <= settings.maxlen - 2 for tokens in encoded]) & ~near
    ids = [vocabulary.with_special(tokens.ids) for tokens in itertools.compress(encoded, kept)]
    logger.info(
        "unlabelled pieces by the teacher's label: %s; %d near held-out records left out",
        np.bincount(targets[kept].argmax(axis=1), minlength=settings.num_classes).tolist(),
        int(near.sum()),
    )
    return Encodings([*data.ids, *ids], np.concatenate([data.targets, targets[kept]]), data.mask_id)
