from __future__ import annotations

import csv
import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from faithfulness_measures import MEASURES
from scipy.special import expit

from gi_classifier.attribution.quadrature import quadrature
from gi_classifier.model.shipped import shipped_directory

pytestmark = pytest.mark.slow  # the model that ships is measured


@pytest.fixture(scope="module")
def script() -> ModuleType:
    path = Path(__file__).parent.parent.parent / "scripts" / "faithfulness.py"
    spec = importlib.util.spec_from_file_location("faithfulness_script", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # A dataclass looks its module up.
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def methods(script: ModuleType):  # type: ignore[no-untyped-def]
    return script.Methods(shipped_directory(), seed=0)


@pytest.fixture
def windows(script: ModuleType, methods):  # type: ignore[no-untyped-def]
    texts = ["胃窦黏膜充血糜烂", "肺部感染", "结肠息肉切除术后", "进镜至回盲部，见息肉"]
    reading = methods.explainer.predictor.read(texts)
    return script.Windows(texts, reading.windows.ids, reading.logits.argmax(axis=1))


def test_sequential_integrated_gradients_are_occlusion_by_mask(windows, methods) -> None:  # type: ignore[no-untyped-def]
    occluded = methods.occlusion(windows, methods.mask)
    gradient = methods.gradient
    points, weights = quadrature("gauss-legendre", 50)
    for row, label, expected in list(zip(windows.rows, windows.labels, occluded, strict=True))[:2]:
        end = gradient.table[row]
        for place, drop in enumerate(expected, 1):
            start = end.copy()
            start[place] = gradient.table[methods.mask]
            path = start + points[:, None, None].astype(np.float32) * (end - start)
            slopes = gradient.run(path, np.full(len(points), label))[1]
            own = weights @ np.einsum("pd,d->p", slopes[:, place], (end - start)[place])
            assert own == pytest.approx(drop, rel=1e-3, abs=1e-3)


def test_attention_shares_sum_to_one_and_give_the_models_own_layers(windows, methods) -> None:  # type: ignore[no-untyped-def]
    row = windows.rows[0]
    layers = methods.attention_shares(methods.gradient.table[row[None]])
    n = len(row)
    assert [layer.shape for layer in layers] == [(1, 12, n, n)] * 3 + [(1, 12, 1, n)]
    for layer in layers:
        np.testing.assert_allclose(layer.sum(axis=-1), 1, atol=1e-5)
    expected = np.mean([layer[0, :, 0] for layer in layers], axis=(0, 1))[1:-1]
    np.testing.assert_allclose(methods.attention(windows)[0], expected, atol=1e-6)


def test_every_method_scores_every_token(windows, methods) -> None:  # type: ignore[no-untyped-def]
    for name, method in methods.all().items():
        scores = method(windows)
        assert [len(s) for s in scores] == [len(row) - 2 for row in windows.rows], name
        assert all(np.isfinite(s).all() and np.ptp(s) > 0 for s in scores), name


def test_the_references_scores_are_those_of_its_loop(windows, methods) -> None:  # type: ignore[no-untyped-def]
    row, label = windows.rows[0], windows.labels[0]
    x = methods.gradient.table[row]
    total = np.zeros_like(x)
    for i in range(20):
        alpha = np.float32(i / 19)
        slope = np.empty_like(x)
        odds, slopes = methods.gradient.run(alpha * x[None], np.array([label]))
        slope = slopes[0] * expit(odds[0]) * (1 - expit(odds[0]))
        total += slope * alpha * x
    expected = np.sqrt(((total / 20) ** 2).sum(axis=1))[1:-1]
    np.testing.assert_allclose(methods.norm_of_mean(windows)[0], expected, rtol=1e-3, atol=1e-7)


@pytest.fixture
def records(tmp_path: Path) -> Path:
    texts = ["胃窦黏膜充血糜烂", "肺", "结肠息肉切除术后", "进镜至回盲部，见息肉", "食管" * 150]
    path = tmp_path / "records.txt"
    path.write_text("".join(f"{text}\t1\n" for text in [*texts, texts[0]]), encoding="utf-8")
    return path


def test_the_script_prints_both_tables_and_writes_every_figure(
    script: ModuleType,
    methods,
    records: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # type: ignore[no-untyped-def]
    output = tmp_path / "table.csv"
    script.main(["--file", str(records), "--records", "10", "--output", str(output)])
    out, err = capsys.readouterr()
    assert "3 of 5 distinct records; 3 can be measured, 1 have fewer than 5 tokens, 1" in out
    assert "left out" in out
    assert "replaced by [MASK]" in out
    assert err == ""
    origin = json.loads((tmp_path / "table.csv.origin.json").read_text(encoding="utf-8"))
    assert origin["settings"]["records"] == 10
    rows = list(csv.DictReader(output.open(encoding="utf-8")))
    assert len(rows) == 2 * len(methods.all())
    for removal in ("delete", "mask"):
        part = [row for row in rows if row["removal"] == removal]
        figures = [float(row["comprehensiveness"]) for row in part]
        assert figures == sorted(figures, reverse=True)
        own = next(row for row in part if row["method"].endswith(script.OWN[removal]))
        assert float(own["agreement"]) == pytest.approx(1)
        for row in part:
            assert f"| {row['method']} |" in out
            for name in MEASURES:
                low, mean, high = (float(row[name + end]) for end in ("_low", "", "_high"))
                assert low - 1e-12 <= mean <= high + 1e-12


def test_the_sample_and_the_noise_are_those_of_the_seed(
    script: ModuleType, records: Path, methods
) -> None:  # type: ignore[no-untyped-def]
    samples = [script.read_windows(records, 2, seed, methods.explainer)[0].texts for seed in (5, 5)]
    assert samples[0] == samples[1]
    assert len(samples[0]) == 2
    several = {
        tuple(script.read_windows(records, 1, seed, methods.explainer)[0].texts)
        for seed in range(10)
    }
    assert len(several) > 1


def test_a_file_without_a_record_to_measure_is_refused(script: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / "short.txt"
    path.write_text("胃癌\t1\n", encoding="utf-8")
    with pytest.raises(SystemExit, match="no record of one window and at least 5 tokens"):
        script.main(["--file", str(path)])


def test_the_interval_leaves_out_what_is_undefined(script: ModuleType) -> None:
    values = np.array([1.0, np.nan, 2.0, 3.0])
    mean, low, high = script.mean_and_interval(values, 0)
    assert mean == 2
    assert 1 <= low < mean < high <= 3
    assert np.isnan(script.mean_and_interval(np.array([np.nan]), 0)).all()
