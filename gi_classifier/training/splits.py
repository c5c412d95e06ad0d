"""The records that training reads: one file to be split, or three that are ready.

In: paths. Out: train, val and test as :class:`~gi_classifier.data.records.Records`, checked.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from gi_classifier.data.cells import read_label
from gi_classifier.data.fingerprints import SPLIT_NAMES
from gi_classifier.data.readers import read_records
from gi_classifier.data.records import Records, drop_duplicates
from gi_classifier.data.splitting import check_apart, split
from gi_classifier.errors import GIClassifierError, LabelError, RecordsError, SettingsError
from gi_classifier.settings import Settings

# Different words in a label column that can be meant as labels.
_MOST_WORDS = 100

logger = logging.getLogger(__name__)


Data = str | Path | Mapping[str, str | Path]


def counts_by_label(splits: Mapping[str, Records], settings: Settings) -> dict[str, list[int]]:
    """How many records of each label each split has; they are logged."""
    counts = {
        name: [(part.labels or ()).count(label) for label in range(settings.num_classes)]
        for name, part in splits.items()
    }
    said = (f"{name} {', '.join(map(str, part))}" for name, part in counts.items())
    logger.info("records by label: %s", "; ".join(said))
    return counts


def check_classes(records: Records, settings: Settings) -> None:
    """Raise a RecordsError where some label has no training record, and name every such label."""
    missing = sorted(set(range(settings.num_classes)) - set(records.labels or ()))
    if missing:
        raise RecordsError(
            f"{records.source}: no training record has label {', '.join(map(str, missing))}; "
            f"num_classes is {settings.num_classes}, and labels run from 0 without a gap."
        )


def with_own_labels(
    data: Data,
    settings: Settings,
    text_column: str = "text",
    label_column: str = "label",
    sheet: str | None = None,
    header_row: int | None = None,
) -> Settings:
    """Settings for training records whose labels are words of the user's own.

    Words are numbered and named in sorted order; none of them is the background. Numbers, and
    names that the settings have, leave the settings as they are; so do numbers and words mixed,
    which reading will refuse.

    Raises
    ------
    RecordsError
        There are more words than can be meant as labels.
    SettingsError
        ``num_classes`` or ``class_weight`` is set for another number of labels.
    """
    path = data.get("train") if isinstance(data, Mapping) else data
    if settings.label_names is not None or path is None:
        return settings
    try:
        records = read_records(
            path,
            text_column=text_column,
            label_column=label_column,
            label_texts=True,
            sheet=sheet,
            header_row=header_row,
        )
    except GIClassifierError:
        # Named with what is wrong in the other files, when they are read.
        return settings
    words = sorted(set(records.label_texts or ()))
    if not words or any(read_label(word, None, settings.names)[1] is None for word in words):
        return settings
    if len(words) > _MOST_WORDS:
        raise RecordsError(
            f"{path}: the label column holds {len(words):,} different words, too many for labels. "
            f"Name another with --label-column, or merge labels to {_MOST_WORDS} at most."
        )
    if settings.num_classes not in (Settings.num_classes, len(words)):
        raise SettingsError(
            f"num_classes is {settings.num_classes}, but {path} has {len(words)} different labels."
        )
    logger.info("labels: %s", ", ".join(f"{i} {word}" for i, word in enumerate(words)))
    return replace(settings, num_classes=len(words), label_names=tuple(words), window_rule="mean")


def read_splits(
    data: Data,
    settings: Settings,
    text_column: str = "text",
    label_column: str = "label",
    sheet: str | None = None,
    header_row: int | None = None,
    *,
    earlier: Mapping[str, str] | None = None,
) -> dict[str, Records]:
    """Read, check and divide records.

    Parameters
    ----------
    data : str, Path or mapping
        One file, or one for each of "train", "val" and "test".
    settings : Settings
    text_column, label_column, sheet, header_row
        As :func:`~gi_classifier.data.readers.read_records` takes them.
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
            label_names=settings.names,
            sheet=sheet,
            header_row=header_row,
        )
        said = ", ".join((records.encoding, *records.notes))
        logger.info("%s: %d records (%s)", path, len(records), said)
        return records

    if isinstance(data, Mapping):
        if set(data) != set(SPLIT_NAMES):
            raise RecordsError(f"Ready splits are {SPLIT_NAMES}. Received: {sorted(data)}")
        splits: dict[str, Records] = {}
        errors: list[LabelError | RecordsError] = []
        for name in SPLIT_NAMES:
            try:
                splits[name] = drop_duplicates(read(data[name]))
            except (LabelError, RecordsError) as error:
                errors.append(error)
        if errors:
            problems = [problem for error in errors for problem in error.problems]
            kinds = {type(error) for error in errors}
            kind = LabelError if kinds == {LabelError} else RecordsError
            raise kind("\n".join(error.summary for error in errors), problems)
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
