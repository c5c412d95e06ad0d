"""Compare ways to attribute an answer by whether they point at what a clinician would underline.

In: records with their labels and the spans that decide. Out: a Markdown table, and a CSV if asked
for. Only records whose label the model answers right are measured: what is said of a wrong answer
is no evidence for the label. Each method explains the answered label of the same records.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from faithfulness import Methods, Windows, mean_and_interval
from plausibility_measures import (
    Bounds,
    average_precision,
    character_scores,
    marked,
    top_word_inside,
)
from tqdm import tqdm

from gi_classifier.attribution.attribution import Attribution
from gi_classifier.files import to_json, write_whole
from gi_classifier.model.directory import ModelDirectory
from gi_classifier.model.origin import origin
from gi_classifier.model.predictor import Predictor
from gi_classifier.model.shipped import load_or_shipped
from gi_classifier.settings import USES

DATA = Path(__file__).resolve().parent.parent / "data"
WRITTEN, REAL = DATA / "evidence_written.tsv", DATA / "evidence.tsv"
MEASURES = {"average_precision": "average precision ↑", "top_word": "top word in a span ↑"}
_CHUNK = 20

Row = dict[str, str | float]
# From attributions to scores of each one's tokens.
Method = Callable[[Sequence[Attribution]], list[np.ndarray]]


@dataclass(frozen=True)
class Evidence:
    """A record with its label and the spans that decide."""

    text: str
    label: int
    spans: tuple[Bounds, ...]


def read_evidence(path: Path, corpus: Path | None = None) -> list[Evidence]:
    """Read a table with tabs: ``text`` or ``id``, ``label``, and ``spans`` as ``start-end …``.

    Parameters
    ----------
    path : Path
    corpus : Path, optional
        A ``.tsv.gz`` of id, kind and text, where texts are looked up by ``id``.
    """
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    texts: dict[str, str] = {}
    if rows and "text" not in rows[0]:
        if corpus is None:
            raise SystemExit(f"{path} holds ids: name the texts' file with --corpus.")
        with gzip.open(corpus, "rt", encoding="utf-8", newline="\n") as lines:
            cells = (line.rstrip("\n").split("\t") for line in lines)
            texts = {row[0]: row[-1] for row in cells}
    found, problems = [], []
    for number, row in enumerate(rows, 2):
        text = row["text"] if "text" in row else texts.get(row["id"], "")
        spans = tuple(_bounds(span) for span in row["spans"].split())
        if not text or not spans or not all(0 <= a < b <= len(text) for a, b in spans):
            problems.append(f"line {number}: {'its spans do not fit' if text else 'no text'}")
        found.append(Evidence(text, int(row["label"]), spans))
    if problems or not found:
        raise SystemExit("\n".join([f"{path}: {len(problems)} of {len(rows)} records:", *problems]))
    return found


def _bounds(span: str) -> Bounds:
    start, _, end = span.partition("-")
    return int(start), int(end)


def methods_of(methods: Methods, linear: bool) -> dict[str, Method]:
    """Every method by name; those of one member alone say so."""

    def of_windows(method: Callable[[Windows], list[np.ndarray]]) -> Method:
        def run(found: Sequence[Attribution]) -> list[np.ndarray]:
            texts = [one.text for one in found]
            rows = methods.explainer.predictor.read(texts).windows.ids
            return method(Windows(texts, rows, np.array([one.label for one in found])))

        return run

    parts: dict[str, Method] = {
        "the library, whole answer": lambda found: [f.scores for f in found]
    }
    if linear:
        parts["the library, ALBERT's part"] = lambda found: [f.albert for f in found]
        parts["the library, linear part"] = lambda found: [f.linear for f in found]
    names = ("occlusion", "gradient × input", "attention", "random")
    others = {k: m for k, m in methods.all().items() if k.startswith(names)}
    return parts | {f"{k}{' (ALBERT)' * (k != 'random')}": of_windows(m) for k, m in others.items()}


def accuracies(directory: ModelDirectory, records: Sequence[Evidence]) -> dict[str, float]:
    """The share of labels that each use of the model's members answers right."""
    texts, labels = [r.text for r in records], np.array([r.label for r in records])
    uses = USES if directory.linear is not None else ("albert",)
    found = {}
    for use in uses:
        predictor = Predictor.from_directory(directory, "fp32", use=use)  # type: ignore[arg-type]
        answers = predictor.decision_function(texts).argmax(axis=1)
        found[use] = float((answers == labels).mean())
    return found


