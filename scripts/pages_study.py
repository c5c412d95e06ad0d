"""Drawn pages, read and labelled: error rates of characters, right labels, answers withheld, time.

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

from gi_classifier.api import explain, predict
from gi_classifier.attribution.page_heatmap import poor_characters
from gi_classifier.data.pictures.page_coverage import LEAST_COVERAGE
from gi_classifier.data.pictures.page_reading import read_image

# All pages, and the step at which they are read: the first few dozen meet every kind, layout and
# level already.
PAGES, _STEP = 300, 7


def error_rate(read: str, printed: str) -> float:
    """Characters to insert, delete and replace, per printed one, at least 0; white space aside."""
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
            "coverage": read.coverage,
            "characters": sum(c is not None for c in read.characters),
            "corrections": len(read.corrections),
            "seconds": dict(read.seconds),
            "quality": list(read.quality),
            "orientation": read.orientation,
            "skew": read.skew,
            "text": read.text,
        }
        if drawn.text:
            row["answer_printed"] = predict(drawn.text)
            row["answer"], row["poor"] = None, True
        if drawn.text and read.text:
            (attribution,) = explain([read.text])
            row["answer"] = attribution.label
            row["poor"] = bool(poor_characters(read, attribution))
        yield row


def order(pages: int) -> list[int]:
    """The numbers of so many pages, those of different kinds, layouts and levels first."""
    return [number * _STEP % PAGES for number in range(pages)]


def table(rows: list[dict[str, Any]]) -> Iterator[str]:
    """A row of Markdown for each level; of pages that hold a record."""
    yield (
        "| level | pages | error rate of characters | right label | of printed text | "
        "withheld for poor characters | for low coverage | for either | seconds |"
    )
    yield "|---|---:|---:|---:|---:|---:|---:|---:|---:|"
    for level in LEVELS:
        part = [row for row in rows if row["level"] == level and row["label"] is not None]
        if not part:
            continue
        right = sum(row["answer"] == row["label"] for row in part)
        printed = sum(row["answer_printed"] == row["label"] for row in part)
        withheld = [
            _withheld([row for row in part if (poor and row["poor"]) or (low and _is_low(row))])
            for poor, low in ((True, False), (False, True), (True, True))
        ]
        rate = float(np.mean([row["error_rate"] for row in part]))
        spent = float(np.median([row["seconds"]["all"] for row in part]))
        yield (
            f"| {level} | {len(part)} | {rate:.3f} | {right} ({right / len(part):.1%}) | "
            f"{printed} ({printed / len(part):.1%}) | {' | '.join(withheld)} | {spent:.2f} |"
        )


def _is_low(row: dict[str, Any]) -> bool:
    return bool(row["coverage"] < LEAST_COVERAGE)


def _withheld(rows: list[dict[str, Any]]) -> str:
    return f"{len(rows)}, wrong {sum(row['answer'] != row['label'] for row in rows)}"


def seconds_by_step(rows: list[dict[str, Any]]) -> str:
    """The median processor seconds a page of each step, on a line."""
    steps = [step for step in rows[0]["seconds"] if step != "open"]
    medians = {step: np.median([row["seconds"][step] for row in rows]) for step in steps}
    return ", ".join(f"{step} {median:.2f}" for step, median in medians.items())


def failures(rows: list[dict[str, Any]]) -> Iterator[str]:
    """Pages with a wrong label, or with a third of their characters wrong."""
    for row in rows:
        if row["label"] is not None and (
            row["answer"] != row["label"] or row["error_rate"] > 1 / 3
        ):
            yield (
                f"page {row['number']}, {row['layout']}, {row['level']}, turned by "
                f"{row['orientation']}: label {row['answer']} for {row['label']}, "
                f"{row['error_rate']:.2f} of characters wrong, confidence {row['confidence']:.2f}, "
                f"coverage {row['coverage']:.2f}"
            )


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument(
        "--pages", type=int, default=PAGES, choices=range(1, PAGES + 1), metavar="N"
    )
    args = parser.parse_args()
    rows = []
    if args.output.exists():
        rows = [json.loads(line) for line in args.output.read_text("utf-8").splitlines()]
    done = {row["number"] for row in rows}
    with args.output.open("a", encoding="utf-8") as file:
        for row in results(number for number in order(args.pages) if number not in done):
            rows.append(row)
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
            file.flush()
    print("\n".join(table(rows)))
    print("", *failures(rows), sep="\n")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"\nseconds by step: {seconds_by_step(rows)}\nlargest memory: {peak} MiB")


if __name__ == "__main__":
    main()
