from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

SCRIPT = Path(__file__).parent.parent.parent / "scripts" / "label_errors.py"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("label_errors_script", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_flipping_changes_exactly_the_share_and_spreads_evenly(script: ModuleType) -> None:
    labels = np.repeat([0, 1, 7], 2000)
    flipped = script.flip(labels, 0.1, seed=1)
    assert (flipped != labels).sum() == 600
    assert set(flipped.tolist()) == {0, 1, 7}
    wrong = flipped[(labels == 0) & (flipped != labels)]
    assert 0.35 < (wrong == 7).mean() < 0.65
    np.testing.assert_array_equal(flipped, script.flip(labels, 0.1, seed=1))


def test_a_row_counts_hits(script: ModuleType) -> None:
    flipped, flagged = np.array([1, 1, 0, 0], bool), np.array([1, 0, 1, 0], bool)
    shown = script.row("0", flipped, flagged, ~flagged)
    assert shown == "| 0 | 2 | 2 | 0.500 | 0.500 | 2 | 0.500 | 0.500 |"
    none = np.zeros(4, bool)
    assert script.row("none", none, none, none) == "| none | 0 | 0 | – | – | 0 | – | – |"


def test_the_table_has_a_row_for_each_seed_and_one_without_flips(
    script: ModuleType, records_file: Path, trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script.main([str(records_file), "--seeds", "2", "--rate", "0.05", "--model", str(trained)])
    shown = capsys.readouterr().out.splitlines()
    assert shown[0].startswith("120 records of records.txt")
    assert [line.split("|")[1].strip() for line in shown if line.startswith("| ")][1:] == [
        "0",
        "1",
        "none",
    ]


def test_a_rate_out_of_range_is_wrong_use(script: ModuleType, records_file: Path) -> None:
    with pytest.raises(SystemExit, match="2"):
        script.main([str(records_file), "--rate", "1"])
