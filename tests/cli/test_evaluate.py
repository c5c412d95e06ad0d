from __future__ import annotations

import csv
import json
import sys
from pathlib import Path

import pytest
from command_line import run
from samples import made_up_records
from sklearn.metrics import f1_score

from gi_classifier.cli.app import app
from gi_classifier.errors import MissingExtraError
from gi_classifier.files import to_json
from gi_classifier.metrics.baselines import tfidf_logistic_regression
from gi_classifier.model.directory import SETTINGS, SPLITS, ModelDirectory, load, save


@pytest.mark.slow
def test_evaluation_stands_beside_simple_models(
    trained: Path, records_file: Path, tmp_path: Path
) -> None:
    others = tmp_path / "others.txt"
    # Ten of them are measured on, and must not train the simple model.
    rows = made_up_records(330)[110:]
    others.write_text("".join(f"{text}\t{label}\n" for text, label in rows), encoding="utf-8")
    arguments = ["evaluate", records_file, "--model", trained, "--train", others]
    done = run(*arguments, "--json")
    found = json.loads(done.stdout)
    whole = found["models"]["this model"]
    assert whole["records"] == 120
    low, high = whole["macro_f1_interval"]
    assert low <= whole["macro_f1"] <= high
    message = " ".join(done.stderr.split())
    assert f"of 120 records of {records_file} were trained on, or chose the weights" in message
    assert f"10 records of {others} are in {records_file}: left out" in message
    assert found["models"]["keyword rule"]["records"] == 120
    simple = tfidf_logistic_regression(42).fit(*zip(*rows[10:], strict=True))
    records, labels = zip(*made_up_records(), strict=True)
    expected = f1_score(labels, simple.predict(records), average="macro")
    assert found["models"]["TF-IDF + logistic regression"]["macro_f1"] == pytest.approx(expected)
    shown = run(*arguments).stdout
    assert "this model" in shown
    assert f"macro-F1       {whole['macro_f1']:.3f} [{low:.3f}" in shown


def test_a_model_that_does_not_say_what_it_was_trained_on_is_said_to_flatter(
    trained: Path, records_file: Path, tmp_path: Path
) -> None:
    found = load(trained)
    files = {name: part for name, part in found.files.items() if name != SPLITS}
    save(ModelDirectory(files, found.metadata), tmp_path / "model")
    done = run("evaluate", records_file, "--model", tmp_path / "model", "--json")
    assert "does not say what it was trained on: figures may flatter" in done.stderr


def test_a_simple_model_without_records_of_its_own_is_refused(
    trained: Path, records_file: Path
) -> None:
    arguments = ("evaluate", records_file, "--model", trained, "--train", records_file)
    message = run(*arguments, code=1).stderr
    assert "needs records of two labels or more, other than those of" in " ".join(message.split())


@pytest.fixture
def kinds(tmp_path: Path) -> Path:
    """Twelve labelled records of two kinds, one of them twice."""
    rows = [
        (text, label, "门诊" if i % 4 else "住院")
        for i, (text, label) in enumerate(made_up_records(12))
    ]
    path = tmp_path / "kinds.csv"
    lines = [f"{text},{label},{kind}" for text, label, kind in [*rows, rows[0]]]
    path.write_text("\n".join(["text,label,科室", *lines]) + "\n", encoding="utf-8")
    return path


