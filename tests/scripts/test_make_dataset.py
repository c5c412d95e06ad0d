from __future__ import annotations

import importlib.util
import itertools
import os
import random
import shutil
import subprocess
import sys
from collections import Counter, defaultdict
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd
import pytest
from samples import dataset

from gi_classifier.data.near_duplicates import near_duplicate_groups
from gi_classifier.data.readers import read_records
from gi_classifier.data.records import drop_duplicates
from gi_classifier.data.splitting import check_apart

SCRIPT = Path(__file__).parent.parent.parent / "scripts" / "make_dataset.py"
SPLITS = ("train", "val", "test")


def load_script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_dataset", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # Its dataclass looks itself up there.
    sys.modules["make_dataset"] = module
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(SCRIPT.parent))
        spec.loader.exec_module(module)
    return module


script = load_script()


def block(lines: list[str]) -> str:
    return "'''\n" + "\n".join(lines) + "\n'''"


@pytest.fixture
def knowledge(tmp_path: Path) -> Path:
    """Three labels, 30 record shapes each, in characters that tell the shapes apart."""
    folder = tmp_path / "knowledge"
    folder.mkdir()
    (folder / "common.toml").write_text(
        f'[terms]\n"侧" = {block(["左", "右"])}\n'
        f'[sentences]\n"尾" = {block(["无殊。", "随访。", "复查。", "见{侧}侧。"])}\n',
        encoding="utf-8",
    )
    source = random.Random(1)
    for label in range(3):
        shapes = [
            "".join(chr(0x4E00 + source.randrange(3000)) for _ in range(20)) + "{#1-9}{甲|乙}{尾}"
            for _ in range(30)
        ]
        (folder / f"label{label}.toml").write_text(
            f"label = {label}\n[records]\nfindings = {block(shapes)}\n", encoding="utf-8"
        )
    return folder


def run(knowledge: Path, output: Path, *more: str, seed: str = "0") -> str:
    output.mkdir(exist_ok=True)
    return subprocess.run(
        [sys.executable, SCRIPT, "--knowledge", knowledge, "--output", output, *more],
        env={**os.environ, "PYTHONHASHSEED": seed},
        capture_output=True,
        check=True,
        text=True,
    ).stdout


@pytest.mark.slow
def test_what_it_writes_is_the_same_in_any_process_and_its_splits_are_apart(
    knowledge: Path, tmp_path: Path
) -> None:
    for seed in "01":
        shown = run(knowledge, tmp_path / seed, "--records", "60", seed=seed)
        assert "| findings | " in shown
    for file in (*(f"{name}.txt" for name in SPLITS), "all.txt", "test.csv"):
        assert (tmp_path / "0" / file).read_bytes() == (tmp_path / "1" / file).read_bytes()
    splits = {name: read_records(tmp_path / "0" / f"{name}.txt") for name in SPLITS}
    everything = read_records(tmp_path / "0" / "all.txt")
    assert Counter(everything.texts) == Counter(t for s in splits.values() for t in s.texts)
    assert len(drop_duplicates(everything)) == len(everything)
    assert all(set(part.labels or ()) == {0, 1, 2} for part in splits.values())
    assert all(script.SHORTEST <= len(text) <= script.LONGEST for text in everything.texts)
    check_apart(splits)
    owners = {t: name for name, part in splits.items() for t in part.texts}
    groups = defaultdict(set)
    for text, group in zip(everything.texts, near_duplicate_groups(everything.texts), strict=True):
        groups[int(group)].add(owners[text])
    assert all(len(names) == 1 for names in groups.values())
    run(knowledge, tmp_path / "2", "--records", "60", "--seed", "3")
    assert (tmp_path / "2" / "all.txt").read_bytes() != (tmp_path / "0" / "all.txt").read_bytes()


