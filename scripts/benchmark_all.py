"""The whole benchmark: everything measured in one run, as ratios, with the machine's name.

In: a model directory and sets of records. Out: ``benchmark.json``, ``benchmark.png`` and
``performance.md`` in a folder.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from benchmark_contenders import Read, contenders, ours, reference
from benchmark_measures import (
    few_records,
    fresh_processes,
    latencies,
    limits,
    machine,
    operations,
    speeds,
    ten_times,
    where_bulk_goes,
)
from benchmark_page import page, picture
from benchmark_training import training_speeds

from gi_classifier.data.passages import check_passages, read_passages
from gi_classifier.data.readers import read_records
from gi_classifier.decisions.bulk import BulkPredictor
from gi_classifier.decisions.bulk_fit import bulk_at_hand
from gi_classifier.errors import RecordsError
from gi_classifier.files import to_json, write_whole
from gi_classifier.model.directory import ModelDirectory
from gi_classifier.model.openvino_engine import has_bfloat16
from gi_classifier.model.predictor import Predictor
from gi_classifier.model.shipped import load_or_shipped

ROOT = Path(__file__).resolve().parent.parent
_SEED = 0


def drawn(texts: Sequence[str], most: int) -> list[str]:
    """So many of the distinct texts, at random."""
    distinct = list(dict.fromkeys(texts))
    rows = np.random.default_rng(_SEED).permutation(len(distinct))[:most]
    return [distinct[row] for row in rows]


def sentences(path: Path) -> Iterator[str]:
    """The lines of a UTF-8 file, ``.gz`` or plain; of one with tabs, what follows the last."""
    with (gzip.open if path.suffix == ".gz" else open)(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            yield line.rstrip("\n").rpartition("\t")[2]


def open_bulk_or_none(
    directory: ModelDirectory, unlabelled: Sequence[Path]
) -> BulkPredictor | None:
    """Bulk with the model's own cut, or one chosen on passages; None where there is neither."""
    if directory.linear is None:
        return None
    passages = read_passages(check_passages(unlabelled)) if unlabelled else None
    try:
        return bulk_at_hand(directory, Predictor.from_directory(directory), [], passages)
    except RecordsError:
        return None


def measure(
    model: Path | None,
    sets: Mapping[str, Sequence[str]],
    unlabelled: Sequence[Path],
    rounds: int,
    attribution: Callable[[], dict[str, dict[str, float]]],
    say: Callable[[str], object] = print,
) -> dict[str, Any]:
    """Measure everything.

    Parameters
    ----------
    model : Path or None
        Without, the model that ships.
    sets : mapping
        Of names to records.
    unlabelled : sequence of Path
        Passages that choose bulk's cut, where the model holds none.
    rounds : int
    attribution : callable
        Gives records explained a second by each way, and its completeness errors.
    say : callable
        Told what comes next.
    """
    directory = load_or_shipped(model)
    found: dict[str, Any] = {"machine": machine(), "model": directory.digest, "rounds": rounds}
    say("choosing bulk's cut")
    bulk = open_bulk_or_none(directory, unlabelled)
    found["bulk_margin"] = None if bulk is None else bulk.least_margin
    say("fresh processes")
    found["fresh_processes"] = fresh_processes(rounds)
    say("opening what is compared")
    ways = contenders(directory, bulk)
    found["openvino_precision"] = "bfloat16" if has_bfloat16() else "fp32"
    found["sets"] = {}
    for name, texts in sets.items():
        say(f"records a second, {name}")
        found["sets"][name] = _of_set(directory, ways, texts, rounds, bulk)
    first = next(iter(sets.values()))
    say("one record at a time")
    alone, single = _alone(directory), first[: 20 * rounds]
    found["latency"] = latencies(alone, single)
    typical = sorted(single, key=len)[len(single) // 2]
    found["typical_characters"] = len(typical)
    found["latency_again"] = latencies(alone, [typical] * (60 * rounds))
    say("the machine's limit")
    found["limits"] = limits(rounds)
    say("ten times the records")
    found["ten_times"] = ten_times(model, first)
    say("explaining")
    found["attribution"] = attribution()
    train = read_records(ROOT / "data" / "train.txt")
    say("epochs of training")
    found["training"] = training_speeds(directory, train.texts, train.labels or (), rounds)
    say("training on 300 records")
    found["few_records_seconds"] = few_records(train.texts, train.labels or ())
    return found


def _alone(directory: ModelDirectory) -> dict[str, Read]:
    """What one record is read with: our default engine, and the reference's way."""
    return {
        "ours fp32": ours(directory, None)["ours fp32"],
        "the reference's way": reference(directory, batch=1),
    }


def _of_set(
    directory: ModelDirectory,
    ways: Mapping[str, Read],
    texts: Sequence[str],
    rounds: int,
    bulk: BulkPredictor | None,
) -> dict[str, Any]:
    lengths = [len(found.ids) + 2 for found in directory.vocabulary.encode(texts)]
    cut = [min(length, directory.settings.maxlen) for length in lengths]
    return {
        "records": len(texts),
        "mean_tokens": float(np.mean(lengths)),
        "operations_per_record": operations(directory.config, cut) / len(texts),
        "speeds": speeds(ways, texts, rounds),
        "bulk": None if bulk is None else where_bulk_goes(bulk, texts),
    }


def benchmark_all(
    *,
    model: Path | None,
    more: Path | None,
    unlabelled: Sequence[Path],
    records: int,
    rounds: int,
    output: Path,
    attribution: Callable[[], dict[str, dict[str, float]]],
) -> None:
    """Measure, print and write; see the module."""
    output.mkdir(parents=True, exist_ok=True)
    test = read_records(ROOT / "data" / "test.txt", labelled=False).texts
    sets = {"data/test.txt": drawn(test, records)}
    if more:
        sets["real sentences"] = drawn(list(sentences(more)), records)
    found = measure(model, sets, unlabelled, rounds, attribution)
    text = page(found)
    print(text)
    for name, content in (
        ("benchmark.json", to_json(found)),
        ("benchmark.png", picture(found)),
        ("performance.md", text.encode("utf-8")),
    ):
        write_whole(output / name, content)
