from __future__ import annotations

from typing import Any

from gi_classifier.evaluation.engines import how_to_set, recommended


def row(engine: str, times: float, equal: int = 600, records: int = 600) -> dict[str, Any]:
    return {
        "engine": engine,
        "records_per_second": 100 * times,
        "times_fp32": times,
        "equal": equal,
        "records": records,
    }


def test_the_fastest_engine_that_agrees_is_recommended() -> None:
    rows = [row("fp32", 1.0), row("int8", 1.6, equal=599), row("openvino", 1.5)]
    assert recommended(rows) == "openvino"
    assert recommended(rows[:2]) == "fp32"


def test_a_little_faster_is_not_worth_it() -> None:
    assert recommended([row("fp32", 1.0), row("int8", 1.09)]) == "fp32"


def test_few_records_recommend_full_precision() -> None:
    rows = [row("fp32", 1.0, 499, 499), row("int8", 2.0, 499, 499)]
    assert recommended(rows) == "fp32"


def test_how_to_set_names_every_way() -> None:
    line = how_to_set("int8")
    for way in ("--engine int8", "GI_CLASSIFIER_ENGINE=int8", "--set engine=int8"):
        assert way in line
