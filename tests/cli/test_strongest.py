"""The strongest parts of an explanation."""

import pytest

from gi_classifier.attribution.attribution import Span
from gi_classifier.cli.strongest import strongest

SPANS = [Span(f"词{n}", n, n + 2, score) for n, score in enumerate((0.5, -2.0, 1.0, 0.25))]


def test_the_strongest_come_first_and_the_others_are_summed() -> None:
    rows = strongest(SPANS, 2)
    assert [row[2] for row in rows[:2]] == ["词1", "词2"]
    assert rows[2][2].startswith("2 more")
    assert sum(float(row[0]) for row in rows) == pytest.approx(sum(s.score for s in SPANS))


def test_without_a_limit_all_are_there() -> None:
    assert [row[1] for row in strongest(SPANS, None)] == ["1", "2", "0", "3"]
