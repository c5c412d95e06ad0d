from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from samples import CHARACTERS, made_up_records

from gi_classifier import GIClassifier, continue_training, train
from gi_classifier.data.fingerprints import fingerprint, known_fingerprints
from gi_classifier.errors import LabelError, RecordsError, SettingsError
from gi_classifier.files import to_json
from gi_classifier.model.directory import SETTINGS, WEIGHTS, ModelDirectory, load, save
from gi_classifier.model.predictor import Predictor
from gi_classifier.settings import Settings

# Files, but what is fitted to model.h5, and what the manifest says, as version 0.1.0 had them.
RELEASED = {
    *("settings.json", "config.json", "vocab.txt", "model.h5", "model.onnx", "model.int8.onnx"),
    *("gradient.onnx", "splits.json", "history.csv", "train.log"),
    *("library", "created", "labels", "source", "engine", "training", "test"),
}


def write(path: Path, rows: list[tuple[str, int]]) -> Path:
    path.write_text("".join(f"{text}\t{label}\n" for text, label in rows), encoding="utf-8")
    return path


def new_records(count: int = 60) -> list[tuple[str, int]]:
    source = np.random.default_rng(9)
    letters = list(CHARACTERS[:60])
    return [
        ("新" + "".join(source.permutation(letters)[:12]) + "肺胃肠"[i % 3], i % 3)
        for i in range(count)
    ]


