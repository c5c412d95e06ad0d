from __future__ import annotations

import csv
import dataclasses
import json
import math
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from samples import made_up_records

from gi_classifier import GIClassifier, train
from gi_classifier.data.fingerprints import fingerprint
from gi_classifier.data.records import Records
from gi_classifier.errors import OutputExistsError, RecordsError
from gi_classifier.model.directory import HISTORY, LOG, WEIGHTS, load
from gi_classifier.model.predictor import Predictor
from gi_classifier.model.windows import window_spans
from gi_classifier.settings import Settings
from gi_classifier.text import Vocabulary
from gi_classifier.training.encodings import encode
from gi_classifier.training.run_state import history_csv
from gi_classifier.training.splits import read_splits


def command(base: Path, data: Path, output: Path, **settings: object) -> list[str]:
    pairs = [f"--set={name}={json.dumps(value)}" for name, value in settings.items()]
    paths = [str(data), "--output", str(output), "--base", str(base)]
    return [sys.executable, "-m", "gi_classifier", "train", *paths, *pairs]


def test_training_writes_a_whole_model_directory(trained: Path) -> None:
    directory = load(trained)
    rows = list(csv.DictReader((trained / HISTORY).read_text().splitlines()))
    assert len(rows) == directory.metadata["training"]["epochs"] == 3
    assert [int(row["epoch"]) for row in rows] == [1, 2, 3]
    assert "epoch 3: loss" in (trained / LOG).read_text(encoding="utf-8")
    assert not trained.with_name("model.training").exists()


def test_history_begins_with_the_columns_that_it_always_had(trained: Path) -> None:
    header, *rows = (trained / HISTORY).read_text().splitlines()
    assert header.startswith("epoch,steps,learning_rate,loss,val_loss,val_accuracy,seconds,val_")
    assert {"val_average_precision_2", "val_false_negatives_0"} <= set(header.split(","))
    assert all(row.count(",") == header.count(",") for row in rows)


def test_undefined_measure_is_an_empty_cell_and_a_large_count_is_whole() -> None:
    rows = [{"epoch": 1, "steps": 1_234_567, "val_average_precision_1": math.nan, "loss": 0.5}]
    lines = history_csv(rows).decode().splitlines()
    assert lines == ["epoch,steps,val_average_precision_1,loss", "1,1234567,,0.5"]


def test_figures_of_the_model_that_ships_stand_beside_on_the_same_records(
    trained: Path, records_file: Path
) -> None:
    from sklearn.metrics import confusion_matrix, f1_score

    directory = load(trained)
    test = read_splits(records_file, directory.settings)["test"]
    for name, model in (
        ("test", GIClassifier.load(trained)),
        ("test_shipped", GIClassifier.load()),
    ):
        found = directory.metadata[name]
        answers = model.predict(test.texts)
        assert found["confusion"] == confusion_matrix(test.labels, answers).tolist()
        macro_f1 = f1_score(test.labels, answers, average="macro")
        assert found["macro_f1"] == pytest.approx(macro_f1, abs=1e-4)
    assert directory.metadata["test_shipped"]["known"] == 0


@pytest.mark.slow
def test_test_records_that_the_base_was_trained_on_are_counted(
    trained: Path, records_file: Path, tmp_path: Path
) -> None:
    settings = dataclasses.replace(load(trained).settings, epochs=1, seed=9)
    found = train(records_file, tmp_path / "model", base=trained, settings=settings)
    base, own = load(trained).splits, found.splits
    seen = set(base["train"]) | set(base["val"])
    known = len(seen.intersection(own["test"]))
    assert 0 < known == found.metadata["test"]["known"] <= len(own["test"])


def test_the_log_says_how_long_each_part_took(trained: Path) -> None:
    log = (trained / LOG).read_text(encoding="utf-8")
    for name in ("training", "exporting and checking the graphs", "measuring on the test records"):
        assert re.search(rf" {name}: \d+\.\d s\n", log)
    assert "{" not in log