def shapes_of(common: Any, files: list[Any], split: str) -> set[tuple[str, str]]:
    """Every record shape and every sentence shape that one split's composers use."""
    found: set[tuple[str, str]] = set()
    for each in files:
        composer = script.Composer(each, common, split)
        found |= {("record", shape) for lines in composer.records.values() for shape in lines}
        for name in [*common.sentences, *each.sentences]:
            found |= {("sentence", shape) for shape in composer.rules[name]}
    return found


def test_no_shape_of_one_split_is_in_another(knowledge: Path) -> None:
    used = [shapes_of(*script.read_all(knowledge), name) for name in SPLITS]
    assert [one & other for one, other in itertools.combinations(used, 2)] == [set()] * 3
    assert min(map(len, used)) > 9
    assert sum(map(len, used)) == 3 * 30 + 4


def test_the_real_knowledge_passes_its_check_and_tests_on_shapes_not_trained_on() -> None:
    common, files = script.read_all(script.ROOT / "data" / "knowledge")
    assert {each.label for each in files} == {0, 1, 2}
    shared = shapes_of(common, files, "test") & shapes_of(common, files, "train")
    assert sorted(shared) == []


@pytest.mark.slow
def test_the_files_that_ship_are_what_it_writes(tmp_path: Path) -> None:
    data = script.ROOT / "data"
    shutil.copy(data / "README.md", tmp_path)
    run(data / "knowledge", tmp_path)
    for file in (*(f"{name}.txt" for name in SPLITS), "all.txt", "test.csv", "README.md"):
        assert (tmp_path / file).read_bytes() == (data / file).read_bytes()
    splits = {name: read_records(data / f"{name}.txt", num_classes=3) for name in SPLITS}
    check_apart(splits)
    assert sum(len(drop_duplicates(part)) for part in splits.values()) >= 12_000


@pytest.mark.slow
def test_no_held_out_record_that_ships_has_a_near_duplicate_in_another_split() -> None:
    parts = {name: dataset(name).texts for name in SPLITS}
    owners = [name for name in SPLITS for _ in parts[name]]
    groups = defaultdict(set)
    found = near_duplicate_groups([text for name in SPLITS for text in parts[name]])
    for owner, group in zip(owners, found, strict=True):
        groups[int(group)].add(owner)
    assert [names for names in groups.values() if len(names) > 1] == []


def test_the_examples_the_demo_and_the_development_sets_are_kept_out() -> None:
    found = script.kept_out(script.ROOT / "data")
    assert set(script.EXAMPLES) < set(found)
    assert "某患者，肛门出血，疑似痔疮" in script.EXAMPLES
    near = "某患者，肛门出血，疑似痔疮。"
    other = "右肺下叶见磨玻璃结节，随访"
    splits = {name: {} for name in SPLITS} | {"train": {near: (2, "line"), other: (0, "line")}}
    assert script.apart(splits, found)["train"] == {other: (0, "line")}


def test_near_duplicates_across_splits_stay_in_test() -> None:
    one, close = "胃窦见一大小约三厘米溃疡型肿物", "胃窦见一大小约三厘米溃疡型肿物。"
    upper, other = (1, "line"), (0, "line")
    splits = {
        "train": {one: upper, "肺炎复查": other},
        "val": {"胃窦见一大小约三厘米溃疡型肿物,": upper},
    }
    found = script.apart({**splits, "test": {close: upper}}, [])
    assert found == {"test": {close: upper}, "val": {}, "train": {"肺炎复查": other}}


@pytest.fixture(scope="module")
def shipped() -> Any:
    return pd.read_csv(script.ROOT / "data" / "test.csv")


def test_no_kind_of_text_gives_its_label_away(shipped: Any) -> None:
    assert set(shipped.kind) == set(script.KINDS)
    table = pd.crosstab(shipped.kind, shipped.label, normalize="index")
    for label, share in script.SHARES.items():
        # A tenth of the shapes of every file: the shares of the small kinds vary.
        assert (table[label] - share).abs().max() < 0.11, table


