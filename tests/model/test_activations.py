from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from samples import made_up_records

from gi_classifier.model.activations import ActivationReader
from gi_classifier.model.directory import ModelDirectory, load
from gi_classifier.model.predictor import Predictor

TEXTS = [text for text, _ in made_up_records()]


@pytest.fixture(scope="module")
def directory(trained: Path) -> ModelDirectory:
    return load(trained)


def test_the_first_vector_of_the_last_layer_is_the_predictors(directory: ModelDirectory) -> None:
    read = ActivationReader(directory).read(TEXTS[:5])
    expected = Predictor.from_directory(directory, "fp32").embed(TEXTS[:5])
    np.testing.assert_allclose(read.firsts[:, -1], expected, atol=1e-5)
    assert read.firsts.shape == read.means.shape == (5, 2, 8)


def test_a_text_has_the_same_activations_alone_and_among_others(directory: ModelDirectory) -> None:
    reader = ActivationReader(directory)
    texts = [*TEXTS[:4], "胃" * 100, TEXTS[0], "胃"]
    together = reader.read(texts)
    for i, text in enumerate(texts):
        alone = reader.read([text])
        np.testing.assert_allclose(together.firsts[i], alone.firsts[0], atol=1e-5)
        np.testing.assert_allclose(together.means[i], alone.means[0], atol=1e-5)
        np.testing.assert_array_equal(together.ids[i], alone.ids[0])


def test_a_long_texts_activations_are_the_mean_of_its_windows(directory: ModelDirectory) -> None:
    reader, (text,) = ActivationReader(directory), ["胃肠肺" * 16]
    # Settings of the fixture: windows of 30 tokens, 8 of them shared.
    parts = [text[0:30], text[18:48]]
    read = reader.read(parts)
    whole = reader.read([text])
    np.testing.assert_allclose(whole.means[0], read.means.mean(axis=0), atol=1e-5)
    np.testing.assert_allclose(whole.firsts[0], read.firsts.mean(axis=0), atol=1e-5)
    assert len(whole.ids[0]) == 48 + 2


def test_no_text_has_no_activations(directory: ModelDirectory) -> None:
    read = ActivationReader(directory).read([])
    assert read.firsts.shape == read.means.shape == (0, 2, 8)
    assert read.ids == []
