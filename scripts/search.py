"""Compare training settings by cross-validation on sentence shapes.

In: the knowledge base, a pre-trained encoder and unlabelled text. Out: a CSV, a row for each run,
and a Markdown table. Each seed composes its own records and validates on another tenth of the
shapes, none of them trained on; the shapes of the test split are never used. The epoch and the
temperature are chosen on the records that are reported, alike for all candidates. The development
sets stand beside them. A run that is in the CSV is not repeated, so the same command goes on
after an interruption.
"""

from __future__ import annotations

import argparse
import csv
import dataclasses
import hashlib
import io
import math
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from make_dataset import ROOT, make

from gi_classifier.data.passages import read_passages
from gi_classifier.data.readers import read_records
from gi_classifier.data.records import Records
from gi_classifier.files import write_whole
from gi_classifier.metrics.measures import measure
from gi_classifier.model.predictor import Predictor
from gi_classifier.settings import Settings
from gi_classifier.training.initialisation import local_attention
from gi_classifier.training.keras_engine import KerasEngine

RECIPE: dict[str, Any] = {
    "batch_size": 32,
    "learning_rate": 5e-4,
    "dropout": 0.1,
    "token_dropout": 0.15,
    "label_smoothing": 0.05,
}
# What each candidate changes in the recipe; "pretrained" and "unlabelled" are no settings.
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
    "encoder not pre-trained": {"pretrained": False},
}
COLUMNS = (
    "candidate",
    "seed",
    "macro_f1",
    "development",
    "log_loss",
    "best_epoch",
    "seconds",
    "inputs",
)


def splits_of(seed: int, count: int) -> dict[str, Records]:
    """Records of the training and validation shapes of one fold."""
    found = make(ROOT / "data" / "knowledge", count, seed, fold=seed)
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
    """Train one candidate and measure it on the validation shapes of its fold."""
    from gi_classifier.training import optimise, validation
    from gi_classifier.training.encodings import encode, with_unlabelled
    from gi_classifier.training.keras_model import build, get_weights, set_weights

    changes = dict(candidate)
    pretrained, unlabelled = changes.pop("pretrained", True), changes.pop("unlabelled", False)
    settings = Settings(
        **{
            **RECIPE,
            "epochs": args.epochs,
            "patience": args.epochs,
            "warmup_steps": 0,
            "decay_steps": 0,
            "seed": seed,
            "unlabelled_pieces": args.records // 5,
            **changes,
        }
    )
    built = build(args.encoder, settings)
    if not pretrained:
        start = local_attention(get_weights(built.model), built.config, seed)
        set_weights(built.model, start)
    splits = splits_of(seed, args.records)
    train, val = (encode(splits[name], built.vocabulary, settings) for name in ("train", "val"))
    if unlabelled:
        passages = list(read_passages(args.unlabelled))
        train = with_unlabelled(train, splits, passages, built.vocabulary, settings)
    # The rate rises for a tenth of the steps and falls for the rest, whatever their number.
    steps = args.epochs * math.ceil(len(train.ids) / settings.batch_size)
    settings = dataclasses.replace(settings, warmup_steps=steps // 10, decay_steps=steps)
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = optimise.Checkpoint(Path(folder) / "checkpoint.npz", {})
        progress = optimise.fit(built.model, train, val, settings, checkpoint)
    validation.calibrate(built.model, val)
    predictor = Predictor(KerasEngine(built.model), built.vocabulary, settings)
    probabilities = predictor.predict_proba(splits["val"].texts)
    found = measure(np.array(splits["val"].labels), probabilities)
    return {
        "macro_f1": found["macro_f1"],
        "development": development_macro_f1(predictor),
        "log_loss": found["log_loss"],
        "best_epoch": progress.best_epoch,
    }


def identity(candidate: dict[str, Any], args: argparse.Namespace) -> str:
    """A digest of what a run of a candidate depends on, but the code."""
    digest = hashlib.sha256(repr((candidate, RECIPE, args.records, args.epochs)).encode())
    files = [*sorted((ROOT / "data" / "knowledge").glob("*.toml"))]
    files += sorted(args.encoder.iterdir())
    files += args.unlabelled if candidate.get("unlabelled") else []
    for path in files:
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


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


def to_csv(rows: list[dict[str, str]]) -> bytes:
    """The rows with their header."""
    file = io.StringIO(newline="")
    writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return file.getvalue().encode("utf-8")


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
    without = [name for name in args.only if CANDIDATES[name].get("unlabelled")]
    if without and not args.unlabelled:
        parser.error(f"{', '.join(without)}: give --unlabelled FILE, or leave it out by --only")
    args.output.parent.mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, str]] = []
    if args.output.is_file():
        rows = list(csv.DictReader(io.StringIO(args.output.read_text(encoding="utf-8"))))
    digests = {name: identity(CANDIDATES[name], args) for name in args.only}
    for seed in range(args.seeds):
        for name, digest in digests.items():
            if any((row["inputs"], row["seed"]) == (digest, str(seed)) for row in rows):
                continue
            began = time.monotonic()
            row = {"candidate": name, "seed": seed, **run(CANDIDATES[name], seed, args)}
            row |= {"seconds": round(time.monotonic() - began, 1), "inputs": digest}
            rows.append({key: str(value) for key, value in row.items()})
            write_whole(args.output, to_csv(rows))
            print(rows[-1], flush=True)
    print(table([row for row in rows if row["inputs"] in digests.values()]))


if __name__ == "__main__":
    main()
