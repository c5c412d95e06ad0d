"""Measure how exactly attributions add up, on every record of a file, with both members.

Prints the completeness errors' median, 99th percentile and largest, the share above 1%, and how
many records are longer than a window. A model without a linear member gets one, fitted on
``--train`` and weighed on ``--val``. With ``--keep`` each record's figures go to a file, and the
same command goes on where it was stopped; records come in rounds, each with every length, so that
those done at any moment are a fair sample.
"""

from __future__ import annotations

import argparse
import hashlib
import io
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


def text_digest(texts: Sequence[str]) -> str:
    """Of all texts in order: sha256."""
    return hashlib.sha256("\n".join(texts).encode("utf-8")).hexdigest()


def kept_rows(path: Path | None, mark: str) -> list[list[float]]:
    """What an earlier run kept; SystemExit where it was of another model or other records."""
    if path is None or not path.exists():
        return []
    if path.read_text("ascii").partition("\n")[0] != f"# {mark}":
        raise SystemExit(f"{path} is of another model or other records. Remove it or name another.")
    return np.loadtxt(path, ndmin=2).tolist()  # type: ignore[no-any-return]


def keep_rows(path: Path, mark: str, rows: Sequence[Sequence[float]]) -> None:
    """Write what :func:`kept_rows` reads."""
    table = io.StringIO()
    np.savetxt(table, rows, fmt="%.17g", header=mark)
    write_whole(path, table.getvalue().encode("ascii"))


def main() -> None:
    """Run the measurement and print it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, help="without it, the model that ships")
    parser.add_argument("--file", type=Path, default=DATA / "test.txt")
    parser.add_argument("--train", type=Path, default=DATA / "train.txt")
    parser.add_argument("--val", type=Path, default=DATA / "val.txt")
    parser.add_argument("--keep", type=Path, help="a file of what is done, to go on from")
    options = parser.parse_args()
    directory = with_both(load_or_shipped(options.model), options.train, options.val)
    texts = read_records(options.file).texts
    mark = f"{directory.digest} {text_digest(texts)}"
    explainer, rows = Explainer(directory), kept_rows(options.keep, mark)
    seen = 0
    for part in rounds(texts):
        seen += len(part)
        if seen > len(rows):
            rows += measured(explainer, part)
            if options.keep:
                keep_rows(options.keep, mark, rows)
    print(summary(np.array(rows)))


if __name__ == "__main__":
    main()
