"""Compare ways to attribute an answer to tokens by how faithful they are to the model.

In: a file of records. Out: a Markdown table, and a CSV if asked for: each measure's mean with its
bootstrap 95% interval, and seconds per record taken in the same run. Every method explains the
label that ALBERT predicts for the same windows; ``faithfulness_members.py`` has the other member.

Sequential integrated gradients (Enguehard 2023) has no row of its own. Each token has its own
path, on which only that token goes from [MASK] to its embedding; the integral of a gradient along
a path is the difference of its ends, so a token's sum is what occlusion by [MASK] measures.
"""

from __future__ import annotations

import argparse
import csv
import io
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import get_args

import numpy as np
from faithfulness_measures import MEASURES, MIN_TOKENS, leave_one_out, measure, window_model
from tqdm import tqdm

from gi_classifier.attribution.integrated_gradients import Baseline, Explainer
from gi_classifier.data.readers import read_records
from gi_classifier.files import to_json, write_whole
from gi_classifier.metrics.measures import RESAMPLES, resample_counts
from gi_classifier.model.directory import GRADIENTS, ModelDirectory
from gi_classifier.model.gradient import Gradient
from gi_classifier.model.origin import origin
from gi_classifier.model.shipped import load_or_shipped

ROOT = Path(__file__).resolve().parent.parent
BATCH_TOKENS = 2048
_CHUNK = 50
# The occlusion that is the leave-one-out of each way to remove tokens.
OWN = {"delete": "deletion", "mask": "[MASK] (= sequential IG)"}
HEADINGS = {
    "comprehensiveness": "comprehensiveness ↑",
    "sufficiency": "sufficiency ↓",
    "log_odds": "log-odds ↑",
    "agreement": "τ with leave-one-out ↑",
}


