from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from command_line import call_command
from samples import made_up_records

from gi_classifier.cli.fit_bulk import fit_bulk
from gi_classifier.decisions.bulk import margins, open_bulk, stored_bulk
from gi_classifier.decisions.bulk_correction import Correction, fit_correction
from gi_classifier.decisions.bulk_fit import bulk_at_hand, drawn
from gi_classifier.errors import ModelError
from gi_classifier.model.directory import BULK, CORRECTION, ModelDirectory, load
from gi_classifier.model.linear import LinearModel
from gi_classifier.model.predictor import Predictor
from gi_classifier.training.bulk_cut import bulk_file
from gi_classifier.training.linear import fit_linear

RECORDS = made_up_records(240)
TEXTS = [text for text, _ in RECORDS]


@pytest.fixture(scope="module")
def linear() -> LinearModel:
    return fit_linear(TEXTS, [label for _, label in RECORDS], 3)


@pytest.fixture(scope="module")
def alone() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(len(TEXTS), 3))


@pytest.fixture(scope="module")
def both(alone: np.ndarray) -> np.ndarray:
    """Both members think less of label 2 wherever 胃 stands, and more of it wherever 肠 does."""
    difference = np.array([-2.0 * ("胃" in text) + 2.0 * ("肠" in text) for text in TEXTS])
    return alone + np.outer(difference, [0.0, 0.0, 1.0])


def test_it_learns_which_ngrams_the_members_differ_by(
    linear: LinearModel, alone: np.ndarray, both: np.ndarray
) -> None:
    found = fit_correction(linear, TEXTS, alone, both).of(linear, TEXTS)
    wanted = both - alone
    assert np.corrcoef(found[:, 2], wanted[:, 2])[0, 1] > 0.95
    assert np.abs(found[:, 2] - wanted[:, 2]).mean() < 0.5
    # Of a difference between two labels the first is told nothing, nor is one that does not differ.
    np.testing.assert_allclose(found[:, :2], 0.0, atol=1e-6)


def test_saved_and_read_again_it_corrects_alike(
    linear: LinearModel, alone: np.ndarray, both: np.ndarray
) -> None:
    correction = fit_correction(linear, TEXTS, alone, both)
    again = Correction.from_npz(correction.to_npz())
    one, other = (c.of(linear, TEXTS) for c in (correction, again))
    np.testing.assert_allclose(one, other, atol=1e-6)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04"])
def test_what_is_no_such_file_is_named(content: bytes) -> None:
    with pytest.raises(ModelError, match="it cannot be read"):
        Correction.from_npz(content)


@pytest.mark.parametrize(
    "changes",
    [
        {"weights": np.zeros((3, 5), np.int8)},
        {"weights": np.zeros(3, np.int8)},
        {"weights": np.zeros((3, 9), np.int8)},
        {"scales": np.array(1.0)},
        {"scales": np.ones((3, 1))},
        {"intercepts": np.array(["1", "2", "3"])},
        {"scales": np.ones(2), "intercepts": np.ones(4)},
        {"scales": np.full(3, 1e300)},
        {"intercepts": np.full(3, np.nan)},
    ],
)
def test_parts_that_do_not_fit_the_linear_member_are_named(
    linear: LinearModel, changes: dict[str, np.ndarray]
) -> None:
    weights = np.zeros(linear.weights.shape, np.int8)
    fitting = Correction(weights, np.ones(3), np.ones(3))
    fitting.check(linear)
    with pytest.raises(ModelError, match="does not fit a linear member of weights"):
        replace(fitting, **changes).check(linear)


def test_weights_that_are_no_whole_numbers_are_named(linear: LinearModel) -> None:
    floats = Correction(np.zeros(linear.weights.shape), np.ones(3), np.ones(3))
    with pytest.raises(ModelError, match="does not fit a linear member of weights"):
        floats.check(linear)


