"""Scores of characters against the spans that decide."""

import numpy as np
import pytest
from plausibility_measures import average_precision, character_scores, marked, top_word_inside


def test_average_precision_is_that_worked_out_by_hand() -> None:
    inside = marked(5, [(0, 1), (2, 4)])
    # From the top: in, out, in, in, out. Precision at the three hits: 1/1, 2/3, 3/4.
    scores = np.array([0.9, 0.8, 0.5, 0.1, -0.4])
    assert average_precision(inside, scores) == pytest.approx((1 + 2 / 3 + 3 / 4) / 3)


def test_scores_that_say_nothing_have_the_average_precision_of_chance() -> None:
    assert average_precision(marked(8, [(2, 4)]), np.zeros(8)) == pytest.approx(2 / 8)


def test_scores_count_with_their_sign() -> None:
    inside = marked(2, [(0, 1)])
    assert average_precision(inside, np.array([-2.0, 0.1])) == pytest.approx(1 / 2)


def test_a_tokens_score_is_spread_over_its_characters_and_nothing_is_lost() -> None:
    offsets = np.array([[0, 1], [1, 4], [5, 6]])
    spread = character_scores(6, offsets, np.array([1.0, 3.0, -2.0]))
    assert spread.tolist() == [1, 1, 1, 1, 0, -2]


def test_the_top_word_is_inside_with_half_of_its_characters() -> None:
    inside = marked(6, [(1, 2)])
    assert top_word_inside(inside, [((0, 2), 1.0), ((2, 6), 0.5)])
    assert not top_word_inside(inside, [((0, 2), 0.4), ((2, 6), 0.5)])
    assert not top_word_inside(inside, [((0, 3), 1.0), ((3, 6), 0.5)])
