from __future__ import annotations

from typing import Any

import pytest
from pages_study import PAGES, error_rate, failures, order, table


def row(
    level: str, label: int, answer: int | None, rate: float, poor: bool, coverage: float = 1.0
) -> dict[str, Any]:
    return {
        "number": 7,
        "layout": "letter",
        "level": level,
        "label": label,
        "answer": answer,
        "answer_printed": label,
        "error_rate": rate,
        "poor": poor,
        "coverage": coverage,
        "confidence": 0.9,
        "orientation": 90,
        "seconds": {"all": 2.0},
    }


@pytest.mark.parametrize(
    ("read", "rate"),
    [
        ("胃窦溃疡", 0),
        ("胃 窦\n溃疡", 0),
        ("肠窦溃疡", 0.25),
        ("窦溃疡", 0.25),
        ("胃胃窦溃疡", 0.25),
        ("", 1),
    ],
)
def test_an_error_rate_counts_edits_per_printed_character(read: str, rate: float) -> None:
    assert error_rate(read, "胃窦溃疡") == rate


def test_a_level_has_a_row_and_its_wrong_pages_are_named() -> None:
    rows = [
        row("photo", 1, 1, 0.1, False),
        row("photo", 2, 1, 0.2, True, 0.3),
        row("photo", 0, 0, 0.4, True),
        row("photo", 1, None, 1.0, False, 0.0),
    ]
    *_, line = table(rows)
    assert line == (
        "| photo | 4 | 0.425 | 2 (50.0%) | 4 (100.0%) | 2, wrong 1 | 2, wrong 2 | 3, wrong 2 "
        "| 2.00 |"
    )
    assert [text.split(": ")[1].split(",")[0] for text in failures(rows)] == [
        "label 1 for 2",
        "label 0 for 0",
        "label None for 1",
    ]


def test_pages_are_read_in_an_order_that_meets_each_once() -> None:
    assert sorted(order(PAGES)) == list(range(PAGES))
    # Of five kinds and three levels, the first few dozen hold all.
    assert {(n % 5, n // 50 % 3) for n in order(45)} == {(k, v) for k in range(5) for v in range(3)}