def test_kinds_stand_beside_the_records_of_the_test_split(shipped: Any) -> None:
    records = read_records(script.ROOT / "data" / "test.txt")
    assert tuple(shipped.text) == records.texts
    assert tuple(shipped.label) == records.labels


@pytest.mark.slow
def test_the_counts_in_the_card_are_those_of_the_files() -> None:
    card = (script.ROOT / "data" / "README.md").read_text(encoding="utf-8")
    for group, name in (("all", "all"), ("all", "train"), ("all", "val"), ("all", "test")):
        header, row = (
            next(line for line in card.splitlines() if line.startswith(f"| {start} |"))
            for start in ("records", group)
        )
        column = [cell.strip() for cell in header.split("|")].index(name)
        shown = int(row.split("|")[column].replace(",", ""))
        assert shown == len(dataset(name))


def test_real_surfaces_occur_and_most_texts_stay_as_they_are() -> None:
    text = "患者3年前因十二指肠溃疡行胃大部切除术，胃窦粘膜充血（++），食管通畅；建议复查胃镜。"
    found = [script.roughen(text, random.Random(seed)) for seed in range(2000)]
    assert 0.2 < sum(one == text for one in found) / len(found) < 0.6
    for surface in (
        "食道",
        "黏膜",
        "患者3年前因12指肠",
        "冒",
        "胃鏡",
        "３年前",
        "(++)",
        "***",
        "[日期]",
    ):
        assert any(surface in one for one in found), surface
    assert any("，" not in one and " " not in one and "," not in one for one in found)
    assert len({script.roughen(text, random.Random(7)) for _ in range(5)}) == 1


def test_a_slip_changes_a_character_or_two() -> None:
    text = "距门齿三十厘米见一肿物"
    changed = {sys.modules["rough_text"].slip(text, random.Random(seed)) for seed in range(500)} - {
        text
    }
    assert len(changed) >= 20
    for one in changed:
        assert abs(len(one) - len(text)) <= 1
        assert len(set(text) ^ set(one)) <= 3


@pytest.mark.parametrize("count", [3, 5, 10, 40, 101])
def test_shapes_are_shared_out_whole_by_their_hash(count: int) -> None:
    shapes = [f"shape {i}" for i in range(count)]
    found = script.share_out(shapes)
    assert sorted(shape for part in found.values() for shape in part) == sorted(shapes)
    assert len(found["test"]) == len(found["val"]) == max(1, round(count / 10))
    assert script.share_out(shapes[::-1]) == found


def test_references_are_expanded_until_none_is_left() -> None:
    made = script.Knowledge(Path("x"), 1, {"侧": ["左"], "位": ["{侧}肺"]})
    composer = script.Composer(made, script.Knowledge(Path("c"), None), "train")
    source = random.Random(1)
    found = {composer.expand("{位}{甲|乙}{#2-3}枚{#0.5-0.7}cm{|？}", source) for _ in range(300)}
    assert found == {
        f"左肺{letter}{count}枚{size}cm{end}"
        for letter in "甲乙"
        for count in (2, 3)
        for size in ("0.5", "0.6", "0.7")
        for end in ("", "？")
    }


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("label = 1\n[extra]\na = 'b'", r"unknown sections \['extra'\]"),
        ("label = 1\n[records]\npoem = 'a'", r"unknown sections \['poem'\]"),
        (f"label = 1\n[records]\nterm = {block(['a', 'b'])}", "needs at least 3 lines, has 2"),
        (f"label = 1\n[records]\nterm = {block(['a', 'b', '{c'])}", "unbalanced braces in '{c'"),
        (f"label = 1\n[records]\nterm = {block(['a', 'b', '{c}'])}", "unknown reference {c}"),
        (f"[records]\nterm = {block(['a', 'b', 'c'])}", "bad.toml: no label"),
    ],
)
def test_knowledge_that_cannot_be_composed_is_refused(
    knowledge: Path, content: str, message: str
) -> None:
    (knowledge / "bad.toml").write_text(content, encoding="utf-8")
    with pytest.raises(script.KnowledgeError, match=message):
        script.read_all(knowledge)


