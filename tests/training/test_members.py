"""Both members of a trained model."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from random_models import random_directory
from samples import made_up_records

from gi_classifier.data.records import Records
from gi_classifier.model.directory import FUSION, LINEAR, ModelDirectory
from gi_classifier.model.predictor import Predictor
from gi_classifier.settings import Settings
from gi_classifier.text import Vocabulary
from gi_classifier.training.members import fit_members


def test_the_linear_member_learns_what_a_random_encoder_does_not_know(
    config,  # type: ignore[no-untyped-def]
    vocabulary: Vocabulary,
    settings: Settings,
) -> None:
    _, alone = random_directory(config, vocabulary, settings)
    texts, labels = zip(*made_up_records(), strict=True)
    lines = tuple(range(len(texts)))
    train, val = (
        Records(texts, labels, lines).take(range(start, len(texts), 2)) for start in (0, 1)
    )
    files = fit_members(alone, train, val)
    assert set(files) == {LINEAR, FUSION}
    both = ModelDirectory({**alone.files, **files}, alone.metadata)
    fusion = both.fusion()
    assert fusion.linear > fusion.albert
    found = Predictor.from_directory(both).predict_proba(val.texts).argmax(axis=1)
    assert (found == np.array(val.labels)).mean() > 0.9
    assert both.linear is not None
    assert min(both.linear.piece_shares) > 0


def test_without_a_background_label_pieces_do_not_count(
    config,  # type: ignore[no-untyped-def]
    vocabulary: Vocabulary,
    settings: Settings,
) -> None:
    changed = replace(settings, window_rule="mean")
    _, alone = random_directory(config, vocabulary, changed)
    texts, labels = zip(*made_up_records(), strict=True)
    records = Records(texts, labels, tuple(range(len(texts))))
    both = ModelDirectory({**alone.files, **fit_members(alone, records, records)}, alone.metadata)
    assert both.linear is not None
    assert both.linear.piece_shares == (0, 0)
