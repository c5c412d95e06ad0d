from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from benchmark_all import drawn, sentences
from benchmark_measures import latencies, machine, operations, speeds
from benchmark_page import page, picture, targets

from gi_classifier.files import to_json
from gi_classifier.settings import AlbertConfig

WAYS = (
    *("the reference's way", "transformers fp32", "transformers bfloat16", "transformers int8"),
    *("plain ONNX export", "ours fp32", "ours int8", "ours openvino", "ours in bulk, fp32"),
    "encoding alone",
)


@pytest.fixture
def found() -> dict[str, Any]:
    """What a run measures, with made-up numbers."""
    texts = ["胃窦", "直肠息肉"]

    def rows(scale: float) -> dict[str, Any]:
        ways = [
            {
                "way": way,
                "records_per_second": scale * (10 + place),
                "slowest": 1.0,
                "fastest": 2.0,
                "labels_as_fp32": 0.5 if way == "ours int8" else 1.0,
            }
            for place, way in enumerate(WAYS)
        ]
        bulk = {"answered_alone": 0.75, "seconds": {"linear member": 0.1}}
        return {
            "records": len(texts),
            "mean_tokens": 5.0,
            "operations_per_record": 1e6,
            "speeds": ways,
            "bulk": bulk,
        }

    return {
        "machine": machine(),
        "model": "0",
        "rounds": 5,
        "bulk_margin": 2.0,
        "fresh_processes": {"python": 0.02, "import": 0.1, "first answer": 0.4},
        "sets": {"data/test.txt": rows(1), "real sentences": rows(2)},
        "latency": [
            {"way": "ours fp32", "p50_ms": 3.0, "p99_ms": 4.5},
            {"way": "the reference's way", "p50_ms": 60.0, "p99_ms": 90.0},
        ],
        "typical_characters": 20,
        "latency_again": [
            {"way": "ours fp32", "p50_ms": 2.0, "p99_ms": 3.0},
            {"way": "the reference's way", "p50_ms": 50.0, "p99_ms": 60.0},
        ],
        "limits": {"fp32": 100.0, "bfloat16": 800.0, "int8": 900.0},
        "ten_times": {
            "once": {"records": 2, "seconds": 1.0, "mib": 100.0},
            "ten times": {"records": 20, "seconds": 9.0, "mib": 110.0},
        },
        "attribution": {
            way: {"records_per_second": speed, "median_error": 0.0312, "largest_error": 0.5}
            for way, speed in (
                ("explain(), default", 12.0),
                ("reference's loop, 20 points, compiled", 2.0),
                ("captum LayerIntegratedGradients, 50 points", 3.0),
            )
        },
        "openvino_precision": "bfloat16",
        "training": [
            {"way": "ours", "records_per_second": 50.0, "losses": [1.0, 0.5]},
            {"way": "the reference's way", "records_per_second": 20.0, "losses": [1.1, 0.45]},
        ],
        "few_records_seconds": 42.0,
    }


def test_targets_are_ratios_of_one_run(found: dict[str, Any]) -> None:
    ratios = {what: value for what, _, value in targets(found)}
    assert ratios["bulk over the fastest transformers, real sentences"] == pytest.approx(18 / 13)
    assert ratios["bulk over the reference's way, real sentences"] == pytest.approx(1.8)
    # int8 answers otherwise than fp32, so that OpenVINO is the fastest that agrees.
    name = "both members, fastest engine that agrees, over it, data/test.txt"
    assert ratios[name] == pytest.approx(17 / 13)
    assert ratios["one record: the reference's p50 over ours"] == pytest.approx(20)
    assert ratios["`import gi_classifier`, s, start of Python left out"] == pytest.approx(0.08)
    assert ratios["ten times the records: times the time"] == pytest.approx(9)
    assert ratios["explaining over captum"] == pytest.approx(4)
    assert ratios["an epoch of training over the reference's"] == pytest.approx(2.5)
    assert ratios["largest difference of an epoch's loss"] == pytest.approx(0.1)


def test_the_page_names_the_machine_and_every_way(found: dict[str, Any]) -> None:
    text = page(json.loads(to_json(found)))
    for way in WAYS:
        assert f"| {way} |" in text
    assert str(found["machine"]["threads"]) in text
    assert "In bulk the linear member answers 75.0% alone" in text
    assert "| explain(), default | 12.0 | 3.12% | 50.0% |" in text


def test_a_model_without_bulk_has_a_page_too(found: dict[str, Any]) -> None:
    for measured in found["sets"].values():
        measured["bulk"] = None
        measured["speeds"] = [row for row in measured["speeds"] if "bulk" not in row["way"]]
    assert "bulk" not in page(found).lower()


@pytest.mark.slow
def test_the_picture_is_a_png(found: dict[str, Any]) -> None:
    assert picture(found).startswith(b"\x89PNG")


def test_ways_take_turns_and_are_compared_with_full_precision() -> None:
    turns: list[str] = []

    def way(name: str, label: int) -> Any:
        def read(texts: Any) -> np.ndarray:
            turns.append(name)
            return np.full(len(texts), label)

        return read

    found = speeds({"ours fp32": way("a", 1), "other": way("b", 0)}, ["x", "y"], 3)
    assert turns == ["a", "b"] * 4
    assert [row["labels_as_fp32"] for row in found] == [1.0, 0.0]
    assert all(row["slowest"] <= row["records_per_second"] <= row["fastest"] for row in found)


def test_latencies_are_of_single_records() -> None:
    sizes: list[int] = []

    def read(texts: Any) -> np.ndarray:
        sizes.append(len(texts))
        return np.zeros(len(texts))

    [row] = latencies({"ours": read}, ["a", "b", "c"])
    assert set(sizes) == {1}
    assert 0 <= row["p50_ms"] <= row["p99_ms"]


def test_operations_are_counted_as_by_hand() -> None:
    config = AlbertConfig(
        vocab_size=9,
        hidden_size=2,
        num_hidden_layers=2,
        num_attention_heads=1,
        intermediate_size=3,
        embedding_size=None,
    )
    # Keys and values of 5 tokens; query, output and feed-forward; scores and their sums.
    keys, rest = 5 * 2 * 2 * 4, 2 * 2 * 4 + 2 * 2 * 6
    assert operations(config, [5]) == (keys + 5 * rest + 4 * 25 * 2) + (keys + rest + 4 * 5 * 2)


def test_records_are_drawn_once_each() -> None:
    assert sorted(drawn(["a", "b", "a", "c"], 9)) == ["a", "b", "c"]
    assert len(drawn(["a", "b", "c"], 2)) == 2


def test_sentences_are_what_follows_the_last_tab(tmp_path: Path) -> None:
    path = tmp_path / "real.tsv.gz"
    path.write_bytes(
        gzip.compress("0a1b\tquestion\t胃痛三天\n0a1c\treport\t肠镜未见异常\n".encode())
    )
    assert list(sentences(path)) == ["胃痛三天", "肠镜未见异常"]
