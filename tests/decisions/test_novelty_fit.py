from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from samples import made_up_records
from sklearn.covariance import LedoitWolf

from gi_classifier.decisions.novelty import Novelty, mahalanobis, open_novelty
from gi_classifier.decisions.novelty_fit import fit, fit_novelty, whiten
from gi_classifier.errors import RecordsError
from gi_classifier.model.activations import ActivationReader, encode
from gi_classifier.model.directory import NOVELTY, ModelDirectory, load

TEXTS = [text for text, _ in made_up_records()]


@pytest.fixture(scope="module")
def directory(trained: Path) -> ModelDirectory:
    return load(trained)


@pytest.fixture(scope="module")
def content(directory: ModelDirectory) -> bytes:
    return fit_novelty(directory, TEXTS[:90], TEXTS[90:], seed=3)


def test_mahalanobis_distance_is_scikit_learns() -> None:
    vectors = np.random.default_rng(0).normal(size=(60, 5)) @ np.diag([1, 2, 3, 4, 5])
    model = LedoitWolf().fit(vectors)
    centre = vectors.mean(axis=0, keepdims=True)
    found = mahalanobis(vectors, centre, whiten(vectors - centre))
    # A ridge of a millionth of the mean variance is added.
    np.testing.assert_allclose(found, model.mahalanobis(vectors), rtol=1e-4)


@pytest.mark.parametrize("records", [1, 2, 5])
def test_few_or_equal_vectors_still_have_a_distance(records: int) -> None:
    vectors = np.ones((records, 8))
    centre = vectors.mean(axis=0, keepdims=True)
    found = mahalanobis(np.array([np.ones(8), np.zeros(8)]), centre, whiten(vectors - centre))
    assert np.isfinite(found).all()
    assert found[1] > found[0]


def test_the_same_seed_gives_the_same_bytes(directory: ModelDirectory, content: bytes) -> None:
    assert fit_novelty(directory, TEXTS[:90], TEXTS[90:], seed=3) == content
    assert len(content) < 2_000_000


def test_equal_texts_count_once(directory: ModelDirectory, content: bytes) -> None:
    assert fit_novelty(directory, TEXTS[:90] * 2, TEXTS[90:] * 3, seed=3) == content


def test_progress_is_told_of_every_text_read(directory: ModelDirectory) -> None:
    told: list[int] = []
    fit_novelty(directory, TEXTS[:10], TEXTS[90:95], 0, told.append)
    assert sum(told) == 15


def test_one_record_of_each_is_enough(directory: ModelDirectory) -> None:
    stored = fit_novelty(directory, TEXTS[:1], TEXTS[1:2], seed=0)
    scorer = open_novelty(ModelDirectory({**directory.files, NOVELTY: stored}, directory.metadata))
    found = scorer.scores(TEXTS[:4])
    assert np.isfinite(found).all()
    assert found[1] <= scorer.threshold


def test_nothing_to_fit_on_is_an_error(directory: ModelDirectory) -> None:
    with pytest.raises(RecordsError, match="Received: 0 and 1"):
        fit_novelty(directory, [], TEXTS[:1], seed=0)
    with pytest.raises(RecordsError, match="Received: 2 and 0"):
        fit_novelty(directory, TEXTS[:2], [], seed=0)


def test_what_is_stored_scores_as_what_was_fitted(
    directory: ModelDirectory, content: bytes
) -> None:
    reader = ActivationReader(directory)
    read = reader.read(TEXTS)
    means, ids = read.means[:, 1], encode(directory.vocabulary, TEXTS)
    novelty = fit(
        means[:90],
        ids[:90],
        means[90:],
        ids[90:],
        vocabulary=len(directory.vocabulary),
        layer=1,
        digest=directory.digest,
    )
    again = Novelty.from_bytes(novelty.to_bytes())
    np.testing.assert_array_equal(again.scores(means, ids), novelty.scores(means, ids))
    assert (again.digest, again.layer) == (directory.digest, 1)
