"""Two tables of scores to try ``gi-classifier screen report`` on.

In: the validation and the test split, of each the first so many records, half of the files of
``data/out_of_distribution`` for either, and the model that ships. Out: ``validation.csv`` and
``test.csv``: of each text its scores, its length, and whether it is valid: a record of the upper or
lower tract that the model labels rightly.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gi_classifier.data.readers import read_records
from gi_classifier.data.writers import write_results
from gi_classifier.decisions.novelty import open_novelty
from gi_classifier.model.predictor import Predictor
from gi_classifier.model.shipped import load_or_shipped

DATA = Path(__file__).resolve().parent.parent / "data"
SPLITS = {"validation": "val.txt", "test": "test.txt"}
_SHORT, _LONG = 20, 100
# What no label is.
_NONE = -1


def texts_of(split: str, records: int) -> tuple[list[str], list[int]]:
    """Texts and their labels; those that are no records have none."""
    found = read_records(DATA / SPLITS[split]).take(range(records))
    files = sorted((DATA / "out_of_distribution").glob("*.txt"))
    others = [
        text
        for path in files[list(SPLITS).index(split) :: len(SPLITS)]
        for text in path.read_text("utf-8").splitlines()
        if text.strip()
    ]
    return [*found.texts, *others], [*(found.labels or ()), *[_NONE] * len(others)]


def rows(
    texts: Sequence[str], labels: Sequence[int], probabilities: np.ndarray, novelty: np.ndarray
) -> Iterator[dict[str, Any]]:
    """A row for each text."""
    for text, label, chances, novel in zip(texts, labels, probabilities, novelty, strict=True):
        length = len(text)
        yield {
            "gi": round(float(chances[1:].sum()), 6),
            "confidence": round(float(chances.max()), 6),
            "novelty": round(float(novel), 6),
            "characters": length,
            "length": "short" if length <= _SHORT else "long" if length > _LONG else "middle",
            "valid": int(label > 0 and int(chances.argmax()) == label),
        }


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--records", type=int, default=1000)
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    directory = load_or_shipped(None)
    predictor, scorer = Predictor.from_directory(directory), open_novelty(directory)
    for split in SPLITS:
        texts, labels = texts_of(split, args.records)
        found = rows(texts, labels, predictor.predict_proba(texts), scorer.scores(texts))
        write_results(list(found), args.folder / f"{split}.csv")
        print(f"{args.folder / split}.csv: {len(texts)} rows")


if __name__ == "__main__":
    main()
