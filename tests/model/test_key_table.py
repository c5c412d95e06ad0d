"""Keys are found by hash as by search, whoever chose them."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gi_classifier.model.key_table import KeyTable, search

KEYS = st.integers(0, 2**64 - 1) | st.integers(0, 99)


@given(st.sets(KEYS, max_size=60), st.lists(KEYS, max_size=60))
def test_what_is_there_is_found_and_what_is_not_is_not(keys: set[int], others: list[int]) -> None:
    rising = np.array(sorted(keys), dtype=np.uint64)
    wanted = np.array([*keys, *others], dtype=np.uint64)
    expected = [int(np.flatnonzero(rising == key)[0]) if int(key) in keys else -1 for key in wanted]
    for found in (KeyTable(rising).find(wanted), search(rising, wanted)):
        assert found.tolist() == expected


@pytest.mark.parametrize("count", [1, 1000, 200_000])
def test_keys_that_all_collide_take_no_longer(count: int) -> None:
    inverse = pow(0x9E3779B97F4A7C15, -1, 2**64)
    # Their products with the multiplier are 0, 1, 2, …: one slot for all.
    keys = np.sort(np.arange(count, dtype=np.uint64) * np.uint64(inverse))
    began = time.process_time()
    table = KeyTable(keys)
    np.testing.assert_array_equal(table.find(keys), np.arange(count))
    assert time.process_time() - began < 5
    assert (table.find(keys + np.uint64(1)) == search(keys, keys + np.uint64(1))).all()