def test_log_and_directory_hold_no_records_text(trained: Path) -> None:
    files = {path.name: path.read_bytes() for path in trained.iterdir()}
    for text, _ in made_up_records()[:20]:
        assert not any(text.encode() in content for content in files.values())


def test_measured_test_records_were_not_trained_on(trained: Path) -> None:
    splits = load(trained).splits
    assert not set(splits["train"]) & (set(splits["val"]) | set(splits["test"]))
    assert sum(map(len, splits.values())) == 120
    assert fingerprint(made_up_records()[0][0]) in {m for part in splits.values() for m in part}


def test_all_windows_of_the_background_are_trained_on_and_the_first_of_a_tract(
    vocabulary: Vocabulary, settings: Settings
) -> None:
    long = "".join(text for text, _ in made_up_records(8))
    records = Records((long, long[::-1], "胃肠"), (0, 1, 2), (1, 2, 3))
    found = encode(records, vocabulary, settings)
    (background,) = vocabulary.encode([long])
    spans = window_spans(len(background.ids), settings.maxlen - 2, settings.window_overlap)
    assert found.labels.tolist() == [0] * len(spans) + [1, 2]
    for (start, end), row in zip(spans, found.ids, strict=False):
        np.testing.assert_array_equal(row, vocabulary.with_special(background.ids[start:end]))
    plain = encode(records, vocabulary, dataclasses.replace(settings, window_rule="mean"))
    assert plain.labels.tolist() == [0, 1, 2]


def test_two_runs_with_one_seed_are_equal(
    records_file: Path, base: Path, settings: Settings, trained: Path, tmp_path: Path
) -> None:
    train(records_file, tmp_path / "again", settings=settings, base=base)
    texts = [text for text, _ in made_up_records()]
    one, other = (
        Predictor.from_directory(load(path), "fp32").predict_proba(texts)
        for path in (trained, tmp_path / "again")
    )
    np.testing.assert_array_equal(one, other)


def test_ready_splits_are_taken_as_they_are(base: Path, settings: Settings, tmp_path: Path) -> None:
    rows = made_up_records()
    parts = {"train": rows[:90], "val": rows[90:105], "test": rows[105:]}
    for name, part in parts.items():
        (tmp_path / f"{name}.txt").write_text("".join(f"{t}\t{y}\n" for t, y in part), "utf-8")
    files = {name: tmp_path / f"{name}.txt" for name in parts}
    directory = train(files, tmp_path / "model", settings=settings, base=base)
    assert {name: len(marks) for name, marks in directory.splits.items()} == {
        "train": 90,
        "val": 15,
        "test": 15,
    }


def test_record_in_two_ready_splits_is_refused(
    base: Path, settings: Settings, tmp_path: Path
) -> None:
    for name in ("train", "val", "test"):
        (tmp_path / name).with_suffix(".txt").write_text("胃癌\t1\n", "utf-8")
    files = {name: tmp_path / f"{name}.txt" for name in ("train", "val", "test")}
    with pytest.raises(RecordsError, match=r"one split only.*\n.*train line 1 is val line 1"):
        train(files, tmp_path / "model", settings=settings, base=base)
    assert not (tmp_path / "model").exists()


def test_missing_class_is_refused_before_training(
    records_file: Path, base: Path, settings: Settings, tmp_path: Path
) -> None:
    four = dataclasses.replace(settings, num_classes=4)
    with pytest.raises(RecordsError, match="no training record has label 3; num_classes is 4"):
        train(records_file, tmp_path / "model", settings=four, base=base)


def test_existing_output_is_not_replaced_without_force(
    records_file: Path, base: Path, settings: Settings, trained: Path
) -> None:
    before = (trained / WEIGHTS).read_bytes()
    with pytest.raises(OutputExistsError, match="exists[.] Choose another place, or force"):
        train(records_file, trained, settings=settings, base=base)
    assert (trained / WEIGHTS).read_bytes() == before


