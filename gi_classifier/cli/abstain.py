"""The command abstain: the least confidence at which a guaranteed share of answers is right."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
import typer

from gi_classifier.cli.inputs import form_of
from gi_classifier.cli.options import (
    DirectoryOption,
    EngineOption,
    ForceOption,
    HeaderRow,
    JsonOption,
    LabelColumn,
    ModelOption,
    PlotOption,
    SheetOption,
    TextColumn,
    UseOption,
    check_engine,
)
from gi_classifier.cli.outputs import (
    check_directory,
    check_file,
    notes,
    options_of,
    print_json,
    results_console,
    say,
    write_file,
    write_files,
)
from gi_classifier.cli.two_splits import (
    TestOption,
    ValArgument,
    cell,
    flat_intervals,
    read_validation_and_test,
    results_table,
)
from gi_classifier.data.writers import csv_for_excel
from gi_classifier.decisions.abstention import (
    abstain_at,
    answers,
    check_levels,
    guaranteed_confidence,
    least_answered,
    risk_coverage,
    risk_table,
)
from gi_classifier.decisions.policies import SPLITS
from gi_classifier.files import to_json
from gi_classifier.model.origin import origin
from gi_classifier.model.shipped import load_or_shipped

_FILES = ("abstention.json", "abstention.csv")
# A directory of version 0.1.0 holds the picture too, and may be replaced.
_OWNED = (*_FILES, "abstention.png")
# Shares answered at which the error is shown.
_COVERAGES = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0)
_COLUMNS = (
    *("split", "chosen", "min_confidence", "records", "answered", "errors", "coverage"),
    *("coverage_low", "coverage_high", "error", "error_low", "error_high"),
)

# Of each split, how sure each answer is (n,), and whether it is wrong (n,).
_Answers = dict[str, tuple[np.ndarray, np.ndarray]]


def abstain(
    context: typer.Context,
    val: ValArgument,
    test: TestOption,
    alpha: Annotated[
        float,
        typer.Option(metavar="SHARE", help="The largest share of wrong answers that you can bear."),
    ] = 0.01,
    delta: Annotated[
        float,
        typer.Option(
            metavar="SHARE", help="How probable it may be that the guarantee does not hold."
        ),
    ] = 0.1,
    output: DirectoryOption = None,
    plot: PlotOption = None,
    text_column: TextColumn = "text",
    label_column: LabelColumn = "label",
    sheet: SheetOption = None,
    header_row: HeaderRow = None,
    model: ModelOption = None,
    engine: EngineOption = None,
    use: UseOption = None,
    force: ForceOption = False,
    as_json: JsonOption = False,
) -> None:
    """Find how sure the model must be to answer, so that few of its answers are wrong.

    Less sure records are left to a person. Ends with exit code 1 where the validation records
    can't give the guarantee that was asked for.
    """
    check_levels(alpha, delta)
    check_engine(engine)
    check_directory(output, _OWNED, force)
    check_file("--plot", plot, (".png",), val, test, force=force)
    directory = load_or_shipped(model)
    read = read_validation_and_test(
        directory, val, test, engine=engine, use=use, guarantee=True, **form_of(context)
    )
    splits = {
        split: answers(probabilities, labels) for split, (labels, probabilities) in read.items()
    }
    found = {
        "files": {"validation": str(val), "test": str(test)},
        "alpha": alpha,
        "delta": delta,
        **_measured(splits, guaranteed_confidence(*splits["validation"], alpha, delta)),
    }
    made_from = origin(directory, **options_of(context))
    write_files(output, _files(found), made_from)
    if plot:
        write_file(plot, _picture(found, splits), made_from)
    if as_json:
        print_json(found)
    else:
        _show(found)
    if found["min_confidence"] is None:
        notes.print(_not_guaranteed(alpha, delta))
        raise typer.Exit(1)


def _measured(splits: _Answers, least: float | None) -> dict[str, Any]:
    """What the least confidence does on each split, and other coverages beside it."""
    return {
        "min_confidence": least,
        **{
            split: None if least is None else abstain_at(*data, least)
            for split, data in splits.items()
        },
        "area": {split: risk_coverage(*data).area for split, data in splits.items()},
        "coverages": {split: risk_table(*data, _COVERAGES) for split, data in splits.items()},
    }


def _files(found: Mapping[str, Any]) -> dict[str, bytes]:
    """Everything as JSON, and a row for each split and coverage as CSV."""
    lines = [
        {"split": split, "chosen": row is found[split], **flat_intervals(row)}
        for split in SPLITS
        for row in _rows(found, split)
    ]
    return dict(zip(_FILES, (to_json(found), csv_for_excel(lines, _COLUMNS)), strict=True))


def _rows(found: Mapping[str, Any], split: str) -> list[dict[str, Any]]:
    """The chosen row of a split, where one was, and those of other coverages."""
    chosen = [found[split]] if found[split] else []
    return [*chosen, *found["coverages"][split]]


def _picture(found: Mapping[str, Any], splits: _Answers) -> bytes:
    from gi_classifier.plots.decisions import risk_coverage_figure

    curves = {split: vars(risk_coverage(*data)) for split, data in splits.items()}
    chosen = {split: found[split] for split in SPLITS} if found["validation"] else None
    return risk_coverage_figure(curves, chosen, found["alpha"])


def _not_guaranteed(alpha: float, delta: float) -> str:
    return (
        f"No least confidence guarantees an error of at most {alpha:g} with confidence "
        f"{1 - delta:g} on these records. It takes {least_answered(alpha, delta):,} answered "
        "validation records without an error, or more with a few. Ask for less, or give more "
        "records."
    )


def _show(found: Mapping[str, Any]) -> None:
    if found["min_confidence"] is not None:
        say(
            f"min_confidence {found['min_confidence']!r}\n"
            f"With confidence {1 - found['delta']:g}, at most {found['alpha']:g} of the answered "
            "records are wrong, if records to come are drawn as the\n"
            "validation records were and the model learnt nothing from these."
        )
    headings = ("min_confidence", "coverage", "error among the answered", "answered", "errors")
    table = results_table("", headings)
    for split in SPLITS:
        for row in _rows(found, split):
            is_chosen = row is found[split]
            table.add_row(
                f"{split}, chosen" if is_chosen else split,
                f"{row['min_confidence']:.4f}",
                # That of the others was asked for.
                cell(row, "coverage", interval=is_chosen),
                cell(row, "error", interval=True, form=".4f"),
                f"{row['answered']:,}",
                f"{row['errors']:,}",
            )
    results_console().print(table)
    areas = ", ".join(f"{name} {area:.4f}" for name, area in found["area"].items())
    say(f"Area under the risk-coverage curve: {areas}. [low, high]: exact 95% interval.")
