"""A sample of rows that come one after the other is all of them, or a fair share."""

from __future__ import annotations

import numpy as np
from scipy import stats

from gi_classifier.pipelines.sampling import Sample


def sample_of(count: int, most: int, seed: int) -> Sample:
    found = Sample(most, 1, seed)
    for start in range(0, count, 7):
        found.add(np.arange(start, min(start + 7, count), dtype=float)[:, None])
    return found


def test_few_rows_are_all_kept_in_their_order() -> None:
    found = sample_of(50, 50, 3)
    assert found.rows[:, 0].tolist() == list(range(50))
    assert (found.seen, found.rows.shape) == (50, (50, 1))


def test_of_many_rows_each_has_the_same_chance() -> None:
    counts = np.zeros(40)
    for seed in range(2000):
        found = sample_of(40, 10, seed)
        assert len(found.rows) == 10
        assert (np.diff(found.rows[:, 0]) > 0).all()
        counts[found.rows[:, 0].astype(int)] += 1
    assert stats.chisquare(counts).pvalue > 1e-4


def test_a_seed_gives_the_same_sample_again() -> None:
    assert np.array_equal(sample_of(100, 9, 1).rows, sample_of(100, 9, 1).rows)
    assert not np.array_equal(sample_of(100, 9, 1).rows, sample_of(100, 9, 2).rows)
