"""How often 95% intervals of measures hold the truth, for few and for more records.

In: a model, and labelled records as the population. Out: a Markdown table: of many samples drawn
from the population, the share whose interval holds the population's own value, for each measure,
way to make the interval, and size of the sample; and the intervals' mean width.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from tqdm import tqdm

from gi_classifier.data.readers import read_records
from gi_classifier.metrics.intervals import (
    imagined_records,
    posterior_weights,
    proportion_interval,
)
from gi_classifier.metrics.measures import (
    confusions,
    label_scores,
    probability_scores,
    resample_counts,
)
from gi_classifier.model.directory import load
from gi_classifier.model.predictor import Predictor
from gi_classifier.model.shipped import shipped

ROOT = Path(__file__).resolve().parent.parent
MEASURES = (
    *("accuracy", "macro_f1", "weighted_f1", "roc_auc", "average_precision"),
    *("brier_score", "log_loss", "expected_calibration_error"),
)
LEVELS = (0.025, 0.975)

# Of a sample's labels, probabilities and predicted labels: bounds by the measure's name.
Scores = dict[str, np.ndarray]
Intervals = dict[str, tuple[float, float]]


def scores_of(
    labels: np.ndarray, probabilities: np.ndarray, predicted: np.ndarray, counts: np.ndarray
) -> Scores:
    """Each measure of each resample: (resamples,)."""
    found = label_scores(confusions(labels, predicted, probabilities.shape[1], counts))
    found = {**found, **probability_scores(labels, probabilities, counts)}
    return {name: found[name] for name in MEASURES}


def joined(blocks: Sequence[Scores]) -> Scores:
    """Blocks of resamples as one."""
    return {name: np.concatenate([block[name] for block in blocks]) for name in MEASURES}


def bounds(
    drawn: np.ndarray, low: float = LEVELS[0], high: float = LEVELS[1]
) -> tuple[float, float]:
    """Quantiles of the resamples in which the measure is defined."""
    found = np.nanquantile(drawn, (low, high))
    return float(found[0]), float(found[1])


def drawn_again(labels: np.ndarray, probabilities: np.ndarray, resamples: int, seed: int) -> Scores:
    """Measures of records drawn with replacement (Efron 1979)."""
    predicted = probabilities.argmax(axis=1)
    blocks = resample_counts(len(labels), resamples, seed)
    return joined([scores_of(labels, probabilities, predicted, block) for block in blocks])


def percentile(
    labels: np.ndarray, probabilities: np.ndarray, resamples: int, seed: int
) -> Intervals:
    """The bootstrap's percentiles."""
    found = drawn_again(labels, probabilities, resamples, seed)
    return {name: bounds(values) for name, values in found.items()}


def corrected(
    labels: np.ndarray, probabilities: np.ndarray, resamples: int, seed: int
) -> Intervals:
    """BCa: percentiles corrected for bias and acceleration, by the jackknife (Efron 1987)."""
    from scipy.stats import norm

    predicted, n = probabilities.argmax(axis=1), len(labels)
    found = drawn_again(labels, probabilities, resamples, seed)
    whole = scores_of(labels, probabilities, predicted, np.ones((1, n)))
    left_out = scores_of(labels, probabilities, predicted, 1 - np.eye(n))
    result = {}
    for name, values in found.items():
        below = np.mean(values < whole[name][0]) + np.mean(values == whole[name][0]) / 2
        if not 0 < below < 1:
            result[name] = bounds(values)
            continue
        off = np.nanmean(left_out[name]) - left_out[name]
        spread = np.nansum(off**2) ** 1.5
        acceleration = np.nansum(off**3) / (6 * spread) if spread > 0 else 0.0
        bias = norm.ppf(below)
        shifted = [bias + norm.ppf(level) for level in LEVELS]
        levels = [float(norm.cdf(bias + z / (1 - acceleration * z))) for z in shifted]
        result[name] = bounds(values, *sorted(levels))
    return result


def weighted(
    labels: np.ndarray, probabilities: np.ndarray, resamples: int, seed: int, *, imagined: bool
) -> Intervals:
    """The Bayesian bootstrap's percentiles, with or without imagined records."""
    predicted, n = probabilities.argmax(axis=1), len(labels)
    rows, others = imagined_records(labels, np.unique([*labels, *predicted]), seed)
    kept = slice(None) if imagined else slice(0)
    everything = np.concatenate([np.arange(n), rows[kept]])
    answers = np.concatenate([labels, others[kept]])
    blocks = [
        scores_of(answers, probabilities[everything], predicted[everything], block)
        for block in posterior_weights(n, len(everything) - n, resamples, seed)
    ]
    whole = scores_of(labels, probabilities, predicted, np.ones((1, n)))
    result = {}
    for name, values in joined(blocks).items():
        low, high = bounds(values)
        result[name] = (min(low, whole[name][0]), max(high, whole[name][0]))
    return result


