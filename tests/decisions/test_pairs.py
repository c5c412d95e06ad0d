from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gi_classifier.decisions.pairs import Pairs


def test_surprise_of_a_hand_computed_example() -> None:
    rows = [np.array([0, 1, 2]), np.array([0, 1, 1])]
    pairs = Pairs.fit(rows, vocabulary=4)
    # Only 0→1 stands in two records. Tokens: 2, 3, 1, 0 of 6, each half a time more.
    np.testing.assert_array_equal(pairs.keys, [0 * 4 + 1])
    np.testing.assert_array_equal(pairs.counts, [2])
    after_0, alone = (2 + 1 * 3.5 / 8) / 3, 1.5 / 8
    found = pairs.surprise([np.array([0, 1, 2]), np.array([0, 1])])
    np.testing.assert_allclose(
        found, [-(np.log(after_0) + np.log(alone)) / 2, -np.log(after_0)], rtol=1e-12
    )


@given(st.lists(st.lists(st.integers(0, 4), min_size=2, max_size=6), min_size=1, max_size=8))
def test_probabilities_after_each_token_sum_to_one(rows: list[list[int]]) -> None:
    pairs = Pairs.fit([np.array(row) for row in rows], vocabulary=5)
    for first in range(5):
        surprise = pairs.surprise([np.array([first, second]) for second in range(5)])
        assert np.exp(-surprise).sum() == pytest.approx(1, abs=1e-9)


def test_a_pair_of_one_record_alone_is_not_kept() -> None:
    pairs = Pairs.fit([np.array([0, 7, 7, 7, 7, 1]), np.array([0, 2, 1])], vocabulary=8)
    assert len(pairs.keys) == 0
    assert np.isfinite(pairs.surprise([np.array([0, 7])])).all()
