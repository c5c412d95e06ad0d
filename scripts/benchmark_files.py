"""Measure files of any length end to end: records a second, peak memory, share of time by stage.

    python scripts/benchmark_files.py --records 1000000 --format csv --use linear --model my-model

The records are composed of the dataset's and a made-up number each, so that none comes twice. A
process of its own reads the file and writes the answers; seconds are those of its processors, which
another program on the machine does not change.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
_ROWS = 10_000


def records(count: int) -> Iterator[dict[str, str]]:
    """So many distinct records, each with an id."""
    from gi_classifier.data.readers import read_records

    texts = read_records(ROOT / "data" / "test.txt").texts
    for number, text in zip(range(count), itertools.cycle(texts), strict=False):
        yield {"id": f"{number:09d}", "text": f"{text}（住院号{number:09d}，{20 + number % 70}岁）"}


def write(path: Path, count: int) -> None:
    """Write the records in the format of the path's ending."""
    rows = records(count)
    if path.suffix == ".parquet":
        import pyarrow as pa
        import pyarrow.parquet as pq

        schema = pa.schema([("id", pa.string()), ("text", pa.string())])
        with pq.ParquetWriter(path, schema) as parquet:
            while part := list(itertools.islice(rows, _ROWS)):
                parquet.write_batch(pa.RecordBatch.from_pylist(part, schema))
        return
    with path.open("w", encoding="utf-8", newline="") as file:
        if path.suffix == ".jsonl":
            file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        else:
            table = csv.DictWriter(file, ["id", "text"])
            table.writeheader()
            table.writerows(rows)


class Stages:
    """Processor seconds by stage, each without what it calls of the others."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._stack: list[str] = []
        self._since = time.process_time()

    def _turn(self) -> None:
        now = time.process_time()
        if self._stack:
            name = self._stack[-1]
            self.seconds[name] = self.seconds.get(name, 0.0) + now - self._since
        self._since = now

    def call(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, timed."""

        def timed(*given: Any, **options: Any) -> Any:
            self._turn()
            self._stack.append(name)
            try:
                return function(*given, **options)
            finally:
                self._turn()
                self._stack.pop()

        return timed

    def iterate(self, name: str, iterator: Iterator[Any]) -> Iterator[Any]:
        """The same items, the time between them timed."""
        following = self.call(name, lambda: next(iterator, None))
        while (item := following()) is not None:
            yield item


def measure(source: Path, output: Path, options: dict[str, Any]) -> dict[str, Any]:
    """Answer a file in this process, and say what it took."""
    from gi_classifier.data.chunks import RecordChunks
    from gi_classifier.pipelines import file_answers, prediction
    from gi_classifier.pipelines.answering import Answering
    from gi_classifier.pipelines.journal import Journal

    stages = Stages()
    patched: list[tuple[Any, str, str]] = [
        (Answering, "__call__", "model"),
        (Journal, "add", "journal"),
        (prediction, "write_rows", "output"),
        (file_answers, "contents_of", "sha256 of the input"),
    ]
    for owner, name, stage in patched:
        setattr(owner, name, stages.call(stage, getattr(owner, name)))
    read = RecordChunks.__iter__
    RecordChunks.__iter__ = lambda self: stages.iterate("reading", read(self))  # type: ignore[method-assign]
    began = time.monotonic()
    cpu = time.process_time()
    done = prediction.predict_file(source, output, **options)
    cpu, wall = time.process_time() - cpu, time.monotonic() - began
    return {
        "records": done.records,
        "processor_seconds": round(cpu, 2),
        "wall_seconds": round(wall, 2),
        "records_per_processor_second": round(done.records / cpu),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "share": {name: round(part / cpu, 3) for name, part in stages.seconds.items()},
        "input_mb": round(source.stat().st_size / 1e6),
    }


def main() -> None:
    """Write a file, and answer it in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--format", choices=["csv", "jsonl", "parquet"], default="csv")
    parser.add_argument("--model", help="a model directory; without, the one that ships")
    parser.add_argument("--use", choices=["both", "albert", "linear"])
    parser.add_argument("--bulk", action="store_true", help="the linear member where it is sure")
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    options = {"model": given.model, "use": given.use, "bulk": given.bulk}
    if given.measure:
        output = given.measure.with_name(f"answers.{given.format}")
        print(json.dumps(measure(given.measure, output, options)))
        return
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / f"records.{given.format}"
        write(source, given.records)
        command = [sys.executable, __file__, *sys.argv[1:], "--measure", str(source)]
        environment = {**os.environ, "GI_CLASSIFIER_THREADS": "1", "OMP_NUM_THREADS": "1"}
        subprocess.run(command, check=True, env=environment)


if __name__ == "__main__":
    main()
