"""The command fit-bulk: choose from where on the linear member answers alone, for bulk."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from gi_classifier.cli.bulk import promise
from gi_classifier.cli.options import (
    EngineOption,
    ForceOption,
    JsonOption,
    SeedOption,
    check_engine,
)
from gi_classifier.cli.outputs import (
    check_not_shipped,
    notes,
    options_of,
    print_json,
    progress,
    say,
)
from gi_classifier.data.passages import check_passages, read_passages
from gi_classifier.decisions.bulk import bulk_files
from gi_classifier.errors import OutputExistsError
from gi_classifier.model.directory import (
    BULK,
    CORRECTION,
    ModelDirectory,
    check_model_output,
    load,
    save,
)
from gi_classifier.model.origin import origin
from gi_classifier.model.predictor import Predictor
from gi_classifier.training.keras_engine import open_any_engine


def fit_bulk(
    context: typer.Context,
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE…",
            help="Text of the kind that will be read, a passage a line (.txt or .gz); 10,000 or "
            "more that the model was not trained on.",
        ),
    ],
    model: Annotated[
        Path, typer.Option("--model", metavar="DIR", help="The model directory to write into.")
    ],
    engine: EngineOption = None,
    seed: SeedOption = 42,
    force: ForceOption = False,
    as_json: JsonOption = False,
) -> None:
    """Choose from where on the linear member answers alone, for predict --bulk.

    The label of at most one record in a thousand changes by that, at 95% confidence.
    """
    from gi_classifier.decisions.bulk_fit import choose_cut, drawn

    check_engine(engine)
    check_not_shipped("fit-bulk", model)
    paths = check_passages(files)
    directory = load(model)
    check_model_output(model, force=True)
    if not force and BULK in directory.files:
        raise OutputExistsError(f"{model / BULK} exists. Choose it anew with --force.")
    predictor = Predictor.from_directory(directory, open_any_engine(directory, engine), use="both")
    passages = drawn(read_passages(paths), seed)
    with progress(len(passages), "passages") as step:
        found, correction = choose_cut(
            directory, predictor, passages, lambda count: step(count, "")
        )
    # A correction of an earlier cut goes with it.
    kept = {name: part for name, part in directory.files.items() if name != CORRECTION}
    new = bulk_files(found, correction, origin(directory, **options_of(context)))
    save(ModelDirectory({**kept, **new}, directory.metadata), model, force=True)
    if as_json:
        print_json(asdict(found))
    else:
        say(promise(found))
    notes.print(f"Stored in {' and '.join(str(model / name) for name in new)}")
