"""How often normal findings around a diagnosis silence it, by how much a text's pieces count.

In: ``data/`` and the model that ships. Out: a Markdown table: macro-F1 on validation and test
records, and the share of short diagnoses that become "neither", of ALBERT, of a linear member that
is fitted here, and of both.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from gi_classifier.data.readers import read_records
from gi_classifier.data.records import Records
from gi_classifier.model.fusion import Fusion
from gi_classifier.model.predictor import Predictor
from gi_classifier.model.shipped import shipped_directory
from gi_classifier.training.fusion import fit_fusions
from gi_classifier.training.linear import fit_linear

DATA = Path(__file__).resolve().parent.parent / "data"
SHARES = (0.0, 0.35, 0.5, 0.65, 0.8, 1.0)
# An examination, laboratory values, a past history, a nursing note: none names the tract.
NORMAL = (
    "查体：神志清楚，皮肤巩膜无黄染，浅表淋巴结未触及肿大，双肺呼吸音清，未闻及干湿啰音，心率78次/分，"
    "律齐，各瓣膜听诊区未闻及杂音，双下肢无水肿。",
    "血常规：白细胞6.2×10^9/L，血红蛋白132g/L，血小板210×10^9/L。肝肾功能、电解质未见异常。",
    "既往高血压病史10年，规律服用氨氯地平，否认糖尿病、冠心病史，否认药物过敏史。",
    "患者神清，精神可，生命体征平稳，予以心电监护，吸氧，健康宣教。",
)
_LONGEST = 25


def diagnoses(records: Records, count: int, seed: int) -> list[tuple[str, int]]:
    """Short records of the upper or lower tract, drawn at random."""
    order = np.random.default_rng(seed).permutation(len(records))
    labels = records.labels or ()
    short = [i for i in order if labels[i] and len(records.texts[i]) < _LONGEST]
    return [(records.texts[i], labels[i]) for i in short[:count]]


def among_normal(text: str) -> Iterator[str]:
    """A text before, behind and in the middle of each normal one."""
    for normal in NORMAL:
        half = normal.find("，", len(normal) // 2) + 1
        yield f"{normal}{text}"
        yield f"{text}。{normal}"
        yield f"{normal[:half]}{text}，{normal[half:]}"


def macro_f1(scores: np.ndarray, labels: Sequence[int]) -> float:
    """Of the labels with the largest scores (records, classes)."""
    from sklearn.metrics import f1_score

    return float(f1_score(labels, scores.argmax(axis=1), average="macro"))


def flipped(alone: np.ndarray, among: np.ndarray, labels: np.ndarray) -> float:
    """Of the diagnoses that are right alone, the share that is "neither" among normal findings.

    Parameters
    ----------
    alone : ndarray, shape (diagnoses, classes)
    among : ndarray, shape (diagnoses, places, classes)
    labels : ndarray of int, shape (diagnoses,)
    """
    right = alone.argmax(axis=1) == labels
    return float((among[right].argmax(axis=2) == 0).mean())


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--diagnoses", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--split", choices=["val", "test"], default="val", help="of the diagnoses")
    args = parser.parse_args()
    splits = {
        name: read_records(DATA / f"{name}.txt", num_classes=3) for name in ("train", "val", "test")
    }
    drawn = diagnoses(splits[args.split], args.diagnoses, args.seed)
    labels = np.array([label for _, label in drawn])
    texts = {name: list(splits[name].texts) for name in ("val", "test")}
    texts["alone"] = [text for text, _ in drawn]
    texts["among"] = [one for text in texts["alone"] for one in among_normal(text)]
    predictor = Predictor.from_directory(shipped_directory(), "fp32")
    albert = {name: predictor.decision_function(part) for name, part in texts.items()}
    fitted = fit_linear(splits["train"].texts, splits["train"].labels or (), 3)
    print("| share of pieces | member | val | test | silenced |\n|---|---|---:|---:|---:|")
    for share in SHARES:
        member = replace(fitted, piece_share=share)
        linear = {name: member.decision_function(part) for name, part in texts.items()}
        fusions = fit_fusions(albert["val"], linear["val"], splits["val"].labels or ())
        for use, fusion in fusions.items():
            if use != "albert" or share == SHARES[0]:
                print(f"| {share} | {use} | {_cells(fusion, albert, linear, splits, labels)} |")


def _cells(
    fusion: Fusion,
    albert: dict[str, np.ndarray],
    linear: dict[str, np.ndarray],
    splits: dict[str, Records],
    labels: np.ndarray,
) -> str:
    scores = {name: fusion.scores(albert[name], linear[name]) for name in albert}
    right = [macro_f1(scores[name], splits[name].labels or ()) for name in ("val", "test")]
    among = scores["among"].reshape(len(labels), -1, scores["among"].shape[1])
    silenced = flipped(scores["alone"], among, labels)
    return " | ".join(f"{value:.3f}" for value in (*right, silenced))


if __name__ == "__main__":
    main()
