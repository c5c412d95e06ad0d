"""Measure Spark against one machine on the same Parquet file: processor seconds, and equality.

    python scripts/benchmark_spark.py --records 100000 --use linear

Seconds are those of processors: of one process, of Spark's Python workers, and of its JVM.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from benchmark_files import write

# Bytes of a partition, so that a small file has several.
_PARTITION = 2 << 20


def seconds_of_children() -> dict[str, float]:
    """Processor seconds of the processes below this one, by what they are: java, python."""
    tick = os.sysconf("SC_CLK_TCK")
    below, found = {os.getpid()}, dict.fromkeys(("java", "python"), 0.0)
    # A child's number is above its parent's.
    for number in sorted(int(path.name) for path in Path("/proc").glob("[0-9]*")):
        try:
            name, _, rest = Path(f"/proc/{number}/stat").read_text().rpartition(")")
        except OSError:
            continue
        fields = rest.split()
        if int(fields[1]) in below:
            below.add(number)
            kind = "java" if "java" in name else "python"
            found[kind] += sum(map(int, fields[11:15])) / tick
    return found


def on_spark(source: Path, output: Path, options: dict[str, Any]) -> dict[str, float]:
    """Answer a file on a local session of two slots; return its processor seconds."""
    from pyspark.sql import SparkSession

    from gi_classifier.pipelines.spark import predict

    session = (
        SparkSession.builder.master("local[2]")
        .config("spark.ui.enabled", "false")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.sql.files.maxPartitionBytes", str(_PARTITION))
        .getOrCreate()
    )
    frame = session.read.parquet(str(source))
    before = seconds_of_children()
    predict(frame, "text", **options).write.parquet(str(output))
    after = seconds_of_children()
    session.stop()
    return {name: after[name] - before[name] for name in after}


def main() -> None:
    """Write a file, answer it both ways, and compare."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--model", help="a model directory; without, the one that ships")
    parser.add_argument("--use", choices=["both", "albert", "linear"])
    given = parser.parse_args()
    os.environ |= {"GI_CLASSIFIER_THREADS": "1", "PYSPARK_PYTHON": sys.executable}
    os.environ |= {"OMP_NUM_THREADS": "1", "SPARK_LOCAL_IP": "127.0.0.1"}
    import pandas as pd

    from gi_classifier.pipelines.prediction import predict_file

    options = {"model": given.model, "use": given.use}
    with tempfile.TemporaryDirectory() as folder:
        source, here, there = (Path(folder) / name for name in ("r.parquet", "h.parquet", "there"))
        write(source, given.records)
        began = time.process_time()
        predict_file(source, here, **options)
        print(f"one process: {time.process_time() - began:.1f} s")
        spent = on_spark(source, there, options)
        print(f"Spark's workers: {spent['python']:.1f} s, its JVM: {spent['java']:.1f} s")
        one = pd.read_parquet(here).set_index("text")
        other = pd.read_parquet(there).set_index("text").loc[one.index, "prediction"]
    labels = np.array([answer["label"] for answer in other])
    shares = np.array([answer["probabilities"] for answer in other])
    columns = [f"probability_{label}" for label in range(shares.shape[1])]
    difference = np.abs(shares - one[columns].to_numpy()).max()
    print(
        f"{len(one)} records, {(labels != one['label']).sum()} other labels; probabilities, which "
        f"the file rounds to 1e-6, differ by {difference:.1e} at most"
    )


if __name__ == "__main__":
    main()
