from __future__ import annotations

import numpy as np
import pytest

from gi_classifier.decisions.bulk_fit import drawn, least_margin
from gi_classifier.metrics.intervals import proportion_at_most


def test_the_cut_leaves_out_the_first_change_that_is_too_many() -> None:
    margin = np.arange(10_000.0)
    changed = np.zeros(10_000, dtype=bool)
    # Of 10,000 records four may change.
    changed[[9_000, 8_000, 7_000, 6_000, 5_000, 100]] = True
    cut = least_margin(margin, changed, 0.001, 0.95)
    assert cut is not None
    assert 5_000 < cut < 5_001
    assert proportion_at_most(4, 10_000) <= 0.001 < proportion_at_most(5, 10_000)


def test_records_of_the_same_margin_are_answered_together() -> None:
    margin = np.repeat([1.0, 2.0], 5_000)
    changed = np.zeros(10_000, dtype=bool)
    changed[5_000:5_005] = True
    cut = least_margin(margin, changed, 0.001, 0.95)
    assert cut is not None
    assert not (margin >= cut).any()


def test_where_few_labels_change_the_linear_member_answers_all() -> None:
    assert least_margin(np.ones(10_000), np.arange(10_000) < 4, 0.001, 0.95) == 0.0


def test_too_few_records_promise_nothing() -> None:
    nothing = np.zeros(2_000, dtype=bool)
    assert least_margin(np.ones(2_000), nothing, 0.001, 0.95) is None
    assert least_margin(np.zeros(0), nothing[:0], 0.001, 0.95) is None


@pytest.mark.slow
def test_the_promise_is_kept_as_often_as_it_says() -> None:
    source, broken = np.random.default_rng(0), 0
    for _ in range(400):
        margin = source.exponential(2, 12_000)
        chance = 0.01 * np.exp(-margin)
        cut = least_margin(margin, source.random(12_000) < chance, 0.001, 0.95)
        assert cut is not None
        # What would change of all records: the integral of the chance above the cut.
        broken += 0.01 * np.exp(-1.5 * cut) / 3 > 0.001
    assert 0 < broken <= 400 * 0.05 + 3 * np.sqrt(400 * 0.05)


def test_passages_are_distinct_and_drawn_by_the_seed() -> None:
    passages = ["a", "b", "a", "c", "d"]
    found = drawn(passages, 1, 3)
    assert len(set(found)) == 3
    assert found == drawn(reversed(passages), 1, 3)
    assert set(drawn(passages[:3], 1)) == {"a", "b"}


def test_every_passage_is_drawn_alike() -> None:
    passages = [str(number) for number in range(10)]
    counts = dict.fromkeys(passages, 0)
    for seed in range(1000):
        for passage in drawn(iter(passages), seed, 2):
            counts[passage] += 1
    # Each 200 times, give or take four standard deviations.
    assert all(150 < count < 250 for count in counts.values())
