from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from command_line import run
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import gi_classifier
from gi_classifier import GIClassifier
from gi_classifier.decisions.decision import (
    NOVEL,
    UNDECIDED,
    Decider,
    Decision,
    decide,
    labels_or_none,
)
from gi_classifier.errors import InputError, LabelError, ModelError, SettingsError
from gi_classifier.model.directory import NOVELTY, WEIGHTS, ModelDirectory, load
from gi_classifier.model.predictor import Predictor
from gi_classifier.model.shipped import shipped_directory

TEXTS = ["胃窦黏膜充血", "直肠息肉", "肺癌"]
ROWS = np.array([[0.7, 0.25, 0.05], [0.1, 0.5, 0.4], [0.4, 0.3, 0.3]])


@pytest.fixture(scope="module")
def decider(trained: Path) -> Decider:
    directory = load(trained)
    return Decider(directory, Predictor.from_directory(directory))


@given(probabilities=arrays(float, (4, 3), elements=st.floats(0, 1)))
def test_without_options_the_likeliest_label_is_chosen(probabilities: np.ndarray) -> None:
    assert decide(probabilities).tolist() == probabilities.argmax(axis=1).tolist()
    assert (decide(probabilities, min_confidence=0.0) == decide(probabilities)).all()


def test_a_threshold_gives_its_label_wherever_it_is_met_and_nowhere_else() -> None:
    assert decide(ROWS, label=1, threshold=0.25).tolist() == [1, 1, 1]
    assert decide(ROWS, label=1, threshold=0.3).tolist() == [0, 1, 1]
    assert decide(ROWS, label=1, threshold=0.6).tolist() == [0, 2, 0]
    assert decide(ROWS, label=0, threshold=0.0).tolist() == [0, 0, 0]


def test_a_record_below_the_confidence_asked_gets_no_answer() -> None:
    answers = decide(ROWS, min_confidence=0.5)
    assert labels_or_none(answers) == [0, 1, None]
    assert decide(ROWS, min_confidence=1.0).tolist() == [-1, -1, -1]
    certain = np.array([[0.0, 1.0, 0.0]])
    assert decide(certain, min_confidence=1.0).tolist() == [1]


def test_every_option_out_of_range_is_named_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        Decision(label=1, min_confidence=1.5)
    assert "label and threshold go together. Received: label 1, threshold None" in str(caught.value)
    assert "min_confidence must be a number in [0, 1]. Received: 1.5" in str(caught.value)
    for bad in (-0.1, 1.1, float("nan"), True, "high"):
        with pytest.raises(
            SettingsError, match=r"threshold must be a number in \[0, 1\], or 'stored'"
        ):
            Decision(label=1, threshold=bad)  # type: ignore[arg-type]
    with pytest.raises(SettingsError, match="Give one of them"):
        Decision(label=1, threshold=0.5, min_confidence=0.5)
    with pytest.raises(SettingsError, match="a stored threshold was chosen under the training"):
        Decision(label=1, threshold="stored", prior=[0.2, 0.4, 0.4])


def test_a_prior_as_an_array_makes_a_decision_that_is_not_plain() -> None:
    assert Decision().is_plain
    assert not Decision(prior=np.ones(3) / 3).is_plain  # type: ignore[arg-type]
    assert not Decision(reject_novel=True).is_plain


@pytest.mark.parametrize("label", [3, -1, "colon", 1.5, True])
def test_a_label_that_the_model_lacks_is_an_error(decider: Decider, label: object) -> None:
    with pytest.raises(LabelError, match=r"No such label; this model has 0 .* Received: "):
        decider.predict(TEXTS, Decision(label=label, threshold=0.5))  # type: ignore[arg-type]


@pytest.mark.parametrize("label", [np.int64(1), "1", "upper", "上消化道"])
def test_a_label_is_named_by_its_number_or_its_name(decider: Decider, label: object) -> None:
    decision = Decision(label=label, threshold=0.0)  # type: ignore[arg-type]
    assert decider.predict(TEXTS, decision)[0].tolist() == [1, 1, 1]


def test_a_prior_moves_the_probabilities_by_bayes_rule(decider: Decider) -> None:
    plain = decider.predict_proba(TEXTS)
    counts = np.array(decider.directory.metadata["training"]["records"]["train"], dtype=float)
    ratio = np.array([0.1, 0.8, 0.1]) / (counts / counts.sum())
    expected = plain * ratio / (plain * ratio).sum(axis=1, keepdims=True)
    _, found = decider.predict(TEXTS, Decision(prior=[0.1, 0.8, 0.1]))
    np.testing.assert_allclose(found, expected, atol=1e-9)


def test_novel_records_get_no_answer(decider: Decider, monkeypatch: pytest.MonkeyPatch) -> None:
    scorer = SimpleNamespace(scores=lambda texts: np.array([0.2, 0.99, 0.9]), threshold=0.9)
    monkeypatch.setattr(decider, "_novelty", scorer)
    answers, probabilities = decider.predict(TEXTS, Decision(reject_novel=True))
    likeliest = probabilities.argmax(axis=1)
    assert answers.tolist() == [likeliest[0], NOVEL, likeliest[2]]
    assert labels_or_none(answers) == [likeliest[0], None, likeliest[2]]
    both, _ = decider.predict(TEXTS, Decision(reject_novel=True, min_confidence=1.0))
    assert both.tolist() == [UNDECIDED, NOVEL, UNDECIDED]


def test_a_threshold_that_was_never_stored_is_an_error(decider: Decider) -> None:
    with pytest.raises(ModelError, match="threshold"):
        decider.predict(TEXTS, Decision(label=1, threshold="stored"))


