"""What each member of a model is worth on some sets of records, and both beside its rivals.

In: a model directory with both members, and files of labelled records. Out: a Markdown table a
set: macro-F1 with its 95% interval of both members, ALBERT, the linear member, TF-IDF + logistic
regression and the keyword rule, and the difference of both to each, on the same resamples; of both
also the calibration error, the share of answers above 0.9, and how many of those are right.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from gi_classifier.data.readers import read_records
from gi_classifier.data.records import Records
from gi_classifier.metrics.baselines import keyword_rule, tfidf_logistic_regression
from gi_classifier.metrics.calibration import expected_calibration_error
from gi_classifier.metrics.intervals import imagined_records, posterior_weights
from gi_classifier.metrics.measures import confusions, label_scores
from gi_classifier.model.directory import load
from gi_classifier.model.predictor import Predictor
from gi_classifier.settings import USES
from gi_classifier.text import normalise

RESAMPLES = 2000
_SURE = 0.9


def macro_f1(labels: np.ndarray, predicted: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Macro-F1 of each resample.

    Parameters
    ----------
    labels, predicted : ndarray of int, shape (records,)
    weights : ndarray, shape (resamples, records)
    """
    classes = int(max(labels.max(), predicted.max())) + 1
    return label_scores(confusions(labels, predicted, classes, weights))["macro_f1"]


def compared(
    labels: np.ndarray, answers: Mapping[str, np.ndarray], seed: int = 0
) -> dict[str, dict[str, float]]:
    """Macro-F1 of each answer, and the first one's lead over it, with 95% intervals.

    Parameters
    ----------
    labels : ndarray of int, shape (records,)
    answers : mapping
        From a name to predicted labels, shape (records,); the first is compared with the others.

    Returns
    -------
    dict
        By name: ``value``, ``low``, ``high``, ``lead``, ``lead_low``, ``lead_high``; the intervals
        are those of :mod:`gi_classifier.metrics.intervals`.
    """
    rows, others = imagined_records(labels, np.unique(labels), seed)
    weights = np.concatenate(list(posterior_weights(len(labels), len(rows), RESAMPLES, seed)))
    meant = np.concatenate([labels, others])
    whole = np.ones((1, len(labels)))
    resampled = {
        name: macro_f1(meant, np.concatenate([given, given[rows]]), weights)
        for name, given in answers.items()
    }
    values = {name: float(macro_f1(labels, given, whole)[0]) for name, given in answers.items()}
    first = next(iter(answers))
    found = {}
    for name, samples in resampled.items():
        low, high = np.quantile(samples, (0.025, 0.975))
        lead_low, lead_high = np.quantile(resampled[first] - samples, (0.025, 0.975))
        found[name] = {"value": values[name], "low": float(low), "high": float(high)}
        found[name] |= {"lead": values[first] - values[name]}
        found[name] |= {"lead_low": float(lead_low), "lead_high": float(lead_high)}
    return found


def answers(
    predictors: Mapping[str, Predictor], rival: object, records: Records
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """The labels that members and rivals give, and both members' probabilities."""
    found = {use: p.predict_proba(records.texts) for use, p in predictors.items()}
    labels = {use: part.argmax(axis=1) for use, part in found.items()}
    clean = list(map(normalise, records.texts))
    labels["TF-IDF + logistic regression"] = np.asarray(rival.predict(clean))  # type: ignore[attr-defined]
    labels["keyword rule"] = keyword_rule(records.texts).argmax(axis=1)
    return labels, found["both"]


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--train", type=Path, required=True, help="what the rival is fitted on")
    args = parser.parse_args()
    directory = load(args.model)
    predictors = {use: Predictor.from_directory(directory, use=use) for use in USES}  # type: ignore[arg-type]
    train = read_records(args.train)
    rival = tfidf_logistic_regression(0).fit(list(map(normalise, train.texts)), train.labels)
    print("| set | records | answer | macro-F1 | both less this | ECE | above 0.9 | right there |")
    print("|---|---:|---|---|---|---:|---:|---:|")
    for path in args.files:
        records = read_records(path)
        labels = np.asarray(records.labels)
        given, probabilities = answers(predictors, rival, records)
        error = expected_calibration_error(probabilities, labels)
        sure = probabilities.max(axis=1) > _SURE
        right = (given["both"] == labels)[sure].mean()
        for name, row in compared(labels, given).items():
            lead = f"{row['lead']:+.3f} [{row['lead_low']:+.3f}, {row['lead_high']:+.3f}]"
            value = f"{row['value']:.3f} [{row['low']:.3f}, {row['high']:.3f}]"
            both = f"| | {error:.3f} | {sure.mean():.3f} | {right:.3f} |"
            ending = both if name == "both" else f"| {lead} | | | |"
            print(f"| {path.stem} | {len(labels)} | {name} | {value} {ending}")


if __name__ == "__main__":
    main()
