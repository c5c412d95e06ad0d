from __future__ import annotations

import csv
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

SCRIPTS = Path(__file__).parent.parent.parent / "scripts"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(SCRIPTS))
        spec = importlib.util.spec_from_file_location("search", SCRIPTS / "search.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        sys.modules.pop("make_dataset", None)
    return module


def test_every_run_is_done_once_and_the_table_shows_mean_and_range(
    script: ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    calls: list[tuple[float, int]] = []

    def run(candidate: dict, seed: int, args: object) -> dict[str, float]:
        rate = candidate.get("learning_rate", 5e-4)
        calls.append((rate, seed))
        if len(calls) == 3:
            raise KeyboardInterrupt
        return {
            "macro_f1": 100 * rate + seed / 10,
            "development": 0.5,
            "log_loss": 1,
            "best_epoch": 2,
        }

    monkeypatch.setattr(script, "run", run)
    encoder = tmp_path / "encoder"
    encoder.mkdir()
    (encoder / "model.h5").write_bytes(b"one")
    output = tmp_path / "runs" / "search.csv"
    only = ["--only", "recipe", "learning rate 1e-3"]
    argv = ["search.py", str(encoder), *only, "--seeds", "2", "--output", str(output)]
    monkeypatch.setattr(sys, "argv", argv)
    with pytest.raises(KeyboardInterrupt):
        script.main()
    script.main()
    # The third was stopped and came again.
    assert calls == [(5e-4, 0), (1e-3, 0), (5e-4, 1), (5e-4, 1), (1e-3, 1)]
    with output.open(encoding="utf-8", newline="") as file:
        assert len(list(csv.DictReader(file))) == 4
    lines = capsys.readouterr().out.splitlines()
    best = "| learning rate 1e-3 | 2 | 0.150 (0.100 to 0.200) | 0.500 (0.500 to 0.500) |"
    assert lines[-2].startswith(best)
    assert lines[-1].startswith("| recipe | 2 | 0.100 (0.050 to 0.150) |")
    (encoder / "model.h5").write_bytes(b"another")
    script.main()
    assert len(calls) == 9
    monkeypatch.setattr(sys, "argv", [*argv, "--only", "unlabelled text"])
    with pytest.raises(SystemExit):
        script.main()
    assert "unlabelled text: give --unlabelled FILE" in capsys.readouterr().err


@pytest.mark.slow
def test_a_run_measures_shapes_and_development_sets_that_were_not_trained_on(
    script: ModuleType, base: Path, tmp_path: Path
) -> None:
    import argparse

    args = argparse.Namespace(encoder=base, records=300, epochs=1, unlabelled=[])
    splits = script.splits_of(1, 300)
    assert not set(splits["train"].texts) & set(splits["val"].texts)
    found = script.run({"maxlen": 32, "overlap": 8}, 1, args)
    assert set(found) == set(script.COLUMNS) - {"candidate", "seed", "seconds", "inputs"}
    assert 0 <= found["macro_f1"] <= 1
    assert 0 <= found["development"] <= 1
