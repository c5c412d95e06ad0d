"""Texts without some of their tokens, as each member's answer is asked for them."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
from faithfulness_measures import leave_one_out
from faithfulness_members import numbered, text_model


class Length:
    """Gives label 1 the log-odds of a text's length, against two labels of score 0."""

    def decision_function(self, texts: list[str]) -> np.ndarray:
        return np.array([[-np.inf, len(text), 0.0] for text in texts])


def test_a_token_is_left_out_with_the_white_space_behind_it() -> None:
    offsets = np.array([[1, 2], [2, 4], [5, 6]])
    found = [SimpleNamespace(text=" 胃OK 炎", tokens=("胃", "ok", "炎"), offsets=offsets)] * 2
    rows, pieces = numbered(found)  # type: ignore[arg-type]
    assert pieces == [" 胃", "OK ", "炎"] * 2
    model = text_model(Length(), pieces)  # type: ignore[arg-type]
    labels = np.array([1, 1])
    np.testing.assert_array_equal(model(rows, labels), [6, 6])
    np.testing.assert_array_equal(leave_one_out(model, rows, labels), [[2, 3, 1]] * 2)
