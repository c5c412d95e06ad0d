"""scripts/real_sentences.py: labels by id join their sentences, near-duplicates in one split."""

from __future__ import annotations

import hashlib
import re
import sys

import pytest
import real_sentences

from gi_classifier.errors import RecordsError


def row(text: str) -> str:
    return f"{hashlib.sha256(text.encode()).hexdigest()[:16]}\tkind\t{text}"


def test_every_label_is_one_of_four_and_no_text_is_shipped() -> None:
    lines = real_sentences.LABELS.read_text("utf-8").splitlines()
    assert lines[0] == "id\tlabel\tannotators\tdrawn"
    form = re.compile(r"[0-9a-f]{16}\t[012x]\t[123]\t(random|hard|rest|corpus)")
    assert all(map(form.fullmatch, lines[1:]))
    assert len(real_sentences.read_labels()) == len(lines) - 1 >= 6000
    assert sum(line.split("\t")[2] != "1" for line in lines[1:]) >= 600


def test_an_id_that_is_not_its_texts_is_named(tmp_path) -> None:
    path = tmp_path / "s.tsv"
    path.write_text(f"{row('胃镜检查')}\n{row('肠镜检查')[:-1]}\n", "utf-8")
    with pytest.raises(RecordsError, match="line 2"):
        real_sentences.read_sentences(path)


def test_near_duplicates_are_in_one_split(tmp_path) -> None:
    texts = [f"患者因反复上腹部疼痛伴反酸嗳气入院已有{n}天余时间" for n in range(40)]
    (tmp_path / "s.tsv").write_text("\n".join(map(row, texts)), "utf-8")
    splits = {s.split for s in real_sentences.read_sentences(tmp_path / "s.tsv")}
    assert len(splits) == 1


def test_splits_are_some_60_20_and_20_percent() -> None:
    names = [hashlib.sha256(str(n).encode()).hexdigest()[:16] for n in range(3000)]
    splits = [real_sentences.split_of(name) for name in names]
    for split, share in (("train", 0.6), ("val", 0.2), ("test", 0.2)):
        assert abs(splits.count(split) / 3000 - share) < 0.03


def test_what_is_near_held_out_text_is_left_out_of_a_corpus() -> None:
    held_out = ["患者因反复上腹部疼痛伴反酸嗳气三天入院治疗。"]
    texts = [
        "患者因反复上腹部疼痛伴反酸嗳气三天入院治疗",
        "前面还有很多别的话，患者因反复上腹部疼痛伴反酸嗳气三天入院治疗，后面也有很多别的话，说的是别的事情",
        "血压一百二十，心率七十，双肺呼吸音清",
    ]
    assert real_sentences.distant(texts, held_out).tolist() == [False, False, True]


def test_the_command_writes_three_splits_and_a_corpus(tmp_path, monkeypatch, capsys) -> None:
    texts = [
        f"{'胃肠食管肝胆心肺肾脑眼'[n % 11]}的第{chr(0x4E00 + 37 * n)}{chr(0x5E00 + 91 * n)}句话"
        for n in range(60)
    ]
    (tmp_path / "s.tsv").write_text("\n".join(map(row, texts)), "utf-8")
    (tmp_path / "corpus").write_text("\n".join(texts), "utf-8")
    labels = {
        row(text).split("\t")[0]: real_sentences.Label("x" if n == 0 else "1", "random")
        for n, text in enumerate(texts)
    }
    monkeypatch.setattr(real_sentences, "read_labels", lambda: labels)
    out = tmp_path / "out"
    arguments = ["x", str(tmp_path / "s.tsv"), str(out), "--corpus", str(tmp_path / "corpus")]
    monkeypatch.setattr(sys, "argv", arguments)
    real_sentences.main()
    written = [
        line
        for split in ("train", "val", "test")
        for line in (out / f"{split}.tsv").read_text("utf-8").splitlines()
    ]
    assert sorted(written) == sorted(f"{text}\t1" for text in texts[1:])
    corpus = (out / "corpus.txt").read_text("utf-8").splitlines()
    held = [line.split("\t")[0] for line in (out / "test.tsv").read_text("utf-8").splitlines()]
    assert held
    assert not set(held) & set(corpus)
    assert set(corpus) < set(texts)
    drawn = (out / "test.csv").read_text("utf-8").splitlines()
    assert drawn == ["text,label,drawn", *(f"{text},1,random" for text in held)]


