"""Fingerprints of records, as a model directory stores them."""

from __future__ import annotations

import json

from gi_classifier.data.fingerprints import fingerprint, splits_file


def test_stored_fingerprints_come_back_and_waste_no_white_space() -> None:
    splits = {"train": [fingerprint("胃癌"), fingerprint("肠癌")], "test": [fingerprint("肺癌")]}
    content = splits_file(splits)
    assert json.loads(content) == splits
    assert content.split() == [content.rstrip(b"\n")]
