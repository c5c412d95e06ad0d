"""Times an epoch of training, ours and as the reference trains, from the same weights.

In: a model directory and labelled records. Out: records a second and the loss of every epoch. The
reference's way: batches of records as they come, padded to the longest, every position through the
last layer. Loss, schedule and optimizer are the same.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from gi_classifier.data.records import Records
from gi_classifier.model.directory import ModelDirectory
from gi_classifier.settings import Settings
from gi_classifier.text import pad

# Few enough that an epoch of the reference takes seconds, and steps enough that the loss falls.
_RECORDS, _BATCH, _RATE = 256, 32, 1e-4


def training_speeds(
    directory: ModelDirectory, texts: Sequence[str], labels: Sequence[int], rounds: int
) -> list[dict[str, Any]]:
    """Median records a second of epochs that take turns, one to warm up, and each epoch's loss."""
    from gi_classifier.training.encodings import encode
    from gi_classifier.training.optimise import epoch_batches

    rows = np.random.default_rng(0).permutation(len(texts))[:_RECORDS]
    some = Records(
        tuple(texts[row] for row in rows),
        tuple(int(labels[row]) for row in rows),
        tuple(range(1, len(rows) + 1)),
    )
    settings = Settings(
        num_classes=directory.settings.num_classes,
        batch_size=_BATCH,
        learning_rate=_RATE,
        warmup_steps=_RECORDS // _BATCH,
    )
    data = encode(some, directory.vocabulary, settings)
    lengths = [len(ids) for ids in data.ids]

    def as_they_come(epoch: int) -> Iterator[np.ndarray]:
        order = np.random.default_rng(epoch).permutation(len(lengths))
        return (order[i : i + _BATCH] for i in range(0, len(order), _BATCH))

    ways = {
        "ours": _epoch(directory, settings, data, lambda n: epoch_batches(lengths, settings, n)),
        "the reference's way": _epoch(directory, settings, data, as_they_come, plain=True),
    }
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    losses: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(rounds + 1):
        for name, epoch in ways.items():
            began = time.perf_counter()
            losses[name].append(epoch(turn))
            if turn:
                seconds[name].append(time.perf_counter() - began)
    return [
        {
            "way": name,
            "records_per_second": len(some.texts) / statistics.median(seconds[name]),
            "losses": losses[name],
        }
        for name in ways
    ]


def _epoch(
    directory: ModelDirectory,
    settings: Settings,
    data: Any,
    batches: Callable[[int], Any],
    *,
    plain: bool = False,
) -> Callable[[int], float]:
    """A function that trains for an epoch, of a number, and gives its mean loss."""
    from gi_classifier.training.keras_backend import tf_keras
    from gi_classifier.training.keras_model import classifier, initialise, set_weights
    from gi_classifier.training.optimise import training_step

    model = classifier(directory.config, settings.num_classes, cls_only=not plain)
    initialise(model, settings.seed)
    set_weights(model, directory.read_weights(), head=False)
    optimizer = tf_keras.optimizers.Adam(learning_rate=0.0)
    optimizer.build(model.trainable_variables)
    step = training_step(model, optimizer, settings)
    taken = 0

    def epoch(number: int) -> float:
        nonlocal taken
        total = 0.0
        for rows in batches(number):
            optimizer.learning_rate.assign(settings.learning_rate_at(taken))
            ids, targets = pad([data.ids[row] for row in rows]), data.targets[rows]
            total += float(step(ids, targets, np.ones(len(rows), dtype=np.float32))) * len(rows)
            taken += 1
        return total / len(data.ids)

    return epoch
