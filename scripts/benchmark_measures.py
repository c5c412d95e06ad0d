"""What the benchmark measures: plain numbers from functions and processes that take turns.

In: contenders as functions from texts to labels, or commands. Out: medians, as dicts that JSON
holds. Nothing here prints or writes.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gi_classifier.cpus import thread_count
from gi_classifier.decisions.bulk import BulkPredictor, linear_log_odds
from gi_classifier.settings import FEW_RECORDS, AlbertConfig

Read = Callable[[Sequence[str]], np.ndarray]
# Sides of the matrices whose product is the machine's limit.
_SIDE = 2048


def machine() -> dict[str, Any]:
    """What a figure hangs on: processor, its instructions that matter, threads, versions."""
    from importlib.metadata import PackageNotFoundError, version

    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.is_file() else []
    fields = {name.strip(): value.strip() for name, _, value in (x.partition(":") for x in lines)}
    wanted = ("amx_bf16", "amx_int8", "avx512_bf16", "avx512_vnni", "avx_vnni", "avx2")
    versions: dict[str, str | None] = {}
    for package in ("torch", "transformers", "onnxruntime", "openvino", "scikit-learn"):
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            versions[package] = None
    return {
        "processor": fields.get("model name", platform.processor()),
        "instructions": [flag for flag in wanted if flag in fields.get("flags", "").split()],
        "threads": thread_count(),
        # Of others as well: a figure of a busy machine says little.
        "load": os.getloadavg()[0],
        "python": platform.python_version(),
        **versions,
    }


def speeds(ways: Mapping[str, Read], texts: Sequence[str], rounds: int) -> list[dict[str, Any]]:
    """Records a second of each way, median of rounds in which all take turns; one to warm up."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    labels = {name: read(texts) for name, read in ways.items()}
    for _ in range(rounds):
        for name, read in ways.items():
            began = time.perf_counter()
            read(texts)
            seconds[name].append(time.perf_counter() - began)
    full = labels.get("ours fp32")
    return [
        {
            "way": name,
            "records_per_second": len(texts) / statistics.median(found),
            "slowest": len(texts) / max(found),
            "fastest": len(texts) / min(found),
            "labels_as_fp32": None if full is None else float((labels[name] == full).mean()),
        }
        for name, found in seconds.items()
    ]


def latencies(ways: Mapping[str, Read], texts: Sequence[str]) -> list[dict[str, Any]]:
    """Milliseconds that one record takes, warm: p50 and p99; ways take turns."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for text in texts[:5]:
        for read in ways.values():
            read([text])
    for text in texts:
        for name, read in ways.items():
            began = time.perf_counter()
            read([text])
            seconds[name].append(time.perf_counter() - began)
    return [
        {
            "way": name,
            "p50_ms": 1000 * float(np.quantile(found, 0.5)),
            "p99_ms": 1000 * float(np.quantile(found, 0.99)),
        }
        for name, found in seconds.items()
    ]


def limits(rounds: int) -> dict[str, float]:
    """Billions of operations a second that products of large matrices reach, by precision.

    Of float32 the faster of PyTorch and ONNX Runtime, whose kernels differ by processor.
    """
    import torch

    torch.set_num_threads(thread_count())
    source = torch.Generator().manual_seed(0)
    full = torch.randn(_SIDE, _SIDE, generator=source)
    half = full.to(torch.bfloat16)
    products: dict[str, Callable[[], Any]] = {
        "fp32": lambda: full @ full,
        "fp32, ONNX Runtime": runtime_product("MatMul", np.float32),
        "bfloat16": lambda: half @ half,
        "int8": runtime_product("MatMulInteger", np.int8),
    }
    seconds: dict[str, list[float]] = {name: [] for name in products}
    for turn in range(rounds + 1):
        for name, product in products.items():
            began = time.perf_counter()
            product()
            if turn:
                seconds[name].append(time.perf_counter() - began)
    found = {name: 2 * _SIDE**3 / statistics.median(each) / 1e9 for name, each in seconds.items()}
    return found | {"fp32": max(found["fp32"], found.pop("fp32, ONNX Runtime"))}


def runtime_product(kind: str, weight: type) -> Callable[[], Any]:
    """A product of matrices by ONNX Runtime: MatMul, or MatMulInteger of unsigned and signed."""
    import onnx

    from gi_classifier.onnx_runtime import onnx_runtime

    source, kinds = np.random.default_rng(0), onnx.TensorProto
    weights: np.ndarray = source.integers(-127, 128, (_SIDE, _SIDE)).astype(weight)
    whole = weight is np.int8
    given, given_kind = (np.uint8, kinds.UINT8) if whole else (weight, kinds.FLOAT)
    node = onnx.helper.make_node(kind, ["a", "b"], ["c"])
    shape = [_SIDE, _SIDE]
    graph = onnx.helper.make_graph(
        [node],
        "product",
        [onnx.helper.make_tensor_value_info("a", given_kind, shape)],
        [onnx.helper.make_tensor_value_info("c", kinds.INT32 if whole else kinds.FLOAT, shape)],
        [onnx.numpy_helper.from_array(weights, "b")],
    )
    model = onnx.helper.make_model(
        graph, opset_imports=[onnx.helper.make_opsetid("", 13)], ir_version=8
    )
    runtime = onnx_runtime()
    options = runtime.SessionOptions()
    options.intra_op_num_threads = thread_count()
    session = runtime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    values: np.ndarray = source.integers(0, 256, (_SIDE, _SIDE)).astype(given)
    return lambda: session.run(None, {"a": values})


def operations(config: AlbertConfig, lengths: Sequence[int]) -> float:
    """Multiplications and additions of products that ALBERT needs for windows of these tokens.

    The last layer computes its query, output and feed-forward for [CLS] alone.
    """
    length = np.asarray(lengths, dtype=np.float64)
    width, inner = config.hidden_size, config.intermediate_size
    keys = length * 4 * width**2
    rest = 4 * width**2 + 4 * width * inner
    layer = keys + length * rest + 4 * length**2 * width
    last = keys + rest + 4 * length * width
    mapping = length * 2 * width * (config.embedding_size or 0)
    return float((mapping + (config.num_hidden_layers - 1) * layer + last).sum())


def where_bulk_goes(bulk: BulkPredictor, texts: Sequence[str]) -> dict[str, Any]:
    """Seconds of bulk's parts: the linear member on all records, ALBERT on the rest."""
    predictor = bulk.predictor
    _, alone = bulk.predict_proba(texts)
    scores = bulk.alone.scores(None, linear_log_odds(predictor, texts))
    rest = [text for text, sure in zip(texts, alone, strict=True) if not sure]
    parts: dict[str, Callable[[], Any]] = {
        "linear member": lambda: predictor.linear and predictor.linear.decision_function(texts),
        "correction of margins": lambda: bulk.margins(texts, scores),
        "encoding of the rest": lambda: predictor.vocabulary and predictor.vocabulary.encode(rest),
        "ALBERT on the rest, encoding included": lambda: predictor.albert_log_odds(rest),
    }
    seconds = {}
    for name, part in parts.items():
        began = time.perf_counter()
        part()
        seconds[name] = time.perf_counter() - began
    return {"answered_alone": float(alone.mean()), "seconds": seconds}


