"""Bulk on the command line: the cut that a command reads with, and what is said of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from gi_classifier.cli.outputs import notes
from gi_classifier.data.passages import check_passages, read_passages
from gi_classifier.decisions.bulk import Bulk, BulkPredictor
from gi_classifier.errors import RecordsError
from gi_classifier.model.directory import ModelDirectory
from gi_classifier.model.predictor import Predictor


def open_for_bulk(
    directory: ModelDirectory,
    predictor: Predictor,
    records: Iterable[str],
    unlabelled: Sequence[Path] | None,
) -> BulkPredictor | None:
    """Open a model for bulk, or say why both members read all.

    Parameters
    ----------
    directory : ModelDirectory
    predictor : Predictor
        Of the same model, with both members.
    records : iterable of str
        Those to be read, which choose the cut where the model holds none.
    unlabelled : sequence of Path, optional
        Files of passages that choose it instead.
    """
    from gi_classifier.decisions.bulk_fit import bulk_at_hand

    if len(directory.members) == 1:
        notes.print("Bulk is off: this model has one member, which reads all records.")
        return None
    passages = read_passages(check_passages(unlabelled)) if unlabelled else None
    try:
        with notes.status("Bulk: from where on does the linear member answer alone? …"):
            return bulk_at_hand(directory, predictor, records, passages)
    except RecordsError as error:
        notes.print(f"Bulk is off, both members read all records. {error}")
        return None


def promise(bulk: Bulk) -> str:
    """What a cut promises, in one line."""
    by = bulk.corrected_by
    taught = f". {by:,} others taught what corrects its margins" if by else ""
    return (
        f"The linear member answers {bulk.answered / bulk.passages:.1%} of {bulk.passages:,} "
        f"passages alone; the label of {bulk.changed} changes: at most {bulk.upper_bound:.2%} of "
        f"records like these, at {bulk.confidence:.0%} confidence{taught}"
    )
