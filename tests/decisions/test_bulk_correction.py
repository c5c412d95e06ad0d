from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from command_line import call_command
from samples import made_up_records

from gi_classifier.cli.fit_bulk import fit_bulk
from gi_classifier.decisions.bulk import open_bulk, stored_bulk
from gi_classifier.decisions.bulk_correction import Correction, fit_correction
from gi_classifier.decisions.bulk_fit import bulk_at_hand
from gi_classifier.errors import ModelError
from gi_classifier.model.directory import BULK, CORRECTION, ModelDirectory, load
from gi_classifier.model.linear import LinearModel
from gi_classifier.model.predictor import Predictor
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
    found = fit_correction(linear, TEXTS, alone, both).reader(linear).log_odds(TEXTS)
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
    one, other = (c.reader(linear).log_odds(TEXTS) for c in (correction, again))
    np.testing.assert_allclose(one, other, atol=1e-6)


def test_a_correction_of_another_linear_member_is_refused(
    linear: LinearModel, alone: np.ndarray, both: np.ndarray
) -> None:
    correction = fit_correction(linear, TEXTS, alone, both)
    shorter = replace(correction, weights=correction.weights[:, 1:])
    with pytest.raises(ModelError, match="The correction is for weights of shape"):
        shorter.reader(linear)


def damaged(**changes: np.ndarray) -> bytes:
    parts = {"weights": np.zeros((3, 2), np.int8), "scales": np.ones(3), "intercepts": np.ones(3)}
    buffer = io.BytesIO()
    np.savez(buffer, **(parts | changes))
    return buffer.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"PK\x03\x04",
        damaged(weights=np.zeros((3, 2))),
        damaged(weights=np.zeros(3, np.int8)),
        damaged(scales=np.ones(2)),
        damaged(intercepts=np.full(3, np.nan)),
        damaged(weights=np.array([None])),
    ],
)
def test_a_damaged_correction_is_named(content: bytes) -> None:
    with pytest.raises(ModelError, match="The correction cannot be read"):
        Correction.from_npz(content)


@pytest.fixture
def fitted(both_members: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A model whose cut and correction were chosen on few passages."""
    monkeypatch.setattr("gi_classifier.decisions.bulk_fit.FEWEST_PASSAGES", 60)
    passages = tmp_path / "passages.txt"
    passages.write_text("\n".join(TEXTS[:120]), encoding="utf-8")
    call_command(fit_bulk, passages, "--model", both_members)
    return both_members


@pytest.mark.slow
def test_half_of_twice_the_passages_teach_and_the_model_keeps_both_files(fitted: Path) -> None:
    directory = load(fitted)
    bulk = stored_bulk(directory)
    assert (bulk.passages, bulk.corrected_by) == (60, 60)
    predictor = Predictor.from_directory(directory)
    stored = open_bulk(directory, predictor)
    at_hand = bulk_at_hand(directory, predictor, [], TEXTS[:120])
    assert stored.least_margin == pytest.approx(at_hand.least_margin, abs=1e-6)
    scores = np.zeros((len(TEXTS), 3))
    np.testing.assert_allclose(
        stored.margins(TEXTS, scores), at_hand.margins(TEXTS, scores), atol=1e-6
    )
    assert np.abs(stored.margins(TEXTS, scores)).max() > 0


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
