"""How often normal findings around a diagnosis silence it, by how much a text's pieces count.

In: ``data/``, a model directory, and the records that it was trained and validated on. Out: a
Markdown table: macro-F1 on validation and test records, and the share of short diagnoses that
become "neither", of ALBERT, of a linear member that is fitted here, and of both. With
``--by-kind``, of a model as it is: that share for each of its members; and of 100 short records
that are rightly answered alone how many are answered otherwise among normal text, by its kind and
place, those of a tract and of neither.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from gi_classifier.data.readers import read_records
from gi_classifier.data.records import Records
from gi_classifier.model.directory import ModelDirectory, load
from gi_classifier.model.fusion import Fusion
from gi_classifier.model.predictor import Predictor
from gi_classifier.model.shipped import shipped_directory
from gi_classifier.settings import Use
from gi_classifier.training.fusion import fit_fusions
from gi_classifier.training.linear import fit_linear

DATA = Path(__file__).resolve().parent.parent / "data"
# How much sentences and clauses count.
SHARES = ((0.0, 0.0), (0.65, 0.0), (0.35, 0.3), (0.3, 0.4), (0.15, 0.5), (0.0, 0.65), (0.4, 0.4))
# An examination, laboratory values, a past history, a nursing note: none names the tract.
NORMAL = (
    "查体：神志清楚，皮肤巩膜无黄染，浅表淋巴结未触及肿大，双肺呼吸音清，未闻及干湿啰音，心率78次/分，"
    "律齐，各瓣膜听诊区未闻及杂音，双下肢无水肿。",
    "血常规：白细胞6.2×10^9/L，血红蛋白132g/L，血小板210×10^9/L。肝肾功能、电解质未见异常。",
    "既往高血压病史10年，规律服用氨氯地平，否认糖尿病、冠心病史，否认药物过敏史。",
    "患者神清，精神可，生命体征平稳，予以心电监护，吸氧，健康宣教。",
)
# More of such text, by kind, in wordings that the knowledge base does not have.
AROUND = {
    "examination": (
        NORMAL[0],
        "检查见一般状况尚好，贫血貌不明显，颈静脉充盈正常，两肺底未听到啰音，心音无分裂，全腹触之柔软，四肢活动对称。",
        "查见：面容安静，眼睑结膜红润，咽弓对称，胸廓无鸡胸，肝浊音界存在，肾区叩诊无痛，膝踝反射两侧一致。",
    ),
    "laboratory": (
        NORMAL[1],
        "抽静脉血：血色素131克，白血球5900，转氨酶28单位，肌酐71微摩尔，血糖5.2，均在参考值内。",
        "回报单：甲功五项、心肌三项、血脂全套、凝血时间以及术前免疫均未提示异常，血钾4.1，血钠140。",
    ),
    "history": (
        NORMAL[2],
        "从前得过肺炎，已愈；二十年前骨折打过石膏；血压偏高，每天一片药；家中老人身体都好；不抽烟。",
        "旧病：风湿性心脏病，换过瓣膜，华法林吃了八年；青年时割过扁桃体；没有对什么药过敏的事。",
    ),
    "nursing": (
        NORMAL[3],
        "责护巡视：卧位舒适，留置针贴膜未卷边，输注泵运转正常，家人在旁，夜里睡了六个钟头，未诉难受。",
        "今日照护要点：防坠床，床头抬高三十度，勤换体位，口腔清洁两次，入量两千毫升，出量一千八百毫升。",
    ),
    "header": (
        "东城第二医院住院病历（续页） 登记号：0071253 姓名：林某某 性别：女 61岁 床位：外三 27床",
        "单据流水：A-2209-118 就诊卡尾号4471 开单科室：综合门诊 打印机：3号 采样日：周二上午",
    ),
    "signature": (
        "以上由值班大夫郑某录入，副高何某审阅，二〇一九年五月六日十六时，本页盖章有效。",
        "填表人：沈某（工号2071），校对：白某，归档日期见封底，患方已阅并按手印。",
    ),
}
PLACES = ("before", "behind", "inside")
_BREAK = re.compile("[，；、： ]")
_LONGEST = 25


def diagnoses(records: Records, count: int, seed: int) -> list[tuple[str, int]]:
    """Short records of the upper or lower tract, drawn at random."""
    return short_records(records, (1, 2), count, seed)


def short_records(
    records: Records, labels: Sequence[int], count: int, seed: int
) -> list[tuple[str, int]]:
    """Records of few characters and of one of the labels, drawn at random."""
    order = np.random.default_rng(seed).permutation(len(records))
    known = records.labels or ()
    short = [i for i in order if known[i] in labels and len(records.texts[i]) < _LONGEST]
    return [(records.texts[i], known[i]) for i in short[:count]]


def among_normal(text: str, surroundings: Sequence[str] = NORMAL) -> Iterator[str]:
    """A text at each of ``PLACES`` of each of its surroundings."""
    for normal in surroundings:
        found = _BREAK.search(normal, len(normal) // 2)
        half = found.end() if found else len(normal) // 2
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


def changed(alone: np.ndarray, among: np.ndarray, labels: np.ndarray) -> float:
    """Of the records that are right alone, the share that is answered otherwise among normal text.

    Parameters and shapes are those of :func:`flipped`.
    """
    right = alone.argmax(axis=1) == labels
    return float((among[right].argmax(axis=2) != labels[right, None]).mean())


def by_kind(predictor: Predictor, drawn: Sequence[tuple[str, int]]) -> dict[str, list[float]]:
    """For each kind of surroundings the share that changes, at each place: floats 0 to 1."""
    texts, labels = [text for text, _ in drawn], np.array([label for _, label in drawn])
    alone = predictor.decision_function(texts)
    found = {}
    for kind, surroundings in AROUND.items():
        among = [one for text in texts for one in among_normal(text, surroundings)]
        scores = predictor.decision_function(among)
        shaped = scores.reshape(len(texts), len(surroundings), len(PLACES), -1)
        found[kind] = [changed(alone, shaped[:, :, i], labels) for i in range(len(PLACES))]
    return found


def silenced(predictor: Predictor, drawn: Sequence[tuple[str, int]]) -> float:
    """Of diagnoses that are right alone, the share that is "neither" among ``NORMAL``."""
    texts, labels = [text for text, _ in drawn], np.array([label for _, label in drawn])
    alone = predictor.decision_function(texts)
    among = predictor.decision_function([one for text in texts for one in among_normal(text)])
    return flipped(alone, among.reshape(len(texts), -1, alone.shape[1]), labels)


def show_by_kind(directory: ModelDirectory, records: Records, count: int, seed: int) -> None:
    """Print a row of the members that answer, whose records, and the kind of surroundings."""
    print("| answered by | silenced |\n|---|---:|")
    for use in uses(directory):
        predictor = Predictor.from_directory(directory, "fp32", use=use)
        print(f"| {use} | {silenced(predictor, diagnoses(records, count, seed)):.3f} |")
    print()
    print(
        f"| answered by | records | around | {' | '.join(PLACES)} |\n|---|---|---|---:|---:|---:|"
    )
    for use in uses(directory):
        predictor = Predictor.from_directory(directory, "fp32", use=use)
        for name, labels in (("tract", (1, 2)), ("neither", (0,))):
            drawn = short_records(records, labels, count, seed)
            for kind, shares in by_kind(predictor, drawn).items():
                cells = " | ".join(f"{100 * share:.0f}" for share in shares)
                print(f"| {use} | {name} | {kind} | {cells} |")


def uses(directory: ModelDirectory) -> Sequence[Use]:
    """The ways in which a model's members can answer."""
    return ("albert", "linear", "both") if directory.linear else ("albert",)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--diagnoses", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--split", choices=["val", "test"], default="val", help="of the diagnoses")
    parser.add_argument("--train", type=Path, default=DATA / "train.txt")
    parser.add_argument("--val", type=Path, default=DATA / "val.txt")
    parser.add_argument("--by-kind", action="store_true", help="what each kind of text changes")
    parser.add_argument("--model", type=Path, help="model directory (default: the one that ships)")
    args = parser.parse_args()
    directory = load(args.model) if args.model else shipped_directory()
    if args.by_kind:
        records = read_records(DATA / f"{args.split}.txt", num_classes=3)
        show_by_kind(directory, records, args.diagnoses, args.seed)
        return
    drawn = diagnoses(
        read_records(DATA / f"{args.split}.txt", num_classes=3), args.diagnoses, args.seed
    )
    splits = {
        name: read_records(path, num_classes=3)
        for name, path in (
            ("train", args.train),
            ("val", args.val),
            ("test", DATA / "test.txt"),
        )
    }
    labels = np.array([label for _, label in drawn])
    texts = {name: list(splits[name].texts) for name in ("val", "test")}
    texts["alone"] = [text for text, _ in drawn]
    texts["among"] = [one for text in texts["alone"] for one in among_normal(text)]
    predictor = Predictor.from_directory(directory, "fp32")
    albert = {name: predictor.albert_log_odds(part) for name, part in texts.items()}
    print("| sentences | clauses | answered by | validation | test | silenced |")
    print("|---:|---:|---|---:|---:|---:|")
    for shares in SHARES:
        member = fit_linear(
            splits["train"].texts, splits["train"].labels or (), 3, piece_shares=shares
        )
        linear = {name: member.decision_function(part) for name, part in texts.items()}
        fusions = fit_fusions(albert["val"], linear["val"], splits["val"].labels or ())
        for use, fusion in fusions.items():
            if use != "albert" or shares == SHARES[0]:
                cells = _cells(fusion, albert, linear, splits, labels)
                print(f"| {shares[0]} | {shares[1]} | {use} | {cells} |", flush=True)


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
