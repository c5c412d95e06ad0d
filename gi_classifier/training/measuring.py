"""What a model that was just trained is worth on its test records, beside the model that ships.

In: a model directory and labelled records. Out: measures for the manifest.
"""

from __future__ import annotations

import logging
from collections.abc import Collection
from typing import Any

import numpy as np

from gi_classifier.data.fingerprints import fingerprint, trained_on
from gi_classifier.data.records import Records
from gi_classifier.metrics.measures import measure
from gi_classifier.model.directory import ModelDirectory
from gi_classifier.model.predictor import Predictor
from gi_classifier.model.shipped import open_shipped, shipped_directory

logger = logging.getLogger(__name__)


def measures(
    directory: ModelDirectory, test: Records, seen: Collection[str] = ()
) -> dict[str, Any]:
    """The model's measures on the test records, and those of the model that ships beside them.

    Those stand only where both have the same labels; ``known`` counts the records that either model
    was trained on, by itself or before, so that its figures flatter.

    Parameters
    ----------
    directory : ModelDirectory
    test : Records
        None of which ``directory`` was trained on by itself.
    seen : collection of str
        Fingerprints of what the model that it began with had seen.
    """
    labels = np.array(test.labels)
    measured = measure(labels, Predictor.from_directory(directory).predict_proba(test.texts))
    found = {**measured, "known": sum(fingerprint(text) in seen for text in test.texts)}
    logger.info("test: macro-F1 %(macro_f1).4f, accuracy %(accuracy).4f", found)
    beside = shipped_directory()
    if beside.settings.names != directory.settings.names:
        return {"test": found}
    probabilities = open_shipped(Predictor.from_directory).predict_proba(test.texts)
    known = int(trained_on(beside.splits, test.texts).sum())
    return {"test": found, "test_shipped": {**measure(labels, probabilities), "known": known}}