def exact(labels: np.ndarray, probabilities: np.ndarray, resamples: int, seed: int) -> Intervals:
    """Clopper and Pearson's, of the accuracy alone."""
    right = int((probabilities.argmax(axis=1) == labels).sum())
    low, high = proportion_interval(right, len(labels)) or (0.0, 1.0)
    return {"accuracy": (low, high)}


WAYS: dict[str, Callable[[np.ndarray, np.ndarray, int, int], Intervals]] = {
    "percentile": percentile,
    "BCa": corrected,
    "Bayesian": partial(weighted, imagined=False),
    "Bayesian with imagined records": partial(weighted, imagined=True),
    "exact": exact,
}


def covered(
    labels: np.ndarray,
    probabilities: np.ndarray,
    size: int,
    trials: int,
    resamples: int,
    seed: int,
) -> dict[str, dict[str, tuple[float, float]]]:
    """Of each way and measure, the share of samples whose interval holds, and its mean width.

    Parameters
    ----------
    labels : ndarray of int, shape (n,)
    probabilities : ndarray, shape (n, classes)
        Those of the population; samples are drawn from it with replacement.
    size, trials, resamples, seed : int
        Records of a sample, samples, resamples of each.
    """
    everything = np.ones((1, len(labels)))
    predicted = probabilities.argmax(axis=1)
    truth = scores_of(labels, probabilities, predicted, everything)
    source = np.random.default_rng(seed)
    found: dict[str, dict[str, list[tuple[float, float]]]] = {way: {} for way in WAYS}
    for trial in tqdm(range(trials), desc=f"{size} records", disable=None):
        rows = source.integers(0, len(labels), size)
        for way, make in WAYS.items():
            for name, interval in make(labels[rows], probabilities[rows], resamples, trial).items():
                found[way].setdefault(name, []).append(interval)
    result: dict[str, dict[str, tuple[float, float]]] = {}
    for way, measured in found.items():
        result[way] = {}
        for name, intervals in measured.items():
            low, high = np.array(intervals).T
            # A bound may miss the truth by rounding.
            holds = (low <= truth[name][0] + 1e-12) & (truth[name][0] <= high + 1e-12)
            result[way][name] = (float(holds.mean()), float((high - low).mean()))
    return result


def print_table(found: Mapping[str, Mapping[str, tuple[float, float]]]) -> None:
    """One line for each measure, a cell of coverage and width for each way."""
    print(f"| measure | {' | '.join(found)} |")
    print("|---|" + "---:|" * len(found))
    for name in MEASURES:
        cells = [
            f"{values[name][0]:.3f} ({values[name][1]:.3f})" if name in values else "–"
            for values in found.values()
        ]
        print(f"| {name} | {' | '.join(cells)} |")


def sharpened(probabilities: np.ndarray, labels: np.ndarray, accuracy: float) -> np.ndarray:
    """Rows of the population, errors left out until the accuracy is reached."""
    right = probabilities.argmax(axis=1) == labels
    hits, errors = np.flatnonzero(right), np.flatnonzero(~right)
    kept = round(len(hits) * (1 - accuracy) / accuracy)
    return np.sort(np.concatenate([hits, errors[:kept]]))


def main() -> None:
    """Read, measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", type=Path, default=shipped())
    parser.add_argument("--population", type=Path, default=ROOT / "data" / "test.txt")
    parser.add_argument("--accuracy", type=float, help="leave out errors until it is reached")
    parser.add_argument("--sizes", type=int, nargs="+", default=[60, 500])
    parser.add_argument("--trials", type=int, default=400, help="samples of each size")
    parser.add_argument("--resamples", type=int, default=500, help="of each sample")
    parser.add_argument("--seed", type=int, default=0, help="of the samples")
    options = parser.parse_args()

    records = read_records(options.population)
    labels = np.array(records.labels)
    probabilities = Predictor.from_directory(load(options.model)).predict_proba(records.texts)
    if options.accuracy:
        rows = sharpened(probabilities, labels, options.accuracy)
        labels, probabilities = labels[rows], probabilities[rows]
    right = float((probabilities.argmax(axis=1) == labels).mean())
    print(f"Population: {len(labels):,} records, accuracy {right:.4f}. Coverage (mean width).")
    for size in options.sizes:
        print(f"\n## Samples of {size} records\n")
        print_table(
            covered(labels, probabilities, size, options.trials, options.resamples, options.seed)
        )


if __name__ == "__main__":
    main()
