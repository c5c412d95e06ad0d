"""The command fit-novelty: fit the score of novelty to a model of one's own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from gi_classifier.cli.inputs import form_of, read
from gi_classifier.cli.options import (
    ForceOption,
    HeaderRow,
    SeedOption,
    SheetOption,
    SkipBlank,
    TextColumn,
)
from gi_classifier.cli.outputs import check_not_shipped, notes, progress, say
from gi_classifier.errors import OutputExistsError
from gi_classifier.model.directory import NOVELTY, ModelDirectory, check_model_output, load, save

# Validation records below which the threshold is rough.
_FEW = 200


def fit_novelty(
    context: typer.Context,
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="The records that the model was trained on; labels are passed over.",
        ),
    ],
    val: Annotated[
        Path,
        typer.Option("--val", metavar="FILE", help="Other such records, which set the threshold."),
    ],
    model: Annotated[
        Path, typer.Option("--model", metavar="DIR", help="The model directory to write into.")
    ],
    seed: SeedOption = 42,
    text_column: TextColumn = "text",
    sheet: SheetOption = None,
    header_row: HeaderRow = None,
    skip_blank: SkipBlank = False,
    force: ForceOption = False,
) -> None:
    """Fit the score of novelty to a model: how unlike its training records a record is.

    Training does this by itself; it is for models that were converted, or trained by other means.
    """
    from gi_classifier.decisions import novelty_fit
    from gi_classifier.decisions.novelty import THRESHOLD

    check_not_shipped("fit-novelty", model)
    directory = load(model)
    check_model_output(model, force=True)
    if not force and NOVELTY in directory.files:
        raise OutputExistsError(
            f"{model / NOVELTY} exists. Fit it anew with --force; training fits it by itself."
        )
    texts, held_out = (
        read(path, labelled=False, **form_of(context, directory.settings.names)).texts
        for path in (file, val)
    )
    count = sum(min(len(set(part)), novelty_fit.MOST_RECORDS) for part in (texts, held_out))
    with progress(count, "records") as step:
        content = novelty_fit.fit_novelty(directory, texts, held_out, seed, lambda n: step(n, ""))
    changed = {**directory.files, NOVELTY: content}
    save(ModelDirectory(changed, directory.metadata), model, force=True)
    _warn(texts, held_out, 1 - THRESHOLD)
    say(
        f"Fitted on {len(texts)} records, scaled on {len(held_out)}: about {1 - THRESHOLD:.0%} of "
        "records like these are novel"
    )
    notes.print(f"Stored in {model / NOVELTY} ({len(content):,} bytes)")


def _warn(texts: Sequence[str], held_out: Sequence[str], rejected: float) -> None:
    """Say where the threshold is not what it should be."""
    if common := len(set(texts) & set(held_out)):
        notes.print(
            f"{common} records stand in both files: the threshold is stricter than it should be."
        )
    if len(held_out) < _FEW:
        notes.print(
            f"{len(held_out)} validation records are few: the share that is rejected may be far "
            f"from {rejected:.0%}. Give some hundred or more."
        )
