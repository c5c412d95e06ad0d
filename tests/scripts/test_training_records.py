"""Records among what is not their subject, for training."""

import random
import sys
from collections import Counter
from pathlib import Path

import pytest
import training_records
from make_dataset import ROOT, Composer, read_knowledge

NORMAL = "双肺呼吸音清，未闻及干湿啰音，心率78次/分。"


def test_passages_that_report_what_is_normal_are_found() -> None:
    others = [
        "否认黑便，胃纳可，余查体未见异常。",
        "查体正常",
        "高血压怎么办，血压正常吗？请问",
        "肺癌术后，查体未见异常，定期复查。",
    ]
    assert training_records.normal_passages([*others, NORMAL, "无" * 500]) == [NORMAL]


def test_written_pieces_are_as_many_as_found_ones_at_least() -> None:
    written = training_records.surroundings([]).records
    found = [f"{NORMAL}{number}" for number in range(9000)]
    shapes = [s for kind in training_records.surroundings(found).records.values() for s in kind]
    own = sum(map(len, written.values()))
    assert own <= len(shapes) <= 2 * own


def test_records_keep_their_labels_and_stand_among_pieces() -> None:
    rows = [("胃窦溃疡", "1"), ("内痔", "2"), ("左肺结节", "0"), ("肛裂能自己好吗", "2")]
    common = read_knowledge(ROOT / "data" / "knowledge" / "common.toml")
    pieces = Composer(training_records.surroundings([NORMAL]), common, "train")
    found = training_records.added(rows, pieces, 400, random.Random(0))
    counts = Counter(label for _, label in found)
    assert counts == {"0": 200, "1": 100, "2": 100}
    inside = 0
    for text, label in found:
        if label == "1" and "胃窦溃疡" in text:
            before, _, behind = text.partition("胃窦溃疡")
            assert len(before) + len(behind) > 10
            inside += before.endswith("，") and behind.startswith("，")
    assert inside


def test_no_record_among_pieces_is_longer_than_a_window() -> None:
    rows = [("胃窦溃疡" * 40, "1"), ("内痔", "2"), ("左肺结节", "0")]
    common = read_knowledge(ROOT / "data" / "knowledge" / "common.toml")
    pieces = Composer(training_records.surroundings([NORMAL]), common, "train")
    found = training_records.added(rows, pieces, 200, random.Random(0))
    assert max(len(text) for text, _ in found) <= 198


def test_a_misread_record_keeps_its_length_and_label() -> None:
    rows = [(f"胃窦溃疡{n}", "1") for n in range(9)] + [("双肺", "0")]
    found = training_records.scanned(rows, 6, random.Random(0))
    assert len(found) == 6
    for text, label in found:
        same = [own for own, _ in rows if len(own) == len(text)]
        assert label == "1"
        assert 1 <= min(sum(map(str.__ne__, text, own)) for own in same) <= 3


def test_what_is_added_stands_in_no_split_already(
    splits: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training_records, "SCANNED", {"train": 0, "val": 0})
    monkeypatch.setattr(training_records, "ADDED", {"train": 4, "val": 4})
    drawn = [("胃癌 ", "1"), ("新的", "0")]
    monkeypatch.setattr(training_records, "added", lambda *_: drawn)
    monkeypatch.setattr(sys, "argv", ["x", str(splits), str(tmp_path / "out")])
    training_records.main()
    train, val = ((tmp_path / "out" / f"{s}.tsv").read_text("utf-8") for s in ("train", "val"))
    assert train.count("新的") == 1
    assert "新的" not in val
    assert "胃癌 " not in train + val


@pytest.fixture
def splits(tmp_path: Path) -> Path:
    for split in training_records.ADDED:
        rows = "".join(
            f"{text}\t{label}\n" for text, label in (("胃癌", 1), ("痔", 2), ("肺炎", 0))
        )
        (tmp_path / f"{split}.tsv").write_text(rows, "utf-8")
    (tmp_path / "corpus.txt").write_text(f"{NORMAL}\n胃癌\n", "utf-8")
    return tmp_path


def test_the_same_call_writes_the_same_files(splits, tmp_path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(training_records, "ADDED", {"train": 40, "val": 8})
    monkeypatch.setattr(training_records, "SCANNED", {"train": 2, "val": 0})
    for name in ("one", "other"):
        monkeypatch.setattr(sys, "argv", ["x", str(splits), str(tmp_path / name)])
        training_records.main()
    for split, rows in (("train", 45), ("val", 11)):
        content = (tmp_path / "one" / f"{split}.tsv").read_bytes()
        assert content == (tmp_path / "other" / f"{split}.tsv").read_bytes()
        assert content.count(b"\n") == rows
