"""Measure how faithful ``explain`` is to the answer of both members, and of each alone.

In: a file of records, and a model with both members. Out: a Markdown table of the measures of
:mod:`faithfulness_measures`, mean with bootstrap 95% interval. A row's scores rank the tokens of
each record; what is measured is the answer that is named, to the text without some of them.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
from faithfulness import HEADINGS, OWN, ROOT, mean_and_interval, read_windows
from faithfulness_measures import MEASURES, Model, leave_one_out, measure

from gi_classifier.attribution.attribution import Attribution
from gi_classifier.attribution.integrated_gradients import Explainer
from gi_classifier.model.directory import ModelDirectory
from gi_classifier.model.gradient import log_odds
from gi_classifier.model.predictor import Predictor
from gi_classifier.model.shipped import load_or_shipped
from gi_classifier.settings import USES

NAMES = {"both": "both members", "albert": "ALBERT", "linear": "the linear member"}


def numbered(found: Sequence[Attribution]) -> tuple[list[np.ndarray], list[str]]:
    """The tokens of all texts numbered through, as :func:`faithfulness_measures.measure` asks.

    Returns
    -------
    rows : list of ndarray of int, shape (tokens + 2,)
        Of each text; -1 where a window has its special tokens.
    pieces : list of str
        What stands at each number; what is between two tokens goes with the one before.
    """
    rows, pieces = [], list[str]()
    for one in found:
        numbers = np.arange(len(pieces), len(pieces) + len(one.tokens))
        rows.append(np.concatenate(([-1], numbers, [-1])))
        begins = [0, *one.offsets[1:, 0].tolist(), len(one.text)]
        pieces += [one.text[a:b] for a, b in pairwise(begins)]
    return rows, pieces


def text_model(predictor: Predictor, pieces: Sequence[str]) -> Model:
    """From rows of numbers to the log-odds that a predictor gives the label for their texts."""

    def run(rows: Sequence[np.ndarray], labels: np.ndarray) -> np.ndarray:
        texts = ["".join(pieces[i] for i in row[1:-1]) for row in rows]
        return log_odds(predictor.decision_function(texts), labels)

    return run


def measured(
    directory: ModelDirectory, texts: Sequence[str], seed: int
) -> list[tuple[str, str, dict[str, np.ndarray]]]:
    """Of each answer and each way to explain it, the measures of every text."""
    table = []
    for use in USES:
        explainer = Explainer(directory, use=use)  # type: ignore[arg-type]
        found = explainer.explain(texts)
        rows, pieces = numbered(found)
        labels = np.array([one.label for one in found])
        model = text_model(explainer.predictor, pieces)
        drops = leave_one_out(model, rows, labels)
        noise = np.random.default_rng(seed)
        ways = {"explain()": [one.scores for one in found]}
        if use == "both":
            ways["ALBERT's part of it"] = [one.albert for one in found]
            ways["the linear part of it"] = [one.linear for one in found]
        ways[f"occlusion by {OWN['delete']}"] = drops
        ways["random"] = [noise.random(len(one.tokens)) for one in found]
        for way, scores in ways.items():
            table.append((NAMES[use], way, measure(model, rows, labels, scores, drops)))
    return table


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("--file", type=Path, default=ROOT / "data" / "test.txt")
    parser.add_argument("--model", type=Path, help="a model directory; without, the one that ships")
    parser.add_argument("--records", type=int, default=300, help="size of the sample")
    parser.add_argument("--seed", type=int, default=0, help="of the sample, intervals and noise")
    args = parser.parse_args(arguments)
    directory = load_or_shipped(args.model)
    windows, note = read_windows(args.file, args.records, args.seed, Explainer(directory))
    print(f"{note}\n\n| answer of | explained by | {' | '.join(HEADINGS.values())} |")
    print(f"|---|---|{'---:|' * len(HEADINGS)}")
    for answer, way, values in measured(directory, windows.texts, args.seed):
        cells = [
            "{:.3f} [{:.3f}, {:.3f}]".format(*mean_and_interval(values[name], args.seed))
            for name in MEASURES
        ]
        print(f"| {answer} | {way} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
