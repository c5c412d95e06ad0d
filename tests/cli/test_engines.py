from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import pytest
from command_line import call_command

from gi_classifier.cli.engines import engines
from gi_classifier.model.shipped import shipped

pytestmark = pytest.mark.slow
call = partial(call_command, engines)


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gi_classifier.evaluation.engines.ROUNDS", 1)


@pytest.fixture
def few(tmp_path: Path) -> Path:
    path = tmp_path / "records.txt"
    path.write_text("胃窦黏膜充血糜烂\n直肠息肉切除术后\n右肺上叶结节\n", encoding="utf-8")
    return path


def test_each_engine_is_measured_and_nothing_is_written(few: Path, tmp_path: Path) -> None:
    found = json.loads(call(few, "--json")[0])
    names = [row["engine"] for row in found["engines"]]
    assert names[0] == "fp32"
    assert {*names, *found["missing"]} == {"fp32", "int8", "openvino"}
    for row in found["engines"]:
        assert row["records"] == 3
        assert row["records_per_second"] > 0
        assert row["memory_mib"] is None or row["memory_mib"] > 20
    assert found["engines"][0]["equal"] == 3
    assert found["recommended"] == "fp32"
    assert [path.name for path in tmp_path.iterdir()] == ["records.txt"]


def test_a_missing_engine_is_told_with_what_installs_it(
    few: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gi_classifier.evaluation.engines._memory_of", lambda *_: None)
    import importlib.util

    found = importlib.util.find_spec
    monkeypatch.setattr(
        "importlib.util.find_spec", lambda name: None if name == "openvino" else found(name)
    )
    out, err = call(few, "--model", shipped())
    assert "pip install 'gi_classifier[openvino]'" in err
    assert "Set fp32: --engine fp32" in out
