"""Measure speed and memory as ratios taken in one run.

``all``: speed, latency, start, explaining and training, beside PyTorch + transformers, plain ONNX,
OpenVINO and scikit-learn, and the machine's own limit; written to ``benchmark.json``, a picture
and a page.

``predict``: cold start in a fresh process, and records per second of each engine on a file.
``linear``: records per second of the linear member, on the whole file.
``attribution``: records explained per second and completeness errors, beside the reference's
loop and, where torch, transformers and captum are installed, captum's LayerIntegratedGradients.
``length``: seconds that one record of a megabyte takes, everything but the network, and how they
grow with the length.
``near-duplicates``: seconds that grouping records takes, where they differ and where they are
alike.
"""

from __future__ import annotations

import argparse
import importlib.util
import resource
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from benchmark_contenders import transformers_model
from benchmark_length import benchmark_length, benchmark_near_duplicates
from benchmark_measures import fresh_processes

from gi_classifier.attribution.integrated_gradients import Explainer
from gi_classifier.data.readers import read_records
from gi_classifier.model.directory import ModelDirectory
from gi_classifier.model.gradient import Gradient
from gi_classifier.model.predictor import Predictor
from gi_classifier.model.shipped import shipped_directory
from gi_classifier.training.linear import fit_linear

ROOT = Path(__file__).resolve().parent.parent
# What the reference took.
_REFERENCE_STEPS = 20
# Records that predict is given at a time.
_SIZES = (1, 8, 64, 512)
# captum's default.
_CAPTUM_STEPS = 50
# What explain() is measured with: a name, and its options.
SETTINGS: dict[str, dict[str, Any]] = {
    "explain(), default": {},
    "explain(steps=8, tolerance=0.05)": {"steps": 8, "tolerance": 0.05},
    "explain(steps=6, tolerance=0.1)": {"steps": 6, "tolerance": 0.1},
    "explain(rule='midpoint', steps=24)": {"rule": "midpoint", "steps": 24},
    "explain(rule='gauss-legendre', steps=30)": {"rule": "gauss-legendre", "steps": 30},
    "explain(baseline='zero')": {"baseline": "zero"},
}


def throughput(predictor: Predictor, texts: Sequence[str], size: int, repeats: int) -> float:
    """Records per second, ``size`` at a time: best of several passes after one to warm up."""
    seconds = []
    for _ in range(repeats + 1):
        began = time.perf_counter()
        for start in range(0, len(texts), size):
            predictor.predict_proba(texts[start : start + size])
        seconds.append(time.perf_counter() - began)
    return len(texts) / min(seconds[1:])


def benchmark_predict(texts: Sequence[str], repeats: int) -> None:
    """Print cold start, and the engines' speed and memory."""
    start = fresh_processes(repeats)["first answer"]
    print(f"cold start: median {start:.2f} s of {repeats}")
    print(f"records/s on {len(texts)} records, so many at a time: {', '.join(map(str, _SIZES))}")
    for engine in ("fp32", "int8", "keras"):
        predictor = Predictor.from_directory(shipped_directory(), engine)
        speeds = [throughput(predictor, texts, size, repeats) for size in _SIZES]
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"{engine}: {', '.join(f'{speed:.0f}' for speed in speeds)}; peak {peak:.0f} MiB")


def benchmark_linear(texts: Sequence[str], repeats: int) -> None:
    """Print the linear member's speed, pieces included, on one thread."""
    train = read_records(ROOT / "data" / "train.txt")
    model = fit_linear(train.texts, train.labels or (), 3)
    seconds = []
    for _ in range(repeats + 1):
        # Of this process: NumPy computes on one thread here, and waiting is not the model's time.
        began = time.process_time()
        model.decision_function(texts)
        seconds.append(time.process_time() - began)
    print(
        f"linear member, {len(model.keys):,} n-grams, {len(model.to_npz()):,} bytes: "
        f"{len(texts) / min(seconds[1:]):,.0f} records/s on {len(texts)} records"
    )


Errors = Callable[[Sequence[np.ndarray], Sequence[int]], list[float]]


