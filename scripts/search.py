"""Compare training settings by cross-validation on sentence shapes.

In: the knowledge base, a pre-trained encoder and, optionally, unlabelled text. Out: a CSV with a
row a run, and a Markdown table. Each seed composes its own records and validates on another tenth
of the shapes, none of them trained on; the shapes of the test split are never used. A run that is
in the CSV is not repeated, so the same command goes on after an interruption.
"""

from __future__ import annotations

import argparse
import csv
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from make_dataset import ROOT, make

from gi_classifier.engine import KerasEngine
from gi_classifier.evaluation.metrics import measure
from gi_classifier.predict import Predictor
from gi_classifier.records import Records, read_records
from gi_classifier.settings import Settings

RECIPE: dict[str, Any] = {
    "batch_size": 32,
    "learning_rate": 5e-4,
    "warmup_steps": 50,
    "dropout": 0.1,
    "token_dropout": 0.15,
    "label_smoothing": 0.05,
}
# What each candidate changes in the recipe; "encoder" and "unlabelled" change what it starts from.
CANDIDATES: dict[str, dict[str, Any]] = {
    "recipe": {},
    "learning rate 2e-4": {"learning_rate": 2e-4},
    "learning rate 1e-3": {"learning_rate": 1e-3},
    "no token dropout": {"token_dropout": 0.0},
    "token dropout 0.3": {"token_dropout": 0.3},
    "no dropout": {"dropout": 0.0},
    "no label smoothing": {"label_smoothing": 0.0},
    "FGM 0.5": {"adversarial_epsilon": 0.5},
    "gradient penalty 1": {"gradient_penalty": 1.0},
    "windows of 100": {"maxlen": 100},
    "unlabelled text": {"unlabelled": True},
    "encoder not pre-trained": {"encoder": "random"},
}
COLUMNS = ("candidate", "seed", "macro_f1", "development", "log_loss", "best_epoch", "seconds")


def splits_of(seed: int, count: int) -> dict[str, Records]:
    """Records of the training and validation shapes of one turn."""
    found = make(ROOT / "data" / "knowledge", count, seed, turn=seed)
    return {
        name: Records(
            tuple(found[name]),
            tuple(label for label, _ in found[name].values()),
            tuple(range(1, len(found[name]) + 1)),
        )
        for name in ("train", "val")
    }


def development_macro_f1(predictor: Predictor) -> float:
    """Mean macro-F1 over the hand-written development sets, each counting the same."""
    scores = []
    for path in sorted((ROOT / "data" / "dev").glob("*.txt")):
        records = read_records(path)
        found = measure(np.array(records.labels), predictor.predict_proba(records.texts))
        scores.append(found["macro_f1"])
    return float(np.mean(scores))


def run(candidate: dict[str, Any], seed: int, args: argparse.Namespace) -> dict[str, Any]:
    """Train one candidate and measure it on the validation shapes of its turn."""
    from gi_classifier import optimise
    from gi_classifier.model import build
    from gi_classifier.train import encode, with_unlabelled

    changes = dict(candidate)
    encoder = args.encoder
    if changes.pop("encoder", None) == "random":
        encoder = next(iter(Path(args.encoder).glob("*config*.json")))
    unlabelled = changes.pop("unlabelled", False)
    splits = splits_of(seed, args.records)
    steps = args.epochs * -(-len(splits["train"]) // RECIPE["batch_size"])
    settings = Settings(
        **{
            **RECIPE,
            "epochs": args.epochs,
            "patience": args.epochs,
            "decay_steps": max(steps, RECIPE["warmup_steps"]),
            "seed": seed,
            "unlabelled_pieces": len(splits["train"]) // 4,
            **changes,
        }
    )
    built = build(Path(encoder), settings)
    train, val = (encode(splits[name], built.vocabulary, settings) for name in ("train", "val"))
    if unlabelled:
        train = with_unlabelled(train, splits["train"], args.unlabelled, built.vocabulary, settings)
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = optimise.Checkpoint(Path(folder) / "checkpoint.npz", "search")
        progress = optimise.fit(built.model, train, val, settings, checkpoint)
    optimise.calibrate(built.model, val)
    probabilities = optimise.probabilities(optimise.validation_step(built.model), val)
    found = measure(np.array(splits["val"].labels), probabilities)
    return {
        "macro_f1": found["macro_f1"],
        "development": development_macro_f1(
            Predictor(KerasEngine(built.model), built.vocabulary, settings)
        ),
        "log_loss": found["log_loss"],
        "best_epoch": progress.best_epoch,
    }


def table(rows: list[dict[str, str]]) -> str:
    """Mean and range over the seeds of each candidate, the best first, as Markdown."""
    lines = []
    for name in CANDIDATES:
        mine = [row for row in rows if row["candidate"] == name]
        if mine:
            cells = []
            for key in ("macro_f1", "development", "log_loss"):
                found = np.array([float(row[key]) for row in mine])
                cells.append(f"{found.mean():.3f} ({found.min():.3f} to {found.max():.3f})")
            order = -np.mean([float(row["macro_f1"]) for row in mine])
            lines.append((order, f"| {name} | {len(mine)} | {' | '.join(cells)} |"))
    head = "| candidate | runs | macro-F1 | development sets | log loss |\n|---|---:|---|---|---|\n"
    return head + "\n".join(line for _, line in sorted(lines))


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("encoder", type=Path, help="a directory that pretrain wrote")
    parser.add_argument("--output", type=Path, default=ROOT / "runs" / "search.csv")
    parser.add_argument("--unlabelled", type=Path, nargs="*", default=[])
    parser.add_argument("--only", nargs="*", default=list(CANDIDATES), choices=list(CANDIDATES))
    parser.add_argument("--records", type=int, default=4000, help="composed for each seed")
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--seeds", type=int, default=3)
    args = parser.parse_args()
    args.output.parent.mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, str]] = []
    if args.output.is_file():
        with args.output.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
    for seed in range(args.seeds):
        for name in args.only:
            done = any((row["candidate"], row["seed"]) == (name, str(seed)) for row in rows)
            if done or (CANDIDATES[name].get("unlabelled") and not args.unlabelled):
                continue
            began = time.monotonic()
            found = run(CANDIDATES[name], seed, args)
            row = {"candidate": name, "seed": seed, **found}
            row["seconds"] = round(time.monotonic() - began, 1)
            rows.append({key: str(value) for key, value in row.items()})
            with args.output.open("w", encoding="utf-8", newline="") as file:
                writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
                writer.writeheader()
                writer.writerows(rows)
            print(rows[-1], flush=True)
    print(table(rows))


if __name__ == "__main__":
    main()
