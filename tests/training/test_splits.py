"""The records that training reads: labels that are numbers, known names, or words."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from command_line import run
from samples import made_up_records

from gi_classifier import GIClassifier, train
from gi_classifier.errors import LabelError, RecordsError, SettingsError
from gi_classifier.settings import Settings
from gi_classifier.training.splits import read_splits, with_own_labels


def _file(path: Path, labels: Sequence[object]) -> Path:
    texts = [text for text, _ in made_up_records(len(labels))]
    pd.DataFrame({"text": texts, "label": labels}).to_csv(path, index=False)
    return path


@pytest.mark.parametrize(
    "names", [("neither", "upper", "lower"), ("均非", "上消化道", "下消化道"), ("0", "1", "2")]
)
def test_names_of_the_three_labels_are_read_as_their_numbers(
    tmp_path: Path, names: tuple[str, ...]
) -> None:
    path = _file(tmp_path / "a.csv", [names[i % 3] for i in range(120)])
    settings = with_own_labels(path, Settings())
    assert settings == Settings()
    splits = read_splits(path, settings)
    assert {name: set(part.labels or ()) for name, part in splits.items()} == {
        name: {0, 1, 2} for name in ("train", "val", "test")
    }


def test_words_of_the_users_own_are_numbered_in_sorted_order(tmp_path: Path) -> None:
    words = ["心内科" if i % 2 else "呼吸科" for i in range(40)]
    path = _file(tmp_path / "a.csv", words)
    settings = with_own_labels(path, Settings())
    assert settings.names == ("呼吸科", "心内科")
    assert settings.window_rule == "mean"
    first = read_splits(path, settings)["train"]
    found = {(word, number) for word, number in zip(first.lines, first.labels or (), strict=True)}
    assert found == {(line, int(words[line - 2] == "心内科")) for line in first.lines}
    assert with_own_labels({"train": path}, Settings(num_classes=2)).num_classes == 2
    named = Settings(num_classes=2, label_names=("心内科", "呼吸科"))
    assert with_own_labels(path, named) == named
    with pytest.raises(SettingsError, match="num_classes is 4, but .* has 2 different labels"):
        with_own_labels(path, Settings(num_classes=4))


def test_one_word_among_numbers_is_a_bad_row_and_no_class_of_its_own(tmp_path: Path) -> None:
    path = _file(tmp_path / "a.csv", [*(str(i % 3) for i in range(119)), "uper"])
    settings = with_own_labels(path, Settings())
    assert settings == Settings()
    with pytest.raises(LabelError, match="line 121: the label is not an integer") as caught:
        read_splits(path, settings)
    assert "uper" not in str(caught.value).replace("upper", "")


def test_a_column_of_texts_is_no_column_of_labels(tmp_path: Path) -> None:
    path = _file(tmp_path / "a.csv", [f"患者第{i}次便血" for i in range(120)])
    with pytest.raises(RecordsError, match="120 different words, too many for labels") as caught:
        with_own_labels(path, Settings())
    assert "便血" not in str(caught.value)


def test_a_model_of_words_answers_in_words(tmp_path: Path, settings: Settings) -> None:
    words = ["呼吸科", "心内科", "消化科"]
    path = _file(tmp_path / "a.csv", [words[i % 3] for i in range(120)])
    model = tmp_path / "model"
    train(path, model, settings=settings, use="linear")
    found = GIClassifier.load(model).predict(["胃窦糜烂"])
    assert found.dtype == np.array(words).dtype
    done = run("predict", "胃窦糜烂", "--model", model, "--json")
    assert json.loads(done.stdout)["records"][0]["name"] == found[0]
    assert run("evaluate", path, "--model", model, "--json").returncode == 0