def test_the_model_that_ships_decides_as_it_is_asked() -> None:
    doubtful = "肺"
    low, high = sorted(gi_classifier.predict_proba([doubtful])[0])[1:]
    assert gi_classifier.predict(doubtful, min_confidence=float(high)) == 0
    assert gi_classifier.predict(doubtful, min_confidence=float(np.nextafter(high, 2))) is None
    assert gi_classifier.predict(doubtful, label=1, threshold=0.0) == 1
    assert gi_classifier.multi_predict([doubtful, "胃癌"], prior=[0.0, 0.5, 0.5])[1] == 1
    assert gi_classifier.multi_predict([], min_confidence=0.5) == []
    shifted = gi_classifier.predict_proba([doubtful], prior=[0.01, 0.01, 0.98])
    assert shifted[0, 2] > gi_classifier.predict_proba([doubtful])[0, 2]
    assert low < high


def test_the_prior_of_unlabelled_records_is_found_by_the_model_that_ships() -> None:
    texts = ["胃窦黏膜充血糜烂", "食管癌术后", "十二指肠球部溃疡", "贲门失弛缓"] * 5 + ["肺癌"]
    prior = gi_classifier.estimate_prior(texts)
    assert prior.sum() == pytest.approx(1)
    assert prior.argmax() == 1
    with pytest.raises(InputError, match="position 0: an empty text"):
        gi_classifier.estimate_prior([""])


def test_the_estimator_answers_with_objects_where_it_may_not_answer(trained: Path) -> None:
    model = GIClassifier.load(trained)
    assert model.predict(TEXTS).dtype.kind == "i"
    found = model.predict(TEXTS, min_confidence=1.0)
    assert found.dtype == object
    assert found.tolist() == [None, None, None]
    assert model.predict([], min_confidence=1.0).shape == (0,)
    assert model.embed(TEXTS).shape == (3, 8)
    assert model.estimate_prior(TEXTS).shape == (3,)


def test_the_command_line_says_where_there_is_no_answer(trained: Path, tmp_path: Path) -> None:
    done = run("predict", *TEXTS, "--model", trained, "--min-confidence", "1", "--json")
    found = json.loads(done.stdout)
    assert [row["label"] for row in found["records"]] == [None] * 3
    assert found["summary"]["undecided 未定"] == 3
    done = run("predict", *TEXTS, "--model", trained, "--label", "1", "--threshold", "0")
    assert [line.split("\t")[0] for line in done.stdout.splitlines()[:3]] == ["1"] * 3
    path = tmp_path / "answers.csv"
    probabilities = np.array(
        [[row[f"probability_{i}"] for i in range(3)] for row in found["records"]]
    )
    middle = float(np.sort(probabilities.max(axis=1))[1])
    run("predict", *TEXTS, "--model", trained, "--min-confidence", middle - 1e-6, "--output", path)
    labels = pd.read_csv(path, dtype=str, encoding="utf-8-sig")["label"]
    assert labels.isna().sum() == 1
    assert set(labels.dropna()) <= {"0", "1", "2"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--threshold", "0.5"], "go together"),
        (["--prior", "a,b"], "--prior takes numbers with commas between"),
        (["--min-confidence", "2"], "must be a number in [0, 1]"),
    ],
)
def test_a_wrong_option_is_wrong_use(options: list[str], message: str) -> None:
    done = run("predict", "胃", *options, code=2)
    assert message in " ".join(done.stderr.replace("│", "").split())


def test_plain_predicting_imports_none_of_it() -> None:
    code = (
        "import sys, gi_classifier; gi_classifier.predict('胃窦'); "
        "print([m for m in sys.modules if m.startswith('gi_classifier.evaluation') "
        "or m in ('gi_classifier.decisions.priors', 'gi_classifier.decisions.novelty', "
        "'gi_classifier.decisions.thresholds', 'scipy', 'sklearn', 'tensorflow')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.slow
def test_deciding_opens_the_model_that_ships_once() -> None:
    code = (
        "import gi_classifier\n"
        "from gi_classifier.model import shipped\n"
        "opened, load = [], shipped.load\n"
        "shipped.load = lambda path: opened.append(path) or load(path)\n"
        "gi_classifier.predict('胃窦')\n"
        "gi_classifier.predict('胃窦', reject_novel=True, min_confidence=0.1)\n"
        "gi_classifier.estimate_prior(['胃窦', '肺癌'])\n"
        "gi_classifier.novelty(['胃窦'])\n"
        "print(len(opened))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "1"


def test_training_fits_novelty_and_ties_it_to_the_weights(trained: Path) -> None:
    directory = load(trained)
    assert NOVELTY in directory.files
    scores = GIClassifier.load(trained).novelty(TEXTS)
    assert ((scores >= 0) & (scores <= 1)).all()
    other = ModelDirectory(
        {**directory.files, WEIGHTS: shipped_directory().files[WEIGHTS]}, directory.metadata
    )
    with pytest.raises(ModelError, match="gi-classifier fit-novelty"):
        Decider(other, Predictor.from_directory(directory)).novelty(TEXTS)


def test_the_model_that_ships_rejects_what_is_no_record_and_keeps_what_is() -> None:
    texts = ["胃窦黏膜充血，见散在糜烂", "今天天气真好，我们去公园玩吧", "右肺上叶结节，建议随访"]
    assert gi_classifier.multi_predict(texts, reject_novel=True) == [1, None, 0]
    assert gi_classifier.novelty(texts)[1] > 0.98
    assert gi_classifier.novelty([]).shape == (0,)
