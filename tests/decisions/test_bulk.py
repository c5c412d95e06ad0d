from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from samples import made_up_records

from gi_classifier import GIClassifier
from gi_classifier.decisions.bulk import Bulk, BulkPredictor, margins, open_bulk
from gi_classifier.decisions.bulk_fit import bulk_at_hand
from gi_classifier.errors import ModelError, SettingsError
from gi_classifier.model.directory import BULK, FUSION, ModelDirectory, load, save
from gi_classifier.model.fusion import Fusion, to_file
from gi_classifier.model.predictor import Predictor

pytestmark = pytest.mark.slow
TEXTS = [text for text, _ in made_up_records(20)]


@pytest.fixture(scope="module")
def directory(trained: Path) -> ModelDirectory:
    """Both members count."""
    found = load(trained)
    fusions = {
        "both": Fusion(0.7, 0.6, (0.0, 0.1, 0.2)),
        "albert": Fusion(0.9, 0.0, (0.0, 0.0, 0.0)),
        "linear": Fusion(0.0, 1.1, (0.0, 0.0, 0.2)),
    }
    return ModelDirectory({**found.files, FUSION: to_file(fusions)}, found.metadata)


@pytest.fixture(scope="module")
def both(directory: ModelDirectory) -> Predictor:
    return Predictor.from_directory(directory)


def with_cut(directory: ModelDirectory, content: bytes) -> ModelDirectory:
    return ModelDirectory({**directory.files, BULK: content}, directory.metadata)


def cut_at(directory: ModelDirectory, margin: float) -> Bulk:
    return Bulk(directory.digest, margin, 10_000, 9_000, 4, 0.00092)


def test_a_margin_is_the_log_of_how_much_likelier_the_first_label_is() -> None:
    scores = np.log([[0.1, 0.6, 0.3], [0.4, 0.4, 0.2]]) + 5
    np.testing.assert_allclose(margins(scores), [np.log(2), 0.0], atol=1e-12)
    speaks_for_another = np.array([[0.0, 0.0, 1.0], [0.5, 0.0, 0.0]])
    np.testing.assert_allclose(margins(scores, speaks_for_another), [np.log(2) - 1, 0.5])


def test_each_member_answers_with_its_own_probability(
    directory: ModelDirectory, both: Predictor
) -> None:
    alone = Predictor.from_directory(directory, use="linear").predict_proba(TEXTS)
    cut = float(np.median(margins(np.log(alone))))
    found, linear = BulkPredictor(both, directory.fusion("linear"), cut).predict_proba(TEXTS)
    assert 0 < linear.sum() < len(TEXTS)
    np.testing.assert_array_equal(linear, margins(np.log(alone)) >= cut)
    np.testing.assert_allclose(found[linear], alone[linear])
    np.testing.assert_allclose(found[~linear], both.predict_proba(TEXTS)[~linear], rtol=1e-5)


def test_texts_that_come_again_are_answered_alike(
    directory: ModelDirectory, both: Predictor
) -> None:
    bulk = BulkPredictor(both, directory.fusion("linear"), 1.0)
    found, linear = bulk.predict_proba([*TEXTS, *TEXTS[::-1]])
    np.testing.assert_array_equal(found[: len(TEXTS)], found[len(TEXTS) :][::-1])
    np.testing.assert_array_equal(linear[: len(TEXTS)], linear[len(TEXTS) :][::-1])


def test_no_text_gives_no_row(directory: ModelDirectory, both: Predictor) -> None:
    found, linear = BulkPredictor(both, directory.fusion("linear"), 1.0).predict_proba([])
    assert found.shape == (0, 3)
    assert linear.shape == (0,)


def test_above_every_margin_both_members_answer_all(
    directory: ModelDirectory, both: Predictor
) -> None:
    bulk = BulkPredictor(both, directory.fusion("linear"), 1e9)
    found, linear = bulk.predict_proba(TEXTS)
    assert not linear.any()
    np.testing.assert_allclose(found, both.predict_proba(TEXTS), rtol=1e-5)


def test_a_stored_cut_is_opened(directory: ModelDirectory, both: Predictor) -> None:
    stored = with_cut(directory, cut_at(directory, 2.5).to_bytes({"command": "fit-bulk"}))
    assert open_bulk(stored, both).least_margin == 2.5


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model_sha256": "0" * 64}, "chosen for other weights"),
        ({"least_margin": float("nan")}, "not finite"),
        ({"least_margin": "x"}, "incomplete"),
        ({"strange": 1}, "incomplete"),
    ],
)
def test_a_cut_that_does_not_fit_is_an_error(
    directory: ModelDirectory, both: Predictor, change: dict[str, object], message: str
) -> None:
    table = json.loads(cut_at(directory, 1.0).to_bytes()) | change
    stored = with_cut(directory, json.dumps(table).encode())
    with pytest.raises(ModelError, match=message):
        open_bulk(stored, both)


def test_a_model_without_a_cut_says_how_to_choose_one(
    directory: ModelDirectory, both: Predictor
) -> None:
    with pytest.raises(ModelError, match=r"holds no bulk\.json\. Choose the cut"):
        open_bulk(directory, both)


def test_without_the_linear_member_there_is_no_bulk(directory: ModelDirectory) -> None:
    stored = with_cut(directory, cut_at(directory, 1.0).to_bytes())
    with pytest.raises(SettingsError, match="the linear member has no part"):
        open_bulk(stored, Predictor.from_directory(directory, use="albert"))


def test_a_classifier_answers_in_bulk_by_a_stored_cut(
    directory: ModelDirectory, tmp_path: Path
) -> None:
    place = save(with_cut(directory, cut_at(directory, 1.0).to_bytes()), tmp_path / "model")
    model = GIClassifier.load(place)
    bulk = BulkPredictor(model._fitted(), directory.fusion("linear"), 1.0)
    wanted = bulk.predict_proba(TEXTS)[0].argmax(axis=1)
    np.testing.assert_array_equal(model.predict(TEXTS, bulk=True), wanted)
    with pytest.raises(SettingsError, match="Received: min_confidence"):
        model.predict(TEXTS, bulk=True, min_confidence=0.5)


def test_without_a_cut_few_records_are_read_by_both_and_a_warning_says_so(
    directory: ModelDirectory, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    model = GIClassifier.load(save(directory, tmp_path / "model"))
    np.testing.assert_array_equal(model.predict(TEXTS, bulk=True), model.predict(TEXTS))
    assert "Both members read all records. Bulk needs 10,000" in caplog.text


def test_passages_choose_a_cut_whatever_is_stored(
    directory: ModelDirectory, both: Predictor, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = with_cut(directory, cut_at(directory, 123.0).to_bytes())
    assert bulk_at_hand(stored, both, TEXTS).least_margin == 123.0
    monkeypatch.setattr("gi_classifier.decisions.bulk_fit.FEWEST_PASSAGES", 10)
    monkeypatch.setattr("gi_classifier.decisions.bulk_fit.least_margin", lambda *_: 7.0)
    assert bulk_at_hand(stored, both, TEXTS, iter(TEXTS)).least_margin == 7.0
    assert bulk_at_hand(directory, both, TEXTS).least_margin == 7.0
