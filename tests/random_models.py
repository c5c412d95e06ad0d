"""Tiny models whose weights are all random, with their files."""

from __future__ import annotations

import numpy as np

from gi_classifier.model.directory import ModelDirectory
from gi_classifier.settings import AlbertConfig, Settings
from gi_classifier.text import Vocabulary
from gi_classifier.training.export import exported
from gi_classifier.training.keras_model import (
    Built,
    classifier,
    get_weights,
    initialise,
    set_weights,
)


def random_model(config: AlbertConfig, settings: Settings) -> object:
    """A model whose weights, biases and scales are all random."""
    model = classifier(config, settings.num_classes)
    initialise(model, 3)
    source = np.random.default_rng(3)
    weights = {
        name: [array + source.normal(0, 0.3, array.shape).astype(np.float32) for array in arrays]
        for name, arrays in get_weights(model).items()
    }
    set_weights(model, weights)
    return model


def random_directory(
    config: AlbertConfig, vocabulary: Vocabulary, settings: Settings
) -> tuple[object, ModelDirectory]:
    """Such a model, and its files."""
    model = random_model(config, settings)
    return model, exported(Built(model, config, vocabulary, "random"), settings, [])
