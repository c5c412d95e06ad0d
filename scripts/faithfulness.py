"""Compare ways to attribute an answer to tokens by how faithful they are to the model.

In: a file of records. Out: a Markdown table, and a CSV if asked for: each measure's mean with its
bootstrap 95% interval, and seconds per record taken in the same run. Every method explains the
predicted label of the same windows.

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
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from tqdm import tqdm

from gi_classifier.attribution.faithfulness import (
    MEASURES,
    MIN_TOKENS,
    leave_one_out,
    measure,
    window_model,
)
from gi_classifier.attribution.integrated_gradients import BASELINES, Baseline, Explainer
from gi_classifier.evaluation.metrics import DRAWS, resamples
from gi_classifier.gradient import Gradient
from gi_classifier.model_dir import GRADIENTS, Bundle, load, shipped, write_whole
from gi_classifier.records import read_records

ROOT = Path(__file__).resolve().parent.parent
BATCH_TOKENS = 2048
_CHUNK = 50
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


Method = Callable[[Windows], list[np.ndarray]]


class Methods:
    """The methods that are compared; each returns the scores of every window's tokens.

    Parameters
    ----------
    bundle : Bundle
    seed : int
        Of the random scores.
    """

    def __init__(self, bundle: Bundle, seed: int) -> None:
        self.explainer = Explainer(bundle)
        self.gradient = self.explainer.gradient
        self.model = window_model(self.explainer.predictor)
        self.mask = bundle.vocabulary.ids["[MASK]"]
        self.attention_graph, self.attention_outputs = attention_graph(bundle)
        self.source = np.random.default_rng(seed)

    def all(self) -> dict[str, Method]:
        """By name."""
        paths = {
            f"integrated gradients, [{name.upper()}]" if name != "zero" else (
                "integrated gradients, zero"
            ): partial(self.integrated_gradients, baseline=name)
            for name in BASELINES
        }
        return {
            **paths,
            "gradient × input": self.gradient_times_input,
            "reference: norm of mean gradient × αx": self.norm_of_mean,
            "occlusion by deletion": self.occlusion,
            "occlusion by [MASK] (= sequential IG)": partial(self.occlusion, replacement=self.mask),
            "attention of [CLS]": self.attention,
            "random": self.random,
        }

    def integrated_gradients(self, windows: Windows, baseline: Baseline) -> list[np.ndarray]:
        """As the library ships it, with its default rule, points and tolerance."""
        found = self.explainer.explain(windows.texts, windows.labels.tolist(), baseline=baseline)
        return [attribution.scores for attribution in found]

    def gradient_times_input(self, windows: Windows) -> list[np.ndarray]:
        """The embedding times the gradient at the text."""

        def run(x: np.ndarray, labels: np.ndarray) -> np.ndarray:
            return np.einsum("nld,nld->nl", self.gradient.run(x, labels)[1], x)

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
            shares = self.attention_graph.outputs(self.attention_outputs, x)
            return np.mean([layer[:, :, 0].mean(axis=1) for layer in shares], axis=0)

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