def reference_loop(directory: ModelDirectory, *, compiled: bool = False) -> Errors:
    """The reference's loop: one text at a time, the embedding table rewritten for each point.

    ``compiled`` makes one graph of the model and its gradient, for texts of every length.

    Its errors are those of the integral that its gradients allow (their mean times the
    embeddings), kinder than its own formula, from the probability at no embedding.
    """
    from gi_classifier.training.keras_backend import tf
    from gi_classifier.training.keras_model import restore

    model = restore(directory)
    table = model.get_layer("Embedding-Token").embeddings
    values = table.numpy()

    def slope(ids: Any, label: Any) -> Any:
        with tf.GradientTape() as tape:
            probability = model([ids, tf.zeros_like(ids)], training=False)[0, label]
        return probability, tf.convert_to_tensor(tape.gradient(probability, table))

    if compiled:
        shapes = [tf.TensorSpec((1, None), tf.int32), tf.TensorSpec((), tf.int32)]
        slope = tf.function(slope, input_signature=shapes)

    def run(rows: Sequence[np.ndarray], labels: Sequence[int]) -> list[float]:
        errors = []
        for ids, label in zip(rows, labels, strict=True):
            total = np.zeros_like(values)
            for step in range(1, _REFERENCE_STEPS + 1):
                table.assign(values * (step / _REFERENCE_STEPS))
                probability, gradient = slope(ids[None], label)
                total += gradient.numpy()
            table.assign(values * 0)
            change = float(probability) - float(slope(ids[None], label)[0])
            table.assign(values)
            found = float((total / _REFERENCE_STEPS * values).sum())
            errors.append(abs(found - change) / abs(change))
        return errors

    return run


def captum_loop(directory: ModelDirectory) -> Errors:
    """Captum's LayerIntegratedGradients at its default of 50 points, on the same weights.

    The model is transformers' ALBERT; the explained quantity is the log-odds, the baseline [MASK].
    """
    import torch
    from captum.attr import LayerIntegratedGradients

    _, model = transformers_model(directory)
    mask = directory.vocabulary.ids["[MASK]"]

    def log_odds(ids: Any, label: int) -> Any:
        logits = model(ids).logits
        others = [i for i in range(logits.shape[1]) if i != label]
        return logits[:, label] - torch.logsumexp(logits[:, others], dim=1)

    with torch.no_grad():
        sample = np.array([[2, 99, 1234, 3]])
        theirs = log_odds(torch.tensor(sample), 1)[0]
    ours = Gradient(directory)
    mine = ours.run(ours.table[sample], np.array([1]))[0][0]
    if abs(float(theirs) - float(mine)) > 1e-3:
        raise SystemExit(f"The converted model is another one: {theirs} for {mine}.")

    explain = LayerIntegratedGradients(log_odds, model.albert.embeddings.word_embeddings)

    def run(rows: Sequence[np.ndarray], labels: Sequence[int]) -> list[float]:
        errors = []
        for row, label in zip(rows, labels, strict=True):
            ids = torch.tensor(row[None].astype(np.int64))
            start = torch.full_like(ids, mask)
            start[:, [0, -1]] = ids[:, [0, -1]]
            _, delta = explain.attribute(
                ids,
                baselines=start,
                additional_forward_args=(label,),
                n_steps=_CAPTUM_STEPS,
                return_convergence_delta=True,
            )
            with torch.no_grad():
                change = float(log_odds(ids, label) - log_odds(start, label))
            errors.append(abs(float(delta)) / abs(change))
        return errors

    return run


