"""Add records among what is not their subject to those that the model that ships is trained on.

In: the folder that ``real_sentences.py`` wrote, ``data/surroundings.toml``, and, of ``corpus.txt``
in that folder, passages that only report what is normal. Out: ``train.tsv`` and ``val.tsv`` in
another folder: the rows as they were; records of theirs before, behind, between and inside such
text, with their own labels, of label 0 also such text alone; and records as a scanner misreads
them.
"""

from __future__ import annotations

import argparse
import random
import re
from collections.abc import Sequence
from pathlib import Path

from make_dataset import ROOT, SHARES, Composer, Knowledge, read_knowledge, surrounded
from make_vocabulary import lines
from real_sentences import Row, distant, read_rows
from rough_text import MISREAD
from surroundings import LEADS

from gi_classifier.settings import Settings
from gi_classifier.text import normalise

# For each split how many are added.
ADDED = {"train": 30_000, "val": 1_000}
SCANNED = {"train": 3_000, "val": 0}
# Characters of one record among pieces: a window, so that training reads all of it.
_WINDOW = Settings().maxlen - 2
# Inside a piece, most doctors put commas around what they add.
MARKS = "，，，。； "
# Two of three records say nothing before their subject.
FEW_LEADS = (*LEADS, *[""] * len(LEADS))
_SHORTEST, _LONGEST = 12, 120
_NORMAL = re.compile(
    "未见|未闻|未及|无明显|无特殊|正常|否认|既往|体温|血压|心率|脉搏|呼吸|查体|血常规|mmHg"
    "|神志清|过敏史|护理|监护|宣教|阴性|（-）|\\(-\\)"
)
# What may be a subject, or reminds of the tract.
_SUBJECT = re.compile(
    "[胃肠食管肛便泻呕吐咽酸贲幽阑痔？?]|十二指|诊断|主诉|入院|入我|收治|就诊|手术|术后|切除|癌|瘤|腹痛|消化|问|病例"
    "|怎|什么|多久|能否|可以|建议|目的|结果|研究|探讨|文献|组|原因|本病|治疗|鉴别|方法|提示|导致|引起|发病|笔者"
)
# What a scanner makes of a character: what composed records have, and more.
SCANS = [
    *MISREAD.items(),
    *zip("门门贲食管胃痔瘘直十溃疡", "巾内喷良菅田持痿真士渍殇", strict=True),
]
_ASKED = re.compile("[？?吗]|怎么|请问|咋")


def normal_passages(passages: Sequence[str]) -> list[str]:
    """Those that report what is normal, a history or care, and name no subject of their own."""
    return [
        passage.replace("{", "").replace("}", "")
        for passage in passages
        if _SHORTEST <= len(passage) <= _LONGEST
        and _NORMAL.search(passage)
        and not _SUBJECT.search(passage)
    ]


def surroundings(found: Sequence[str]) -> Knowledge:
    """The pieces that were written for this, and at most as many of ``found``."""
    written = read_knowledge(ROOT / "data" / "surroundings.toml")
    most = sum(map(len, written.records.values()))
    found = found[:: max(1, -(-len(found) // most))]
    records = {kind: [*shapes, *found] for kind, shapes in written.records.items()}
    return Knowledge(written.path, 0, sentences=written.sentences, records=records)


def added(rows: Sequence[Row], pieces: Composer, count: int, source: random.Random) -> list[Row]:
    """So many records of ``rows`` among pieces, in the shares that labels have in the dataset."""
    result: list[Row] = []
    for label, share in SHARES.items():
        made = {
            text: "question" if _ASKED.search(text) else "line"
            for text, own in rows
            if own == str(label)
        }
        wanted = round(count * share)
        texts = surrounded(pieces, made, label, wanted, source, MARKS, _WINDOW, FEW_LEADS)
        result += [(text, str(label)) for text in texts]
    return result


def scanned(rows: Sequence[Row], count: int, source: random.Random) -> list[Row]:
    """So many records in which one to three characters are misread, with their own labels."""
    result: dict[str, str] = {}
    for text, label in source.sample(rows, len(rows)):
        if len(result) == count:
            break
        misread, slips = text, [(one, other) for one, other in SCANS if one in text]
        for one, other in source.sample(slips, min(len(slips), source.choice((1, 1, 2, 3)))):
            misread = misread.replace(one, other, 1)
        # Some slips undo each other.
        if misread != text:
            result[misread] = label
    return list(result.items())


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("splits", type=Path, help="folder of train.tsv, val.tsv and corpus.txt")
    parser.add_argument("output", type=Path, help="folder to write")
    parser.add_argument("--seed", type=int, default=20)
    args = parser.parse_args()
    common = read_knowledge(ROOT / "data" / "knowledge" / "common.toml")
    rows = {split: read_rows(args.splits / f"{split}.tsv") for split in ADDED}
    found = normal_passages(lines(args.splits / "corpus.txt"))
    kept = distant(found, [text for text, _ in rows["val"]])
    found = [passage for passage, keep in zip(found, kept, strict=True) if keep]
    print(f"{len(found)} passages report what is normal")
    knowledge = surroundings(found)
    args.output.mkdir(parents=True, exist_ok=True)
    taken = {normalise(text) for own in rows.values() for text, _ in own}
    for split, count in ADDED.items():
        source = random.Random(f"{args.seed} {split}")
        more = added(rows[split], Composer(knowledge, common, split), count, source)
        more += scanned(rows[split], SCANNED[split], source)
        # What is drawn twice, or stands in a split already, would stand in both.
        more = [row for row in more if normalise(row[0]) not in taken]
        taken |= {normalise(text) for text, _ in more}
        content = "".join(f"{text}\t{label}\n" for text, label in [*rows[split], *more])
        (args.output / f"{split}.tsv").write_text(content, encoding="utf-8")
        print(f"{split}: {len(rows[split])} records, {len(more)} more among other text or misread")


if __name__ == "__main__":
    main()
