"""The cut of bulk for a model that is trained with unlabelled text.

In: passages. Out: those that training leaves alone, and the cut that they choose: a
model is surer of what it was trained on than of what it will read.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from gi_classifier.decisions.bulk import FEWEST_PASSAGES, bulk_files
from gi_classifier.decisions.bulk_fit import choose_cut, drawn
from gi_classifier.model.directory import ModelDirectory
from gi_classifier.model.origin import origin
from gi_classifier.model.predictor import Predictor

logger = logging.getLogger(__name__)


def held_for_bulk(passages: Sequence[str], seed: int) -> tuple[list[str], list[str]]:
    """Passages that choose the cut, and those to train on; none of the first where all are needed.

    10,000 distinct ones are held where as many are left.
    """
    if len(set(passages)) < 2 * FEWEST_PASSAGES:
        return [], list(passages)
    held = drawn(passages, seed, FEWEST_PASSAGES)
    kept = frozenset(held)
    return held, [passage for passage in passages if passage not in kept]


def bulk_file(directory: ModelDirectory, held: Sequence[str]) -> dict[str, bytes]:
    """The files of the cut of a model whose two members answer; none without passages."""
    if not held:
        return {}
    predictor = Predictor.from_directory(directory)
    if not (predictor.fusion.albert and predictor.fusion.linear):
        return {}
    cut, correction = choose_cut(directory, predictor, held)
    logger.info(
        "bulk: of %d passages the linear member answers %d alone, and changes the label of %d",
        cut.passages,
        cut.answered,
        cut.changed,
    )
    return bulk_files(cut, correction, origin(directory, command="training"))