@pytest.mark.slow
def test_evaluation_is_written_whole(trained: Path, kinds: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    arguments = [
        "evaluate",
        kinds,
        "--model",
        trained,
        "--group-column",
        "科室",
        "--output",
        output,
    ]
    done = run(*arguments, "--json", "--errors", 2, "--plot", tmp_path / "evaluation.png")
    assert {path.name for path in output.iterdir()} == {
        *("metrics.json", "metrics.csv", "errors.csv", "origin.json"),
    }
    picture = tmp_path / "evaluation.png"
    assert picture.read_bytes().startswith(b"\x89PNG")
    # The first release wrote its picture into the directory.
    (output / picture.name).write_bytes(b"")
    found = json.loads((output / "metrics.json").read_text(encoding="utf-8"))
    assert found == json.loads(done.stdout)
    groups = [(row["group"], row["records"]) for row in found["models"]["keyword rule"]["groups"]]
    assert groups == [("<=20", 12), ("住院", 3), ("门诊", 9)]
    assert len(found["errors"]) <= 2

    before = (output / "metrics.json").read_bytes()
    assert "exists. Choose another place" in run(*arguments, code=1).stderr
    (output / "mine.txt").write_text("keep")
    stderr = run(*arguments, "--force", code=1).stderr
    assert "what this command did not write" in stderr
    assert "mine.txt" in stderr
    assert (output / "metrics.json").read_bytes() == before
    (output / "mine.txt").unlink()
    assert f"Written to {output}" in run(*arguments, "--force").stderr
    origin = json.loads((output / "origin.json").read_text(encoding="utf-8"))
    assert origin["model"] == load(trained).digest
    assert origin["settings"]["group_column"] == "科室"
    assert origin["settings"]["command"] == "evaluate"


@pytest.mark.slow
def test_errors_stand_with_what_their_file_calls_them(trained: Path, tmp_path: Path) -> None:
    path, output = tmp_path / "named.csv", tmp_path / "out"
    rows = [
        f"{text},{(label + 1) % 3},00{i},Z{i}"
        for i, (text, label) in enumerate(made_up_records(12))
    ]
    path.write_text("\n".join(["text,label,admission,predicted", *rows]) + "\n", encoding="utf-8")
    arguments = ["evaluate", path, "--model", trained, "--id-column", "admission"]
    arguments.append("--keep-columns")
    assert "is for the tables of --output" in run(*arguments, code=2).stderr
    done = run(*arguments, "--output", output, "--resamples", 20)
    assert "of 20 weighted resamples" in done.stdout
    with (output / "errors.csv").open(encoding="utf-8-sig", newline="") as file:
        errors = list(csv.DictReader(file))
    assert errors
    assert all(int(row["id"]) == int(row["line"]) - 2 for row in errors)
    assert all(row["id"].startswith("00") for row in errors)
    assert all(row["predicted (input)"] == f"Z{int(row['id'])}" for row in errors)
    assert list(errors[0])[-3:] == ["text", "label", "predicted (input)"]
    listed = [line.split()[:2] for line in done.stdout.splitlines()]
    assert [errors[0]["line"], errors[0]["id"]] in listed


def test_evaluation_shows_records_only_where_they_were_asked_for(
    trained: Path, kinds: Path
) -> None:
    # The keyword rule's labels, turned round: every record is an error of some model.
    text = kinds.read_text(encoding="utf-8")
    for label in "012":
        text = text.replace(f",{label},", f",{(int(label) + 1) % 3}x,")
    kinds.write_text(text.replace("x,", ","), encoding="utf-8")
    arguments = ["evaluate", kinds, "--model", trained]
    records = [line.split(",")[0] for line in text.splitlines()[1:]]
    shown = run(*arguments)
    assert any(record in shown.stdout for record in records)
    assert not any(record in shown.stderr for record in records)
    hidden = run(*arguments, "--errors", 0)
    assert not any(record in hidden.stdout + hidden.stderr for record in records)


@pytest.mark.slow
def test_a_model_of_other_labels_has_no_keyword_rule_beside_it(
    trained: Path, kinds: Path, tmp_path: Path
) -> None:
    directory = load(trained)
    names = {**directory.settings.to_dict(), "label_names": ["甲", "乙", "丙"]}
    renamed = ModelDirectory({**directory.files, SETTINGS: to_json(names)}, directory.metadata)
    save(renamed, tmp_path / "renamed")
    arguments = ["evaluate", kinds, "--model", tmp_path / "renamed"]
    found = json.loads(run(*arguments, "--output", tmp_path / "out", "--json").stdout)
    assert "keyword rule" not in found["models"]
    assert found["labels"] == ["甲", "乙", "丙"]
    assert "1 乙" in run(*arguments).stdout


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--group-column", "kind"], "no column 'kind'. It has 3: 'text', 'label', '科室'"),
        (
            ["--train", "{tmp}/one.txt"],
            "one.txt: needs records of two labels or more, other than those of",
        ),
        (["--output", "{tmp}/kinds.csv", "--force"], "is no directory; it is not replaced"),
    ],
)
def test_evaluation_that_cannot_be_done_says_why(
    trained: Path, kinds: Path, tmp_path: Path, options: list[str], message: str
) -> None:
    (tmp_path / "one.txt").write_text("胃\t1\n食管\t1\n", encoding="utf-8")
    options = [option.replace("{tmp}", str(tmp_path)) for option in options]
    assert message in run("evaluate", kinds, "--model", trained, *options, code=1).stderr


def test_a_picture_that_cannot_be_drawn_is_said_before_anything_is_read(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "seaborn", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'gi_classifier\[plots\]'"):
        app(
            ["evaluate", f"{tmp_path}/none.txt", "--plot", f"{tmp_path}/out.png"],
            standalone_mode=False,
        )
