from __future__ import annotations

import pytest

from gi_classifier.metrics.intervals import proportion_interval


def test_interval_of_a_proportion_is_clopper_and_pearsons() -> None:
    # With no success in n, the upper bound is 1 - (0.025)^(1/n).
    assert proportion_interval(0, 10) == pytest.approx([0, 1 - 0.025**0.1])
    assert proportion_interval(10, 10) == pytest.approx([0.025**0.1, 1])
    assert proportion_interval(0, 0) is None
