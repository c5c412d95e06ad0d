"""The command head: a classifier of a user's own labels on the encoder's vectors."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from gi_classifier.cli.inputs import in_chunks, read, warn_of_known
from gi_classifier.cli.options import ForceOption, JsonOption, LabelColumn, ModelOption, TextColumn
from gi_classifier.cli.outputs import notes, results_console
from gi_classifier.data.near_duplicates import near_duplicate_groups
from gi_classifier.data.readers import FORMATS
from gi_classifier.data.records import Records, drop_duplicates
from gi_classifier.data.splitting import check_apart
from gi_classifier.data.tables import PLAIN
from gi_classifier.data.writers import OUTPUT_FORMATS, write_results
from gi_classifier.errors import RecordsError
from gi_classifier.files import check_output, write_whole

_FOLDS = 5
# Records that are also printed when they are written to a file.
_SHOWN = 100


class FeatureKind(StrEnum):
    """What of the encoder the head is given."""

    means = "means"
    cls = "cls"


def head(
    data: Annotated[
        Path, typer.Argument(help=f"Records with your labels; with --head, to label: {FORMATS}.")
    ],
    output: Annotated[
        Path | None,
        typer.Option(help="The head to write, .npz; with --head, the labels: .csv, .jsonl …"),
    ] = None,
    head: Annotated[
        Path | None, typer.Option("--head", help="Label the records with this head.")
    ] = None,
    positive: Annotated[
        str | None, typer.Option(help="Tell this label from all the rest, and judge its F1.")
    ] = None,
    val: Annotated[
        Path | None, typer.Option(help="Records that stop the training; without, a tenth of DATA.")
    ] = None,
    test: Annotated[
        Path | None, typer.Option(help="Records to measure on; without, cross-validation.")
    ] = None,
    features: Annotated[
        FeatureKind,
        typer.Option(help="means of every layer; or cls, for labels that the model was trained on"),
    ] = FeatureKind.means,
    balanced: Annotated[
        bool, typer.Option("--balanced", help="Weigh the labels as if equally frequent.")
    ] = False,
    picture: Annotated[
        Path | None, typer.Option(help="Draw the confusion matrix as PNG (extra 'plots').")
    ] = None,
    errors: Annotated[int, typer.Option(min=0, help="List so many of the surest errors.")] = 0,
    seed: Annotated[int, typer.Option(help="Of everything that is drawn.")] = 0,
    text_column: TextColumn = "text",
    label_column: LabelColumn = "label",
    model: ModelOption = None,
    force: ForceOption = False,
    as_json: JsonOption = False,
) -> None:
    """Train a classifier of your own labels on a few hundred records, or label with it."""
    if head:
        given = {"--positive": positive, "--val": val, "--test": test, "--picture": picture}
        if wrong := [name for name, value in given.items() if value]:
            raise typer.BadParameter(f"{', '.join(wrong)}: for training; leave out with --head.")
        _label(data, head, output, text_column, model, force, as_json)
        return
    if not output or output.suffix.lower() != ".npz":
        raise typer.BadParameter(f"--output FILE.npz is where the head goes. Received: {output}")
    if picture:
        from gi_classifier.plots.style import check_plots

        check_plots()
    for place in (output, picture):
        if place:
            check_output(place, force=force)
    files = {"train": data, "val": val, "test": test}
    found = {
        name: _labelled(path, text_column, label_column) for name, path in files.items() if path
    }
    splits = {name: records for name, (records, _) in found.items()}
    labels = {name: _against_rest(own, positive) for name, (_, own) in found.items()}
    _check_labels(labels, positive, data)
    # Where both files are given, nothing of DATA is held out.
    groups = None if val and test else near_duplicate_groups(splits["train"].texts)
    if test is None and groups is not None:
        _check_folds(labels["train"], groups, data)
    if near := check_apart(splits):
        notes.print(
            f"{near} held-out records are near-duplicates of training records: figures on them "
            "flatter."
        )
    from gi_classifier.heads.head_classifier import HeadClassifier
    from gi_classifier.heads.text_head import TextHead
    from gi_classifier.plots.confusion import confusion_figure

    found = TextHead(
        model,
        features=features.value,
        head=HeadClassifier(
            positive=positive, class_weight="balanced" if balanced else None, random_state=seed
        ),
    )
    vectors = {name: in_chunks(found.embed, part.texts) for name, part in splits.items()}
    held = (vectors["val"], labels["val"]) if val else None
    found.fit_vectors(vectors["train"], labels["train"], held, groups)
    names = [str(label) for label in found.classes_]
    if test or groups is None:
        probabilities = found.head_.predict_proba(vectors["test"])
        rival = _rival(splits["train"].texts, labels["train"], splits["test"].texts, names, seed)
        measured, truth = splits["test"], labels["test"]
    else:
        probabilities, rival = _cross_validated(
            found, vectors["train"], splits["train"].texts, labels["train"], held, groups, names
        )
        measured, truth = splits["train"], labels["train"]
    warn_of_known(found.directory, measured)
    from gi_classifier.evaluation.evaluation_report import evaluation_report
    from gi_classifier.evaluation.report_tables import terminal_tables

    codes = tuple(names.index(label) for label in truth)
    models = {"head": probabilities, "TF-IDF + logistic regression": rival}
    table: dict[str, Any] = {
        "file": str(data),
        "measured_on": str(test) if test else f"{_FOLDS}-fold cross-validation of {data}",
        "epochs": len(found.head_.history_),
        "best_epoch": found.head_.best_epoch_,
        **evaluation_report(replace(measured, labels=codes), models, names, errors=errors),
    }
    found.save(output, force=force)
    if picture:
        write_whole(picture, confusion_figure(table["models"]["head"]["confusion"], names))
    if as_json:
        typer.echo(json.dumps({**table, "output": str(output)}, ensure_ascii=False))
        return
    typer.echo(f"Measured on {table['measured_on']}")
    screen = results_console()
    for part in terminal_tables(table):
        screen.print(part)
        screen.print()
    typer.echo(
        f"[low, high]: 95% interval of {table['resamples']} bootstrap resamples. Trained for "
        f"{table['epochs']} epochs; the best was {table['best_epoch']}."
    )
    for place in (output, picture):
        if place:
            typer.echo(f"Written to {place}")


def _labelled(path: Path, text_column: str, label_column: str) -> tuple[Records, list[str]]:
    """Records without duplicates, and their labels as text, whatever they are."""
    records = drop_duplicates(
        read(path, text_column=text_column, label_column=label_column, label_texts=True)
    )
    return records, list(records.label_texts or ())


def _against_rest(labels: Sequence[str], positive: str | None) -> list[str]:
    """Where one label is asked for, all others become one."""
    if positive is None:
        return list(labels)
    return [label if label == positive else f"not {positive}" for label in labels]


def _check_labels(labels: dict[str, list[str]], positive: str | None, data: Path) -> None:
    known = sorted(set(labels["train"]))
    if positive is not None and positive not in known:
        raise RecordsError(f"{data}: no record has the label {positive!r} of --positive.")
    problems = [
        f"--{name}: {label!r}"
        for name, found in labels.items()
        for label in sorted(set(found) - set(known))
    ]
    if problems:
        raise RecordsError(
            f"Labels that no training record has. {data} has {', '.join(map(repr, known))}:",
            problems,
        )


def _check_folds(labels: Sequence[str], groups: np.ndarray, data: Path) -> None:
    """Raise where cross-validation would leave a label out of a fold."""
    owners = np.array(labels)
    counts = {label: len(set(groups[owners == label])) for label in sorted(set(labels))}
    if len(counts) < 2 or min(counts.values()) < _FOLDS:
        raise RecordsError(
            f"{data}: needs two labels or more, each with at least {_FOLDS} records that are not "
            "near-duplicates, to measure by cross-validation; or give --test FILE. "
            f"Received (label: records): {counts}"
        )


def _cross_validated(
    found: Any,
    vectors: np.ndarray,
    texts: Sequence[str],
    labels: Sequence[str],
    held: Any,
    groups: np.ndarray,
    names: Sequence[str],
) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities of each record by a head and a rival that saw none of its near-duplicates."""
    from sklearn.base import clone
    from sklearn.model_selection import StratifiedGroupKFold

    truth = np.array(labels)
    ours, rival = np.zeros((2, len(labels), len(names)))
    folds = StratifiedGroupKFold(_FOLDS, shuffle=True, random_state=found.head.random_state)
    for train, left in folds.split(vectors, truth, groups):
        part = clone(found.head).fit(vectors[train], truth[train], held, groups[train])
        places = [names.index(str(label)) for label in part.classes_]
        ours[np.ix_(left, places)] = part.predict_proba(vectors[left])
        rival[left] = _rival(
            [texts[i] for i in train],
            truth[train].tolist(),
            [texts[i] for i in left],
            names,
            found.head.random_state,
        )
    return ours, rival