def measure(methods: Methods, linear: bool, records: Sequence[Evidence]) -> dict[str, np.ndarray]:
    """Each method's measures, (records answered right, measures); and the share in spans.

    Returns
    -------
    dict
        By method; "" is each record's share of characters that stand in spans, (records, 1).
    """
    rooms = [len(e.ids) for e in methods.explainer.vocabulary.encode([r.text for r in records])]
    most = methods.explainer.settings.maxlen - 2
    if long := [str(i) for i, room in enumerate(rooms) if not 0 < room <= most]:
        raise SystemExit(f"Records at {', '.join(long)}: their tokens are none, or above {most}.")
    run = methods_of(methods, linear)
    table: dict[str, list[list[float]]] = {name: [] for name in ["", *run]}
    for start in tqdm(range(0, len(records), _CHUNK), desc="explain", disable=None):
        part = records[start : start + _CHUNK]
        found = methods.explainer.explain([record.text for record in part])
        pairs = [(r, f) for r, f in zip(part, found, strict=True) if r.label == f.label]
        if not pairs:
            continue
        held = [marked(len(record.text), record.spans) for record, _ in pairs]
        table[""] += [[float(inside.mean())] for inside in held]
        right = [attribution for _, attribution in pairs]
        for name, method in run.items():
            for inside, one, scores in zip(held, right, method(right), strict=True):
                spread = character_scores(len(one.text), one.offsets, scores)
                words = [((w.start, w.end), w.score) for w in replace(one, scores=scores).words()]
                table[name].append(
                    [average_precision(inside, spread), float(top_word_inside(inside, words))]
                )
    return {name: np.array(rows) for name, rows in table.items()}


def compare(directory: ModelDirectory, records: Sequence[Evidence], seed: int) -> list[Row]:
    """One row for each method: means with their intervals over records answered right."""
    methods = Methods(directory, seed)
    found = measure(methods, directory.linear is not None, records)
    chance = found.pop("")
    if not len(chance):
        raise SystemExit("No record's label is answered right: there is nothing to measure.")
    right = {"records": len(records), "answered_right": len(chance)}
    table: list[Row] = []
    for name, values in found.items():
        row: Row = {"method": name}
        for measured, column in zip(MEASURES, values.T, strict=True):
            mean, low, high = mean_and_interval(column, seed)
            row |= {measured: mean, f"{measured}_low": low, f"{measured}_high": high}
        table.append(row | {"share_in_spans": float(chance.mean())} | right)
    return table


def markdown(table: Sequence[Row]) -> str:
    """The rows as a table: mean [low, high]."""
    headings = ["method", *MEASURES.values()]
    lines = [" | ".join(headings), " | ".join(["---", *["---:"] * len(MEASURES)])]
    for row in table:
        cells = [f"{row[m]:.3f} [{row[f'{m}_low']:.3f}, {row[f'{m}_high']:.3f}]" for m in MEASURES]
        lines.append(" | ".join([str(row["method"]), *cells]))
    return "\n".join(f"| {line} |" for line in lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("--file", type=Path, help="records with spans; without, those that ship")
    parser.add_argument("--corpus", type=Path, help="a .tsv.gz of id, kind, text of the real ones")
    parser.add_argument("--model", type=Path, help="a model directory; without, the one that ships")
    parser.add_argument("--seed", type=int, default=0, help="of intervals and noise")
    parser.add_argument("--output", type=Path, help="a CSV with every figure")
    args = parser.parse_args(arguments)
    file = args.file or (REAL if args.corpus else WRITTEN)
    records = read_evidence(file, args.corpus)
    directory = load_or_shipped(args.model)
    right = accuracies(directory, records)
    table = compare(directory, records, args.seed)
    first = table[0]
    print(f"{file.name}: {len(records)} records. Labels answered right: " + json.dumps(right))
    print(
        f"{first['answered_right']} records whose label is answered right. Mean [95% interval]; "
        f"{first['share_in_spans']:.3f} of the characters stand in spans.\n"
    )
    print(markdown(table))
    if args.output:
        text = io.StringIO()
        writer = csv.DictWriter(text, list(first))
        writer.writeheader()
        writer.writerows(table)
        write_whole(args.output, text.getvalue().encode("utf-8"))
        made = origin(directory, command="plausibility", file=str(file), seed=args.seed)
        write_whole(args.output.with_name(f"{args.output.name}.origin.json"), to_json(made))


if __name__ == "__main__":
    main()
