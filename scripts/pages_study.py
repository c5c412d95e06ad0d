"""Drawn pages, read and labelled: error rates of characters, right labels, time, by level.

In: pages of ``make_pages.py``, and the model that ships. Out: a line of JSON for each page in
``--output`` (what is there is not read again), and tables on standard output.
"""

from __future__ import annotations

import argparse
import json
import resource
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from make_pages import encoded, page
from page_damage import LEVELS

from gi_classifier.api import predict_proba
from gi_classifier.data.pictures.page_reading import read_image


def error_rate(read: str, printed: str) -> float:
    """Characters to insert, delete and replace, per printed one; white space does not count."""
    one, two = "".join(read.split()), "".join(printed.split())
    codes = np.array([ord(c) for c in two])
    places = np.arange(len(two) + 1)
    row = places
    for number, character in enumerate(one, 1):
        kept = np.minimum(row[1:] + 1, row[:-1] + (codes != ord(character)))
        row = np.minimum.accumulate(np.concatenate([[number], kept]) - places) + places
    return float(row[-1]) / max(len(two), 1)


def results(numbers: Iterable[int]) -> Iterator[dict[str, Any]]:
    """Read pages and label them."""
    for number in numbers:
        drawn = page(number)
        read = read_image(encoded(drawn)[1])
        row: dict[str, Any] = {
            "number": number,
            "kind": drawn.kind,
            "layout": drawn.layout,
            "level": drawn.level,
            "label": drawn.label,
            "error_rate": error_rate(read.text, drawn.text) if drawn.text else None,
            "confidence": read.confidence,
            "characters": sum(c is not None for c in read.characters),
            "corrections": len(read.corrections),
            "seconds": dict(read.seconds),
            "quality": list(read.quality),
            "orientation": read.orientation,
            "skew": read.skew,
            "text": read.text,
        }
        if drawn.text:
            texts = [read.text or "?", drawn.text]
            probabilities = predict_proba(texts)
            row["answer"], row["answer_printed"] = probabilities.argmax(axis=1).tolist()
            row["probability"] = float(probabilities[0].max())
        yield row


def table(rows: list[dict[str, Any]]) -> Iterator[str]:
    """A row of Markdown for each level."""
    yield "| level | pages | error rate of characters | right label | of printed text | seconds |"
    yield "|---|---:|---:|---:|---:|---:|"
    for level in LEVELS:
        part = [row for row in rows if row["level"] == level and row["label"] is not None]
        if not part:
            continue
        right = sum(row["answer"] == row["label"] for row in part)
        printed = sum(row["answer_printed"] == row["label"] for row in part)
        rate = float(np.mean([row["error_rate"] for row in part]))
        spent = float(np.median([row["seconds"]["all"] for row in part]))
        yield (
            f"| {level} | {len(part)} | {rate:.3f} | {right} ({right / len(part):.1%}) | "
            f"{printed} ({printed / len(part):.1%}) | {spent:.2f} |"
        )


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--pages", type=int, default=300)
    parser.add_argument("--step", type=int, default=1, help="every so many pages alone")
    args = parser.parse_args()
    rows = []
    if args.output.exists():
        rows = [json.loads(line) for line in args.output.read_text("utf-8").splitlines()]
    done = {row["number"] for row in rows}
    # 150 = 2 · 3 · 5 · 5: a step of 7 or 11 meets every kind, layout and level.
    numbers = [number * args.step % args.pages for number in range(args.pages)]
    with args.output.open("a", encoding="utf-8") as file:
        for row in results(number for number in numbers if number not in done):
            rows.append(row)
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
            file.flush()
    print("\n".join(table(rows)))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"\nlargest memory: {peak} MB")


if __name__ == "__main__":
    main()