def fresh_processes(rounds: int) -> dict[str, float]:
    """Median seconds of fresh processes: the bare interpreter, the import, the first answer.

    Modules are compiled beforehand, as installing leaves them.
    """
    codes = {
        "python": "pass",
        "import": "import gi_classifier",
        "first answer": "import gi_classifier; gi_classifier.predict('胃窦黏膜充血')",
    }
    seconds: dict[str, list[float]] = {name: [] for name in codes}
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    with tempfile.TemporaryDirectory() as compiled:
        environment["PYTHONPYCACHEPREFIX"] = compiled
        for turn in range(rounds + 1):
            for name, code in codes.items():
                began = time.perf_counter()
                subprocess.run([sys.executable, "-c", code], check=True, env=environment)
                if turn:
                    seconds[name].append(time.perf_counter() - began)
    return {name: statistics.median(found) for name, found in seconds.items()}


def ten_times(model: Path | None, texts: Sequence[str]) -> dict[str, Any]:
    """Seconds and peak MiB of ``predict`` on a file of these records, and on one ten times as long.

    The longer one's records differ by a number, so that none is answered twice.
    """
    found: dict[str, Any] = {}
    for name, times in (("once", 1), ("ten times", 10)):
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "records.jsonl"
            rows = (json.dumps({"text": f"{text}{n}"}) for n in range(times) for text in texts)
            file.write_text("\n".join(rows), encoding="utf-8")
            command = [sys.executable, "-m", "gi_classifier", "predict", "--input", str(file)]
            command += ["--output", str(Path(folder) / "answers.jsonl")]
            command += ["--model", str(model)] if model else []
            began = time.perf_counter()
            process = subprocess.Popen(
                command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            if process.returncode:
                raise SystemExit(f"predict failed with {process.returncode}")
            unit = 2**20 if sys.platform == "darwin" else 2**10
            found[name] = {
                "records": times * len(texts),
                "seconds": time.perf_counter() - began,
                "mib": usage.ru_maxrss / unit,
            }
    return found


def few_records(texts: Sequence[str], labels: Sequence[int]) -> float:
    """Seconds of ``train`` on 300 records, 20 epochs, start and export included."""
    rows = np.random.default_rng(0).permutation(len(texts))[:300]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "records.jsonl"
        lines = (json.dumps({"text": texts[i], "label": int(labels[i])}) for i in rows)
        file.write_text("\n".join(lines), encoding="utf-8")
        command = [sys.executable, "-m", "gi_classifier", "train", str(file)]
        command += ["--output", str(Path(folder) / "model")]
        for name, value in FEW_RECORDS.items():
            command += ["--set", f"{name}={value}"]
        began = time.perf_counter()
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"train failed with {done.returncode}: {done.stderr[-500:]}")
        return time.perf_counter() - began
