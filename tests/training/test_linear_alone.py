"""The linear member alone: trained without TensorFlow, and all that answers works with it."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from samples import made_up_records, write_pairs

from gi_classifier import Decision, GIClassifier, TextHead, continue_training, train
from gi_classifier.attribution.integrated_gradients import Explainer
from gi_classifier.decisions.decision import Decider
from gi_classifier.decisions.novelty import open_novelty
from gi_classifier.errors import GIClassifierError, ModelError, RecordsError, SettingsError
from gi_classifier.model.directory import FUSION, LINEAR, SETTINGS, SPLITS, ModelDirectory, load
from gi_classifier.model.predictor import Predictor
from gi_classifier.settings import Settings
from gi_classifier.training.convert import convert

TEXTS = [text for text, _ in made_up_records()[:6]]


@pytest.fixture(scope="module")
def path(records_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("linear") / "model"
    train(records_file, output, use="linear")
    return output


@pytest.fixture(scope="module")
def directory(path: Path) -> ModelDirectory:
    return load(path)


def test_the_directory_holds_nothing_of_albert_and_says_its_member(
    directory: ModelDirectory,
) -> None:
    assert {SETTINGS, LINEAR, FUSION, SPLITS} <= set(directory.files)
    assert not [name for name in directory.files if name.endswith((".h5", ".onnx"))]
    assert directory.members == ("linear",)
    assert directory.settings.use == "linear"
    assert directory.metadata["test"]["macro_f1"] > 0.8
    assert directory.metadata["test"]["known"] == 0
    assert directory.metadata["test_shipped"]["records"] == directory.metadata["test"]["records"]


TRAINING = """
import sys
from gi_classifier import GIClassifier, train
train(sys.argv[1], sys.argv[2], use="linear")
texts = ["胃窦糜烂充血", "胃体溃疡出血", "直肠息肉切除", "结肠多发憩室"] * 6
texts = [f"{text}{i}" for i, text in enumerate(texts)]
GIClassifier(use="linear").fit(texts, ["甲", "甲", "乙", "乙"] * 6)
found = {"tensorflow", "tf_keras", "bert4keras"} & set(sys.modules)
assert not found, found
"""


@pytest.mark.slow
def test_training_it_imports_no_tensorflow(tmp_path: Path, records_file: Path) -> None:
    arguments = [sys.executable, "-c", TRAINING, str(records_file), str(tmp_path / "model")]
    done = subprocess.run(arguments, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_equal_runs_are_equal_in_bytes(
    path: Path, records_file: Path, tmp_path: Path, directory: ModelDirectory
) -> None:
    again = train(records_file, tmp_path / "again", settings=Settings(use="linear"))
    for name in (SETTINGS, LINEAR, FUSION, SPLITS):
        assert again.files[name] == directory.files[name]


def test_labels_may_be_words(tmp_path: Path) -> None:
    rows = [(text, ("肺", "胃", "肠")[label]) for text, label in made_up_records()]
    found = train(write_pairs(tmp_path / "r.txt", rows), tmp_path / "model", use="linear")
    assert sorted(found.settings.names) == sorted({"肺", "胃", "肠"})
    assert GIClassifier.load(tmp_path / "model").predict(TEXTS).tolist() == [
        label for _, label in rows[:6]
    ]


def test_answers_decisions_and_explanations_work(directory: ModelDirectory) -> None:
    predictor = Predictor.from_directory(directory)
    assert directory.linear is not None
    scores = predictor.decision_function(TEXTS)
    decider = Decider(directory, predictor)
    assert decider.estimate_prior(TEXTS).sum() == pytest.approx(1)
    answers, chances = decider.predict(TEXTS, Decision(label=1, threshold=0.9))
    np.testing.assert_allclose(chances, predictor.predict_proba(TEXTS))
    assert (answers == 1).tolist() == (chances[:, 1] >= 0.9).tolist()
    reweighted = decider.predict_proba(TEXTS, [0.8, 0.1, 0.1])
    assert (reweighted[:, 0] >= chances[:, 0]).all()
    for row, found in enumerate(Explainer(directory).explain([*TEXTS, "胃 窦\u200b。"])[:-1]):
        assert found.tokens == tuple(TEXTS[row])
        assert found.score == pytest.approx(scores[row, found.label])
        gained = found.score - found.baseline_score
        assert found.scores.sum() + found.special == pytest.approx(gained, abs=1e-9)
        assert (found.error, found.converged, found.special) == (0, True, 0)
        assert not found.albert.any()
        assert found.words()


def test_the_estimator_fits_explains_and_reads_it_back(tmp_path: Path) -> None:
    texts, labels = zip(*made_up_records(), strict=True)
    words = ["neither", "upper", "lower"]
    named = [words[label] for label in labels]
    model = GIClassifier(use="linear").fit(texts, named)
    assert (model.predict(texts) == np.array(named)).mean() > 0.9
    model.save(tmp_path / "model")
    again = GIClassifier.load(tmp_path / "model")
    np.testing.assert_array_equal(again.predict_proba(TEXTS), model.predict_proba(TEXTS))
    assert again.explain(TEXTS, "upper")[0].label == 2  # sorted: lower, neither, upper
    assert again.use == "linear"


def test_a_class_that_weighs_more_is_more_likely() -> None:
    source = np.random.default_rng(0)
    labels = source.integers(0, 2, 800)
    # A sign that two thirds of label 1 have, and one third of label 0.
    signs = source.random(800) < np.where(labels == 1, 2 / 3, 1 / 3)
    filler = [*"肺息肉溃疡充血糜烂"]
    texts = ["".join(source.choice(filler, 12)) + "胃" * int(sign) for sign in signs]
    shares = []
    for weight in ({1: 0.1}, None, {1: 10}):
        model = GIClassifier(use="linear", class_weight=weight).fit(texts, labels)
        shares.append(float(model.predict_proba(texts)[:, 1].mean()))
    assert shares[0] < 0.2 < 0.4 < shares[1] < 0.6 < 0.8 < shares[2]


def failing(directory: ModelDirectory, path: Path) -> dict[str, Any]:
    """What asks for ALBERT, by what it is called."""
    predictor = Predictor.from_directory(directory)
    return {
        "embed": lambda: predictor.embed(TEXTS),
        "an engine": lambda: Predictor.from_directory(directory, "fp32"),
        "novelty": lambda: open_novelty(directory),
        "reject novel": lambda: Decider(directory, predictor).predict(
            TEXTS, Decision(reject_novel=True)
        ),
        "a head": lambda: TextHead(path).fit(TEXTS, ["a", "b"] * 3),
        "a head on [CLS]": lambda: TextHead(path, features="cls").fit(TEXTS, ["a", "b"] * 3),
        "use albert": lambda: Predictor.from_directory(directory, use="albert"),
        "use both": lambda: Explainer(directory, use="both"),
    }


@pytest.mark.parametrize(
    "name",
    [
        "embed",
        "an engine",
        "novelty",
        "reject novel",
        "a head",
        "a head on [CLS]",
        "use albert",
        "use both",
    ],
)
def test_what_needs_albert_is_one_error_that_says_what_to_do(
    directory: ModelDirectory, path: Path, name: str
) -> None:
    with pytest.raises(GIClassifierError, match="no ALBERT.*without `?--use linear") as caught:
        failing(directory, path)[name]()
    assert isinstance(caught.value, SettingsError if name.startswith("use") else ModelError)


@pytest.mark.slow
def test_it_is_no_base_and_cannot_be_converted(path: Path, tmp_path: Path, base: Path) -> None:
    rows = write_pairs(tmp_path / "r.txt", made_up_records())
    with pytest.raises(ModelError, match="no ALBERT"):
        train(rows, tmp_path / "out", base=path)
    with pytest.raises(ModelError, match="a model directory already"):
        convert(path, tmp_path / "out")
    with pytest.raises(
        SettingsError, match="Leave out.*\n  base, which is what ALBERT starts from"
    ):
        train(rows, tmp_path / "out", base=base, use="linear")
    with pytest.raises(SettingsError, match="\n  unlabelled text"):
        train(rows, tmp_path / "out", unlabelled=rows, use="linear")
    with pytest.raises(SettingsError, match="unlabelled text"):
        GIClassifier(use="linear").fit(TEXTS, [0, 1] * 3, unlabelled=["胃"])
    assert not (tmp_path / "out").exists()


def test_a_directory_that_lacks_one_of_its_files_is_refused(path: Path, tmp_path: Path) -> None:
    import json
    import shutil

    place = Path(shutil.copytree(path, tmp_path / "model"))
    manifest = json.loads((place / "manifest.json").read_text("utf-8"))
    del manifest["files"][FUSION]
    (place / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    with pytest.raises(ModelError, match=f"{FUSION}: not in the manifest"):
        load(place)


def test_going_on_fits_anew_and_says_what_is_lost(
    path: Path,
    directory: ModelDirectory,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    records_file: Path,
) -> None:
    rows = [(f"{text}。另记", label) for text, label in made_up_records()]
    new = write_pairs(tmp_path / "new.txt", rows)
    with caplog.at_level(logging.WARNING, logger="gi_classifier"):
        after = continue_training(path, new, tmp_path / "next", changes={"seed": 7})
    known = len(directory.splits["train"])
    assert f"{known} of {known} that the model was trained on before are not among" in caplog.text
    assert after.members == ("linear",)
    assert after.settings.seed == 7
    assert set(directory.splits["train"]) < set(after.splits["train"])
    caplog.clear()
    again = continue_training(path, records_file, tmp_path / "same")
    assert "fitted anew, on the" not in caplog.text
    assert again.files[LINEAR] == directory.files[LINEAR]


def test_going_on_needs_every_label_and_cannot_bring_albert(path: Path, tmp_path: Path) -> None:
    rows = write_pairs(tmp_path / "two.txt", [r for r in made_up_records() if r[1]])
    with pytest.raises(RecordsError, match="no training record has label 0"):
        continue_training(path, rows, tmp_path / "next")
    with pytest.raises(SettingsError, match="no ALBERT to go on from"):
        continue_training(path, rows, tmp_path / "next", changes={"use": "both"})
    assert not (tmp_path / "next").exists()
