"""Attributions against the spans that decide, with a tiny model."""

from __future__ import annotations

import csv
import gzip
import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import plausibility
import pytest
from faithfulness import Methods
from plausibility import REAL, WRITTEN, Evidence, compare, main, measure, read_evidence

from gi_classifier.model.directory import FUSION, LINEAR, ModelDirectory, load

RECORDS = [Evidence("胃镜见溃疡", 1, ((0, 2),)), Evidence("肠镜见息肉", 2, ((0, 2), (3, 5)))]


def answered_right(directory: ModelDirectory) -> list[Evidence]:
    """The records, labelled with what a model answers."""
    answers = Methods(directory, 0).explainer.explain([record.text for record in RECORDS])
    return [replace(r, label=found.label) for r, found in zip(RECORDS, answers, strict=True)]


def test_the_written_records_are_sixty_of_both_labels_with_spans_that_fit() -> None:
    records = read_evidence(WRITTEN)
    assert [record.label for record in records] == [1] * 30 + [2] * 30
    assert len({record.text for record in records}) == 60
    assert all(a < b for record in records for a, b in record.spans)


def test_the_real_records_are_two_hundred_of_both_labels_without_a_text() -> None:
    rows = list(csv.DictReader(REAL.open(encoding="utf-8"), delimiter="\t"))
    assert list(rows[0]) == ["id", "label", "spans"]
    assert sorted(row["label"] for row in rows) == ["1"] * 100 + ["2"] * 100
    assert len({row["id"] for row in rows}) == 200


def test_ids_are_joined_to_the_corpus(tmp_path: Path) -> None:
    text = "胃窦溃疡"
    name = hashlib.sha256(text.encode()).hexdigest()[:16]
    (tmp_path / "e.tsv").write_text(f"id\tlabel\tspans\n{name}\t1\t0-2 2-4\n", encoding="utf-8")
    with gzip.open(tmp_path / "c.tsv.gz", "wt", encoding="utf-8") as file:
        file.write(f"other\tname\t肺炎\n{name}\tname\t{text}\n")
    found = read_evidence(tmp_path / "e.tsv", tmp_path / "c.tsv.gz")
    assert found == [Evidence(text, 1, ((0, 2), (2, 4)))]
    with pytest.raises(SystemExit, match="name the texts' file with --corpus"):
        read_evidence(tmp_path / "e.tsv")


def test_spans_that_do_not_fit_are_named_by_their_lines_without_the_text(tmp_path: Path) -> None:
    path = tmp_path / "e.tsv"
    path.write_text("text\tlabel\tspans\n胃\t1\t0-2\n胃癌\t1\t0-2\n肠\t2\t\n", encoding="utf-8")
    with pytest.raises(SystemExit, match="2 of 3 records:\nline 2: .*\nline 4: ") as raised:
        read_evidence(path)
    assert "胃" not in str(raised.value)


@pytest.mark.slow
def test_records_answered_wrong_are_left_out(trained: Path) -> None:
    directory = load(trained)
    methods = Methods(directory, 0)
    answers = [found.label for found in methods.explainer.explain([r.text for r in RECORDS])]
    wrong = replace(RECORDS[0], label=(answers[0] + 1) % 3)
    right = replace(RECORDS[1], label=answers[1])
    found = measure(methods, False, [wrong, right])
    assert found[""].tolist() == [[0.8]]
    assert {values.shape for name, values in found.items() if name} == {(1, 2)}


@pytest.mark.slow
def test_a_member_that_is_not_there_has_no_row_and_both_have_theirs(trained: Path) -> None:
    both = load(trained)
    alone = replace(
        both,
        files={name: file for name, file in both.files.items() if name not in (LINEAR, FUSION)},
    )
    names = [[row["method"] for row in compare(d, answered_right(d), 0)] for d in (both, alone)]
    parts = ["the library, ALBERT's part", "the library, linear part"]
    assert names[0][1:3] == parts
    assert names[1] == [name for name in names[0] if name not in parts]
    assert {"attention of [CLS] (ALBERT)", "gradient × input (ALBERT)", "random"} <= set(names[1])


@pytest.mark.slow
def test_the_script_prints_the_table_and_writes_every_figure(
    trained: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lines = [f"{r.text}\t{r.label}\t0-2\n" for r in answered_right(load(trained))]
    monkeypatch.setattr(plausibility, "WRITTEN", tmp_path / "e.tsv")
    (tmp_path / "e.tsv").write_text("text\tlabel\tspans\n" + "".join(lines), encoding="utf-8")
    main(["--model", str(trained), "--output", str(tmp_path / "t.csv")])
    out = capsys.readouterr().out
    assert '2 records. Labels answered right: {"both": 1.0, "albert": ' in out
    assert "0.400 of the characters stand in spans" in out
    rows = list(csv.DictReader((tmp_path / "t.csv").open(encoding="utf-8")))
    for row in rows:
        assert f"| {row['method']} | " in out
        assert row["answered_right"] == "2"
        low, mean, high = (float(row[f"average_precision{end}"]) for end in ("_low", "", "_high"))
        assert 0 < low - 1e-12 <= mean <= high + 1e-12
        assert np.isfinite(float(row["top_word"]))
    made = json.loads((tmp_path / "t.csv.origin.json").read_text(encoding="utf-8"))
    assert made["settings"]["seed"] == 0


@pytest.mark.slow
def test_a_record_of_several_windows_is_refused(trained: Path) -> None:
    long = Evidence("胃" * 31, 1, ((0, 1),))
    with pytest.raises(SystemExit, match=r"Records at 1: .* above 30"):
        measure(Methods(load(trained), 0), False, [RECORDS[0], long])
