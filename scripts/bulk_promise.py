"""Check what bulk promises: how many labels differ from those of both members, set by set.

Prints, for each file or the sets of ``data/``, the share that the linear member answers alone, how
many labels change by that, and the exact upper bound of their share. The cut is the model's, or is
chosen on ``--unlabelled``, the passages of which that it was not chosen on are a set as well.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

from gi_classifier.data.passages import check_passages, read_passages
from gi_classifier.data.readers import read_records
from gi_classifier.decisions.bulk import MOST_CHANGED, BulkPredictor, open_bulk, stored_bulk
from gi_classifier.decisions.bulk_fit import choose_cut, compare, drawn
from gi_classifier.metrics.intervals import proportion_at_most
from gi_classifier.model.predictor import Predictor
from gi_classifier.model.shipped import load_or_shipped

ROOT = Path(__file__).resolve().parent.parent
SETS = (ROOT / "data" / "test.txt", *sorted((ROOT / "data" / "dev").glob("*.txt")))


def apart(passages: Sequence[str], fresh: int, most: int) -> tuple[list[str], list[str]]:
    """Passages to choose a cut on, and others to check it on."""
    some = drawn(passages, 0, fresh + most)
    return some[fresh:], some[:fresh]


def sets(files: Sequence[Path], held_out: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    """A name and distinct texts of each set."""
    for file in files:
        yield file.name, list(dict.fromkeys(read_records(file, labelled=False).texts))
    if held_out:
        yield "held-out passages", list(held_out)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", type=Path, nargs="*", default=SETS)
    parser.add_argument("--model", type=Path, help="without it, the model that ships")
    parser.add_argument("--unlabelled", type=Path, nargs="+", default=[])
    parser.add_argument("--most", type=int, default=40_000, help="that choose the cut, and teach")
    parser.add_argument("--held-out", type=int, default=10_000, help="passages that check it")
    args = parser.parse_args()
    directory = load_or_shipped(args.model)
    predictor = Predictor.from_directory(directory, use="both")
    held_out: list[str] = []
    if args.unlabelled:
        passages = list(read_passages(check_passages(args.unlabelled)))
        chosen, held_out = apart(passages, args.held_out, args.most)
        cut, correction = choose_cut(directory, predictor, chosen)
        bulk = BulkPredictor(predictor, directory.fusion("linear"), cut.least_margin, correction)
    else:
        bulk, cut = open_bulk(directory, predictor), stored_bulk(directory)
    print(
        f"Margin {cut.least_margin:.3f}, chosen on {cut.passages:,} passages, corrected by "
        f"{cut.corrected_by:,}; promised: at most {MOST_CHANGED:.1%} of the labels change\n"
    )
    print("| set | records | the linear member alone | labels that change | share at most |")
    print("|---|---:|---:|---:|---:|")
    for name, texts in sets(args.files, held_out):
        alone, both = compare(predictor, bulk.alone, texts)
        answers = bulk.margins(texts, alone) >= bulk.least_margin
        count = int((answers & (alone.argmax(axis=1) != both.argmax(axis=1))).sum())
        print(
            f"| {name} | {len(texts):,} | {answers.mean():.1%} | {count} | "
            f"{proportion_at_most(count, len(texts)):.2%} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