def _rival(
    train: Sequence[str],
    labels: Sequence[str],
    texts: Sequence[str],
    names: Sequence[str],
    seed: int,
) -> np.ndarray:
    from gi_classifier.metrics.baselines import tfidf_probabilities

    codes = [names.index(label) for label in labels]
    return tfidf_probabilities(train, codes, texts, classes=len(names), seed=seed)


def _label(
    data: Path,
    path: Path,
    output: Path | None,
    text_column: str,
    model: Path | None,
    force: bool,
    as_json: bool,
) -> None:
    """Label a file of records with a saved head."""
    if output and output.suffix.lower() not in OUTPUT_FORMATS:
        raise typer.BadParameter(f"--output ends in one of {', '.join(OUTPUT_FORMATS)}.")
    if output:
        check_output(output, force=force)
    from gi_classifier.heads.text_head import TextHead

    found = TextHead.load(path, model)
    records = read(data, text_column=text_column, labelled=False)
    names = [str(label) for label in found.classes_]
    texts = list(records.texts)
    if data.suffix.lower() in PLAIN:
        # A labelled file may be labelled anew; what stands behind the last tab is its label.
        texts = [text.rpartition("\t")[0] or text for text in texts]
    probabilities = found.head_.predict_proba(in_chunks(found.embed, texts))
    rows: list[dict[str, Any]] = [
        {
            "text": text,
            "label": names[int(row.argmax())],
            "probability": round(float(row.max()), 6),
            **{f"probability_{n}": round(float(p), 6) for n, p in zip(names, row, strict=True)},
        }
        for text, row in zip(texts, probabilities, strict=True)
    ]
    if output:
        write_results(rows, output)
    summary = {name: sum(row["label"] == name for row in rows) for name in names}
    if as_json:
        shown = {"records": rows, "summary": summary, "output": output and str(output)}
        typer.echo(json.dumps(shown, ensure_ascii=False))
        return
    if not output or len(rows) <= _SHOWN:
        for row in rows:
            body = " ".join(row["text"].split())
            typer.echo(f"{row['label']}\t{row['probability']:.4f}\t{body}")
    counts = ", ".join(f"{name} {count}" for name, count in summary.items())
    typer.echo(f"{len(rows)} records: {counts}")
    if output:
        typer.echo(f"Written to {output}")
