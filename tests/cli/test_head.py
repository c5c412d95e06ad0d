"""The commands head train and head label, as a user runs them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import numpy as np
import pandas as pd
import pytest
from command_line import run
from samples import made_up_records

from gi_classifier.errors import MissingExtraError
from gi_classifier.heads.head_classifier import HeadClassifier
from gi_classifier.heads.text_head import TextHead
from gi_classifier.model.directory import load
from gi_classifier.plots.confusion import confusion_figure

NAMES = ("其他", "upper", "lower")


def _train(*arguments: object, code: int = 0) -> CompletedProcess[str]:
    return run("head", "train", *arguments, code=code)


def _label(*arguments: object, code: int = 0) -> CompletedProcess[str]:
    return run("head", "label", *arguments, code=code)


def _write(path: Path, rows: list[tuple[str, Any]]) -> Path:
    if path.suffix == ".txt":
        path.write_text("".join(f"{text}\t{label}\n" for text, label in rows), encoding="utf-8")
    elif path.suffix == ".jsonl":
        lines = [json.dumps({"text": text, "label": label}) for text, label in rows]
        path.write_text("\n".join(lines), encoding="utf-8")
    else:
        table = pd.DataFrame(rows, columns=["text", "label"])
        if path.suffix == ".csv":
            table.to_csv(path, index=False)
        else:
            table.to_excel(path, index=False)
    return path


@pytest.fixture
def rows() -> list[tuple[str, str]]:
    return [(text, NAMES[label]) for text, label in made_up_records()]


@pytest.mark.slow
@pytest.mark.parametrize("ending", [".txt", ".csv", ".jsonl", ".xlsx"])
def test_it_trains_on_labels_of_any_text_in_any_format_and_labels_with_it(
    tmp_path: Path, trained: Path, rows: list[tuple[str, str]], ending: str
) -> None:
    data = _write(tmp_path / f"data{ending}", rows)
    output = tmp_path / "head.npz"
    done = _train(data, "--output", output, "--model", trained, "--json")
    found = json.loads(done.stdout)
    assert found["labels"] == sorted(NAMES)
    assert found["measured_on"].startswith("5-fold cross-validation")
    assert found["models"]["head"]["records"] == 120
    assert np.sum(found["models"]["head"]["confusion"]) == 120
    assert "TF-IDF + logistic regression" in found["models"]
    assert (
        0 <= found["models"]["head"]["macro_f1_interval"][0] <= found["models"]["head"]["macro_f1"]
    )
    assert "were trained on, or chose the weights" in done.stderr

    labelled = tmp_path / "labelled.csv"
    done = _label(data, "--head", output, "--model", trained, "--output", labelled)
    assert f"Written to {labelled}" in done.stderr
    table = pd.read_csv(labelled, encoding="utf-8-sig")
    assert table["text"].tolist() == [text for text, _ in rows]
    assert set(table["label"]) <= set(NAMES)
    origin = json.loads((tmp_path / "labelled.csv.origin.json").read_text("utf-8"))
    assert origin["model"] == load(trained).digest
    assert origin["settings"]["head"] == str(output)
    shares = table[[f"probability_{name}" for name in NAMES]].sum(axis=1)
    np.testing.assert_allclose(shares, 1, atol=1e-5)


@pytest.mark.slow
def test_numbers_are_labels_too_and_one_is_told_from_the_rest(
    tmp_path: Path, trained: Path
) -> None:
    data = _write(tmp_path / "data.txt", made_up_records())
    output = tmp_path / "head.npz"
    options = ("--output", output, "--model", trained, "--features", "cls", "--balanced")
    found = json.loads(_train(data, *options, "--positive", "1", "--json").stdout)
    assert found["labels"] == ["1", "not 1"]
    assert [row["support"] for row in found["models"]["head"]["classes"]] == [40, 80]
    done = _label(data, "--head", output, "--model", trained)
    assert done.stdout.splitlines()[-1].startswith("120 records: 1 ")
    assert done.stdout.splitlines()[0].split("\t")[2] == made_up_records()[0][0]


def test_validation_and_test_files_are_used_and_a_picture_is_drawn(
    tmp_path: Path, trained: Path, rows: list[tuple[str, str]]
) -> None:
    paths = [
        _write(tmp_path / f"{name}.txt", rows[part])
        for name, part in (
            ("data", slice(0, 60)),
            ("val", slice(60, 90)),
            ("test", slice(90, None)),
        )
    ]
    plot = tmp_path / "x.png"
    done = _train(
        paths[0],
        "--output",
        tmp_path / "head.npz",
        *("--val", paths[1], "--test", paths[2], "--plot", plot, "--errors", 2),
        *("--model", trained),
    )
    assert f"Measured on {paths[2]}" in done.stdout
    for words in ("precision", "recall", "F1", "accuracy", "ROC AUC", "truth / predicted"):
        assert words in done.stdout
    assert "the 2 surest errors" in done.stdout
    assert plot.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("command", "arguments", "message"),
    [
        ("train", [], "Missing option '--output'"),
        ("train", ["--output", "x.csv"], "--output ends in .npz"),
        ("train", ["--output", "h.npz", "--plot", "x.jpg"], "--plot ends in .png"),
        ("label", [], "Missing option '--head'"),
        ("label", ["--head", "h.npz", "--output", "x.npz"], "--output ends in one of"),
    ],
)
def test_wrong_use_is_said_and_ends_with_2(
    command: str, arguments: list[str], message: str
) -> None:
    done = run("head", command, "x.txt", *arguments, code=2)
    assert message in " ".join(done.stderr.replace("│", " ").split())


@pytest.mark.parametrize("name", ["no.npz", "no.txt"])
def test_a_missing_file_is_said(tmp_path: Path, name: str) -> None:
    options = ("--head", tmp_path / name) if name == "no.npz" else ("--output", tmp_path / "h.npz")
    done = run("head", "label" if name == "no.npz" else "train", tmp_path / name, *options, code=1)
    assert str(tmp_path / name) in done.stderr


@pytest.mark.slow
def test_ids_stand_beside_the_labels_and_a_text_column_may_have_any_name(
    tmp_path: Path, trained: Path, rows: list[tuple[str, str]]
) -> None:
    data, output = _write(tmp_path / "data.txt", rows), tmp_path / "h.npz"
    _train(data, "--output", output, "--model", trained)
    table = pd.DataFrame({"id": ["007", "x"], "所见": ["胃窦糜烂", "直肠息肉"]})
    table.to_csv(tmp_path / "new.csv", index=False)
    options = ("--head", output, "--model", trained, "--text-column", "所见")
    done = _label(tmp_path / "new.csv", *options, "--id-column", "id", "--json")
    found = json.loads(done.stdout)["records"]
    assert [row["id"] for row in found] == ["007", "x"]
    assert [row["text"] for row in found] == ["胃窦糜烂", "直肠息肉"]
    done = _label(tmp_path / "new.csv", *options, "--id-column", "label", "--json", code=2)
    assert "has this name" in done.stderr
    labelled = tmp_path / "labelled.csv"
    _label(tmp_path / "new.csv", *options, "--output", labelled)
    made = json.loads((tmp_path / "labelled.csv.origin.json").read_text(encoding="utf-8"))
    assert made["settings"]["command"] == "head label"


@pytest.mark.parametrize("option", [("--id-column", "id"), ("--keep-columns",)])
@pytest.mark.parametrize("output", [(), ("--output", "answers.txt")])
def test_columns_that_nothing_would_show_are_wrong_use(
    option: tuple[str, ...], output: tuple[str, ...]
) -> None:
    done = _label("new.csv", "--head", "h.npz", *option, *output, code=2)
    assert f"{option[0]} is written to .csv, .jsonl, .xlsx" in done.stderr


@pytest.mark.parametrize("ending", [".csv", ".xlsx", ".jsonl", ".txt"])
def test_a_bad_row_is_kept_in_its_place_with_its_reason(
    tmp_path: Path, trained: Path, rows: list[tuple[str, str]], ending: str
) -> None:
    head = TextHead(trained, head=HeadClassifier(epochs=1))
    texts, labels = zip(*rows, strict=True)
    path = head.fit(texts, labels).save(tmp_path / "h.npz")
    data = _write(tmp_path / "new.jsonl", [("胃窦糜烂", "x"), ("", "x"), ("直肠息肉", "x")])
    output = tmp_path / f"answers{ending}"
    options = ("--head", path, "--model", trained, "--output", output)
    done = _label(data, *options, code=1)
    assert "3 records: " in done.stdout
    assert "1 bad rows without an answer" in done.stdout
    assert done.stdout.splitlines()[1].startswith("–\terror\tthe text is empty")
    if ending == ".csv":
        table = pd.read_csv(output, encoding="utf-8-sig", keep_default_na=False)
        assert table["label"].tolist()[1] == ""
        assert "empty" in table["error"].tolist()[1]
    assert _label(data, *options, "--force", "--strict", code=1).stdout == ""


def test_a_label_column_that_holds_text_is_never_printed(tmp_path: Path, trained: Path) -> None:
    data = tmp_path / "data.csv"
    secrets = [f"患者张三丰第{i}次便血" for i in range(12)]
    pd.DataFrame({"text": [t for t, _ in made_up_records(12)], "label": secrets}).to_csv(
        data, index=False
    )
    other = _write(tmp_path / "other.csv", [("心电图正常", "患者张三丰另一次便血")])
    options = ("--output", tmp_path / "h.npz", "--model", trained)
    for further in ((), ("--test", other)):
        done = _train(data, *options, *further, code=2 if further else 1)
        assert "张三丰" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([("胃", "a"), ("胃 ", "b")], "lines 1 and 2: one text, two labels"),
        ([("胃", "a"), ("肠", "")], "line 2: the label is missing"),
        ([("胃", "a"), ("", "b")], "line 2: the text is empty"),
        ([], "No record in"),
        (
            [("胃", "a"), ("肠", "a")],
            r"two labels or more.*It has 1, 1 with fewer:\n.*line 1: 2 rec",
        ),
    ],
)
@pytest.mark.parametrize("ending", [".txt", ".jsonl"])
def test_records_that_cannot_train_are_named(
    tmp_path: Path, rows: list[tuple[str, str]], message: str, ending: str
) -> None:
    data = _write(tmp_path / f"data{ending}", rows)
    code = 2 if "label is" in message else 1
    done = _train(data, "--output", tmp_path / "h.npz", code=code)
    assert re.search(message, done.stderr)


def test_a_line_without_a_label_is_named(tmp_path: Path) -> None:
    data = tmp_path / "data.txt"
    # A first line of two names would be taken for the row of names.
    data.write_text("胃镜未见异常。\ta\n肠镜检查。\tb\n肠镜复查。\n", encoding="utf-8")
    done = _train(data, "--output", tmp_path / "h.npz", code=2)
    assert "line 3: the label is missing" in done.stderr


def test_a_label_that_is_not_in_the_training_records_is_an_error(
    tmp_path: Path, rows: list[tuple[str, str]]
) -> None:
    data, test = _write(tmp_path / "a.txt", rows[:60]), _write(tmp_path / "b.txt", [("心", "x")])
    options = ("--output", tmp_path / "h.npz")
    done = _train(data, *options, "--test", test, code=2)
    assert f"--test {test}: 1 of 1 labels are none of the 3" in done.stderr
    assert "line 1" in done.stderr
    done = _train(data, *options, "--positive", "x", code=2)
    assert "no record has the label 'x'" in done.stderr


def test_a_test_record_that_is_trained_on_is_an_error(
    tmp_path: Path, rows: list[tuple[str, str]]
) -> None:
    data, test = _write(tmp_path / "a.txt", rows[:60]), _write(tmp_path / "b.txt", rows[50:])
    done = _train(data, "--output", tmp_path / "h.npz", "--test", test, code=1)
    assert "test line 1 is train line 51" in done.stderr.replace(
        "train line 51 is test line 1", "test line 1 is train line 51"
    )


@pytest.mark.slow
def test_nothing_that_is_there_is_replaced_and_another_model_is_refused(
    tmp_path: Path, trained: Path, rows: list[tuple[str, str]]
) -> None:
    data, output = _write(tmp_path / "a.txt", rows), tmp_path / "h.npz"
    options = ("--output", output, "--model", trained)
    _train(data, *options, "--json")
    done = _train(data, *options, code=1)
    assert "exists. Choose another place" in done.stderr
    done = _label(data, "--head", output, code=1)
    assert "another model" in done.stderr


def test_a_picture_without_its_extra_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match="plots"):
        confusion_figure([[1, 0], [0, 1]], ["a", "b"])


@pytest.mark.parametrize("count", [2, 4, 10])
def test_the_confusion_is_drawn_with_labels_in_chinese_an_empty_row_and_a_dollar(
    count: int,
) -> None:
    matrix = np.diag(np.arange(count)) * 1000
    labels = ["出血", "$a$", "一个很长很长很长很长的标签名称", *map(str, range(count))][:count]
    assert confusion_figure(matrix.tolist(), labels).startswith(b"\x89PNG")
