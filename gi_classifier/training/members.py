"""The last step of training: the linear member, and how much each member counts.

In: an exported model directory, or settings alone, and records. Out: the files of the linear
member and of what both members' log-odds count.
"""

from __future__ import annotations

import numpy as np

from gi_classifier.data.records import Records
from gi_classifier.model.directory import FUSION, LINEAR, ModelDirectory
from gi_classifier.model.fusion import to_file
from gi_classifier.model.linear import PIECE_SHARES
from gi_classifier.model.predictor import Predictor
from gi_classifier.training.fusion import fit_fusions
from gi_classifier.training.linear import fit_linear
from gi_classifier.training.weighting import class_weights


def fit_members(directory: ModelDirectory, train: Records, val: Records) -> dict[str, bytes]:
    """Fit the linear member on training records, and each use of the members on validation records.

    Parameters
    ----------
    directory : ModelDirectory
        Without a linear member yet; it may hold settings alone, and no ALBERT.
    train, val : Records
        With labels.
    """
    settings = directory.settings
    # A label that weighs more does so in all that is fitted, or one step would undo another.
    weights = class_weights(settings, np.array(train.labels, dtype=int))
    linear = fit_linear(
        train.texts,
        train.labels or (),
        settings.num_classes,
        # Pieces are weighed by what lies off label 0, which must be the background.
        piece_shares=PIECE_SHARES if settings.window_rule == "evidence" else (0.0, 0.0),
        class_weights=weights,
        seed=settings.seed,
    )
    albert = None
    if "albert" in directory.members:
        albert = Predictor.from_directory(directory).albert_log_odds(val.texts)
    fusions = fit_fusions(albert, linear.decision_function(val.texts), val.labels or (), weights)
    return {LINEAR: linear.to_npz(), FUSION: to_file(fusions)}
