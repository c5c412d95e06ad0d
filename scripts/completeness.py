"""Measure how exactly attributions add up, on every record of a file, with both members.

Prints the completeness errors' median, 99th percentile and largest, the share above 1%, and how
many records are longer than a window. A model without a linear member gets one, fitted on
``--train`` and weighed on ``--val``. With ``--keep`` each record's figures go to a file, and the
same command goes on where it was stopped; records come in rounds, each with every length, so that
those done at any moment are a fair sample.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from gi_classifier.attribution.integrated_gradients import Explainer
from gi_classifier.data.readers import read_records
from gi_classifier.files import write_whole
from gi_classifier.model.directory import ModelDirectory
from gi_classifier.model.shipped import load_or_shipped
from gi_classifier.training.members import fit_members

DATA = Path(__file__).resolve().parent.parent / "data"
_CHUNK, _ROUNDS = 64, 8


def with_both(directory: ModelDirectory, train: Path, val: Path) -> ModelDirectory:
    """The model with a linear member, its own or one that is fitted now."""
    if "linear" in directory.members:
        return directory
    members = fit_members(directory, read_records(train), read_records(val))
    return ModelDirectory({**directory.files, **members}, directory.metadata)


def rounds(texts: Sequence[str]) -> Iterator[list[str]]:
    """All texts in chunks of like length; every ``_ROUNDS``-th of them first."""
    ordered = sorted(texts, key=len)
    for first in range(_ROUNDS):
        part = ordered[first::_ROUNDS]
        for begin in range(0, len(part), _CHUNK):
            yield part[begin : begin + _CHUNK]


def measured(explainer: Explainer, texts: Sequence[str]) -> list[list[float]]:
    """Of each text its error, distance from ``decision_function``, and whether it is long."""
    scores = explainer.predictor.decision_function(texts)
    longest = explainer.settings.maxlen - 2
    return [
        [found.error, abs(found.score - row[found.label]), float(len(found.tokens) > longest)]
        for found, row in zip(explainer.explain(texts), scores, strict=True)
    ]


def summary(rows: np.ndarray) -> str:
    """What is printed of rows as :func:`measured` gives them."""
    errors, gaps, long = rows.T
    return (
        f"{len(rows)} records, {long.sum():.0f} of them longer than a window: "
        f"median {np.median(errors):.4%}, 99th percentile {np.quantile(errors, 0.99):.4%}, "
        f"largest {errors.max():.4%}, above 1%: {np.mean(errors > 0.01):.4%}; "
        f"largest distance from decision_function {gaps.max():.1e}"
    )


def main() -> None:
    """Run the measurement and print it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, help="without it, the model that ships")
    parser.add_argument("--file", type=Path, default=DATA / "test.txt")
    parser.add_argument("--train", type=Path, default=DATA / "train.txt")
    parser.add_argument("--val", type=Path, default=DATA / "val.txt")
    parser.add_argument("--keep", type=Path, help="a file of what is done, of these records alone")
    options = parser.parse_args()
    directory = with_both(load_or_shipped(options.model), options.train, options.val)
    explainer, rows = Explainer(directory), list[list[float]]()
    if options.keep and options.keep.exists():
        rows = np.loadtxt(options.keep, ndmin=2).tolist()
    seen = 0
    for part in rounds(read_records(options.file).texts):
        seen += len(part)
        if seen > len(rows):
            rows += measured(explainer, part)
            if options.keep:
                lines = [" ".join(map(repr, row)) for row in rows]
                write_whole(options.keep, "\n".join(lines).encode("ascii"))
    print(summary(np.array(rows)))


if __name__ == "__main__":
    main()
