from __future__ import annotations

import numpy as np
from filter_scores import rows


def test_a_record_of_the_tract_that_is_labelled_rightly_is_valid() -> None:
    chances = np.array([[0.1, 0.7, 0.2], [0.1, 0.7, 0.2], [0.8, 0.1, 0.1], [0.1, 0.1, 0.8]])
    found = list(rows(["胃", "肠" * 50, "肺", "诗" * 200], [1, 2, 0, -1], chances, np.zeros(4)))
    assert [row["valid"] for row in found] == [1, 0, 0, 0]
    assert [row["gi"] for row in found] == [0.9, 0.9, 0.2, 0.9]
    assert [row["length"] for row in found] == ["short", "middle", "short", "long"]
