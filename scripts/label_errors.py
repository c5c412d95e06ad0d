"""Measure how many wrong labels `gi-classifier inspect` finds: labels are flipped on purpose.

In: a file of labelled records. A share of them gets one of the other labels, drawn evenly. Out: a
Markdown table: how many of the flipped are flagged, and how many of the flagged are flipped,
beside the plain rule that doubts every label that is not the most probable one. The last row
flips nothing.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np

from gi_classifier.data.fingerprints import trained_on
from gi_classifier.data.near_duplicates import near_duplicate_groups
from gi_classifier.data.readers import read_records
from gi_classifier.evaluation.label_errors import find_label_errors, label_probabilities
from gi_classifier.model.directory import load
from gi_classifier.model.predictor import Predictor
from gi_classifier.model.shipped import shipped
from gi_classifier.text import normalise

ROOT = Path(__file__).resolve().parent.parent


def flip(labels: np.ndarray, rate: float, seed: int) -> np.ndarray:
    """Give a share of the records one of the other labels.

    Parameters
    ----------
    labels : ndarray of int, shape (n,)
    rate : float
        0…1.
    seed : int

    Returns
    -------
    ndarray of int, shape (n,)
        Exactly ``round(rate * n)`` differ.
    """
    source = np.random.default_rng(seed)
    classes, numbers = np.unique(labels, return_inverse=True)
    chosen = source.choice(len(labels), round(rate * len(labels)), replace=False)
    numbers[chosen] += source.integers(1, len(classes), len(chosen))
    return np.asarray(classes[numbers % len(classes)])


def row(name: str, flipped: np.ndarray, flagged: np.ndarray, plain: np.ndarray) -> str:
    """One row of the table, of the masks (n,) of what was flipped and what was flagged."""
    cells = [name, f"{flipped.sum():,}"]
    for found in (flagged, plain):
        hits = (found & flipped).sum()
        recall = f"{hits / flipped.sum():.3f}" if flipped.any() else "–"
        precision = f"{hits / found.sum():.3f}" if flipped.any() and found.any() else "–"
        cells += [f"{found.sum():,}", recall, precision]
    return f"| {' | '.join(cells)} |"


def main(arguments: list[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, nargs="?", default=ROOT / "data" / "train.txt")
    parser.add_argument("--rate", type=float, default=0.03, help="share of labels to flip")
    parser.add_argument("--seeds", type=int, default=3, help="flip so many times")
    parser.add_argument("--model", type=Path, default=shipped())
    parser.add_argument("--no-embeddings", action="store_true")
    options = parser.parse_args(arguments)
    if not 0 < options.rate < 1:
        parser.error(f"--rate lies between 0 and 1. Received: {options.rate}")
    begin = time.monotonic()
    records = read_records(options.data)
    labels = np.unique(np.array(records.labels), return_inverse=True)[1]
    directory = load(options.model)
    trained = trained_on(directory.splits, records.texts)
    useful = not options.no_embeddings and not trained.all()
    embeddings = Predictor.from_directory(directory).embed(records.texts) if useful else None
    texts, groups = [*map(normalise, records.texts)], near_duplicate_groups(records.texts)
    print(
        f"{len(records):,} records of {options.data.name}, {trained.sum():,} known to the model\n"
    )
    print("| seed | flipped | flagged | recall | precision | contradicted | recall | precision |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|")
    for seed in (*range(options.seeds), None):
        given = labels if seed is None else flip(labels, options.rate, seed)
        probabilities, _ = label_probabilities(
            texts, given, groups, embeddings=embeddings, trained=trained, seed=seed or 0
        )
        found = find_label_errors(probabilities, given)
        plain = probabilities.argmax(axis=1) != given
        name = "none" if seed is None else str(seed)
        print(row(name, given != labels, found.flagged, plain), flush=True)
    print(f"\n{time.monotonic() - begin:.0f} s")


if __name__ == "__main__":
    main()
