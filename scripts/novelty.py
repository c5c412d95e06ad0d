"""Compare scores of novelty: every one, at every layer, on texts that are and are no records.

In: a model directory that holds its novelty, the splits, the hand-written sets and the families of
out-of-distribution texts. Out: Markdown tables, and a picture if asked for.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from novelty_scores import Sample, accuracies, logistic, scores_of_records_alone
from sklearn.metrics import roc_auc_score
from tqdm import tqdm

from gi_classifier.data.readers import read_records
from gi_classifier.data.records import Records
from gi_classifier.decisions.novelty import THRESHOLD, NoveltyScorer, open_novelty
from gi_classifier.decisions.novelty_scale import at_length, fit_length_scale
from gi_classifier.decisions.pairs import Pairs
from gi_classifier.files import write_whole
from gi_classifier.model.activations import ActivationReader, Activations, encode
from gi_classifier.model.directory import WEIGHTS, ModelDirectory, load
from gi_classifier.model.shipped import shipped
from gi_classifier.model.weights import HEAD, read_h5
from gi_classifier.plots.novelty import novelty_figure

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT / "data"
FAR = {
    "chat": "闲聊",
    "news": "新闻",
    "poems": "诗歌",
    "recipes": "菜谱",
    "code": "代码",
    "english": "英文",
    "other_languages": "其他语言",
    "forms": "空表格",
    "law": "法律文书",
    "reviews": "商品评价",
    "textbook": "教科书",
    "shuffled": "打乱的记录",
    "numbers": "数字",
    "noise": "乱敲键盘",
}
NEAR = {
    "leaflets": "药品说明书",
    "insurance": "保险",
    "veterinary": "兽医病历",
    "health_advice": "健康科普",
    "abstracts": "论文摘要",
    "notices": "医院通知",
}
# Written after the score had been chosen on the others.
LATER = ("law", "reviews", "textbook", "health_advice", "abstracts", "notices")
GENERATED = ("shuffled", "numbers", "noise")
# A shuffled term of a few characters can be a term.
SHORTEST_SHUFFLED = 10
KEYS = ("asdfghjkl;", "qwertyuiop", "zxcvbnm,./", "1234567890-=", "ａｓｄ啊哦的是。。、")
_CHUNK = 1024


def generated(records: Sequence[str], count: int, source: random.Random) -> dict[str, list[str]]:
    """Families that need no writer: shuffled records, lists of numbers, keyboard noise."""
    long = [text for text in records if len(text) >= SHORTEST_SHUFFLED]
    shuffled = ["".join(source.sample(text, len(text))) for text in source.sample(long, count)]
    numbers = []
    for _ in range(count):
        top, places = 10 ** source.randint(1, 6), source.choice([0, 0, 1, 2])
        values = [
            f"{source.uniform(0, top):.{places}f}" for _ in range(source.choice([2, 5, 12, 40]))
        ]
        numbers.append(source.choice([" ", "，", ", ", ";", "\t"]).join(values))
    noise = [
        "".join(source.choice(source.choice(KEYS)) for _ in range(source.choice([4, 8, 20, 60])))
        for _ in range(count)
    ]
    return {"shuffled": shuffled, "numbers": numbers, "noise": noise}


def read(
    directory: ModelDirectory, reader: ActivationReader, texts: Sequence[str], bar: tqdm
) -> Sample:
    """Read texts; the head's logits are those of the last layer's [CLS]."""
    parts = []
    for start in range(0, len(texts), _CHUNK):
        parts.append(reader.read(texts[start : start + _CHUNK]))
        bar.update(len(parts[-1].ids))
    found = Activations(
        np.concatenate([part.firsts for part in parts]),
        np.concatenate([part.means for part in parts]),
        [row for part in parts for row in part.ids],
    )
    kernel, bias = read_h5(directory.files[WEIGHTS])[HEAD]
    lengths = np.array([len(row) for row in found.ids])
    return Sample(found, found.firsts[:, -1] @ kernel + bias, lengths)


@dataclass(frozen=True)
class Measured:
    """AUROC of each family, and the share rejected of two kinds of real records."""

    auroc: dict[str, float]
    test: float
    dev: float

    def mean(self, families: Sequence[str]) -> float:
        """Mean AUROC of some families."""
        return float(np.mean([self.auroc[name] for name in families]))

    def least(self, families: Sequence[str]) -> float:
        """Least AUROC of some families."""
        return min(self.auroc[name] for name in families)


def auroc(known: np.ndarray, other: np.ndarray) -> float:
    """Chance that a text out of distribution is more novel than a record."""
    truth = np.repeat([0, 1], [len(known), len(other)])
    return float(roc_auc_score(truth, np.concatenate([known, other])))


def measured(
    scores: Mapping[str, np.ndarray], families: Sequence[str], dev: Sequence[str], level: float
) -> Measured:
    """Judge one score, given its values by name of the set; "val" sets the threshold."""
    threshold = np.quantile(scores["val"], level)
    written = np.concatenate([scores[name] for name in dev])
    return Measured(
        {name: auroc(scores["test"], scores[name]) for name in families},
        float(np.mean(scores["test"] > threshold)),
        float(np.mean(written > threshold)),
    )


def among_alike(
    scores: Mapping[str, np.ndarray], samples: Mapping[str, Sample]
) -> dict[str, np.ndarray]:
    """A score's values as deviations from what is usual at a text's length."""
    scale = fit_length_scale(scores["val"], samples["val"].lengths)
    return {name: at_length(found, samples[name].lengths, scale) for name, found in scores.items()}


def joined(parts: Sequence[Measured]) -> Measured:
    """Join the measures of groups of families."""
    return Measured(
        {name: value for part in parts for name, value in part.auroc.items()},
        float(np.mean([part.test for part in parts])),
        float(np.mean([part.dev for part in parts])),
    )


def chosen_without(table: Mapping[tuple[str, str], Measured], families: Sequence[str]) -> float:
    """Mean AUROC of the families, each by the score that is best on all the others."""
    found = []
    for name in families:
        others = [other for other in families if other != name]
        best = max(table, key=lambda key: table[key].mean(others))
        found.append(table[best].auroc[name])
    return float(np.mean(found))


def compared(
    samples: Mapping[str, Sample],
    labels: np.ndarray,
    pairs: Pairs,
    layers: int,
    families: Sequence[str],
    dev: Sequence[str],
    seed: int,
) -> tuple[dict[tuple[str, str], Measured], dict[tuple[str, str], Measured]]:
    """Measure every score: as it is, and among records of like length."""
    plain, alike = {}, {}
    values: dict[tuple[str, str], dict[str, np.ndarray]] = {}
    for key, score in scores_of_records_alone(samples["train"], labels, pairs, layers).items():
        found = {name: score(sample) for name, sample in samples.items() if name != "train"}
        values[key] = among_alike(found, samples)
        plain[key] = measured(found, families, dev, THRESHOLD)
        alike[key] = measured(values[key], families, dev, THRESHOLD)
    surprise = values["surprise of tokens", "–"]
    for kind, layer in tqdm(
        [(kind, layer) for kind in ("[CLS] after", "mean before") for layer in range(layers)],
        desc="logistic regression",
        disable=None,
    ):
        name = f"{kind} {layer + 1}"
        groups = logistic(samples, families, kind, layer, seed)
        key = ("logistic regression", name)
        plain[key] = joined([measured(f, left, dev, THRESHOLD) for left, f in groups])
        alike[key] = joined(
            [measured(among_alike(f, samples), left, dev, THRESHOLD) for left, f in groups]
        )
        both = {n: surprise[n] + v for n, v in values["Mahalanobis", name].items()}
        alike["Mahalanobis + surprise", name] = measured(both, families, dev, THRESHOLD)
    return plain, alike


def row(*cells: object) -> str:
    """One line of a Markdown table."""
    return f"| {' | '.join(map(str, cells))} |"


def print_comparison(
    plain: Mapping[tuple[str, str], Measured], alike: Mapping[tuple[str, str], Measured]
) -> None:
    """One line for each score and layer."""
    heads = ("score", "layer", "far", "near", "far, by length", "least", "near, by length")
    print(row(*heads, "least", "test rejected", "dev rejected"))
    print("|---|---|" + "---:|" * 8)
    for key in sorted(alike):
        found, before = alike[key], plain.get(key)
        print(
            row(
                *key,
                *(f"{before.mean(list(p)):.3f}" if before else "–" for p in (FAR, NEAR)),
                *(
                    f"{value:.3f}"
                    for part in (list(FAR), list(NEAR))
                    for value in (found.mean(part), found.least(part))
                ),
                f"{found.test:.1%}",
                f"{found.dev:.1%}",
            )
        )


def print_families(
    scores: Mapping[str, np.ndarray], others: Mapping[str, Measured], counts: Mapping[str, int]
) -> None:
    """One line for each family, by the score that is stored with the model, and by others."""
    print(row("family", "kind", "texts", "AUROC", "rejected", *others))
    print("|---|---|---:|---:|---:|" + "---:|" * len(others))
    for kind, part in (("far", FAR), ("near", NEAR)):
        for name in part:
            print(
                row(
                    name + (" *" if name in LATER else ""),
                    kind,
                    counts[name],
                    f"{auroc(scores['test'], scores[name]):.3f}",
                    f"{np.mean(scores[name] > THRESHOLD):.0%}",
                    *(f"{found.auroc[name]:.3f}" for found in others.values()),
                )
            )
        for title, kept in (("mean", list(part)), ("mean of *", [n for n in part if n in LATER])):
            print(
                row(
                    f"**{title}**",
                    kind,
                    sum(counts[n] for n in kept),
                    f"**{np.mean([auroc(scores['test'], scores[n]) for n in kept]):.3f}**",
                    f"{np.mean(np.concatenate([scores[n] for n in kept]) > THRESHOLD):.0%}",
                    *(f"{found.mean(kept):.3f}" for found in others.values()),
                )
            )


def print_real(scores: Mapping[str, np.ndarray], parts: Sequence[str]) -> None:
    """One line for each set of real records."""
    print(row("records", "count", "rejected", "share"))
    print("|---|---:|---:|---:|")
    all_ = {**{name: scores[name] for name in parts}}
    all_["**test and dev**"] = np.concatenate([scores["test"], *(scores[n] for n in parts[1:])])
    for name, found in {"val (sets the threshold)": scores["val"], **all_}.items():
        novel = found > THRESHOLD
        print(row(name, f"{len(found):,}", int(novel.sum()), f"{novel.mean():.1%}"))


def drawn(records: Records, count: int, source: random.Random) -> Records:
    """At most so many records."""
    return records.take(source.sample(range(len(records)), min(count, len(records))))


def read_texts(
    data: Path, count: int, generated_count: int, source: random.Random
) -> tuple[dict[str, Sequence[str]], list[str], list[int]]:
    """Texts of every set by its name, all training texts, and labels of the training sample."""
    splits = {name: read_records(data / f"{name}.txt") for name in ("train", "val", "test")}
    parts = {name: drawn(found, count, source) for name, found in splits.items()}
    texts: dict[str, Sequence[str]] = {name: found.texts for name, found in parts.items()}
    for path in sorted((data / "dev").glob("*.txt")):
        texts[f"dev/{path.stem}"] = read_records(path).texts
    for name in (*FAR, *NEAR):
        if name not in GENERATED:
            path = data / "out_of_distribution" / f"{name}.txt"
            texts[name] = read_records(path, labelled=False, skip_blank=True).texts
    texts |= generated(splits["test"].texts, generated_count, source)
    return texts, list(splits["train"].texts), list(parts["train"].labels or ())


def read_samples(
    directory: ModelDirectory, reader: ActivationReader, texts: Mapping[str, Sequence[str]]
) -> dict[str, Sample]:
    """Read every set, with a progress bar."""
    with tqdm(total=sum(map(len, texts.values())), unit="text", disable=None) as bar:
        return {name: read(directory, reader, found, bar) for name, found in texts.items()}


def print_choice(alike: Mapping[tuple[str, str], Measured], families: Sequence[str]) -> None:
    """Say how far the choice of a score flatters, and what was chosen."""
    early = [name for name in families if name not in LATER]
    best = max(alike, key=lambda key: alike[key].mean(early))
    print(
        "\nMean AUROC over families, each by the score that is best on all others: "
        f"{chosen_without(alike, families):.3f}. Best on the {len(early)} families written first: "
        f"{best[0]}, {best[1]}.\n"
    )


def stored_scores(scorer: NoveltyScorer, samples: Mapping[str, Sample]) -> dict[str, np.ndarray]:
    """Scores of every set by the novelty that is stored with the model."""
    layer = scorer.novelty.layer
    return {
        name: scorer.novelty.scores(sample.read.means[:, layer], sample.read.ids)
        for name, sample in samples.items()
    }


def print_stored(
    stored: Mapping[str, np.ndarray],
    plain: Mapping[tuple[str, str], Measured],
    alike: Mapping[tuple[str, str], Measured],
    samples: Mapping[str, Sample],
    layer: int,
    seed: int,
) -> None:
    """Say how the stored score does by family, beside its parts and logistic regression."""
    families = [*FAR, *NEAR]
    best = max(
        (key for key in plain if key[0] == "logistic regression"),
        key=lambda key: plain[key].mean(families),
    )
    kind, place = best[1].rsplit(" ", 1)
    known, unknown = accuracies(samples, families, kind, int(place) - 1, seed)
    print(
        f"Logistic regression on {best[1]}, balanced accuracy: {known:.3f} on new texts of the "
        f"families it was fitted on, {unknown:.3f} on families it was not.\n"
    )
    others = {
        "distance alone": alike["Mahalanobis", f"mean before {layer + 1}"],
        "surprise alone": alike["surprise of tokens", "–"],
        f"logistic regression, {best[1]}": plain[best],
    }
    print("## The stored score, by family (*: written after it was chosen)\n")
    print_families(stored, others, {name: len(found) for name, found in stored.items()})


def picture(stored: Mapping[str, np.ndarray], dev: Sequence[str], seed: int) -> bytes:
    """Draw the stored score of every set."""
    real = {"test 测试集": stored["test"], **{name: stored[name] for name in dev}}
    sets = {
        "records 记录": real,
        "near out-of-distribution 近似的外来文本": {f"{n} {t}": stored[n] for n, t in NEAR.items()},
        "far out-of-distribution 无关的外来文本": {f"{n} {t}": stored[n] for n, t in FAR.items()},
    }
    return novelty_figure(sets, THRESHOLD, seed)


def parsed() -> argparse.Namespace:
    """Options of the script."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", type=Path, default=shipped())
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--records", type=int, default=3000, help="of each split, at most")
    parser.add_argument("--generated", type=int, default=50, help="texts of a generated family")
    parser.add_argument("--plot", type=Path, help="also draw the scores there, as PNG")
    parser.add_argument("--seed", type=int, default=42, help="of what is drawn at random")
    return parser.parse_args()


def main() -> None:
    """Read, measure and print."""
    options = parsed()
    directory = load(options.model)
    scorer = open_novelty(directory)
    texts, train, labels = read_texts(
        options.data, options.records, options.generated, random.Random(options.seed)
    )
    pairs = Pairs.fit(encode(directory.vocabulary, train), len(directory.vocabulary))
    samples = read_samples(directory, scorer.reader, texts)
    families, dev = [*FAR, *NEAR], [name for name in texts if name.startswith("dev/")]
    layers = directory.config.num_hidden_layers
    plain, alike = compared(samples, np.array(labels), pairs, layers, families, dev, options.seed)
    print("## Every score, every layer\n")
    print_comparison(plain, alike)
    print_choice(alike, families)
    stored = stored_scores(scorer, samples)
    print_stored(stored, plain, alike, samples, scorer.novelty.layer, options.seed)
    print("\n## Real records\n")
    print_real(stored, ["test", *dev])
    if options.plot:
        write_whole(options.plot, picture(stored, dev, options.seed))


if __name__ == "__main__":
    main()
