"""Join ``data/real_labels.tsv`` to its sentences, and keep the test fifth out of training.

In: the file of sentences that the labels were given to (id, kind, text; not shipped, see
``data/README.md``). Out: ``train.tsv``, ``val.tsv`` and ``test.tsv``, text and label, of 60, 20 and
20% of the groups of near-duplicates, and ``test.csv``, which says how each was drawn; with
``--dataset`` the training and validation records of ``data/``, and the records of ``written.tsv``
there, stand in them too, without near-duplicates of what is held out more strictly; with
``--corpus`` also ``corpus.txt``, its lines without those near the test fifth, and
``unlabelled.txt``, those of them that are not trained or validated on; of the labelled ones that
are no sentences of the file nine tenths are for training, one for validation.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from make_vocabulary import lines

from gi_classifier.data.near_duplicates import near_duplicate_groups
from gi_classifier.errors import RecordsError
from gi_classifier.text import folded

LABELS = Path(__file__).resolve().parent.parent / "data" / "real_labels.tsv"
UNDECIDABLE = "x"
SPLITS = ("train", "val", "test")
Row = tuple[str, str]
# So many characters in a row are not shared by chance.
_SHARED = 12
# Lines that were written together often differ in their subject alone: one split has them all.
_TOGETHER, _VALIDATED = 10, 10


@dataclass(frozen=True)
class Sentence:
    """A sentence of the file.

    Attributes
    ----------
    id : str
        The first 16 hexadecimal digits of the SHA-256 of the text.
    text, split : str
        ``split`` is train, val or test.
    """

    id: str
    text: str
    split: str


def read_sentences(path: Path) -> list[Sentence]:
    """Read the sentences; their splits hang on the texts alone, labelled or not.

    Raises
    ------
    RecordsError
        An id is not that of its text.
    """
    rows = [line.split("\t") for line in lines(path)]
    wrong = [
        f"line {number}"
        for number, (name, _, text) in enumerate(rows, 1)
        if hashlib.sha256(text.encode()).hexdigest()[:16] != name
    ]
    if wrong:
        raise RecordsError(f"{path}: ids that are not those of their texts:", wrong)
    groups = near_duplicate_groups([text for _, _, text in rows])
    least: dict[int, str] = {}
    for (name, _, _), group in zip(rows, groups, strict=True):
        least[group] = min(name, least.get(group, name))
    return [
        Sentence(name, text, split_of(least[group]))
        for (name, _, text), group in zip(rows, groups, strict=True)
    ]


def split_of(name: str) -> str:
    """The split of a group whose least id is ``name``."""
    tenth = int(name, 16) % 10
    return "train" if tenth < 6 else "val" if tenth < 8 else "test"


@dataclass(frozen=True)
class Label:
    """What is known of a sentence.

    Attributes
    ----------
    label : str
        0, 1, 2, or x for undecidable.
    drawn : str
        random; hard, where the first weights, a linear model and the keyword rule differed or
        were least sure; rest; or corpus, of the corpus, where later weights were least sure.
    """

    label: str
    drawn: str


def read_labels(path: Path = LABELS) -> dict[str, Label]:
    """The label of each id."""
    rows = (line.split("\t") for line in lines(path)[1:])
    return {name: Label(label, drawn) for name, label, _, drawn in rows}


def distant(texts: Sequence[str], held_out: Sequence[str]) -> np.ndarray:
    """Which texts are no near-duplicates of held-out ones and share no long run with them: bool."""
    groups = near_duplicate_groups([*held_out, *texts])
    near = np.isin(groups[len(held_out) :], groups[: len(held_out)])
    runs = {run for text in held_out for run in _runs(text)}
    shared = np.array([not runs.isdisjoint(_runs(text)) for text in texts], dtype=bool)
    return np.asarray(~(near | shared))


def without_twins(splits: Mapping[str, Sequence[Row]]) -> dict[str, list[Row]]:
    """Drop training rows near validation or test rows, and validation rows near test rows.

    Parameters
    ----------
    splits : mapping
        From each of ``SPLITS`` to rows of text and label.
    """
    rows = [(row, place) for place, split in enumerate(SPLITS) for row in splits[split]]
    groups = near_duplicate_groups([text for (text, _), _ in rows])
    places = np.array([place for _, place in rows])
    strictest = np.zeros(groups.max(initial=0) + 1, dtype=int)
    np.maximum.at(strictest, groups, places)
    kept: dict[str, list[Row]] = {split: [] for split in SPLITS}
    for (row, place), strict in zip(rows, strictest[groups], strict=True):
        if place == strict:
            kept[SPLITS[place]].append(row)
    return kept


def _runs(text: str) -> set[str]:
    clean = folded(text)
    return {clean[i : i + _SHARED] for i in range(max(1, len(clean) - _SHARED + 1))}


def labelled_passages(passages: Sequence[str], labels: Mapping[str, Label]) -> dict[str, list[Row]]:
    """The passages of a corpus that are labelled, one in ten for validation."""
    found: dict[str, list[Row]] = {"train": [], "val": []}
    for passage in passages:
        name = hashlib.sha256(passage.encode()).hexdigest()[:16]
        about = labels.get(name)
        if about and about.drawn == "corpus" and about.label != UNDECIDABLE:
            found["train" if int(name, 16) % _VALIDATED else "val"].append((passage, about.label))
    return found


def read_rows(path: Path) -> list[Row]:
    """The texts of a file, each with its label."""
    return [(text, label) for text, _, label in (line.rpartition("\t") for line in lines(path))]


def written(path: Path) -> dict[str, list[Row]]:
    """The records of ``written.tsv``: every tenth block of ten lines is for validation."""
    found: dict[str, list[Row]] = {"train": [], "val": []}
    for number, row in enumerate(read_rows(path)):
        found["train" if number // _TOGETHER % _VALIDATED else "val"].append(row)
    return found


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sentences", type=Path)
    parser.add_argument("output", type=Path, help="folder to write")
    parser.add_argument("--dataset", type=Path, help="folder of train.txt, val.txt and test.txt")
    parser.add_argument("--corpus", type=Path, help="unlabelled text, one passage a line")
    args = parser.parse_args()
    labels = read_labels()
    sentences = read_sentences(args.sentences)
    decided = [
        (sentence, labels[sentence.id])
        for sentence in sentences
        if sentence.id in labels and labels[sentence.id].label != UNDECIDABLE
    ]
    passages: list[str] = []
    if args.corpus:
        every = lines(args.corpus)
        kept = distant(every, [s.text for s in sentences if s.split == "test"])
        passages = [passage for passage, keep in zip(every, kept, strict=True) if keep]
        print(f"corpus: {len(passages)} of {len(every)} passages")
    found: dict[str, list[Row]] = {**labelled_passages(passages, labels), "test": []}
    for sentence, about in decided:
        found[sentence.split].append((sentence.text, about.label))
    real_test = [(s.text, about.label, about.drawn) for s, about in decided if s.split == "test"]
    if args.dataset:
        for split in SPLITS:
            found[split] = [*read_rows(args.dataset / f"{split}.txt"), *found[split]]
        for split, rows in written(args.dataset / "written.tsv").items():
            found[split] += rows
        found = without_twins(found)
    found["test"] = [(text, label) for text, label, _ in real_test]
    args.output.mkdir(parents=True, exist_ok=True)
    for split, rows in found.items():
        content = "".join(f"{text}\t{label}\n" for text, label in rows)
        (args.output / f"{split}.tsv").write_text(content, encoding="utf-8")
        print(f"{split}: {len(rows)} records")
    with (args.output / "test.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("text", "label", "drawn"), *real_test])
    if args.corpus:
        labelled = {text for split in ("train", "val") for text, _ in found[split]}
        rest = [passage for passage in passages if passage not in labelled]
        for name, some in (("corpus", passages), ("unlabelled", rest)):
            content = "".join(f"{passage}\n" for passage in some)
            (args.output / f"{name}.txt").write_text(content, encoding="utf-8")


if __name__ == "__main__":
    main()
