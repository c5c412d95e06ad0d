"""Train the linear member alone: a model directory without ALBERT, in seconds, no TensorFlow.

In: split records and settings. Out: a model directory of settings, linear member and fusion.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from gi_classifier._version import __version__
from gi_classifier.data.fingerprints import fingerprints, splits_file
from gi_classifier.data.records import Records
from gi_classifier.errors import SettingsError
from gi_classifier.files import to_json
from gi_classifier.model.directory import LOG, SETTINGS, SPLITS, ModelDirectory
from gi_classifier.model.engine import check_asked_engine
from gi_classifier.settings import Settings
from gi_classifier.training.measuring import measures
from gi_classifier.training.members import fit_members
from gi_classifier.training.run_state import phase
from gi_classifier.training.splits import counts_by_label

logger = logging.getLogger(__name__)


def check_linear_alone(base: object, unlabelled: object) -> None:
    """Raise where something was given that has no part in training the linear member alone.

    Raises
    ------
    SettingsError
        With each.
    """
    problems = []
    if base:
        problems.append(f"base, which is what ALBERT starts from. Received: {base}")
    if unlabelled:
        problems.append("unlabelled text: the linear member learns from labelled records")
    if problems:
        raise SettingsError(
            'With use "linear" the linear member is trained alone. Leave out, or train with both '
            "members:",
            problems,
        )


def run_linear(
    splits: Mapping[str, Records], settings: Settings, work: Path | None = None
) -> ModelDirectory:
    """Fit the linear member, calibrate it on the validation records, and measure it.

    Parameters
    ----------
    splits : mapping
        "train" and "val"; measures are added where there is a "test".
    settings : Settings
    work : Path, optional
        Where the log stands.
    """
    # The model that ships, which is measured beside it, asks for one.
    check_asked_engine(settings)
    counts = counts_by_label(splits, settings)
    files = {SETTINGS: to_json(settings.to_dict())}
    metadata = {
        "library": f"gi_classifier {__version__}",
        "created": datetime.now(UTC).strftime("%Y-%m-%d"),
        "labels": list(settings.names),
        "source": "the linear member alone",
        "training": {"records": counts},
    }
    with phase("fitting the linear member"):
        files |= fit_members(ModelDirectory(files), splits["train"], splits["val"])
    if "test" in splits and len(splits["test"]):
        with phase("measuring on the test records"):
            metadata |= measures(ModelDirectory(files), splits["test"])
    files[SPLITS] = splits_file(fingerprints(splits))
    if work is not None and (work / LOG).is_file():
        files[LOG] = (work / LOG).read_bytes()
    return ModelDirectory(files, metadata)
