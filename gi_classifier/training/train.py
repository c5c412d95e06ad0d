"""Train a classifier on records and write a model directory; interrupted, it goes on.

In: one file of records, or three ready splits. Out: a model directory, whole or not at all,
with Keras weights, ONNX graphs, vocabulary, settings, history and log. TensorFlow is imported
when training starts.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gi_classifier.classes import CLASSES, classes_to_dict
from gi_classifier.data.fingerprints import BASE, fingerprints, splits_file
from gi_classifier.data.passages import check_passages, read_passages
from gi_classifier.data.records import Records
from gi_classifier.errors import RecordsError
from gi_classifier.model import directory as model_dir
from gi_classifier.model.directory import ModelDirectory, check_model_output, save
from gi_classifier.model.engine import check_asked_engine
from gi_classifier.model.shipped import shipped
from gi_classifier.settings import Settings, Use
from gi_classifier.training.bulk_cut import bulk_file, held_for_bulk
from gi_classifier.training.encodings import encode, with_unlabelled
from gi_classifier.training.linear_alone import check_linear_alone, run_linear
from gi_classifier.training.measuring import measures
from gi_classifier.training.members import fit_members
from gi_classifier.training.run_state import (
    history_csv,
    logging_to,
    phase,
    run_identity,
    starting_tensorflow,
    working_directory,
)
from gi_classifier.training.splits import (
    Data,
    check_classes,
    counts_by_label,
    read_splits,
    with_own_labels,
)

if TYPE_CHECKING:
    from gi_classifier.training.distil import Teacher
    from gi_classifier.training.optimise import Progress

logger = logging.getLogger(__name__)


def train(
    data: Data,
    output: str | Path,
    *,
    settings: Settings | None = None,
    base: str | Path | None = None,
    unlabelled: str | Path | Sequence[str | Path] = (),
    use: Use | None = None,
    text_column: str = "text",
    label_column: str = "label",
    sheet: str | None = None,
    header_row: int | None = None,
    force: bool = False,
    restart: bool = False,
) -> ModelDirectory:
    """Train a classifier with a fresh head and write its model directory.

    Records are checked, normalised, freed of duplicates and, where one file is given, split
    8:1:1 so that near-duplicates never cross. Of a text longer than ``maxlen`` the first window
    is trained on, and with the window rule "evidence" every window of label 0. If the run is
    stopped, the same call goes on after the last whole epoch and ends with the same weights. The
    probabilities are calibrated on the validation records.

    Parameters
    ----------
    data : str, Path or mapping
        One file, or a mapping of "train", "val" and "test" to three. Labels are the numbers from
        0 up, names that ``settings`` has (``upper``, ``上消化道``), or words of your own, which are
        numbered in sorted order.
    output : str or Path
        The model directory to write. ``<output>.training`` holds the state until then.
    settings : Settings, optional
    base : str or Path, optional
        What to start from, see :func:`gi_classifier.training.keras_model.build`: a model
        directory, a directory of an official checkpoint or of Hugging Face transformers, an
        ``.h5``, or a config ``.json`` for random weights. Without, the encoder of the model that
        ships.
    unlabelled : str, Path or sequence of them
        Text files, one passage a line, UTF-8 or GB18030, ``.gz`` or plain: more text of the kind
        that the model will read. A linear teacher labels it, see
        :mod:`gi_classifier.training.distil`; of 20,000 passages or more, 10,000 choose bulk's cut
        instead, where both members answer.
    use : {"both", "albert", "linear"}, optional
        Instead of ``settings.use``: the members that will answer. "linear" trains the linear
        member alone, in seconds and without TensorFlow; it takes neither ``base`` nor
        ``unlabelled``.
    text_column, label_column, sheet, header_row
        As :func:`~gi_classifier.data.readers.read_records` takes them.
        Column names of ``.csv``, ``.jsonl`` and ``.xlsx`` files.
    force : bool
        Replace a model directory at ``output``.
    restart : bool
        Drop the state of an interrupted run instead of going on.

    Returns
    -------
    ModelDirectory
        What was written.

    Raises
    ------
    RecordsError, ModelError, OutputExistsError, MissingPathError
        Before anything is trained or written.
    OutputError
        Another process trains into the same output.

    Examples
    --------
    >>> from gi_classifier import Settings, train
    >>> directory = train("mine.csv", "my-model", settings=Settings(epochs=20))  # doctest: +SKIP
    >>> directory.metadata["test"]["macro_f1"]  # doctest: +SKIP
    0.93
    """
    settings = settings or Settings()
    if use is not None:
        settings = replace(settings, use=use)
    own, alone = settings.label_names is None, settings.use == "linear"
    if alone:
        check_linear_alone(base, unlabelled)
    with working_directory(check_model_output(output, force=force), restart=restart) as work:
        if not alone:
            with starting_tensorflow():
                from gi_classifier.training.keras_model import build
        with phase("reading"):
            passages = given_passages(unlabelled)
            settings = with_own_labels(data, settings, text_column, label_column, sheet, header_row)
            splits = read_splits(data, settings, text_column, label_column, sheet, header_row)
            check_classes(splits["train"], settings)
        if not alone:
            with phase("building the network"):
                built = build(Path(base) if base else shipped(), settings)
        with logging_to(work / model_dir.LOG):
            directory = (
                run_linear(splits, settings, work)
                if alone
                else run(built, splits, settings, work, unlabelled=passages)
            )
        if own and settings.label_names:
            stored = {CLASSES: classes_to_dict(np.array(settings.label_names))}
            directory = replace(directory, metadata={**directory.metadata, **stored})
        save(directory, output, force=force)
    return directory


def given_passages(unlabelled: str | Path | Sequence[str | Path]) -> list[str]:
    """The passages of files of unlabelled text.

    Raises
    ------
    RecordsError
        There are files, and none holds any text.
    """
    files = check_passages(unlabelled)
    passages = list(read_passages(files))
    if files and not passages:
        raise RecordsError(f"No text in {', '.join(map(str, files))}")
    return passages


def run(
    built: Any,
    splits: Mapping[str, Records],
    settings: Settings,
    work: Path,
    *,
    unlabelled: Sequence[str] = (),
    teacher: Teacher | None = None,
    held_before: frozenset[str] = frozenset(),
    keep_start: bool = False,
) -> ModelDirectory:
    """Train a built classifier on split records and return it as a directory.

    Parameters
    ----------
    built : gi_classifier.training.keras_model.Built
    splits : mapping
        "train" and "val"; measures are added where there is a "test".
    settings : Settings
    work : Path
        Directory of the checkpoint and log.
    unlabelled : sequence of str
        Passages, see :func:`train`.
    teacher : gi_classifier.training.distil.Teacher, optional
        Labels them; without, a linear teacher.
    held_before : frozenset of str
        Fingerprints of what earlier runs held out: no piece of the passages may be among them.
    keep_start : bool
        Whether the weights it starts from may be the best ones.
    """
    from gi_classifier.decisions.novelty_fit import fit_novelty
    from gi_classifier.training import export, optimise, validation

    # What is fitted behind the epochs asks the model's own engine.
    check_asked_engine(settings)
    counts = counts_by_label(splits, settings)
    train_data, val_data = (
        encode(splits[name], built.vocabulary, settings) for name in ("train", "val")
    )
    labelled = len(train_data.ids)
    held: Sequence[str] = ()
    if settings.use == "both":
        held, unlabelled = held_for_bulk(unlabelled, settings.seed)
    if unlabelled:
        with phase("labelling the unlabelled text"):
            train_data = with_unlabelled(
                train_data,
                splits,
                unlabelled,
                built.vocabulary,
                settings,
                teacher,
                held_before,
            )
    checkpoint = optimise.Checkpoint(
        work / optimise.CHECKPOINT, run_identity(built, train_data, val_data, settings)
    )
    with phase("training"):
        progress = optimise.fit(built.model, train_data, val_data, settings, checkpoint, keep_start)
    # Weights that no epoch bettered stay as they were, calibration and all.
    temperature = validation.calibrate(built.model, val_data) if progress.best_epoch else 1.0
    logger.info("calibrated: temperature %.3f", temperature)
    with phase("exporting and checking the graphs"):
        directory = export.exported(built, settings, val_data.ids)
    with phase("fitting the linear member"):
        members = fit_members(directory, splits["train"], splits["val"])
        directory = ModelDirectory({**directory.files, **members}, directory.metadata)
    files = {**directory.files}
    if held:
        with phase("choosing bulk's cut"):
            files |= bulk_file(directory, held)
    metadata = {
        **directory.metadata,
        "training": {
            "records": counts,
            "unlabelled_pieces": len(train_data.ids) - labelled,
            **_summary(progress),
            "temperature": temperature,
        },
    }
    if "test" in splits and len(splits["test"]):
        with phase("measuring on the test records"):
            metadata |= measures(directory, splits["test"], built.seen)
    files[model_dir.SPLITS] = _remembered(splits, built.seen)
    files[model_dir.HISTORY] = history_csv(progress.history)
    with phase("fitting novelty"):
        files[model_dir.NOVELTY] = fit_novelty(
            directory, splits["train"].texts, splits["val"].texts, settings.seed
        )
    log = work / model_dir.LOG
    if log.is_file():
        files[model_dir.LOG] = log.read_bytes()
    return ModelDirectory(files, metadata)


def _summary(progress: Progress) -> dict[str, Any]:
    return {
        "epochs": progress.epoch,
        "steps": progress.step,
        "best_epoch": progress.best_epoch,
        "val_loss": progress.best_loss,
    }


def _remembered(splits: Mapping[str, Records], seen: frozenset[str]) -> bytes:
    """Fingerprints of each split's records, and of what the model it began with had seen."""
    found = fingerprints(splits)
    if base := sorted(seen.difference(*found.values())):
        found[BASE] = base
    return splits_file(found)
