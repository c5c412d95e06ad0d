"""Train a classifier on records and write a model directory; interrupted, it goes on.

In: one file of records, or three ready splits. Out: a model directory, whole or not at all,
with Keras weights, ONNX graphs, vocabulary, settings, history and log. TensorFlow is imported
when training starts.
"""

from __future__ import annotations

import hashlib
import itertools
import logging
import math
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gi_classifier import model_dir
from gi_classifier.errors import RecordsError
from gi_classifier.model_dir import Bundle, check_model_output, save, shipped, to_json
from gi_classifier.records import (
    Records,
    check_passages,
    drop_duplicates,
    read_passages,
    read_records,
)
from gi_classifier.settings import Settings
from gi_classifier.splitting import (
    BASE,
    SPLIT_NAMES,
    check_apart,
    fingerprints,
    near_duplicate_groups,
    split,
)
from gi_classifier.text import Vocabulary, windows

if TYPE_CHECKING:
    from gi_classifier.optimise import Encodings

logger = logging.getLogger(__name__)
Data = str | Path | Mapping[str, str | Path]


def train(
    data: Data,
    output: str | Path,
    *,
    settings: Settings | None = None,
    base: str | Path | None = None,
    unlabelled: str | Path | Sequence[str | Path] = (),
    text_column: str = "text",
    label_column: str = "label",
    force: bool = False,
    restart: bool = False,
) -> Bundle:
    """Train a classifier with a fresh head and write its model directory.

    Records are checked, normalised, freed of duplicates and, where one file is given, split
    8:1:1 so that near-duplicates never cross. Of a text longer than ``maxlen`` the first window
    is trained on, and with the window rule "evidence" every window of label 0. If the run is
    stopped, the same call goes on after the last whole epoch and ends with the same weights. The
    probabilities are calibrated on the validation records.

    Parameters
    ----------
    data : str, Path or mapping
        One file, or a mapping of "train", "val" and "test" to three.
    output : str or Path
        The model directory to write. ``<output>.training`` holds the state until then.
    settings : Settings, optional
    base : str or Path, optional
        What to start from, see :func:`gi_classifier.model.build`: a model directory, an official
        checkpoint directory, an ``.h5``, or a config ``.json`` for random weights. Without, the
        encoder of the model that ships.
    unlabelled : str, Path or sequence of them
        Text files, one passage a line, UTF-8 or GB18030, ``.gz`` or plain: more text of the kind
        that the model will read. A linear teacher labels it, see :mod:`gi_classifier.distil`.
    text_column, label_column : str
        Column names of ``.csv``, ``.jsonl`` and ``.xlsx`` files.
    force : bool
        Replace a model directory at ``output``.
    restart : bool
        Drop the state of an interrupted run instead of going on.

    Returns
    -------
    Bundle
        What was written.

    Raises
    ------
    RecordsError, ModelError, OutputExistsError, FileNotFoundError
        Before anything is trained or written.
    """
    from gi_classifier.model import build

    settings = settings or Settings()
    work = working_directory(output, force=force)
    files = check_passages(unlabelled)
    passages = list(read_passages(files))
    if files and not passages:
        raise RecordsError(f"No text in {', '.join(map(str, files))}")
    splits = read_splits(data, settings, text_column, label_column)
    check_classes(splits["train"], settings)
    built = build(Path(base) if base else shipped(), settings)
    if restart:
        shutil.rmtree(work, ignore_errors=True)
    with logging_to(work / model_dir.LOG):
        bundle = run(built, splits, settings, work, unlabelled=passages)
    save(bundle, output, force=force)
    shutil.rmtree(work)
    return bundle


def check_classes(records: Records, settings: Settings) -> None:
    """Raise a RecordsError where some label has no training record, and name every such label."""
    missing = sorted(set(range(settings.num_classes)) - set(records.labels or ()))
    if missing:
        raise RecordsError(
            f"{records.source}: no training record has label {', '.join(map(str, missing))}; "
            f"num_classes is {settings.num_classes}, and labels run from 0 without a gap."
        )


def working_directory(output: str | Path, *, force: bool) -> Path:
    """Return the directory beside an output that holds a run's state.

    Raises
    ------
    OutputExistsError
        Something is at the output that may not be replaced.
    """
    output = check_model_output(output, force=force)
    return output.with_name(f"{output.name}.training")