def test_labelled_passages_of_the_corpus_are_trained_and_validated_on_unless_held_out(
    tmp_path, monkeypatch
) -> None:
    held_out = next(
        text
        for n in range(99)
        if real_sentences.split_of(row(text := f"第{n}例患者因反复上腹部疼痛入院")[:16]) == "test"
    )
    passages = ["".join(chr(0x4E00 + 40 * n + k) for k in range(20)) for n in range(60)]
    (tmp_path / "s.tsv").write_text(row(held_out), "utf-8")
    (tmp_path / "corpus").write_text("\n".join([*passages, f"{held_out}。", "无标签"]), "utf-8")
    labels = {row(text)[:16]: real_sentences.Label("2", "corpus") for text in passages}
    labels[row(passages[0])[:16]] = real_sentences.Label("x", "corpus")
    labels[row(f"{held_out}。")[:16]] = real_sentences.Label("2", "corpus")
    labels[row(held_out)[:16]] = real_sentences.Label("1", "hard")
    monkeypatch.setattr(real_sentences, "read_labels", lambda: labels)
    out = tmp_path / "out"
    arguments = ["x", str(tmp_path / "s.tsv"), str(out), "--corpus", str(tmp_path / "corpus")]
    monkeypatch.setattr(sys, "argv", arguments)
    real_sentences.main()
    train, val, test = (
        (out / f"{split}.tsv").read_text("utf-8").splitlines() for split in real_sentences.SPLITS
    )
    assert sorted([*train, *val]) == sorted(f"{text}\t2" for text in passages[1:])
    assert 0 < len(val) < 20
    assert (out / "unlabelled.txt").read_text("utf-8").splitlines() == [passages[0], "无标签"]
    assert test == [f"{held_out}\t1"]


def test_the_stricter_split_keeps_a_text_that_two_splits_have() -> None:
    text = "患者因反复上腹部疼痛伴反酸嗳气{}天入院"
    rows = {
        "train": [(text.format(3), "1"), ("右肺上叶磨玻璃结节", "0")],
        "val": [(text.format(4), "1"), ("结肠多发息肉待切除", "2")],
        "test": [(text.format(5), "1")],
    }
    kept = real_sentences.without_twins(rows)
    assert kept["train"] == rows["train"][1:]
    assert kept["val"] == rows["val"][1:]
    assert kept["test"] == rows["test"]


def test_a_dataset_stands_beside_the_sentences(tmp_path, monkeypatch) -> None:
    (tmp_path / "s.tsv").write_text(row("胃窦黏膜充血水肿"), "utf-8")
    for split, text in (("train", "横结肠息肉"), ("val", "左肺结节"), ("test", "胃角溃疡")):
        (tmp_path / f"{split}.txt").write_text(f"{text}\t0\n", "utf-8")
    lines = ["".join(chr(0x4E00 + 40 * n + k) for k in range(9)) for n in range(20)]
    (tmp_path / "written.tsv").write_text("".join(f"{line}痔\t2\n" for line in lines), "utf-8")
    labels = {row("胃窦黏膜充血水肿")[:16]: real_sentences.Label("1", "rest")}
    monkeypatch.setattr(real_sentences, "read_labels", lambda: labels)
    arguments = ["x", str(tmp_path / "s.tsv"), str(tmp_path), "--dataset", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", arguments)
    real_sentences.main()
    written = {
        split: (tmp_path / f"{split}.tsv").read_text("utf-8") for split in real_sentences.SPLITS
    }
    assert "横结肠息肉\t0\n" in written["train"]
    assert "左肺结节\t0\n" in written["val"]
    assert "胃角溃疡" not in written["test"]
    assert [written[split].count("痔\t2") for split in real_sentences.SPLITS] == [10, 10, 0]
    assert "胃窦黏膜充血水肿\t1\n" in "".join(written.values())