@pytest.fixture(scope="module")
def linear(
    records_file: Path, settings: Settings, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Trained in no time; records are split before it matters which members a model has."""
    output = tmp_path_factory.mktemp("linear") / "model"
    train(records_file, output, settings=settings, use="linear")
    return output


def test_held_out_records_stay_held_out_with_more_records(linear: Path, tmp_path: Path) -> None:
    data = write(tmp_path / "more.txt", made_up_records() + new_records())
    before = load(linear).splits
    after = continue_training(linear, data, tmp_path / "more", changes={"epochs": 1}).splits
    for name in ("train", "val", "test"):
        assert set(before[name]) <= set(after[name])
    assert sum(map(len, after.values())) == 180


def test_new_records_alone_do_not_forget_what_was_held_out(linear: Path, tmp_path: Path) -> None:
    data = write(tmp_path / "new.txt", new_records())
    directory = continue_training(linear, data, tmp_path / "new", changes={"epochs": 1})
    assert set(load(linear).splits["test"]) <= set(directory.splits["test"])
    assert directory.settings.epochs == 1
    assert directory.settings.num_classes == 3


def as_the_first_release_wrote_it(directory: ModelDirectory) -> ModelDirectory:
    """With dropout, whose layers kept a counter of steps in model.h5."""
    buffer = io.BytesIO(directory.files[WEIGHTS])
    with h5py.File(buffer, "r+") as file:
        names = [name for name in file.attrs["layer_names"] if name != "Embedding-Dropout"]
        file.attrs["layer_names"] = [*names, "Embedding-Dropout"]
        layer = file.require_group("Embedding-Dropout")
        layer.attrs["weight_names"] = ["step:0"]
        layer["step:0"] = np.int32(18)
    settings = {**json.loads(directory.files[SETTINGS]), "dropout": 0.1}
    kept = {name: content for name, content in directory.files.items() if name in RELEASED}
    metadata = {key: value for key, value in directory.metadata.items() if key in RELEASED}
    return ModelDirectory(
        {**kept, WEIGHTS: buffer.getvalue(), SETTINGS: to_json(settings)},
        {**metadata, "library": "gi_classifier 0.1.0"},
    )


def test_a_model_of_the_first_release_predicts_explains_and_goes_on_training(
    trained: Path, tmp_path: Path
) -> None:
    save(as_the_first_release_wrote_it(load(trained)), tmp_path / "old")
    model = GIClassifier.load(tmp_path / "old")
    texts = [text for text, _ in made_up_records(12)]
    for engine in ("fp32", "int8", "keras"):
        found = GIClassifier.load(tmp_path / "old", engine=engine).predict_proba(texts)
        np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-6)
    assert model.explain(texts[:1])[0].error < 0.05
    data = write(tmp_path / "same.txt", made_up_records())
    after = continue_training(tmp_path / "old", data, tmp_path / "new", changes={"epochs": 1})
    assert after.settings.dropout == 0.1
    with h5py.File(io.BytesIO(after.files[WEIGHTS]), "r") as file:
        stored: list[str] = []
        file.visit(stored.append)
    assert "Embedding-Dropout" in stored
    assert not any("step" in name for name in stored)


def test_result_is_never_worse_on_validation(trained: Path, tmp_path: Path) -> None:
    data = write(tmp_path / "same.txt", made_up_records())
    wild = {"learning_rate": 5.0, "final_learning_rate": 5.0, "warmup_steps": 0, "epochs": 2}
    directory = continue_training(trained, data, tmp_path / "wild", changes=wild)
    assert (
        directory.metadata["training"]["val_loss"]
        <= load(trained).metadata["training"]["val_loss"] + 1e-6
    )
    if directory.metadata["training"]["best_epoch"] == 0:
        texts = [text for text, _ in made_up_records()]
        one, other = (
            Predictor.from_directory(b, "fp32").predict_proba(texts)
            for b in (load(trained), directory)
        )
        np.testing.assert_allclose(one, other, atol=1e-6)


def test_training_on_a_record_that_was_tested_on_is_refused(trained: Path, tmp_path: Path) -> None:
    tested = set(load(trained).splits["test"])
    rows = made_up_records()
    held = next(row for row in rows if fingerprint(row[0]) in tested)
    kept = [row for row in rows if fingerprint(row[0]) in load(trained).splits["val"]]
    files = {
        "train": write(tmp_path / "train.txt", [*new_records(), held]),
        "val": write(tmp_path / "val.txt", kept),
        "test": write(tmp_path / "test.txt", [r for r in rows if fingerprint(r[0]) in tested][1:]),
    }
    with pytest.raises(
        RecordsError, match=r"must stay in the split.*\n.*train line 61 was in test"
    ):
        continue_training(trained, files, tmp_path / "model")


@pytest.mark.parametrize("name", ["num_classes", "label_names", "maxlen"])
def test_meaning_of_the_labels_cannot_change(trained: Path, tmp_path: Path, name: str) -> None:
    data = write(tmp_path / "new.txt", new_records())
    with pytest.raises(SettingsError, match=f"{name} can't change when training goes on"):
        continue_training(trained, data, tmp_path / "model", changes={name: 4})


def test_label_out_of_range_is_refused(trained: Path, tmp_path: Path) -> None:
    data = write(tmp_path / "new.txt", [*new_records(), ("又一条记录", 3)])
    with pytest.raises(LabelError, match=r"line 61: the label is out of range 0…2"):
        continue_training(trained, data, tmp_path / "model")


def test_unknown_setting_is_named(trained: Path, tmp_path: Path) -> None:
    data = write(tmp_path / "new.txt", new_records())
    with pytest.raises(SettingsError, match=r"Received: epoch$"):
        continue_training(trained, data, tmp_path / "model", changes={"epoch": 1})


def test_bfloat16_and_an_average_are_asked_for_anew(
    records_file: Path, settings: Settings, tmp_path: Path
) -> None:
    fast = replace(settings, bfloat16=True, ema_momentum=0.5)
    assert train(records_file, tmp_path / "fast", settings=fast, use="linear").settings.bfloat16
    for changes, wanted in ({}, False), ({"bfloat16": True}, True):
        output = tmp_path / f"next-{wanted}"
        after = continue_training(tmp_path / "fast", records_file, output, changes=changes)
        assert after.settings.bfloat16 is wanted
        assert after.settings.ema_momentum == 0


def test_a_few_new_records_beside_the_known_ones_all_train(linear: Path, tmp_path: Path) -> None:
    data = write(tmp_path / "few.txt", made_up_records() + new_records(5))
    directory = continue_training(linear, data, tmp_path / "few", changes={"epochs": 1})
    assert len(directory.splits["train"]) == len(load(linear).splits["train"]) + 5


def test_records_that_leave_none_to_validate_on_are_refused(trained: Path, tmp_path: Path) -> None:
    data = write(tmp_path / "few.txt", new_records(5))
    with pytest.raises(RecordsError, match="no record is left for 'val'"):
        continue_training(trained, data, tmp_path / "model")
    assert not (tmp_path / "model.training").exists()


def test_a_model_remembers_what_its_base_trained_on(
    trained: Path, tmp_path: Path, settings: Settings
) -> None:
    path = write(tmp_path / "others.txt", new_records(90))
    short = replace(settings, epochs=1)
    first = train(path, tmp_path / "first", settings=short, base=trained)
    before = known_fingerprints(load(trained).splits)
    assert before <= known_fingerprints(first.splits)
    assert set(first.splits) == {"train", "val", "test", "base"}
    second = continue_training(tmp_path / "first", path, tmp_path / "second")
    assert known_fingerprints(second.splits) == known_fingerprints(first.splits)