@contextmanager
def logging_to(path: Path) -> Iterator[None]:
    """Append the library's log to a file as well; it never holds a record's text."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handler = logging.FileHandler(path, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%Y-%m-%d %H:%M:%S"))
    root = logging.getLogger("gi_classifier")
    level = root.level
    root.addHandler(handler)
    root.setLevel(min(level or logging.INFO, logging.INFO))
    try:
        yield
    finally:
        root.setLevel(level)
        root.removeHandler(handler)
        handler.close()


def read_splits(
    data: Data,
    settings: Settings,
    text_column: str = "text",
    label_column: str = "label",
    earlier: Mapping[str, str] | None = None,
) -> dict[str, Records]:
    """Read, check and divide records.

    Parameters
    ----------
    data : str, Path or mapping
        One file, or one for each of "train", "val" and "test".
    settings : Settings
    text_column, label_column : str
    earlier : mapping, optional
        Fingerprints of records that were split before; they stay where they were.

    Returns
    -------
    dict
        "train", "val" and "test".
    """

    def read(path: str | Path) -> Records:
        records = read_records(
            path,
            text_column=text_column,
            label_column=label_column,
            num_classes=settings.num_classes,
        )
        logger.info("%s: %d records (%s)", path, len(records), records.encoding)
        return records

    if isinstance(data, Mapping):
        if set(data) != set(SPLIT_NAMES):
            raise RecordsError(f"Ready splits are {SPLIT_NAMES}. Received: {sorted(data)}")
        splits, errors = {}, []
        for name in SPLIT_NAMES:
            try:
                splits[name] = drop_duplicates(read(data[name]))
            except RecordsError as error:
                errors.append(error)
        if errors:
            problems = [problem for error in errors for problem in error.problems]
            raise RecordsError("\n".join(error.summary for error in errors), problems)
        empty = [str(data[name]) for name in SPLIT_NAMES if not len(splits[name])]
        if empty:
            raise RecordsError(f"No record in {', '.join(empty)}")
        if near := check_apart(splits):
            logger.warning(
                "%d held-out records are near-duplicates of training records: "
                "figures on them flatter",
                near,
            )
        return splits
    records = read(data)
    if not len(records):
        raise RecordsError(f"No record in {data}")
    distinct = drop_duplicates(records)
    logger.info("%d of them distinct", len(distinct))
    splits = split(distinct, settings.seed, earlier=earlier)
    for name in ("train", "val"):
        if not len(splits[name]):
            raise RecordsError(
                f"{data}: no record is left for {name!r}, since records that were split before "
                "stay where they were. Give them all in one file, or three ready splits."
            )
    return splits


def encode(records: Records, vocabulary: Vocabulary, settings: Settings) -> Encodings:
    """Windows of labelled records, with special tokens.

    The first window of each record. Where label 0 is the background, a record of it has nothing
    else in any window, so all of its windows count.
    """
    from gi_classifier.optimise import Encodings

    size, rows, labels, cut = settings.maxlen - 2, [], [], 0
    for found, label in zip(vocabulary.encode(records.texts), records.labels or (), strict=True):
        spans = windows(len(found.ids), size, settings.window_overlap)
        if settings.window_rule != "evidence" or label != 0:
            cut += len(spans) > 1
            spans = spans[:1]
        rows += [vocabulary.with_special(found.ids[start:end]) for start, end in spans]
        labels += [label] * len(spans)
    if cut:
        logger.info(
            "%d of %d records are longer than maxlen; their first window is used", cut, len(records)
        )
    targets = np.eye(settings.num_classes, dtype=np.float32)[np.array(labels, dtype=int)]
    return Encodings(rows, targets, vocabulary.ids["[MASK]"])


def with_unlabelled(
    data: Encodings,
    splits: Mapping[str, Records],
    passages: Sequence[str],
    vocabulary: Vocabulary,
    settings: Settings,
) -> Encodings:
    """Training data, and behind it pieces of unlabelled text with their teacher's labels.

    Pieces that are near-duplicates of held-out records are left out.
    """
    from gi_classifier.distil import soft_labels
    from gi_classifier.optimise import Encodings

    texts, targets = soft_labels(splits["train"], passages, settings)
    held = [text for name in ("val", "test") if name in splits for text in splits[name].texts]
    groups = near_duplicate_groups([*held, *texts])
    fresh = ~np.isin(groups[len(held) :], groups[: len(held)])
    texts, targets = list(itertools.compress(texts, fresh)), targets[fresh]
    logger.info(
        "unlabelled pieces by the teacher's label: %s; %d near held-out records left out",
        np.bincount(targets.argmax(axis=1), minlength=settings.num_classes).tolist(),
        int((~fresh).sum()),
    )
    size = settings.maxlen - 2
    ids = [vocabulary.with_special(found.ids[:size]) for found in vocabulary.encode(texts)]
    return Encodings([*data.ids, *ids], np.concatenate([data.targets, targets]), data.mask_id)


def run(
    built: Any,
    splits: Mapping[str, Records],
    settings: Settings,
    work: Path,
    *,
    unlabelled: Sequence[str] = (),
    keep_start: bool = False,
) -> Bundle:
    """Train a built classifier on split records and return it as a bundle.

    Parameters
    ----------
    built : gi_classifier.model.Built
    splits : mapping
        "train" and "val"; measures are added where there is a "test".
    settings : Settings
    work : Path
        Directory of the checkpoint and log.
    unlabelled : sequence of str
        Passages, see :func:`train`.
    keep_start : bool
        Whether the weights it starts from may be the best ones.
    """
    from gi_classifier import export, optimise
    from gi_classifier.evaluation.metrics import measure
    from gi_classifier.evaluation.novelty import fit_novelty
    from gi_classifier.predict import Predictor

    counts = {
        name: np.bincount(part.labels or (), minlength=settings.num_classes).tolist()
        for name, part in splits.items()
    }
    logger.info("records by label: %s", counts)
    train_data, val_data = (
        encode(splits[name], built.vocabulary, settings) for name in ("train", "val")
    )
    labelled = len(train_data.ids)
    if unlabelled:
        train_data = with_unlabelled(train_data, splits, unlabelled, built.vocabulary, settings)
    checkpoint = optimise.Checkpoint(
        work / optimise.CHECKPOINT, identity(built, train_data, val_data, settings)
    )
    progress = optimise.fit(built.model, train_data, val_data, settings, checkpoint, keep_start)
    # Weights that no epoch bettered stay as they were, calibration and all.
    temperature = optimise.calibrate(built.model, val_data) if progress.best_epoch else 1.0
    logger.info("calibrated: temperature %.3f", temperature)
    bundle = export.exported(built, settings, val_data.ids)
    marks = fingerprints(splits)
    if base := sorted(built.seen.difference(*marks.values())):
        marks[BASE] = base
    files = {
        **bundle.files,
        model_dir.SPLITS: to_json(marks),
        model_dir.HISTORY: history_csv(progress.history),
    }
    facts = {
        **bundle.facts,
        "training": {
            "records": counts,
            "unlabelled_pieces": len(train_data.ids) - labelled,
            "epochs": progress.epoch,
            "steps": progress.step,
            "best_epoch": progress.best_epoch,
            "val_loss": progress.best_loss,
            "temperature": temperature,
        },
    }
    if "test" in splits and len(splits["test"]):
        test = splits["test"]
        probabilities = Predictor.from_bundle(bundle).predict_proba(test.texts)
        found = measure(np.array(test.labels), probabilities)
        logger.info("test: macro-F1 %(macro_f1).4f, accuracy %(accuracy).4f", found)
        facts["test"] = found
    train_texts, val_texts = splits["train"].texts, splits["val"].texts
    files[model_dir.NOVELTY] = fit_novelty(bundle, train_texts, val_texts, settings.seed)
    log = work / model_dir.LOG
    if log.is_file():
        files[model_dir.LOG] = log.read_bytes()
    return Bundle(files, facts)


def identity(built: Any, train_data: Encodings, val_data: Encodings, settings: Settings) -> str:
    """A digest of all that a run's result depends on, but the machine."""
    from gi_classifier.model import get_weights

    digest = hashlib.sha256()
    digest.update(to_json([settings.to_dict(), built.config.to_dict(), built.vocabulary.tokens]))
    for arrays in get_weights(built.model).values():
        for array in arrays:
            digest.update(np.ascontiguousarray(array).tobytes())
    for data in (train_data, val_data):
        digest.update(data.targets.tobytes())
        for ids in data.ids:
            digest.update(ids.tobytes() + b"|")
    return digest.hexdigest()


def history_csv(history: list[dict[str, float]]) -> bytes:
    """The history as CSV, a row for each epoch; what is undefined is an empty cell."""
    if not history:
        return b"epoch\n"
    rows = [",".join(history[0])]
    rows += [",".join(map(_cell, row.values())) for row in history]
    return ("\n".join(rows) + "\n").encode("utf-8")


def _cell(value: float) -> str:
    if isinstance(value, int):
        return str(value)
    return "" if math.isnan(value) else f"{value:.6g}"