@pytest.fixture
def fitted(both_members: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A model whose cut and correction were chosen on few passages."""
    monkeypatch.setattr("gi_classifier.decisions.bulk_fit.FEWEST_PASSAGES", 60)
    passages = tmp_path / "passages.txt"
    passages.write_text("\n".join(TEXTS[:121]), encoding="utf-8")
    call_command(fit_bulk, passages, "--model", both_members)
    return both_members


@pytest.mark.slow
def test_one_half_chooses_the_other_teaches_and_the_model_keeps_both_files(
    fitted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = load(fitted)
    bulk = stored_bulk(directory)
    assert (bulk.passages, bulk.corrected_by) == (61, 60)
    taught: list[list[str]] = []
    chose: list[np.ndarray] = []

    def spied(linear: LinearModel, texts: list[str], *scores: np.ndarray) -> Correction:
        taught.append(texts)
        return fit_correction(linear, texts, *scores)

    def cut(margin: np.ndarray, changed: np.ndarray, *_: float) -> float:
        chose.append(margin)
        return 0.25

    monkeypatch.setattr("gi_classifier.decisions.bulk_fit.fit_correction", spied)
    monkeypatch.setattr("gi_classifier.decisions.bulk_fit.least_margin", cut)
    predictor = Predictor.from_directory(directory)
    order = drawn(TEXTS[:121], directory.settings.seed)
    at_hand = bulk_at_hand(directory, predictor, [], TEXTS[:121])
    assert taught == [order[61:]]
    stored = open_bulk(directory, predictor)
    scores = directory.fusion("linear").scores(None, predictor.linear.decision_function(TEXTS))  # type: ignore[union-attr]
    margin = stored.margins(TEXTS, scores)
    np.testing.assert_allclose(margin, at_hand.margins(TEXTS, scores), atol=1e-6)
    assert not np.allclose(margin, margins(scores))
    rows = [TEXTS.index(text) for text in order[:61]]
    np.testing.assert_allclose(chose[0], margin[rows], atol=1e-6)
    # What is corrected decides who answers.
    _, linear = at_hand.predict_proba(TEXTS)
    np.testing.assert_array_equal(linear, margin >= 0.25)


@pytest.mark.slow
def test_the_files_of_a_cut_of_enough_passages_hold_a_correction(fitted: Path) -> None:
    found = bulk_file(load(fitted), TEXTS[:121])
    assert set(found) == {BULK, CORRECTION}


@pytest.mark.slow
def test_the_command_says_what_it_stored_and_how_many_taught(fitted: Path, tmp_path: Path) -> None:
    out, err = call_command(fit_bulk, tmp_path / "passages.txt", "--model", fitted, "--force")
    assert ". 60 others taught what corrects its margins" in " ".join(out.split())
    assert "bulk.json and" in " ".join(err.split())
    assert "bulk.npz" in err


@pytest.mark.slow
def test_fewer_passages_leave_no_correction_behind(
    fitted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gi_classifier.decisions.bulk_fit.FEWEST_PASSAGES", 61)
    call_command(fit_bulk, tmp_path / "passages.txt", "--model", fitted, "--force")
    assert CORRECTION not in load(fitted).files
    assert stored_bulk(load(fitted)).corrected_by == 0


@pytest.mark.slow
def test_a_cut_without_its_correction_is_an_error(fitted: Path) -> None:
    directory = load(fitted)
    files = {name: content for name, content in directory.files.items() if name != CORRECTION}
    predictor = Predictor.from_directory(directory)
    with pytest.raises(ModelError, match=rf"{CORRECTION} cannot be used: .*it is missing"):
        open_bulk(ModelDirectory(files, directory.metadata), predictor)
    files |= {CORRECTION: b"x", BULK: directory.files[BULK]}
    with pytest.raises(ModelError, match=rf"{CORRECTION} cannot be used: .*cannot be read"):
        open_bulk(ModelDirectory(files, directory.metadata), predictor)