@dataclass(frozen=True)
class Windows:
    """Records of one window each: their texts, ids with special tokens, and predicted labels."""

    texts: list[str]
    rows: list[np.ndarray]
    labels: np.ndarray

    def take(self, places: Sequence[int]) -> Windows:
        """Some of them."""
        texts, rows = [self.texts[i] for i in places], [self.rows[i] for i in places]
        return Windows(texts, rows, self.labels[list(places)])

    def by_length(self) -> Iterator[np.ndarray]:
        """Batches of positions whose windows are of equal length, for what takes no padding."""
        lengths = np.array([len(row) for row in self.rows])
        for n in np.unique(lengths):
            found = np.flatnonzero(lengths == n)
            yield from np.array_split(found, -(-len(found) * n // BATCH_TOKENS))


Row = dict[str, str | float]
Method = Callable[[Windows], list[np.ndarray]]


def attention_shares(directory: ModelDirectory) -> Callable[[np.ndarray], list[np.ndarray]]:
    """Return a function from embeddings to each layer's attention.

    The shares are (n, heads, asking positions, length); rows sum to 1. The graph is the model's
    own, with the softmax of each layer as outputs too.
    """
    import onnx

    graph = onnx.load_from_string(directory.files[GRADIENTS])
    names = [node.output[0] for node in graph.graph.node if node.op_type == "Softmax"]
    # The one behind them is that of the classes.
    names = names[: directory.config.num_hidden_layers]
    graph.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)
    files = {**directory.files, GRADIENTS: graph.SerializeToString()}
    return partial(Gradient(ModelDirectory(files, directory.metadata)).outputs, names)


class Methods:
    """The methods that are compared; each returns the scores of every window's tokens.

    Parameters
    ----------
    directory : ModelDirectory
    seed : int
        Of the random scores.
    """

    def __init__(self, directory: ModelDirectory, seed: int) -> None:
        self.explainer = Explainer(directory)
        self.gradient = self.explainer.gradient
        self.model = window_model(self.explainer.predictor)
        self.mask = directory.vocabulary.ids["[MASK]"]
        self.attention_shares = attention_shares(directory)
        self.source = np.random.default_rng(seed)

    def all(self) -> dict[str, Method]:
        """By name."""
        paths: dict[str, Method] = {
            f"integrated gradients from {name}": partial(self.integrated_gradients, baseline=name)
            for name in get_args(Baseline)
        }
        return {
            **paths,
            "gradient × input": self.gradient_times_input,
            "reference: norm of mean gradient × αx": self.norm_of_mean,
            f"occlusion by {OWN['delete']}": self.occlusion,
            f"occlusion by {OWN['mask']}": partial(self.occlusion, replacement=self.mask),
            "attention of [CLS]": self.attention,
            "random": self.random,
        }

    def integrated_gradients(self, windows: Windows, baseline: Baseline) -> list[np.ndarray]:
        """ALBERT's part as the library ships it, with its default rule, points and tolerance."""
        found = self.explainer.explain(windows.texts, windows.labels.tolist(), baseline=baseline)
        return [attribution.albert for attribution in found]

    def gradient_times_input(self, windows: Windows) -> list[np.ndarray]:
        """The embedding times the gradient at the text."""

        def run(x: np.ndarray, labels: np.ndarray) -> np.ndarray:
            return np.asarray(np.einsum("nld,nld->nl", self.gradient.run(x, labels)[1], x))

        return self._by_length(windows, run)

    def norm_of_mean(self, windows: Windows, points: int = 20) -> list[np.ndarray]:
        """L2 norm of the mean of gradient(αx) × αx over α = 0 … 1, of the probability.

        bert4keras, examples/task_sentiment_integrated_gradients.py. Not signed.
        """

        def run(x: np.ndarray, labels: np.ndarray) -> np.ndarray:
            total = np.zeros_like(x)
            for alpha in np.linspace(0, 1, points, dtype=np.float32):
                odds, slope = self.gradient.run(alpha * x, labels)
                p = 1 / (1 + np.exp(-odds))
                # From the slope of the log-odds to that of the probability.
                total += (p * (1 - p))[:, None, None].astype(np.float32) * slope * alpha * x
            return np.asarray(np.linalg.norm(total / points, axis=-1))

        return self._by_length(windows, run)

    def occlusion(self, windows: Windows, replacement: int | None = None) -> list[np.ndarray]:
        """The drop of the log-odds without each token."""
        return leave_one_out(self.model, windows.rows, windows.labels, replacement)

    def attention(self, windows: Windows) -> list[np.ndarray]:
        """What [CLS] pays to each token, mean over layers and heads. Not signed."""

        def run(x: np.ndarray, labels: np.ndarray) -> np.ndarray:
            # The last layer computes the first position alone, the others every one.
            layers = [shares[:, :, 0].mean(axis=1) for shares in self.attention_shares(x)]
            return np.asarray(np.mean(layers, axis=0))

        return self._by_length(windows, run)

    def random(self, windows: Windows) -> list[np.ndarray]:
        """Seeded noise."""
        return [self.source.random(len(row) - 2) for row in windows.rows]

    def _by_length(
        self, windows: Windows, run: Callable[[np.ndarray, np.ndarray], np.ndarray]
    ) -> list[np.ndarray]:
        """Scores of every window from a function of embeddings (n, length, size) and labels."""
        scores: list[np.ndarray] = [np.empty(0)] * len(windows.rows)
        for batch in windows.by_length():
            x = self.gradient.table[np.stack([windows.rows[i] for i in batch])]
            for i, values in zip(batch, run(x, windows.labels[batch]), strict=True):
                scores[i] = values[1:-1]
        return scores


def read_windows(path: Path, count: int, seed: int, explainer: Explainer) -> tuple[Windows, str]:
    """Sample distinct records that can be measured; and say how many cannot."""
    texts = list(dict.fromkeys(read_records(path, labelled=False).texts))
    lengths = np.array([len(found.ids) for found in explainer.vocabulary.encode(texts)])
    short, long = lengths < MIN_TOKENS, lengths > explainer.settings.maxlen - 2
    whole = np.flatnonzero(~short & ~long)
    if not len(whole):
        raise SystemExit(f"{path}: no record of one window and at least {MIN_TOKENS} tokens.")
    chosen = np.sort(np.random.default_rng(seed).permutation(whole)[:count])
    note = (
        f"{len(chosen)} of {len(texts)} distinct records; {len(whole)} can be measured, "
        f"{short.sum()} have fewer than {MIN_TOKENS} tokens, {long.sum()} several windows."
    )
    reading = explainer.predictor.read([texts[i] for i in chosen])
    labels = reading.logits.argmax(axis=1)
    return Windows([texts[i] for i in chosen], reading.windows.ids, labels), note


def timed_scores(
    methods: dict[str, Method], windows: Windows
) -> tuple[dict[str, list[np.ndarray]], dict[str, float]]:
    """Every method's scores, and its seconds per record."""
    count = len(windows.rows)
    scores: dict[str, list[np.ndarray]] = {name: [] for name in methods}
    seconds = dict.fromkeys(methods, 0.0)
    with tqdm(total=count * len(methods), unit="record", disable=None) as progress:
        for name, method in methods.items():
            progress.set_description(name)
            # The first run of a graph allocates its memory.
            method(windows.take([0]))
            for start in range(0, count, _CHUNK):
                part = windows.take(range(start, min(start + _CHUNK, count)))
                began = time.perf_counter()
                scores[name] += method(part)
                seconds[name] += (time.perf_counter() - began) / count
                progress.update(len(part.rows))
    return scores, seconds


def mean_and_interval(values: np.ndarray, seed: int) -> tuple[float, float, float]:
    """Mean and bootstrap 95% interval over records; nan is left out."""
    kept = values[np.isfinite(values)]
    if not len(kept):
        return (float("nan"),) * 3
    counts = resample_counts(len(kept), RESAMPLES, seed)
    means = np.concatenate([block @ kept for block in counts]) / len(kept)
    low, high = np.percentile(means, [2.5, 97.5])
    return float(kept.mean()), float(low), float(high)


def compare(methods: Methods, windows: Windows, removals: Sequence[str], seed: int) -> list[Row]:
    """One row for each removal and method, the most comprehensive first."""
    scores, seconds = timed_scores(methods.all(), windows)
    table: list[Row] = []
    for removal in removals:
        replacement = methods.mask if removal == "mask" else None
        drops = scores[f"occlusion by {OWN[removal]}"]
        part = []
        for name, values in tqdm(scores.items(), desc=f"measure, {removal}", disable=None):
            found = measure(
                methods.model,
                windows.rows,
                windows.labels,
                values,
                drops,
                replacement=replacement,
            )
            row: Row = {"removal": removal, "method": name}
            for measured in MEASURES:
                mean, low, high = mean_and_interval(found[measured], seed)
                row |= {measured: mean, f"{measured}_low": low, f"{measured}_high": high}
            row["without_agreement"] = int(np.isnan(found["agreement"]).sum())
            row |= {"seconds_per_record": seconds[name], "records": len(windows.rows)}
            part.append(row)
        table += sorted(part, key=lambda row: -float(row["comprehensiveness"]))
    return table


def markdown(table: Sequence[Row]) -> str:
    """The rows of one removal as a table: mean [low, high]."""
    headings = ["method", *HEADINGS.values(), "s / record"]
    lines = [" | ".join(headings), " | ".join(["---", *["---:"] * (len(headings) - 1)])]
    for row in table:
        cells = [f"{row[m]:.3f} [{row[f'{m}_low']:.3f}, {row[f'{m}_high']:.3f}]" for m in MEASURES]
        lines.append(" | ".join([str(row["method"]), *cells, f"{row['seconds_per_record']:.4f}"]))
    return "\n".join(f"| {line} |" for line in lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("--file", type=Path, default=ROOT / "data" / "test.txt")
    parser.add_argument("--model", type=Path, help="a model directory; without, the one that ships")
    parser.add_argument("--records", type=int, default=300, help="size of the sample")
    parser.add_argument("--seed", type=int, default=0, help="of the sample, intervals and noise")
    parser.add_argument("--remove", choices=["delete", "mask", "both"], default="both")
    parser.add_argument("--output", type=Path, help="a CSV with every figure")
    args = parser.parse_args(arguments)
    if args.records < 1:
        parser.error(f"--records must be at least 1. Received: {args.records}")
    directory = load_or_shipped(args.model)
    methods = Methods(directory, args.seed)
    windows, note = read_windows(args.file, args.records, args.seed, methods.explainer)
    removals = ["delete", "mask"] if args.remove == "both" else [args.remove]
    table = compare(methods, windows, removals, args.seed)
    print(note)
    for removal in removals:
        part = [row for row in table if row["removal"] == removal]
        how = "left out" if removal == "delete" else "replaced by [MASK]"
        print(f"\nRemoved tokens are {how}. Mean [95% interval over records].\n")
        print(markdown(part))
        print(f"\nOcclusion by {OWN[removal]} is the leave-one-out itself: its τ is 1.")
        for row in part:
            if row["without_agreement"]:
                print(f"{row['method']}: τ is undefined in {row['without_agreement']} records.")
    if args.output:
        text = io.StringIO()
        writer = csv.DictWriter(text, list(table[0]))
        writer.writeheader()
        writer.writerows(table)
        write_whole(args.output, text.getvalue().encode("utf-8"))
        told = {"file": str(args.file), "records": args.records, "seed": args.seed}
        made = origin(directory, command="faithfulness", **told, remove=args.remove)
        write_whole(args.output.with_name(f"{args.output.name}.origin.json"), to_json(made))


if __name__ == "__main__":
    main()
