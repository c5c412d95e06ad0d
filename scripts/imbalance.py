"""What imbalance costs, and what is done about it: a table for training, two for predicting.

``bias`` trains on records of which one in 26 is of the upper tract, with the head's bias begun at
the log priors and at zero. ``shift`` draws test records anew so that 95% are of the upper tract,
and predicts under the training prior, the true one and the estimated one; a second table holds
cases in which the estimate goes wrong. Out: Markdown tables. Everything is drawn by seed.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from gi_classifier.data.readers import read_records
from gi_classifier.data.records import Records
from gi_classifier.decisions.priors import (
    estimate_prior,
    prior_interval,
    reweight,
    training_prior,
    unsmoothed,
)
from gi_classifier.model.directory import VOCABULARY
from gi_classifier.model.predictor import Predictor
from gi_classifier.model.shipped import load_or_shipped, shipped, shipped_directory
from gi_classifier.settings import AlbertConfig, Settings

ROOT = Path(__file__).resolve().parent.parent
UPPER = 1
# In the source, one letter in 26 is the one looked for.
RARE = 1 / 26
SMALL: dict[str, Any] = {
    "hidden_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 256,
    "embedding_size": 32,
}


def prior_with(upper: float) -> np.ndarray:
    """Shares of the three labels, the other two alike."""
    return np.array([(1 - upper) / 2, upper, (1 - upper) / 2])


def drawn(labels: np.ndarray, shares: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Positions of records drawn with replacement, so many of each label: int (about count,)."""
    source = np.random.default_rng(seed)
    return np.concatenate(
        [
            source.choice(np.flatnonzero(labels == label), round(count * share))
            for label, share in enumerate(shares)
        ]
    )


def row(cells: Sequence[Any]) -> str:
    """A row of a Markdown table."""
    return f"| {' | '.join(map(str, cells))} |"


def header(cells: Sequence[str]) -> str:
    """The head of a Markdown table."""
    return f"{row(cells)}\n|{'---|' * len(cells)}"


def mean_and_spread(values: Sequence[float]) -> str:
    """Mean ± standard deviation over the seeds."""
    return f"{np.mean(values):.3f} ± {np.std(values):.3f}"


# Training


def small_encoder(folder: Path) -> Path:
    """Write the config of a small random encoder, with the shipped model's vocabulary."""
    directory = shipped_directory()
    config = AlbertConfig(vocab_size=len(directory.vocabulary), **SMALL)
    (folder / "vocab.txt").write_bytes(directory.files[VOCABULARY])
    (folder / "albert_config.json").write_text(json.dumps(config.to_dict()), "utf-8")
    return folder / "albert_config.json"


def sample(name: str, share: float, count: int, seed: int) -> Records:
    """Distinct records of a split of ``data``, of which so many are of the upper tract."""
    records = read_records(ROOT / "data" / f"{name}.txt")
    labels, source = np.array(records.labels), np.random.default_rng(seed)
    return records.take(
        int(place)
        for label, part in enumerate(prior_with(share))
        for place in source.permutation(np.flatnonzero(labels == label))[: round(count * part)]
    )


