"""Seconds that long texts and many of them take, everything but the network, and how they grow.

In: nothing. Out: Markdown tables, by what a record repeats, by how alike records are. A part of
``benchmark.py``.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from gi_classifier.attribution.attribution import Attribution
from gi_classifier.attribution.heatmap import page
from gi_classifier.attribution.words import cut
from gi_classifier.data.near_duplicates import near_duplicate_groups
from gi_classifier.data.readers import read_records
from gi_classifier.model.directory import ModelDirectory
from gi_classifier.model.shipped import shipped_directory
from gi_classifier.model.windows import cut_windows
from gi_classifier.text import normalise

DATA = Path(__file__).resolve().parent.parent / "data"
# What records of a megabyte repeat, by name.
PIECES = {
    "ideographs": "胃窦黏膜充血，",
    "letters": "a",
    "digits": "1",
    "measures": "1.5cm ",
    "numbered items": "1.息肉\n",
    "marks out of order": "a\u0301\u0323",
    "nothing but marks": "\u0301\u0323",
    "full width": "Ａ１",
    "white space": " \n",
    "invisible": "\u200b",
    "emoji": "😀",
    "Hangul": "가",
    "one that is 18": "\ufdfa",
}


def reading_seconds(text: str, directory: ModelDirectory) -> dict[str, float]:
    """Processor seconds of each part of reading and showing one record, without the network."""
    spent: dict[str, float] = {}

    def timed(name: str, work: Callable[[], Any]) -> Any:
        began = time.process_time()
        found = work()
        spent[name] = time.process_time() - began
        return found

    timed("normalise", lambda: normalise(text))
    encoded = timed("encode", lambda: directory.vocabulary.encode([text]))
    timed("windows", lambda: cut_windows(encoded, directory.vocabulary, directory.settings))
    timed("words", lambda: cut(text, "word"))
    timed("clauses", lambda: cut(text, "clause"))
    timed("near-duplicates", lambda: near_duplicate_groups([text, "胃窦"]))
    count = len(encoded[0].ids)
    found = Attribution(
        text=text,
        label=1,
        label_name="upper",
        tokens=("[UNK]",) * count,
        offsets=encoded[0].offsets,
        scores=np.ones(count),
        albert=np.ones(count),
        linear=np.zeros(count),
        special=0.0,
        probability=0.5,
        baseline_probability=0.5,
        score=0.0,
        baseline_score=0.0,
        error=0.0,
        steps=1,
        converged=True,
        baseline="mask",
    )
    timed("page", lambda: page([found], "clause"))
    return spent


def benchmark_near_duplicates() -> None:
    """Print the seconds that grouping records takes, where they differ and where they are alike."""
    source = np.random.default_rng(0)
    shipped = read_records(DATA / "all.txt", labelled=False).texts
    # A report of one template with three characters changed: half the same as any other.
    template = np.array(list("胃窦黏膜充血水肿，散在糜烂，幽门圆形，十二指肠球部未见异常。" * 2))
    alike = []
    for _ in range(4000):
        report = template.copy()
        report[source.integers(0, len(report), 3)] = list(
            map(chr, source.integers(0x4E00, 0x5E00, 3))
        )
        alike.append("".join(report))
    print("| records | characters | seconds | groups |\n|---|---:|---:|---:|")
    for name, texts in (("data/all.txt", shipped), ("of one template", alike)):
        began = time.process_time()
        groups = near_duplicate_groups(texts)
        seconds = time.process_time() - began
        characters = sum(map(len, texts))
        print(f"| {len(texts):,} {name} | {characters:,} | {seconds:.1f} | {groups.max() + 1:,} |")


def benchmark_length(length: int = 1_000_000) -> None:
    """Print the seconds of records of so many bytes, and how often those of a quarter of it."""
    directory = shipped_directory()
    reading_seconds("胃窦", directory)
    names: list[str] = []
    for name, piece in PIECES.items():
        count = length // len(piece.encode()) * len(piece)
        whole, quarter = (reading_seconds((piece * n)[:n], directory) for n in (count, count // 4))
        if not names:
            names = list(whole)
            print(f"| {length:,} bytes of | {' | '.join(names)} | all | times a quarter |")
            print("|---|" + "---:|" * (len(names) + 2))
        cells = [f"{whole[part]:.2f}" for part in names]
        total, less = sum(whole.values()), sum(quarter.values())
        print(f"| {name} | {' | '.join(cells)} | {total:.2f} | {total / less:.1f} |", flush=True)
