"""Go on training from a model directory, on new records or more of them.

In: a model directory and records. Out: another model directory. Records that were held out for
validation or test before stay held out, so what a model was measured on is never trained on.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gi_classifier.classes import CLASSES
from gi_classifier.data.fingerprints import (
    BASE,
    SPLIT_NAMES,
    earlier_splits,
    fingerprint,
    known_fingerprints,
    splits_file,
)
from gi_classifier.data.records import Records
from gi_classifier.errors import RecordsError, SettingsError
from gi_classifier.model.directory import (
    LOG,
    NOVELTY,
    SPLITS,
    ModelDirectory,
    check_model_output,
    load,
    save,
)
from gi_classifier.settings import Settings
from gi_classifier.training.distil import model_teacher
from gi_classifier.training.linear_alone import check_linear_alone, run_linear
from gi_classifier.training.run_state import (
    logging_to,
    phase,
    starting_tensorflow,
    working_directory,
)
from gi_classifier.training.splits import Data, check_classes, read_splits
from gi_classifier.training.train import given_passages, run

logger = logging.getLogger(__name__)

# What a model's labels and inputs mean; going on may not change them.
FIXED = ("num_classes", "label_names", "maxlen")


def continue_training(
    model: str | Path,
    data: Data,
    output: str | Path,
    *,
    changes: Mapping[str, Any] | None = None,
    unlabelled: str | Path | Sequence[str | Path] = (),
    text_column: str = "text",
    label_column: str = "label",
    sheet: str | None = None,
    header_row: int | None = None,
    force: bool = False,
    restart: bool = False,
) -> ModelDirectory:
    """Train a model further, head and all, and write the result as a new model directory.

    The linear member has nothing to go on from: it is fitted anew, on the records that are given,
    and what it knew of others is lost (a warning says of how many). So a model without ALBERT, as
    ``train(use="linear")`` makes it, is trained anew, with its settings, labels and splits.

    A single file is split 8:1:1 as :func:`gi_classifier.train` does, except that records that
    the model has seen keep their split. The weights of the epoch with the lowest validation loss
    are kept; where no epoch lowers it, those are the weights that were there.

    Parameters
    ----------
    model : str or Path
        A model directory.
    data : str, Path or mapping
        One file, or a mapping of "train", "val" and "test" to three.
    output : str or Path
        The model directory to write; with ``force`` it may be ``model`` itself.
    changes : mapping, optional
        Settings to change, such as ``{"learning_rate": 3e-5}``; all others are the model's, except
        ``bfloat16`` and ``ema_momentum``, which are off unless they are asked for here, since they
        hang on the processor and on the number of steps.
        The number, names and meaning of the labels can't be changed.
    unlabelled : str, Path or sequence of them
        Text files as :func:`gi_classifier.train` takes them. The teacher is the model as it is,
        with the members that it answers by. What it held out before stays out; a near-duplicate
        of that which is not among the records cannot be seen.
    text_column, label_column, sheet, header_row, force, restart
        As in :func:`gi_classifier.train`.

    Raises
    ------
    SettingsError
        A change is unknown or of a setting that is fixed; or there is unlabelled text for a linear
        member alone.
    RecordsError
        The records don't fit the model: a label out of range, or records that would move between
        training and the held-out splits; or unlabelled text that teaches nothing.

    Examples
    --------
    >>> from gi_classifier import continue_training
    >>> slower = {"learning_rate": 3e-5}
    >>> continue_training("my-model", "new.csv", "next", changes=slower)  # doctest: +SKIP
    """
    before = load(model)
    alone = before.members == ("linear",)
    settings = _changed(before.settings, changes or {}, alone=alone)
    if alone:
        check_linear_alone(None, unlabelled)
    with working_directory(check_model_output(output, force=force), restart=restart) as work:
        if not alone:
            with starting_tensorflow():
                from gi_classifier.training.keras_model import build
        with phase("reading"):
            passages = given_passages(unlabelled)
            earlier = earlier_splits(before.splits)
            columns = (text_column, label_column, sheet, header_row)
            splits = read_splits(data, settings, *columns, earlier=earlier)
            _check_stays(splits, earlier)
            if alone:
                check_classes(splits["train"], settings)
        if not alone:
            with phase("building the network"):
                built = build(Path(model), settings, head=True)
        with logging_to(work / LOG):
            _say_what_is_refitted(splits["train"], before)
            directory = (
                run_linear(splits, settings, work)
                if alone
                else run(
                    built,
                    splits,
                    settings,
                    work,
                    unlabelled=passages,
                    teacher=model_teacher(before, work),
                    held_before=frozenset(f for f, name in earlier.items() if name != "train"),
                    keep_start=True,
                )
            )
        directory = _remembering(directory, before)
        save(directory, output, force=force)
    return directory


def _changed(settings: Settings, changes: Mapping[str, Any], *, alone: bool) -> Settings:
    fixed = sorted(set(changes) & set(FIXED))
    if fixed:
        raise SettingsError(
            f"{', '.join(fixed)} can't change when training goes on; train a new model for that."
        )
    if alone and changes.get("use", "linear") != "linear":
        raise SettingsError(
            "This model is a linear member alone, with no ALBERT to go on from; train a new model "
            f"without --use linear. Received: use={changes['use']!r}"
        )
    # What paid on the processor of the first training may not on this one, and over as many steps
    # as the first took an average forgets where it began.
    own = {"bfloat16": False, "ema_momentum": 0.0}
    return Settings.from_dict({**settings.to_dict(), **own, **changes})


def _say_what_is_refitted(train: Records, before: ModelDirectory) -> None:
    """Log how many of the earlier training records the linear member, fitted anew, will know."""
    earlier = set(before.splits.get("train", ()))
    given = {fingerprint(text) for text in train.texts}
    if lost := len(earlier - given):
        logger.warning(
            "The linear member is fitted anew, on the %d training records of this run alone: %d of "
            "%d that the model was trained on before are not among them, and no record's text is "
            "in a model directory. Give the earlier records and the new ones in one file.",
            len(given),
            lost,
            len(earlier),
        )


def _check_stays(splits: Mapping[str, Records], earlier: Mapping[str, str]) -> None:
    """Raise where a record would move between training and the held-out splits."""
    problems = [
        f"{name} {part.unit} {line} was in {earlier[found]} before"
        for name, part in splits.items()
        for text, line in zip(part.texts, part.lines, strict=True)
        if earlier.get(found := fingerprint(text), name) != name
    ]
    if problems:
        raise RecordsError("These records must stay in the split that they were in:", problems)


def _remembering(directory: ModelDirectory, before: ModelDirectory) -> ModelDirectory:
    """Add the splits of the records that the earlier model saw, so that no later run forgets."""
    known = earlier_splits(directory.splits) | earlier_splits(before.splits)
    splits: dict[str, list[str]] = {name: [] for name in SPLIT_NAMES}
    for found, name in sorted(known.items()):
        splits[name].append(found)
    # What the run calls its base are the splits above, and what the earlier model's base had seen.
    if base := sorted(known_fingerprints(before.splits) - set(known)):
        splits[BASE] = base
    files, metadata = {**directory.files, SPLITS: splits_file(splits)}, dict(directory.metadata)
    if CLASSES in before.metadata:
        metadata[CLASSES] = before.metadata[CLASSES]
    # Of a linear member alone there are no epochs.
    if metadata["training"].get("best_epoch") == 0 and "training" in before.metadata:
        # ALBERT is the earlier one: so are its temperature and novelty. The training prior is that
        # of these records, on which both members' weights were fitted anew.
        kept = {"temperature": before.metadata["training"]["temperature"]}
        metadata["training"] = {**metadata["training"], **kept}
        if NOVELTY in before.files and directory.encoder_digest == before.encoder_digest:
            files[NOVELTY] = before.files[NOVELTY]
    return ModelDirectory(files, metadata)