def test_one_text_composed_with_two_labels_is_refused(knowledge: Path) -> None:
    lines = block([f"同一句话{c}" for c in "甲乙丙"])
    for label in (0, 1):
        (knowledge / f"twice{label}.toml").write_text(
            f"label = {label}\n[records]\nterm = {lines}\n", encoding="utf-8"
        )
    with pytest.raises(script.KnowledgeError, match="composed with two labels: 同一句话"):
        script.make(knowledge, 600, 1)


def test_its_check_shows_samples_and_writes_nothing(knowledge: Path, tmp_path: Path) -> None:
    shown = run(knowledge, tmp_path / "out", "--check", "--only", "label2.toml")
    assert "# label2.toml: label 2, 30 records: {'findings': 30}" in shown
    assert shown.count("\nfindings\t") == 5
    assert "label1" not in shown
    assert [*(tmp_path / "out").iterdir()] == []


def with_surroundings(knowledge: Path) -> Any:
    pieces = [f"查体：平稳{c}。" for c in "子丑寅卯辰巳午未申酉"]
    (knowledge / "surroundings.toml").write_text(
        f"label = 0\n[records]\nsurrounded = {block(pieces)}\n", encoding="utf-8"
    )
    return script.make(knowledge, 900, 1)


def test_surrounded_records_keep_the_label_of_what_they_surround(knowledge: Path) -> None:
    for made in with_surroundings(knowledge).values():
        plain = {text: about for text, (about, kind) in made.items() if kind != "surrounded"}
        around = {text: about for text, (about, kind) in made.items() if kind == "surrounded"}
        assert {*around.values()} == {0, 1, 2}
        assert all("平稳" in text for text in around)
        assert not any("平稳" in text for text in plain)
        middles = {text[12:18]: label for text, label in plain.items()}
        known = [
            (label, middles[middle])
            for text, label in around.items()
            for middle in middles
            if middle in text
        ]
        assert len(known) > len(around) / 3
        assert all(label == own for label, own in known)


def test_surroundings_of_the_test_split_are_in_no_other(knowledge: Path) -> None:
    made = with_surroundings(knowledge)
    seen = {
        name: {c for text in part for c in "子丑寅卯辰巳午未申酉" if f"平稳{c}" in text}
        for name, part in made.items()
    }
    assert [len(seen[name]) for name in ("test", "val")] == [1, 1]
    assert not seen["test"] & seen["train"]


def test_a_file_says_how_often_its_shapes_are_used(knowledge: Path) -> None:
    for times in (1, 4):
        path = knowledge / "label1.toml"
        text = path.read_text(encoding="utf-8").partition("label = 1")[2]
        path.write_text(f"repeat = {times}\nlabel = 1{text}", encoding="utf-8")
        files = script.read_all(knowledge)[1]
        assert [each.repeat for each in files] == [1, times, 1]


def test_each_fold_validates_on_other_shapes_and_never_on_those_of_test(knowledge: Path) -> None:
    common, files = script.read_all(knowledge)
    held: list[set[tuple[str, str]]] = []
    for fold in range(3):
        made = {
            name: {
                (each.path.name, shape)
                for each in files
                for lines in script.Composer(each, common, name, fold).records.values()
                for shape in lines
            }
            for name in SPLITS
        }
        assert not made["val"] & made["train"]
        assert not made["test"] & (made["val"] | made["train"])
        held.append(made["val"])
    assert not held[0] & held[1]
    assert not held[1] & held[2]
    texts = [set(script.make(knowledge, 60, 1, fold)["val"]) for fold in (0, 0, 1)]
    assert texts[0] == texts[1]
    assert not texts[0] & texts[2]