def losses(encoder: Path, settings: Settings, args: argparse.Namespace) -> dict[str, float]:
    """Train once; return the loss before, and of each epoch, and the rare class's measures."""
    from gi_classifier.training import optimise, validation
    from gi_classifier.training.encodings import encode
    from gi_classifier.training.keras_model import build, set_head_bias

    built = build(encoder, settings)
    train, val = (
        encode(sample(name, args.share, count, settings.seed), built.vocabulary, settings)
        for name, count in (("train", args.records), ("val", args.records // 4))
    )
    steps = args.epochs * math.ceil(len(train.ids) / settings.batch_size)
    settings = dataclasses.replace(settings, warmup_steps=steps // 10, decay_steps=steps)
    if settings.initial_bias == "prior":
        set_head_bias(built.model, optimise.log_prior(settings, train.targets))
    before = validation.probabilities(validation.validation_step(built.model), val)
    found = {"before": validation.loss_and_accuracy(before, val.labels)[0]}
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = optimise.Checkpoint(Path(folder) / "checkpoint.npz", {})
        progress = optimise.fit(built.model, train, val, settings, checkpoint)
    for line in progress.history:
        found[f"loss {line['epoch']}"] = line["loss"]
        found[f"val {line['epoch']}"] = line["val_loss"]
    last = progress.history[-1]
    return {**found, "ap": last[f"val_average_precision_{UPPER}"], "recall": last["val_recall_1"]}


def bias(args: argparse.Namespace) -> Iterator[str]:
    """The table of the head's initial bias."""
    epochs = range(1, args.epochs + 1)
    names = ["before", *(f"{kind} {epoch}" for epoch in epochs for kind in ("loss", "val"))]
    yield header(
        [
            "encoder",
            "initial bias",
            "validation loss before training",
            *(f"{kind}, epoch {e}" for e in epochs for kind in ("training loss", "val. loss")),
            "upper: PR AUC",
            "upper: recall",
        ]
    )
    with tempfile.TemporaryDirectory() as folder:
        encoders = {
            "small, random": small_encoder(Path(folder)),
            "of the model that ships": shipped(),
        }
        for title in args.encoders or encoders:
            for kind in ("zero", "prior"):
                runs = [
                    losses(
                        encoders[title],
                        Settings(
                            batch_size=32,
                            epochs=args.epochs,
                            learning_rate=args.learning_rate,
                            patience=args.epochs,
                            initial_bias=kind,
                            seed=seed,
                        ),
                        args,
                    )
                    for seed in tqdm(range(args.seeds), desc=f"{title}, {kind}", disable=None)
                ]
                cells = [
                    mean_and_spread([run[name] for run in runs])
                    for name in (*names, "ap", "recall")
                ]
                yield row([title, kind, *cells])


# Predicting


def scores(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Precision, recall and F1 of each class, then their means: (3, classes + 1)."""
    from sklearn.metrics import precision_recall_fscore_support

    found = precision_recall_fscore_support(
        labels,
        probabilities.argmax(axis=1),
        labels=range(probabilities.shape[1]),
        zero_division=0,
    )[:3]
    return np.column_stack([found, np.mean(found, axis=1)])


def shift(args: argparse.Namespace) -> Iterator[str]:
    """The tables of a prior that has changed since training."""
    directory = load_or_shipped(args.model)
    predictor, before = Predictor.from_directory(directory), training_prior(directory)
    records = read_records(args.data)
    labels, found = np.array(records.labels), predictor.predict_proba(records.texts)
    sharp = unsmoothed(found, directory)
    names = [name.split()[0] for name in directory.settings.names]
    for upper in args.upper:
        yield f"\n{upper:.0%} upper\n"
        yield from shift_table(labels, found, sharp, before, prior_with(upper), names, args)
    yield "\nWhere the estimate holds and where it goes wrong, smoothing undone\n"
    hard = read_records(ROOT / "data" / "dev" / "hard.txt")
    other = np.array(hard.labels), unsmoothed(predictor.predict_proba(hard.texts), directory)
    yield from cases_table(labels, sharp, before, other, args)


def shift_table(
    labels: np.ndarray,
    found: np.ndarray,
    sharp: np.ndarray,
    before: np.ndarray,
    truth: np.ndarray,
    names: Sequence[str],
    args: argparse.Namespace,
) -> Iterator[str]:
    """Scores under each prior, means over the seeds: precision / recall / F1."""
    yield header(
        [
            "prior",
            "error of the prior",
            *names,
            "macro",
            "accuracy",
        ]
    )
    kinds = {"of training": found, "true, smoothing left in": found}
    kinds |= {"estimated, smoothing left in": found}
    kinds |= {"true, smoothing undone": sharp, "estimated, smoothing undone": sharp}
    for title, probabilities in kinds.items():
        tables, errors, right = [], [], []
        for seed in range(args.seeds):
            rows = drawn(labels, truth, len(labels), seed)
            part = probabilities[rows]
            prior = before
            if title.startswith("true"):
                prior = truth
            elif title.startswith("estimated"):
                prior = estimate_prior(part, before)
            changed = reweight(part, before, prior)
            tables.append(scores(labels[rows], changed))
            errors.append(abs(prior - truth).max())
            right.append(float((changed.argmax(axis=1) == labels[rows]).mean()))
        mean = np.mean(tables, axis=0)
        cells = [" / ".join(f"{value:.3f}" for value in column) for column in mean.T]
        yield row([title, mean_and_spread(errors), *cells, mean_and_spread(right)])


def cases_table(
    labels: np.ndarray,
    found: np.ndarray,
    before: np.ndarray,
    other: tuple[np.ndarray, np.ndarray],
    args: argparse.Namespace,
) -> Iterator[str]:
    """Shares of the upper tract: true, predicted and estimated, of single samples."""
    yield header(
        [
            "case",
            "records",
            "upper, true",
            "predicted",
            "estimated",
            "95% interval",
            "largest error of a share",
            "macro-F1 before",
            "with the estimate",
        ]
    )

    def line(title: str, truth: np.ndarray, probabilities: np.ndarray) -> str:
        shares = np.bincount(truth, minlength=len(before)) / len(truth)
        prior = estimate_prior(probabilities, before)
        low, high = prior_interval(probabilities, before, resamples=args.resamples)[:, UPPER]
        predicted = float((probabilities.argmax(axis=1) == UPPER).mean())
        # Over the classes that occur: F1 of one that does not is 0 whatever is predicted.
        there = shares > 0
        f1 = [
            scores(truth, part)[2, :-1][there].mean()
            for part in (probabilities, reweight(probabilities, before, prior))
        ]
        return row(
            [
                title,
                len(truth),
                f"{shares[UPPER]:.3f}",
                f"{predicted:.3f}",
                f"{prior[UPPER]:.3f}",
                f"{low:.3f} … {high:.3f}",
                f"{np.max(abs(prior - shares)):.3f}",
                *(f"{value:.3f}" for value in f1),
            ]
        )

    def case(title: str, upper: float, count: int = 0, power: float = 1.0) -> str:
        rows = drawn(labels, prior_with(upper), count or len(labels), 0)
        part = found[rows] ** power
        return line(title, labels[rows], part / part.sum(axis=1, keepdims=True))

    yield case("as the table above", 0.95)
    yield case("no record of the upper tract", 0.0)
    yield case("nothing but the upper tract", 1.0)
    for count in (50, 500):
        yield case(f"{count} records", 0.95, count=count)
    yield case("over-confident: probabilities squared", 0.95, power=2.0)
    yield case("over-confident: to the power of 4", 0.95, power=4.0)
    yield case("under-confident: their square root", 0.95, power=0.5)
    yield line("hard records written by hand (data/dev/hard.txt)", *other)


def main() -> None:
    """Parse the command line and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(required=True)
    training = commands.add_parser("bias", help="the head's bias at the start of training")
    training.add_argument("--records", type=int, default=2000, help="for training")
    training.add_argument("--share", type=float, default=RARE, help="of the upper tract")
    training.add_argument("--epochs", type=int, default=2)
    training.add_argument("--seeds", type=int, default=3)
    training.add_argument("--learning-rate", type=float, default=5e-4)
    training.add_argument("--encoders", nargs="*", help="without, all of them")
    training.set_defaults(tables=bias)
    predicting = commands.add_parser("shift", help="a prior that has changed since training")
    predicting.add_argument("--data", type=Path, default=ROOT / "data" / "test.txt")
    predicting.add_argument("--model", type=Path, help="without, the one that ships")
    predicting.add_argument("--upper", type=float, nargs="*", default=[0.95, 0.99])
    predicting.add_argument("--seeds", type=int, default=10)
    predicting.add_argument("--resamples", type=int, default=500, help="of the interval")
    predicting.set_defaults(tables=shift)
    args = parser.parse_args()
    for text in args.tables(args):
        print(text, flush=True)


if __name__ == "__main__":
    main()
