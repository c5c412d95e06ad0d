"""The gate before recognition, made and measured on drawn pages of layouts that it never saw.

In: pages of ``make_pages.py``, and pictures of no document of ``gate_pages.py``. Out: a line of
JSON for each page in ``--seen`` (what is there is not looked at again), tables on standard output,
and with ``--gate`` the gate that ships, trained on all of them.
"""

from __future__ import annotations

import argparse
import copy
import json
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from gate_pages import FAMILIES, no_document
from make_pages import encoded, page
from page_damage import LEVELS
from page_drawing import layouts
from sklearn.metrics import f1_score

from gi_classifier.data.pictures.page import Picture
from gi_classifier.data.pictures.page_features import page_features
from gi_classifier.data.pictures.page_reading import read_picture
from gi_classifier.data.pictures.picture_files import pictures_of
from gi_classifier.data.pictures.title_strip import title_lines
from gi_classifier.heads.cross_validation import cross_validated_gate
from gi_classifier.heads.page_gate import PageGate, Seen
from gi_classifier.heads.title_words import NONE, TITLE_WORDS
from gi_classifier.metrics.intervals import proportion_interval

WANTED = "gastroscopy"
# Every so many pages are read whole as well, for the seconds that a gate saves.
_WHOLE = 21
# Layouts a fold: those whose pictures of no document are of one family are left out together.
_FOLDS = 5
HOW = ("picture", "title", "both", "learned words")


def pictured(number: int, made: bool) -> tuple[Picture, dict[str, Any]]:
    """A picture with its kind, layout and level; ``made`` is of no document, for training alone."""
    if made:
        row = {"kind": NONE, "layout": f"made {number % len(FAMILIES)}", "level": ""}
        return Picture(no_document(number), "", 1, 1), row
    drawn = page(number)
    row = {"kind": drawn.kind, "layout": drawn.layout, "level": drawn.level}
    return next(pictures_of(encoded(drawn)[1])), row


def look(number: int, made: bool) -> dict[str, Any]:
    """A page as the gate sees it; ``made`` as of :func:`pictured`."""
    picture, row = pictured(number, made)
    began = time.process_time()
    features = page_features(picture.pixels)
    seconds = [time.process_time() - began]
    lines = []
    began = time.process_time()
    # What a line cost stands before it; at the end, what it cost to find that there is no other.
    for line in title_lines(picture):
        lines.append(line)
        seconds.append(time.process_time() - began)
    seconds.append(time.process_time() - began)
    whole = None
    if not made and number % _WHOLE == 0:
        whole = read_picture(picture).seconds["all"]
    return {
        "number": number,
        "made": made,
        **row,
        "features": [round(value, 6) for value in features.tolist()],
        "lines": lines,
        "seconds": [round(value, 4) for value in seconds],
        "whole": whole,
    }


def gate_of(rows: Sequence[dict[str, Any]], right: float, words: Any = TITLE_WORDS) -> PageGate:
    """A gate, trained on pages as they were seen; layouts are held out together."""
    seen = [Seen(np.array(row["features"]), tuple(row["lines"])) for row in rows]
    labels = [row["kind"] for row in rows]
    return PageGate(words=words, right=right).fit_seen(
        seen, labels, [row["layout"] for row in rows]
    )


def answers(gate: PageGate, rows: Sequence[dict[str, Any]], how: str) -> Iterator[dict[str, Any]]:
    """What a gate says of pages: by the "picture" alone, by the "title" of each, or by "both"."""
    gate = copy.copy(gate)
    if how == "title":
        gate.sure_ = np.full_like(gate.sure_, np.inf)
    kinds = gate.classes_.tolist()
    for row in rows:
        read: list[str] = []

        def lines(row: dict[str, Any] = row, read: list[str] = read) -> Iterator[str]:
            for line in row["lines"]:
                read.append(line)
                yield line
            read.append("")

        asked = None if how == "picture" else lines()
        probabilities, evidence = gate.weigh(np.array(row["features"]), asked)
        spent = row["seconds"][0]
        if evidence == "title":
            spent += row["seconds"][len(read)]
        yield {
            "row": row,
            "kind": kinds[int(probabilities.argmax())],
            "evidence": evidence,
            "seconds": spent,
        }


def folds(
    rows: Sequence[dict[str, Any]],
) -> Iterator[tuple[list[dict[str, Any]], list[dict[str, Any]]]]:
    """Pages to train on, and the drawn pages of the layouts that are left out of them."""
    fold = {layout: place % _FOLDS for place, layout in enumerate(layouts())}
    drawn = [row for row in rows if not row["made"]]
    for left in range(_FOLDS):
        train = [r for r in drawn if fold[r["layout"]] != left and r["kind"] != NONE]
        made = [row for row in rows if row["made"]]
        yield train + made, [r for r in drawn if fold[r["layout"]] == left]


