"""The command head train: a classifier of a user's own labels on the encoder's vectors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import numpy as np
import typer

from gi_classifier.classes import class_numbers
from gi_classifier.cli.inputs import form_of, in_chunks, read, warn_of_known
from gi_classifier.cli.measures import show_report
from gi_classifier.cli.options import (
    ForceOption,
    HeaderRow,
    JsonOption,
    LabelColumn,
    ModelOption,
    SeedOption,
    SheetOption,
    TextColumn,
)
from gi_classifier.cli.outputs import (
    check_file,
    notes,
    options_of,
    print_json,
    say_written,
    write_file,
)
from gi_classifier.data.near_duplicates import near_duplicate_groups
from gi_classifier.data.records import Records, drop_duplicates
from gi_classifier.data.splitting import check_apart
from gi_classifier.errors import LabelError
from gi_classifier.metrics.baselines import tfidf_probabilities
from gi_classifier.model.origin import origin

if TYPE_CHECKING:
    from gi_classifier.heads.text_head import TextHead


class FeatureKind(StrEnum):
    """What of the encoder the head is given."""

    means = "means"
    cls = "cls"


class Labelled(NamedTuple):
    """A file's records, their labels as text, and the encoder's vectors of them."""

    records: Records
    labels: np.ndarray
    vectors: np.ndarray


def train(
    context: typer.Context,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="Records with your labels, words or numbers.")
    ],
    output: Annotated[Path, typer.Option(metavar="FILE", help="The head to write: .npz.")],
    val: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Records that choose when to stop; without it, a tenth of FILE."
        ),
    ] = None,
    test: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Records to measure the head on; without it, cross-validation."
        ),
    ] = None,
    positive: Annotated[
        str | None,
        typer.Option(metavar="LABEL", help="Tell this label from all the rest, and judge its F1."),
    ] = None,
    features: Annotated[
        FeatureKind,
        typer.Option(
            help="What the head sees: means of every layer, for labels of any kind; or cls, for "
            "labels like those of the model."
        ),
    ] = FeatureKind.means,
    balanced: Annotated[
        bool, typer.Option("--balanced", help="Weigh the labels as if equally frequent.")
    ] = False,
    plot: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Draw the confusion matrix: .png (needs the extra 'plots')."
        ),
    ] = None,
    errors: Annotated[
        int,
        typer.Option(
            metavar="NUMBER", min=0, help="How many of the surest errors to list, with their texts."
        ),
    ] = 0,
    seed: SeedOption = 0,
    text_column: TextColumn = "text",
    label_column: LabelColumn = "label",
    sheet: SheetOption = None,
    header_row: HeaderRow = None,
    model: ModelOption = None,
    force: ForceOption = False,
    as_json: JsonOption = False,
) -> None:
    """Train a classifier of your own labels on a few hundred records, and measure it."""
    files = {"train": file, "val": val, "test": test}
    given = {name: path for name, path in files.items() if path}
    check_file("--output", output, (".npz",), *given.values(), force=force)
    check_file("--plot", plot, (".png",), *given.values(), force=force)
    records = {
        name: drop_duplicates(read(path, **form_of(context), label_texts=True))
        for name, path in given.items()
    }
    labels = {name: _labels(part, positive) for name, part in records.items()}
    groups = _checked(records, labels, positive)
    head = _unfitted(model, features, positive, balanced, seed)
    splits = {
        name: Labelled(part, labels[name], in_chunks(head.embed, part.texts))
        for name, part in records.items()
    }
    held = (splits["val"].vectors, splits["val"].labels) if val else None
    head.fit_vectors(splits["train"].vectors, splits["train"].labels, held, groups)
    table = _measured(head, splits, held, groups, errors, seed)
    warn_of_known(head.directory, records.get("test", records["train"]))
    head.save(output, force=force)
    say_written(output)
    if plot:
        write_file(plot, _picture(table), origin(head.directory, **options_of(context)))
    if as_json:
        print_json({**table, "output": str(output)})
    else:
        trained = f"{table['epochs']} epochs; the best was {table['best_epoch']}."
        show_report(table, f" Trained for {trained}")


def _labels(records: Records, positive: str | None) -> np.ndarray:
    """Labels as text; where one is asked for, all others become one."""
    labels = records.label_texts or ()
    if positive is None:
        return np.array(labels, dtype=str)
    return np.array([one if one == positive else f"not {positive}" for one in labels], dtype=str)


def _checked(
    records: Mapping[str, Records], labels: Mapping[str, np.ndarray], positive: str | None
) -> np.ndarray | None:
    """Check labels and splits; the groups of near-duplicates where records of FILE are held out."""
    from gi_classifier.heads.cross_validation import check_folds

    train, known = records["train"], np.unique(labels["train"])
    if positive is not None and positive not in known:
        raise LabelError(f"{train.source}: no record has the label {positive!r} of --positive.")
    for name, part in records.items():
        class_numbers(labels[name], known, f"--{name} {part.source}", part.unit, part.lines)
    # Where both files are given, nothing of FILE is held out.
    groups = None if {"val", "test"} <= set(records) else near_duplicate_groups(train.texts)
    if groups is not None and "test" not in records:
        check_folds(labels["train"], groups, train.lines, train.source)
    if near := check_apart(records):
        notes.print(
            f"{near} held-out records are near-duplicates of training records: figures on them "
            "flatter."
        )
    return groups


def _unfitted(
    model: Path | None, features: FeatureKind, positive: str | None, balanced: bool, seed: int
) -> TextHead:
    from gi_classifier.heads.head_classifier import HeadClassifier
    from gi_classifier.heads.text_head import TextHead

    weight: Any = "balanced" if balanced else None
    own = HeadClassifier(positive=positive, class_weight=weight, random_state=seed)
    return TextHead(model, features=features.value, head=own)


def _measured(
    head: TextHead,
    splits: Mapping[str, Labelled],
    held: Any,
    groups: np.ndarray | None,
    errors: int,
    seed: int,
) -> dict[str, Any]:
    """How good the head is, beside TF-IDF, on the test records or by cross-validation."""
    from gi_classifier.evaluation.evaluation_report import evaluation_report
    from gi_classifier.heads.cross_validation import FOLDS, cross_validated, cross_validated_tfidf

    train, measured = splits["train"], splits.get("test", splits["train"])
    classes, codes = np.unique(train.labels, return_inverse=True)
    if "test" in splits or groups is None:
        on = measured.records.source
        ours = head.head_.predict_proba(measured.vectors)
        simple = tfidf_probabilities(
            train.records.texts,
            codes.tolist(),
            measured.records.texts,
            classes=len(classes),
            seed=seed,
        )
    else:
        on = f"{FOLDS}-fold cross-validation of {train.records.source}"
        ours = cross_validated(head.fresh_head(), train.vectors, train.labels, groups, held, seed)
        simple = cross_validated_tfidf(train.records.texts, train.labels, groups, seed)
    truth = replace(
        measured.records, labels=tuple(np.searchsorted(classes, measured.labels).tolist())
    )
    models = {"head": ours, "TF-IDF + logistic regression": simple}
    return {
        "file": train.records.source,
        "measured_on": on,
        "epochs": len(head.head_.history_),
        "best_epoch": head.head_.best_epoch_,
        **evaluation_report(truth, models, classes.tolist(), errors=errors),
    }


def _picture(table: Mapping[str, Any]) -> bytes:
    from gi_classifier.plots.confusion import confusion_figure

    names: Sequence[str] = table["labels"]
    return confusion_figure(table["models"]["head"]["confusion"], names)
