"""Measure how exactly attributions add up, on every record of a file, with both members.

Prints the completeness errors' median, 99th percentile and largest, the share above 1%, and how
many records are longer than a window. A model without a linear member gets one, fitted on
``--train`` and weighed on ``--val``.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np

from gi_classifier.attribution.integrated_gradients import Explainer
from gi_classifier.data.readers import read_records
from gi_classifier.model.directory import ModelDirectory
from gi_classifier.model.shipped import load_or_shipped
from gi_classifier.training.members import fit_members

DATA = Path(__file__).resolve().parent.parent / "data"
_CHUNK = 64


def with_both(directory: ModelDirectory, train: Path, val: Path) -> ModelDirectory:
    """The model with a linear member, its own or one that is fitted now."""
    if "linear" in directory.members:
        return directory
    members = fit_members(directory, read_records(train), read_records(val))
    return ModelDirectory({**directory.files, **members}, directory.metadata)


def main() -> None:
    """Run the measurement and print it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, help="without it, the model that ships")
    parser.add_argument("--file", type=Path, default=DATA / "test.txt")
    parser.add_argument("--train", type=Path, default=DATA / "train.txt")
    parser.add_argument("--val", type=Path, default=DATA / "val.txt")
    options = parser.parse_args()
    directory = with_both(load_or_shipped(options.model), options.train, options.val)
    explainer, texts = Explainer(directory), sorted(read_records(options.file).texts, key=len)
    began, errors, gaps, many = time.perf_counter(), [], [], 0
    for begin in range(0, len(texts), _CHUNK):
        part = texts[begin : begin + _CHUNK]
        scores = explainer.predictor.decision_function(part)
        for found, row in zip(explainer.explain(part), scores, strict=True):
            errors.append(found.error)
            gaps.append(abs(found.score - row[found.label]))
            many += len(found.tokens) > directory.settings.maxlen - 2
    seconds = time.perf_counter() - began
    print(
        f"{len(errors)} records, {many} of them longer than a window, {seconds:.0f} s: "
        f"median {np.median(errors):.4%}, 99th percentile {np.quantile(errors, 0.99):.4%}, "
        f"largest {max(errors):.4%}, above 1%: {np.mean(np.array(errors) > 0.01):.4%}; "
        f"largest distance from decision_function {max(gaps):.1e}"
    )


if __name__ == "__main__":
    main()
