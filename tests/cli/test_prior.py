"""The command prior, in this process."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import typer
from typer.testing import CliRunner, Result

from gi_classifier.cli.prior import prior
from gi_classifier.data import chunks
from gi_classifier.data.readers import read_records
from gi_classifier.decisions.priors import estimate_prior, training_prior
from gi_classifier.errors import ModelError, OutputExistsError, RecordsError
from gi_classifier.model.directory import ModelDirectory, load, save
from gi_classifier.model.predictor import Predictor
from gi_classifier.pipelines.journal import journal_of

app = typer.Typer()
app.command()(prior)


def run(*arguments: object, code: int = 0) -> Result:
    found = CliRunner().invoke(app, list(map(str, arguments)))
    assert found.exit_code == code, (found.output, found.exception)
    return found


def test_prior_prints_training_predicted_and_estimated_shares(
    trained: Path, records_file: Path, tmp_path: Path
) -> None:
    table, picture = tmp_path / "prior.csv", tmp_path / "prior.png"
    found = json.loads(
        run(records_file, "--model", trained, "--json", "--output", table, "--plot", picture).stdout
    )
    directory = load(trained)
    texts = read_records(records_file, labelled=False).texts
    probabilities = Predictor.from_directory(directory).predict_proba(texts)
    before = training_prior(directory)
    shares = {name: [row[name] for row in found["classes"]] for name in found["classes"][0]}
    assert found["records"] == 120
    np.testing.assert_allclose(shares["training"], before)
    np.testing.assert_allclose(shares["estimated"], estimate_prior(probabilities, before))
    predicted = np.bincount(probabilities.argmax(axis=1), minlength=3) / 120
    np.testing.assert_allclose(shares["predicted"], predicted)
    assert all(low <= high for low, high in zip(shares["low"], shares["high"], strict=True))
    written = pd.read_csv(table, encoding="utf-8-sig")
    np.testing.assert_allclose(written["estimated"], shares["estimated"])
    assert written["name"].tolist() == list(directory.settings.names)
    assert picture.read_bytes().startswith(b"\x89PNG")
    for path in (table, picture):
        origin = json.loads((tmp_path / f"{path.name}.origin.json").read_text("utf-8"))
        assert origin["model"] == directory.digest
        assert origin["settings"]["resamples"] == 1000


def test_a_stopped_prior_goes_on_to_the_same_shares(
    trained: Path, records_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chunks, "CHUNK_ROWS", 50)
    options = (records_file, "--model", trained, "--resamples", 20, "--json", "--output")
    whole = json.loads(run(*options, tmp_path / "whole.csv").stdout)
    left = iter([True])
    predict_proba = Predictor.predict_proba

    def once(self: Predictor, texts: Sequence[str]) -> np.ndarray:
        if not next(left, False):
            raise KeyboardInterrupt
        return predict_proba(self, texts)

    with monkeypatch.context() as patch:
        patch.setattr(Predictor, "predict_proba", once)
        assert "Stopped" in run(*options, tmp_path / "p.csv", code=130).stderr
    assert journal_of(tmp_path / "p.csv").exists()
    found = run(*options, tmp_path / "p.csv")
    assert "Going on after 50 records." in found.stderr
    assert json.loads(found.stdout) == whole
    assert not journal_of(tmp_path / "p.csv").exists()


def test_prior_prints_a_row_for_each_label(trained: Path, records_file: Path) -> None:
    shown = run(records_file, "--model", trained, "--resamples", 20).stdout
    for name in load(trained).settings.names:
        assert name in shown
    assert "120 records. Interval: 20 bootstrap resamples" in shown


def test_few_records_are_warned_of(trained: Path, records_file: Path, tmp_path: Path) -> None:
    command = (records_file, "--model", trained, "--resamples", 2)
    assert "120 records are few: the estimate says little" in run(*command).stderr
    assert "120 records are few" in json.loads(run(*command, "--json").stdout)["warnings"][0]
    many = tmp_path / "many.txt"
    many.write_text(records_file.read_text("utf-8") * 2, "utf-8")
    found = run(many, *command[1:], "--json", "--engine", "int8")
    assert json.loads(found.stdout)["warnings"] == []
    assert "records are few" not in found.stderr


def test_beyond_many_records_a_sample_is_estimated_from_and_that_is_said(
    trained: Path, records_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = (records_file, "--model", trained, "--resamples", 2, "--json")
    whole = json.loads(run(*command).stdout)
    monkeypatch.setattr("gi_classifier.data.chunks.CHUNK_ROWS", 50)
    parts = json.loads(run(*command).stdout)["classes"]
    for row, other in zip(parts, whole["classes"], strict=True):
        assert row["estimated"] == pytest.approx(other["estimated"], abs=1e-6)
    monkeypatch.setattr("gi_classifier.cli.prior._MOST", 100)
    found = json.loads(run(*command).stdout)
    assert "are of 100 of the 120 records, drawn by --seed" in found["warnings"][0]
    assert found["records"] == 120
    for name, same in (("predicted", True), ("estimated", False)):
        before, now = ([row[name] for row in one["classes"]] for one in (whole, found))
        assert (now == pytest.approx(before, abs=1e-9)) == same


def test_prior_of_a_model_whose_training_is_unknown_is_refused(
    trained: Path, records_file: Path, tmp_path: Path
) -> None:
    save(ModelDirectory(load(trained).files, {}), tmp_path / "converted")
    found = run(records_file, "--model", tmp_path / "converted", code=1)
    assert isinstance(found.exception, ModelError)
    assert "training prior is unknown" in str(found.exception)


def test_prior_refuses_an_empty_file_and_what_exists(trained: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty.txt"
    empty.write_text("\n", "utf-8")
    found = run(empty, "--model", trained, code=1)
    assert isinstance(found.exception, RecordsError)
    there = tmp_path / "there.csv"
    there.write_text("mine", "utf-8")
    found = run(empty, "--model", trained, "--output", there, code=1)
    assert isinstance(found.exception, OutputExistsError)
    assert there.read_text("utf-8") == "mine"


@pytest.mark.parametrize("option", [("--output", "x.txt"), ("--plot", "x.jpg"), ("--resamples", 0)])
def test_wrong_use_exits_with_2(option: tuple[str, object], records_file: Path) -> None:
    assert option[0] in run(records_file, *option, code=2).output
