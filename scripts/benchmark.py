"""Measure speed and memory as ratios taken in one run.

``predict``: cold start in a fresh process, and records per second of each engine on a file.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

from gi_classifier.model_dir import load, shipped
from gi_classifier.predict import Predictor
from gi_classifier.records import read_records

ROOT = Path(__file__).resolve().parent.parent


def cold_start(repeats: int) -> list[float]:
    """Seconds of fresh processes that import, load and predict once."""
    code = "import gi_classifier; gi_classifier.predict('胃窦黏膜充血')"
    seconds = []
    for _ in range(repeats):
        began = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True)
        seconds.append(time.perf_counter() - began)
    return seconds


def throughput(texts: tuple[str, ...], engine: str, repeats: int) -> float:
    """Records per second, best of several passes after one to warm up."""
    predictor = Predictor.from_bundle(load(shipped()), engine)
    predictor.predict_proba(texts[:256])
    seconds = []
    for _ in range(repeats):
        began = time.perf_counter()
        predictor.predict_proba(texts)
        seconds.append(time.perf_counter() - began)
    return len(texts) / min(seconds)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["predict"])
    parser.add_argument("--file", type=Path, default=ROOT / "data" / "test.txt")
    parser.add_argument("--repeats", type=int, default=5)
    args = parser.parse_args()
    starts = cold_start(args.repeats)
    print(f"cold start: median {statistics.median(starts):.2f} s of {len(starts)}")
    texts = read_records(args.file, labelled=False).texts
    speeds: dict[str, float] = {}
    for engine in ("fp32", "int8", "keras"):
        speeds[engine] = throughput(texts, engine, args.repeats)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(
            f"{engine}: {speeds[engine]:.0f} records/s, {speeds[engine] / speeds['fp32']:.2f} "
            f"of fp32; peak memory so far {peak:.0f} MiB"
        )


if __name__ == "__main__":
    main()
