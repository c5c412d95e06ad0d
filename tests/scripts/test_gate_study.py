"""The study of the gate: what a page costs, and tables of what was saved."""

from __future__ import annotations

from typing import Any

import gate_study
import numpy as np
import pytest
from gate_pages import FAMILIES, no_document

from gi_classifier.heads.page_gate import PageGate

ROW: dict[str, Any] = {
    "number": 1,
    "kind": "gastroscopy",
    "layout": "letter",
    "level": "clean",
    "features": [0.0, 1.0],
    "lines": ["某医院", "胃镜报告", "姓名"],
    "seconds": [0.01, 0.1, 0.2, 0.3, 0.4],
}


class Asking(PageGate):
    """Asks for so many lines, and answers by what it asked for."""

    def __init__(self, lines: int) -> None:
        self.lines = lines
        self.classes_ = np.array(["gastroscopy", "other"])
        self.sure_ = np.zeros(2)

    def weigh(self, features: np.ndarray, lines: Any) -> tuple[np.ndarray, Any]:
        """See :class:`PageGate`."""
        if lines is None:
            return np.array([0.2, 0.8]), "picture"
        for _, _ in zip(range(self.lines), lines, strict=False):
            pass
        return np.array([0.9, 0.1]), "title"


@pytest.mark.parametrize(("lines", "seconds"), [(1, 0.11), (2, 0.21), (9, 0.41)])
def test_a_page_costs_what_was_read_of_it(lines: int, seconds: float) -> None:
    (found,) = gate_study.answers(Asking(lines), [ROW], "both")
    assert (found["kind"], found["evidence"]) == ("gastroscopy", "title")
    assert found["seconds"] == pytest.approx(seconds)
    (found,) = gate_study.answers(Asking(lines), [ROW], "picture")
    assert (found["kind"], found["seconds"]) == ("other", 0.01)


def test_work_saved_is_what_gate_and_pages_let_through_leave() -> None:
    other = {**ROW, "kind": "other"}
    found = [
        {"row": ROW, "kind": "gastroscopy", "evidence": "title", "seconds": 0.2},
        *[{"row": other, "kind": "other", "evidence": "picture", "seconds": 0.0}] * 3,
    ]
    # Of four seconds the gate took 0.2 and the wanted page 1.
    (row, _) = gate_study.table("both", found, 1.0)
    assert row.startswith("| both | all | 4 | 1.000 | 1.000 | 1.000 [")
    assert row.endswith("| 1.000 | 75% | 0.050 | 70% |")


def test_pictures_of_no_document_are_the_same_for_the_same_number() -> None:
    for number in (0, len(FAMILIES) - 1):
        one = no_document(number)
        assert one.dtype == np.uint8
        assert (one == no_document(number)).all()
        assert one.std() > 0