def test_other_label_sets_work(base: Path, settings: Settings, tmp_path: Path) -> None:
    data = tmp_path / "two.txt"
    data.write_text("".join(f"{t}\t{min(y, 1)}\n" for t, y in made_up_records()), "utf-8")
    two = dataclasses.replace(settings, num_classes=2, label_names=("无", "有"), epochs=1)
    directory = train(data, tmp_path / "model", settings=two, base=base)
    assert Predictor.from_directory(directory).predict_proba(["胃癌"]).shape == (1, 2)
    assert directory.metadata["labels"] == ["无", "有"]


RECIPE: dict[str, object] = {
    "maxlen": 32,
    "overlap": 8,
    "batch_size": 4,
    "epochs": 12,
    "patience": 12,
    "learning_rate": 0.005,
    "warmup_steps": 5,
    "decay_steps": 400,
    "dropout": 0.1,
}


def begin(arguments: list[str], scratch: Path) -> subprocess.Popen[bytes]:
    """Start a command whose temporary folder is ``scratch``."""
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": "-1", "TMPDIR": str(scratch)}
    return subprocess.Popen(
        arguments, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment
    )


def finish(arguments: list[str], scratch: Path) -> None:
    process = begin(arguments, scratch)
    _, said = process.communicate()
    assert process.returncode == 0, said.decode()
    assert "starting TensorFlow: " in said.decode()
    assert not re.search(r"absl|\.cc:|Keras|\{", said.decode()), said.decode()


def assert_same_run(one: Path, other: Path) -> None:
    mine, theirs = (load(path).files for path in (one, other))
    assert mine[WEIGHTS] == theirs[WEIGHTS]
    losses = [
        [row["val_loss"] for row in csv.DictReader(files[HISTORY].decode().splitlines())]
        for files in (mine, theirs)
    ]
    assert losses[0] == losses[1]


@pytest.fixture(scope="module")
def unstopped(records_file: Path, base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the recipe ends with where nothing stops it."""
    folder = tmp_path_factory.mktemp("unstopped")
    finish(command(base, records_file, folder / "model", **RECIPE), folder)
    return folder / "model"


@pytest.mark.slow
@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_stopped_command_goes_on_to_the_same_weights(
    records_file: Path, base: Path, unstopped: Path, tmp_path: Path, stop: signal.Signals
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    stopped = command(base, records_file, tmp_path / "stopped", **RECIPE)
    log = tmp_path / "stopped.training" / LOG
    process = begin(stopped, scratch)
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        if log.is_file() and "epoch 3:" in log.read_text(encoding="utf-8"):
            break
        time.sleep(0.02)
    process.send_signal(stop)
    process.communicate()
    assert process.returncode != 0, "the run ended before it could be stopped"
    assert not (tmp_path / "stopped").exists()
    finish(stopped, scratch)
    assert "going on after epoch" in (tmp_path / "stopped" / LOG).read_text(encoding="utf-8")
    assert list(scratch.iterdir()) == []
    assert_same_run(tmp_path / "stopped", unstopped)


@pytest.mark.long
def test_a_run_killed_again_and_again_ends_with_the_same_weights(
    records_file: Path, base: Path, tmp_path: Path
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    whole = command(base, records_file, tmp_path / "whole", **RECIPE)
    began = time.monotonic()
    finish(whole, scratch)
    length = time.monotonic() - began
    stopped = command(base, records_file, tmp_path / "stopped", **RECIPE)
    kills, source = 0, np.random.default_rng(7)
    for _ in range(20):
        process = begin(stopped, scratch)
        try:
            # Early at first: what goes on is shorter than the whole and could end before two kills.
            latest = 0.4 if kills < 3 else 1.0
            process.communicate(timeout=source.uniform(0.1, latest) * length)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            kills += 1
        if (tmp_path / "stopped").exists():  # whole, if it is there at all
            break
    else:
        finish(stopped, scratch)
    assert {path.name for path in tmp_path.iterdir()} == {"whole", "stopped", "scratch"}
    assert kills > 1
    assert_same_run(tmp_path / "stopped", tmp_path / "whole")
