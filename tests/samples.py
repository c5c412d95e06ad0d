"""Characters, records and attributions that tests make by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from gi_classifier.attribution.attribution import Attribution
from gi_classifier.data.records import Records
from gi_classifier.settings import Settings

CHARACTERS = (
    "食管贲门胃窦体底角幽十二指肠结直回阑尾肛痔黏膜充血糜烂溃疡息肉癌术切除患者便吞咽困难"
    "发热咳嗽骨折肺心脏脑，。、：；（）"
)


def made(text: str, scores: list[float] | None = None, **changes: object) -> Attribution:
    """An attribution by hand: one token for each character that is not white space."""
    places = [i for i, c in enumerate(text) if not c.isspace()]
    values = np.zeros(len(places)) if scores is None else np.array(scores)
    found = Attribution(
        text=text,
        label=1,
        label_name="upper 上消化道",
        tokens=tuple(text[i] for i in places),
        offsets=np.array([(i, i + 1) for i in places], dtype=int).reshape(-1, 2),
        scores=values,
        albert=values.copy(),
        linear=np.zeros(len(places)),
        special=0.0,
        probability=0.987,
        baseline_probability=0.412,
        score=4.3,
        baseline_score=-0.4,
        error=0.0012,
        steps=18,
        converged=True,
        baseline="mask",
    )
    return replace(found, **changes)


def estimator_parameters(settings: Settings) -> dict[str, Any]:
    """Settings as parameters of ``GIClassifier``, which derives the number of classes."""
    table = settings.to_dict()
    table["random_state"] = table.pop("seed")
    del table["num_classes"]
    return table


def made_up_records(count: int = 120) -> list[tuple[str, int]]:
    """Distinct records, no two nearly the same, whose label shows in one character."""
    import random

    source = random.Random(5)
    filler = [c for c in CHARACTERS if c not in "胃肠肺，。、：；（）"]
    rows = []
    for i in range(count):
        body = source.sample(filler, 10)
        body.insert(source.randrange(11), "肺胃肠"[i % 3])
        rows.append(("".join(body), i % 3))
    return rows


@cache
def dataset(name: str) -> Records:
    """A split of the dataset that ships, read once for all tests: train, val, test or all."""
    from gi_classifier.data.readers import read_records

    return read_records(Path(__file__).resolve().parent.parent / "data" / f"{name}.txt")


def write_pairs(path: Path, rows: Sequence[tuple[str, int]]) -> Path:
    """Write texts and labels as lines of ``text<TAB>label``."""
    path.write_text("".join(f"{text}\t{label}\n" for text, label in rows), encoding="utf-8")
    return path
