"""The last step of training: the linear member, and how much each member counts.

In: an exported model directory and its records. Out: the files that make it answer with both.
"""

from __future__ import annotations

from gi_classifier.data.records import Records
from gi_classifier.model.directory import FUSION, LINEAR, ModelDirectory
from gi_classifier.model.fusion import to_file
from gi_classifier.model.linear import PIECE_SHARE
from gi_classifier.model.predictor import Predictor
from gi_classifier.training.fusion import fit_fusions
from gi_classifier.training.linear import fit_linear


def fit_members(directory: ModelDirectory, train: Records, val: Records) -> dict[str, bytes]:
    """Fit the linear member on training records, and both members' weights on validation records.

    Parameters
    ----------
    directory : ModelDirectory
        Without a linear member yet.
    train, val : Records
        With labels.
    """
    settings = directory.settings
    linear = fit_linear(
        train.texts,
        train.labels or (),
        settings.num_classes,
        # Pieces are weighed by what lies off label 0, which must be the background.
        piece_share=PIECE_SHARE if settings.window_rule == "evidence" else 0.0,
        seed=settings.seed,
    )
    albert = Predictor.from_directory(directory).decision_function(val.texts)
    fusions = fit_fusions(albert, linear.decision_function(val.texts), val.labels or ())
    return {LINEAR: linear.to_npz(), FUSION: to_file(fusions)}
