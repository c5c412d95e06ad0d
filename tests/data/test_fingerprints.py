"""Fingerprints of records, as a model directory stores them."""

from __future__ import annotations

from gi_classifier.data.fingerprints import fingerprint, splits_file
from gi_classifier.model.directory import SPLITS, ModelDirectory


def test_stored_fingerprints_come_back_and_waste_nothing() -> None:
    found = {"train": sorted(map(fingerprint, ("胃", "肠"))), "val": [], "test": []}
    content = splits_file(found)
    assert ModelDirectory({SPLITS: content}).splits == found
    assert len(content) < 2 * 16 + 40
