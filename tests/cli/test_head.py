"""The command head, as a user runs it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import typer
from click.testing import Result
from samples import made_up_records
from typer.testing import CliRunner

from gi_classifier.cli.head import head
from gi_classifier.errors import MissingExtraError, ModelError, OutputExistsError, RecordsError
from gi_classifier.plots.confusion import confusion_figure

NAMES = ("其他", "upper", "lower")
app = typer.Typer()
app.command()(head)


def _run(*arguments: object, code: int = 0) -> Result:
    done = CliRunner().invoke(app, list(map(str, arguments)))
    assert done.exit_code == code, done.output + repr(done.exception)
    return done


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


@pytest.mark.parametrize("ending", [".txt", ".csv", ".jsonl", ".xlsx"])
def test_it_trains_on_labels_of_any_text_in_any_format_and_labels_with_it(
    tmp_path: Path, trained: Path, rows: list[tuple[str, str]], ending: str
) -> None:
    data = _write(tmp_path / f"data{ending}", rows)
    output = tmp_path / "head.npz"
    done = _run(data, "--output", output, "--model", trained, "--json")
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
    done = _run(data, "--head", output, "--model", trained, "--output", labelled)
    assert f"Written to {labelled}" in done.stdout
    table = pd.read_csv(labelled, encoding="utf-8-sig")
    assert table["text"].tolist() == [text for text, _ in rows]
    assert set(table["label"]) <= set(NAMES)
    shares = table[[f"probability_{name}" for name in NAMES]].sum(axis=1)
    np.testing.assert_allclose(shares, 1, atol=1e-5)


def test_numbers_are_labels_too_and_one_is_told_from_the_rest(
    tmp_path: Path, trained: Path
) -> None:
    data = _write(tmp_path / "data.txt", made_up_records())
    output = tmp_path / "head.npz"
    options = ("--output", output, "--model", trained, "--features", "cls", "--balanced")
    found = json.loads(_run(data, *options, "--positive", "1", "--json").stdout)
    assert found["labels"] == ["1", "not 1"]
    assert [row["support"] for row in found["models"]["head"]["classes"]] == [40, 80]
    done = _run(data, "--head", output, "--model", trained)
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
    picture = tmp_path / "p" / "x.png"
    picture.parent.mkdir()
    done = _run(
        paths[0],
        "--output",
        tmp_path / "head.npz",
        *("--val", paths[1], "--test", paths[2], "--picture", picture, "--errors", 2),
        *("--model", trained),
    )
    assert f"Measured on {paths[2]}" in done.stdout
    for words in ("precision", "recall", "F1", "accuracy", "ROC AUC", "truth / predicted"):
        assert words in done.stdout
    assert "the 2 surest errors" in done.stdout
    assert picture.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "--output FILE.npz is where the head goes"),
        (["--output", "x.csv"], "--output FILE.npz is where the head goes"),
        (["--head", "h.npz", "--test", "x.txt"], "--test: for training"),
        (["--head", "h.npz", "--output", "x.npz"], "--output ends in one of"),
    ],
)
def test_wrong_use_is_said_and_ends_with_2(arguments: list[str], message: str) -> None:
    words = " ".join(_run("x.txt", *arguments, code=2).stderr.replace("│", " ").split())
    assert message in words


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([("胃", "a"), ("胃 ", "b")], "lines 1 and 2: one text, two labels"),
        ([("胃", "a"), ("肠", "")], "line 2: the label is missing"),
        ([("胃", "a"), ("", "b")], "line 2: the text is empty"),
        ([], "No record in"),
        ([("胃", "a"), ("肠", "a")], r"two labels or more.*\{'a': 2\}"),
    ],
)
@pytest.mark.parametrize("ending", [".txt", ".jsonl"])
def test_records_that_cannot_train_are_named(
    tmp_path: Path, rows: list[tuple[str, str]], message: str, ending: str
) -> None:
    data = _write(tmp_path / f"data{ending}", rows)
    done = _run(data, "--output", tmp_path / "h.npz", code=1)
    assert isinstance(done.exception, RecordsError)
    with pytest.raises(RecordsError, match=message):
        raise done.exception


def test_a_line_without_a_label_is_named(tmp_path: Path) -> None:
    data = tmp_path / "data.txt"
    data.write_text("胃镜\ta\n肠镜\n", encoding="utf-8")
    done = _run(data, "--output", tmp_path / "h.npz", code=1)
    assert "line 2: the label is missing" in str(done.exception)


def test_a_label_that_is_not_in_the_training_records_is_an_error(
    tmp_path: Path, rows: list[tuple[str, str]]
) -> None:
    data, test = _write(tmp_path / "a.txt", rows[:60]), _write(tmp_path / "b.txt", [("心", "x")])
    options = ("--output", tmp_path / "h.npz")
    done = _run(data, *options, "--test", test, code=1)
    assert "--test: 'x'" in str(done.exception)
    done = _run(data, *options, "--positive", "x", code=1)
    assert "no record has the label 'x'" in str(done.exception)


def test_a_test_record_that_is_trained_on_is_an_error(
    tmp_path: Path, rows: list[tuple[str, str]]
) -> None:
    data, test = _write(tmp_path / "a.txt", rows[:60]), _write(tmp_path / "b.txt", rows[50:])
    done = _run(data, "--output", tmp_path / "h.npz", "--test", test, code=1)
    assert "test line 1 is train line 51" in str(done.exception).replace(
        "train line 51 is test line 1", "test line 1 is train line 51"
    )


def test_nothing_that_is_there_is_replaced_and_another_model_is_refused(
    tmp_path: Path, trained: Path, rows: list[tuple[str, str]]
) -> None:
    data, output = _write(tmp_path / "a.txt", rows), tmp_path / "h.npz"
    options = ("--output", output, "--model", trained)
    _run(data, *options, "--json")
    done = _run(data, *options, code=1)
    assert isinstance(done.exception, OutputExistsError)
    done = _run(data, "--head", output, code=1)
    assert isinstance(done.exception, ModelError)
    assert "another model" in str(done.exception)


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
