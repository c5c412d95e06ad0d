"""Compose ``data/{all,train,val,test}.txt`` from the hand-written knowledge in ``data/knowledge/``.

In: TOML files of terms, sentence shapes and record shapes (format: ``data/README.md``).
Out: four files of ``text<TAB>label`` lines, ``data/test.csv`` with the kind of each test record,
and the counts in ``data/README.md``; the same for the same knowledge and seed.
Shapes are divided among the splits before anything is composed, so no shape of the
test split, neither a record's nor a sentence's, is ever seen in training.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import random
import re
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from rough_text import roughen
from surroundings import LEADS, MARKS, surround

from gi_classifier.data.near_duplicates import near_duplicate_groups
from gi_classifier.text import normalise

ROOT = Path(__file__).resolve().parent.parent
SPLITS = {"train": 0.8, "val": 0.1, "test": 0.1}
# Share of each kind among the records of every label, so that the kind never gives it away.
KINDS = {
    "findings": 0.065,
    "impression": 0.06,
    "pathology": 0.045,
    "procedure": 0.09,
    "admission": 0.08,
    "discharge": 0.045,
    "order": 0.03,
    "question": 0.08,
    "term": 0.235,
    "line": 0.12,
    "statement": 0.05,
    "surrounded": 0.10,
}
# Kinds of which a record may join several: one label's findings or lines stay that label's.
JOINED = ("findings", "impression", "pathology", "discharge", "order", "line")
JOIN_SHARE = 0.3
# The kind that stands around records of the others, and the file that alone writes it.
SURROUNDED, SURROUNDINGS = "surrounded", "surroundings"
# What a patient says of himself, around questions.
OWN_WORDS = "自述"
# Of the surrounded records of label 0, the share of surroundings without a record; of all, that
# of records with so many characters at most, which surroundings silence most easily.
ALONE_SHARE, SHORT_SHARE, SHORT = 0.25, 0.8, 40
# Share of each label: most records of a hospital are about neither tract.
SHARES = {0: 0.5, 1: 0.25, 2: 0.25}
ROUNDS = 12
SHORTEST, LONGEST = 4, 500
LENGTHS = (20, 50, 100, 200, 500)
# The examples that the shipped model is tested on; nothing near them may be composed.
EXAMPLES = (
    "食管通过顺利，粘膜无殊。贲门齿状线清，粘膜无殊，胃底粘膜无殊，胃体粘膜充血，近胃窦部见一糜烂灶（活检2）。"
    "胃角胃窦部粘膜粗糙，红白相间，局部粘膜白稍多，见散在糜烂（活检1）。幽门孔圆，开放可。"
    "十二指肠球部粘膜无殊。",
    "某患者，肛门出血，疑似痔疮",
    "球囊扩张术，异物取出术",
    "慢性非萎缩性胃炎伴糜烂降部霜斑样糜烂",
    "所见回肠、结肠未见明显异常",
    "肛门通过顺利，戴透明帽进镜，距肛缘65cm肝曲处可见一亚蒂息肉，大小约0.5*0.6cm，予圈套摘除，"
    "创面予钛夹一枚夹闭。",
    "“横结肠”及“直肠”管状腺瘤伴低级别上皮内瘤变。“降结肠”增生性息肉。",
    "胆总管结石ERCP+EST胆道塑料支架置入术",
)
REFERENCE = re.compile(r"\{([^{}]*)\}")
NUMBER = re.compile(r"#(\d+(?:\.\d+)?)-(\d+(?:\.\d+)?)")


class KnowledgeError(ValueError):
    """The knowledge base cannot be composed from; the message lists every reason."""


@dataclass
class Knowledge:
    """One file: its label, its vocabulary (never split) and its shapes (split).

    Each shape of a record is used ``repeat`` times before those of other files are used again.
    """

    path: Path
    label: int | None
    terms: dict[str, list[str]] = field(default_factory=dict)
    sentences: dict[str, list[str]] = field(default_factory=dict)
    records: dict[str, list[str]] = field(default_factory=dict)
    repeat: int = 1


def lines_of(block: object) -> list[str]:
    """The distinct non-empty lines of a block, or of every block of a table of blocks."""
    if isinstance(block, Mapping):
        return list(dict.fromkeys(line for part in block.values() for line in lines_of(part)))
    return list(dict.fromkeys(line.strip() for line in str(block).splitlines() if line.strip()))


def read_knowledge(path: Path) -> Knowledge:
    """Read one knowledge file."""
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    unknown = set(table) - {"label", "repeat", "terms", "sentences", "records"}
    unknown |= set(table.get("records", {})) - set(KINDS)
    if unknown:
        raise KnowledgeError(f"{path.name}: unknown sections {sorted(unknown)}; kinds are {KINDS}")
    parts = {
        section: {name: lines_of(block) for name, block in table.get(section, {}).items()}
        for section in ("terms", "sentences", "records")
    }
    return Knowledge(path, table.get("label"), **parts, repeat=table.get("repeat", 1))


def share_out(shapes: list[str], fold: int = 0) -> dict[str, list[str]]:
    """Divide shapes among the splits, by their hash: a tenth, and at least one, to val and test.

    Each ``fold`` gives validation another tenth, for cross-validation; test keeps its own.
    """
    ordered = sorted(shapes, key=lambda shape: hashlib.sha256(shape.encode()).hexdigest())
    held = max(1, round(len(ordered) * SPLITS["test"]))
    rest = ordered[held:]
    first = fold * held % len(rest)
    rest = rest[first:] + rest[:first]
    return {"test": ordered[:held], "val": rest[:held], "train": rest[held:]}


class Composer:
    """Expands the shapes of one knowledge file for one split."""

    def __init__(self, knowledge: Knowledge, common: Knowledge, split: str, fold: int = 0) -> None:
        self.rules: dict[str, list[str]] = {**common.terms, **knowledge.terms}
        for sentences in (common.sentences, knowledge.sentences):
            for name, shapes in sentences.items():
                self.rules[name] = share_out(shapes, fold)[split]
        self.label = knowledge.label
        self.records = {
            kind: share_out(shapes, fold)[split] for kind, shapes in knowledge.records.items()
        }

    def expand(self, shape: str, source: random.Random) -> str:
        """Replace every reference, innermost first, until none is left.

        A line stands twice in one text only where its rule has no other left.
        """
        used: set[tuple[str, str]] = set()

        def choose(match: re.Match[str]) -> str:
            reference = match.group(1)
            if number := NUMBER.fullmatch(reference):
                low, high = number.groups()
                if "." in low or "." in high:
                    return f"{source.uniform(float(low), float(high)):.1f}"
                return str(source.randint(int(low), int(high)))
            options = reference.split("|") if "|" in reference else self.rules[reference]
            chosen: str = source.choice(options)
            if "|" in reference:
                return chosen
            while (reference, chosen) in used and len(options) > 1:
                options = [option for option in options if option != chosen]
                chosen = source.choice(options)
            used.add((reference, chosen))
            return chosen

        text = shape
        while REFERENCE.search(text):
            text = REFERENCE.sub(choose, text)
        return text


def problems(knowledge: Knowledge, common: Knowledge) -> Iterator[str]:
    """Everything that would keep a file from composing, all at once."""
    known = {**common.terms, **common.sentences, **knowledge.terms, **knowledge.sentences}
    for section in ("terms", "sentences", "records"):
        for name, shapes in getattr(knowledge, section).items():
            where = f"{knowledge.path.name} [{section}] {name}"
            least = 1 if section == "terms" else 3
            if len(shapes) < least:
                yield f"{where}: needs at least {least} lines, has {len(shapes)}"
            for shape in shapes:
                if shape.count("{") != shape.count("}"):
                    yield f"{where}: unbalanced braces in {shape!r}"
                for reference in REFERENCE.findall(shape):
                    plain = "|" in reference or NUMBER.fullmatch(reference)
                    if not plain and reference not in known:
                        yield f"{where}: unknown reference {{{reference}}} in {shape!r}"


def read_all(folder: Path) -> tuple[Knowledge, list[Knowledge]]:
    """Read and check the whole knowledge base: (common, one per labelled file)."""
    common = read_knowledge(folder / "common.toml")
    files = [read_knowledge(p) for p in sorted(folder.glob("*.toml")) if p.name != "common.toml"]
    found = [problem for each in [common, *files] for problem in problems(each, common)]
    found += [f"{each.path.name}: no label" for each in files if each.label is None]
    if found:
        raise KnowledgeError("\n".join(found))
    return common, files


Composed = dict[str, tuple[int, str]]


def compose(
    files: Sequence[Knowledge],
    common: Knowledge,
    split: str,
    count: int,
    source: random.Random,
    fold: int = 0,
) -> Composed:
    """Compose ``count`` distinct records of one split: text to label and kind, in their shares.

    Every shape of a kind is used once before any is used again; after ``ROUNDS`` of them, other
    kinds make up for what a kind of few shapes lacks.
    """
    found: Composed = {}
    around = next((each for each in files if each.path.stem == SURROUNDINGS), None)
    pieces = around and Composer(around, common, split, fold)
    for label, share in SHARES.items():
        wanted = round(count * share)
        among = round(wanted * KINDS[SURROUNDED]) if pieces else 0
        composers = [
            (Composer(each, common, split, fold), each.repeat)
            for each in files
            if each.label == label and each is not around
        ]
        made = _compose_label(composers, wanted - among, wanted, source)
        texts = {text: (label, kind) for text, kind in made.items()}
        if pieces:
            more = surrounded(pieces, made, label, among, source)
            texts |= {text: (label, SURROUNDED) for text in more if text not in texts}
        if len(texts) < wanted:
            print(f"{split}: {len(texts)} of {wanted} records of label {label}", file=sys.stderr)
        if torn := sorted(found.keys() & texts.keys()):
            raise KnowledgeError("\n".join(f"composed with two labels: {text}" for text in torn))
        found |= texts
    return found


def _compose_label(
    composers: Sequence[tuple[Composer, int]], wanted: int, whole: int, source: random.Random
) -> dict[str, str]:
    """So many distinct records of one label, text to kind; ``whole`` is what shares are of."""
    shapes = [
        (composer, kind, shape)
        for composer, repeat in composers
        for kind, lines in composer.records.items()
        for shape in lines * repeat
    ]
    room = Counter({kind: round(whole * part) for kind, part in KINDS.items()})
    made: dict[str, str] = {}
    for uses in range(2 * ROUNDS):
        source.shuffle(shapes)
        for composer, kind, shape in shapes:
            if len(made) >= wanted or (uses < ROUNDS and room[kind] <= 0):
                continue
            text = composer.expand(shape, source)
            while kind in JOINED and source.random() < JOIN_SHARE:
                mark = "" if text.endswith(("。", "；")) else source.choice("，；。 ")
                text += mark + composer.expand(source.choice(composer.records[kind]), source)
            text = text if kind == "term" else roughen(text, source)
            text = " ".join(text.split())
            if SHORTEST <= len(text) <= LONGEST and text not in made:
                made[text] = kind
                room[kind] -= 1
    return made


def surrounded(
    pieces: Composer,
    made: Mapping[str, str],
    label: int,
    wanted: int,
    source: random.Random,
    marks: str = MARKS,
    longest: int = LONGEST,
    leads: Sequence[str] = LEADS,
) -> list[str]:
    """So many distinct texts: records of one label among what is not their subject.

    ``made`` maps records to their kinds; ``marks`` and ``leads`` are those of
    :func:`~surroundings.surround`, ``longest`` the characters of a text at most.
    """
    records = list(made)
    short = [text for text in records if len(text) <= SHORT] or records
    found: dict[str, None] = {}
    for _ in range(2 * ROUNDS * wanted):
        if len(found) == wanted:
            break
        record = source.choice(short if source.random() < SHORT_SHARE else records)
        asked = made[record] == "question" and OWN_WORDS in pieces.rules
        shapes = pieces.rules[OWN_WORDS] if asked else pieces.records[SURROUNDED]
        draw = partial(_drawn, pieces, shapes, source)
        alone = label == 0 and source.random() < ALONE_SHARE
        text = surround("" if alone else record, draw, source, marks, leads)
        text = " ".join(roughen(text, source).split())
        if SHORTEST <= len(text) <= longest and text not in made:
            found[text] = None
    return list(found)


def _drawn(composer: Composer, shapes: Sequence[str], source: random.Random) -> str:
    return composer.expand(source.choice(shapes), source)


def apart(splits: dict[str, Composed], kept_out: Sequence[str]) -> dict[str, Composed]:
    """Drop records that are near-duplicates of what is kept out, or of another split's.

    A pair across splits leaves test whole and drops out of train; then val gives way to test.
    """
    texts = [*kept_out]
    owners = ["out"] * len(texts)
    for name, records in splits.items():
        texts += records
        owners += [name] * len(records)
    groups = near_duplicate_groups(texts)
    taken: set[int] = set()
    result: dict[str, Composed] = {}
    for name in ("out", "test", "val", "train"):
        mine = [i for i, owner in enumerate(owners) if owner == name and groups[i] not in taken]
        taken |= {int(groups[i]) for i in mine}
        if name != "out":
            result[name] = {texts[i]: splits[name][texts[i]] for i in mine}
    return result


def kept_out(data: Path) -> list[str]:
    """The examples, the demo and the hand-written development sets."""
    found = [*EXAMPLES]
    for path in sorted((data / "dev").glob("*.txt")):
        found += [row.split("\t")[0] for row in path.read_text(encoding="utf-8").splitlines()]
    with (data / "demo.csv").open(encoding="utf-8", newline="") as file:
        found += [row["text"] for row in csv.DictReader(file)]
    return found


def make(folder: Path, count: int, seed: int, fold: int = 0) -> dict[str, Composed]:
    """Compose all splits, shuffled; one text never has two labels, nor stands twice.

    ``fold`` says which tenth of the shapes validates, see :func:`share_out`.
    """
    common, files = read_all(folder)
    splits = {
        name: compose(
            files, common, name, round(count * share), random.Random(f"{seed} {name}"), fold
        )
        for name, share in SPLITS.items()
    }
    labels: dict[str, set[int]] = {}
    for records in splits.values():
        for text, (label, _) in records.items():
            labels.setdefault(normalise(text).lower(), set()).add(label)
    torn = [text for text, found in labels.items() if len(found) > 1]
    if torn:
        raise KnowledgeError("\n".join(f"composed with two labels: {text}" for text in torn))
    source = random.Random(seed)
    result: dict[str, Composed] = {}
    for name, records in apart(splits, kept_out(ROOT / "data")).items():
        rows = list(records.items())
        source.shuffle(rows)
        distinct = {normalise(text).lower(): (text, about) for text, about in reversed(rows)}
        result[name] = dict(reversed(distinct.values()))
    return result


def count_table(splits: Mapping[str, Composed]) -> str:
    """The records by kind and by length, for each label and split, as Markdown."""
    rows = [
        (split, f"label {label}", kind, next(f"to {n}" for n in LENGTHS if len(text) <= n))
        for split, records in splits.items()
        for text, (label, kind) in records.items()
    ]
    columns = ["train", "val", "test", *(f"label {label}" for label in SHARES)]
    lines = [f"| records | all | {' | '.join(columns)} |", "|---|" + "---:|" * (len(columns) + 1)]
    groups = ["all", *KINDS, *(f"to {n}" for n in LENGTHS)]
    for group in groups:
        part = [row for row in rows if group == "all" or group in row]
        counts = [len(part), *(sum(column in row for row in part) for column in columns)]
        name = f"{group} characters" if group.startswith("to ") else group
        lines.append(f"| {name} | {' | '.join(f'{count:,}' for count in counts)} |")
    return "\n".join(lines)


def write(splits: Mapping[str, Composed], output: Path) -> None:
    """Write the files of records; the test split once more with its kinds."""
    everything: list[str] = []
    for name, records in splits.items():
        lines = [f"{text}\t{label}\n" for text, (label, _) in records.items()]
        everything += lines
        (output / f"{name}.txt").write_text("".join(lines), encoding="utf-8", newline="\n")
    (output / "all.txt").write_text("".join(everything), encoding="utf-8", newline="\n")
    with (output / "test.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(("text", "label", "kind"))
        table.writerows((text, *about) for text, about in splits["test"].items())


def show_samples(common: Knowledge, files: Sequence[Knowledge], seed: int) -> None:
    """Print the size of each file, and five records of each kind."""
    source = random.Random(seed)
    for each in files:
        counts = {kind: len(lines) for kind, lines in each.records.items()}
        print(f"# {each.path.name}: label {each.label}, {sum(counts.values())} records: {counts}")
        composer = Composer(each, common, "train")
        for kind, shapes in composer.records.items():
            for shape in source.sample(shapes, min(5, len(shapes))):
                print(f"{kind}\t{composer.expand(shape, source)}")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--knowledge", type=Path, default=ROOT / "data" / "knowledge")
    parser.add_argument("--output", type=Path, default=ROOT / "data")
    parser.add_argument("--records", type=int, default=50000, help="how many to compose")
    parser.add_argument("--seed", type=int, default=20)
    parser.add_argument("--check", action="store_true", help="only check and show samples")
    parser.add_argument("--only", help="with --check: only this file")
    args = parser.parse_args()
    try:
        if args.check:
            common, files = read_all(args.knowledge)
            chosen = [each for each in files if args.only in (None, each.path.name)]
            show_samples(common, chosen, args.seed)
            return
        splits = make(args.knowledge, args.records, args.seed)
    except KnowledgeError as error:
        sys.exit(str(error))
    write(splits, args.output)
    counts = count_table(splits)
    print(counts)
    card = args.output / "README.md"
    if card.is_file():
        before, mark, rest = card.read_text(encoding="utf-8").partition("<!-- counts -->\n")
        after = rest.partition("<!-- end of counts -->")[2]
        if mark and after:
            text = f"{before}{mark}{counts}\n<!-- end of counts -->{after}"
            card.write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
