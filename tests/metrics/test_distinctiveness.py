"""Distinctiveness by chance: its spread where all labels have the same words."""

from __future__ import annotations

import numpy as np

from gi_classifier.metrics.distinctiveness import distinctiveness


def test_above_1_1_is_more_than_chance() -> None:
    source = np.random.default_rng(0)
    shares = 1 / np.arange(1, 201)
    found = []
    for _ in range(40):
        counts = source.multinomial(5000, shares / shares.sum(), 3).ravel()
        labels, words = np.repeat(np.arange(3), 200), np.tile(np.arange(200), 3)
        often = np.bincount(words, counts)[words] >= 30
        held = counts > 0
        found.append(distinctiveness(labels[held], words[held], counts[held])[often[held]])
    scores = np.concatenate(found)
    assert 0.5 < scores.std() < 0.6
    assert 0.01 < (scores > 1.1).mean() < 0.04