def benchmark_attribution(
    texts: Sequence[str], few: int, rounds: int = 5
) -> dict[str, dict[str, float]]:
    """Print and return records per second and completeness errors of each way.

    Everybody takes turns, so that a machine that slows down does so for all; the slow loops take
    records from every part of the range of lengths.
    """
    directory = shipped_directory()
    explainer = Explainer(directory)
    loops: dict[str, Callable[[ModelDirectory], Errors]] = {
        f"reference's loop, {_REFERENCE_STEPS} points": reference_loop,
        f"reference's loop, {_REFERENCE_STEPS} points, compiled": partial(
            reference_loop, compiled=True
        ),
    }
    if all(map(importlib.util.find_spec, ("torch", "transformers", "captum"))):
        loops[f"captum LayerIntegratedGradients, {_CAPTUM_STEPS} points"] = captum_loop
    ready = {name: make(directory) for name, make in loops.items()}
    seconds: dict[str, float] = defaultdict(float)
    errors: dict[str, list[float]] = defaultdict(list)
    points: dict[str, list[int]] = defaultdict(list)
    rounds = min(rounds, few)
    ordered, count = sorted(texts, key=len), few // rounds
    explainer.explain(ordered[::4])
    for turn in range(rounds):
        part = ordered[turn::rounds]
        some = [part[int((i + 0.5) * len(part) / count)] for i in range(count)]
        reading = explainer.predictor.read(some)
        ids = [reading.windows.ids[part.start] for part in reading.windows.by_text()]
        labels = explainer.predictor.predict_proba(some).argmax(axis=1).tolist()
        for name, loop in ready.items():
            if turn == 0:
                loop(ids[:2], labels[:2])
            began = time.perf_counter()
            errors[name] += loop(ids, labels)
            seconds[name] += time.perf_counter() - began
        for name, options in SETTINGS.items():
            began = time.perf_counter()
            explainer.explain(some, **options)
            seconds[name] += time.perf_counter() - began
    for name, options in SETTINGS.items():
        found = explainer.explain(texts, **options)
        errors[name] = [item.error for item in found]
        points[name] = [item.steps for item in found]
    records = count * rounds
    print(
        f"Speed on the same {records} records (of a long one the loops and captum take the first "
        f"window), explain()'s points and errors on {len(texts)}; completeness errors relative to "
        "the change explained\n"
    )
    print("| | records/s | times the reference | points | median error | largest error |")
    print("|---|---:|---:|---:|---:|---:|")
    reference = next(iter(seconds.values()))
    for name, spent in seconds.items():
        print(
            f"| {name} | {records / spent:.2f} | {reference / spent:.1f} | "
            f"{f'{np.mean(points[name]):.1f}' if name in points else ''} | "
            f"{np.median(errors[name]):.3%} | {max(errors[name]):.3%} |"
        )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"\npeak memory {peak:.0f} MiB, TensorFlow's for the reference's loop included")
    return {
        name: {
            "records_per_second": records / spent,
            "median_error": float(np.median(errors[name])),
            "largest_error": max(errors[name]),
        }
        for name, spent in seconds.items()
    }


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    kinds = ["all", "predict", "linear", "attribution", "length", "near-duplicates"]
    parser.add_argument("what", choices=kinds)
    parser.add_argument("--file", type=Path, default=ROOT / "data" / "test.txt")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--records", type=int, default=400, help="drawn with seed 0")
    parser.add_argument(
        "--few", type=int, default=40, help="of them, those whose time is taken, a multiple of 5"
    )
    parser.add_argument("--model", type=Path, help="all: without it, the model that ships")
    parser.add_argument("--sentences", type=Path, help="all: further records, lines of .txt or .gz")
    parser.add_argument(
        "--unlabelled", type=Path, nargs="+", default=[], help="all: passages for bulk's cut"
    )
    parser.add_argument("--output", type=Path, default=ROOT / "docs", help="all: a folder")
    args = parser.parse_args()
    if min(args.few, args.records) < 1:
        parser.error(f"--few and --records start at 1. Received: {args.few}, {args.records}")
    alone = {"length": benchmark_length, "near-duplicates": benchmark_near_duplicates}
    if args.what in alone:
        alone[args.what]()
        return
    texts = read_records(args.file, labelled=False).texts
    if args.what == "linear":
        benchmark_linear(texts, args.repeats)
        return
    if args.what == "all":
        from benchmark_all import benchmark_all

        few = [texts[i] for i in np.random.default_rng(1).permutation(len(texts))[: args.few * 5]]
        benchmark_all(
            model=args.model,
            more=args.sentences,
            unlabelled=args.unlabelled,
            records=args.records,
            rounds=args.repeats,
            output=args.output,
            attribution=partial(benchmark_attribution, few, args.few),
        )
        return
    drawn = np.random.default_rng(0).permutation(len(texts))[: args.records]
    some = [texts[i] for i in drawn]
    if args.what == "predict":
        benchmark_predict(some, args.repeats)
    else:
        benchmark_attribution(some, min(args.few, len(some)))


if __name__ == "__main__":
    main()