def left_out(rows: Sequence[dict[str, Any]], right: float) -> dict[str, list[dict[str, Any]]]:
    """Answers by what they rest on, of gates that never saw a page's layout.

    Nor did they see any of the drawn pictures of no document.
    """
    found: dict[str, list[dict[str, Any]]] = {how: [] for how in HOW}
    for train, left in folds(rows):
        gate, learned = gate_of(train, right), gate_of(train, right, None)
        for how in HOW:
            found[how] += answers(learned if how == "learned words" else gate, left, how)
    return found


def own_kinds(rows: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Macro-F1 where the layouts themselves are the kinds, as forms of a user's own would be."""
    pages = [row for row in rows if not row["made"] and row["kind"] != NONE]
    seen = [Seen(np.array(row["features"]), tuple(row["lines"])) for row in pages]
    labels = np.array([row["layout"] for row in pages])
    both, picture = cross_validated_gate(PageGate(), seen, labels, np.arange(len(pages)), 0)
    classes, count = np.unique(labels), len(pages) // len(layouts())
    for name, found in (("picture and learned words", both), ("picture alone", picture)):
        score = f1_score(labels, classes[found.argmax(axis=1)], average="macro")
        yield f"{len(classes)} layouts as kinds, {count} pages each, {name}: macro-F1 {score:.3f}"


def table(name: str, found: Sequence[dict[str, Any]], whole: float) -> Iterator[str]:
    """Rows of Markdown: of all pages, and of each level."""
    for level in ("all", *LEVELS):
        part = [one for one in found if level in ("all", one["row"]["level"])]
        if not part:
            continue
        said = np.array([one["kind"] == WANTED for one in part])
        true = np.array([one["row"]["kind"] == WANTED for one in part])
        right = sum(one["kind"] == one["row"]["kind"] for one in part)
        hits = int((said & true).sum())
        precision, recall = hits / max(said.sum(), 1), hits / max(true.sum(), 1)
        f1 = 2 * hits / max(said.sum() + true.sum(), 1)
        low, high = proportion_interval(hits, int(true.sum())) or (0.0, 1.0)
        spent = float(np.mean([one["seconds"] for one in part]))
        saved = 1 - (spent + whole * said.mean()) / whole
        by_picture = np.mean([one["evidence"] == "picture" for one in part])
        yield (
            f"| {name} | {level} | {len(part)} | {f1:.3f} | {precision:.3f} | "
            f"{recall:.3f} [{low:.3f}, {high:.3f}] | {right / len(part):.3f} | {by_picture:.0%} | "
            f"{spent:.3f} | {saved:.0%} |"
        )


def confusion(found: Sequence[dict[str, Any]]) -> Iterator[str]:
    """A row for each true kind, a column for each answer, and the pages that were mistaken."""
    kinds = sorted({one["row"]["kind"] for one in found})
    for kind in kinds:
        counts = [sum(o["kind"] == k and o["row"]["kind"] == kind for o in found) for k in kinds]
        yield f"{kind:<12} {' '.join(f'{count:>4}' for count in counts)}"
    for one in found:
        row = one["row"]
        if one["kind"] != row["kind"]:
            yield (
                f"page {row['number']}, {row['layout']}, {row['level']}: {one['kind']} for "
                f"{row['kind']}, by the {one['evidence']}"
            )


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seen", type=Path, required=True, help="JSON lines, written and read")
    parser.add_argument("--pages", type=int, default=300)
    parser.add_argument("--made", type=int, default=72, help="pictures of no document")
    parser.add_argument("--right", type=float, default=0.95, help="of PageGate")
    parser.add_argument("--gate", type=Path, help="the gate to write: .npz")
    args = parser.parse_args()
    rows = []
    if args.seen.exists():
        rows = [json.loads(line) for line in args.seen.read_text("utf-8").splitlines()]
    done = {(row["number"], row["made"]) for row in rows}
    wanted = [(n, False) for n in range(args.pages)] + [(n, True) for n in range(args.made)]
    with args.seen.open("a", encoding="utf-8") as file:
        for number, made in wanted:
            if (number, made) not in done:
                rows.append(look(number, made))
                file.write(json.dumps(rows[-1], ensure_ascii=False) + "\n")
                file.flush()
    rows.sort(key=lambda row: (row["made"], row["number"]))
    measured = [row["whole"] for row in rows if row["whole"] is not None]
    whole = float(np.mean(measured))
    print(f"reading a page whole: {whole:.3f} s of processor time, mean of {len(measured)} pages")
    print(
        "| evidence | level | pages | F1 | precision | recall | right kind | by picture | "
        "seconds | saved |\n|---|---|---:|---:|---:|---:|---:|---:|---:|---:|"
    )
    found = left_out(rows, args.right)
    for how in HOW:
        print("\n".join(table(how, found[how], whole)))
    print("", *confusion(found["both"]), sep="\n")
    print("", *own_kinds(rows), sep="\n")
    if args.gate:
        train = [row for row in rows if row["made"] or row["kind"] != NONE]
        print(f"\nWritten to {gate_of(train, args.right).save(args.gate, force=True)}")


if __name__ == "__main__":
    main()
