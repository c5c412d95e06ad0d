"""The command abstain: the least confidence at which a guaranteed share of answers is right."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from gi_classifier.cli.inputs import read_splits_of
from gi_classifier.cli.options import ForceOption, JsonOption, LabelColumn, ModelOption, TextColumn
from gi_classifier.cli.outputs import check_directory, notes, results_console
from gi_classifier.cli.thresholds import (
    SPLITS,
    OutputOption,
    TestOption,
    ValArgument,
    cell,
    flat_intervals,
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
from gi_classifier.errors import SettingsError
from gi_classifier.files import to_json, write_directory
from gi_classifier.model.shipped import load_or_shipped

_ABSTENTION_FILES = ("abstention.json", "abstention.csv", "abstention.png")
# Shares answered at which the error is shown.
_COVERAGES = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0)
_RISK_COLUMNS = (
    *("split", "chosen", "min_confidence", "records", "answered", "errors", "coverage"),
    *("coverage_low", "coverage_high", "error", "error_low", "error_high"),
)


def abstain(
    val: ValArgument,
    test: TestOption,
    alpha: Annotated[float, typer.Option(help="Largest error among the answered.")] = 0.01,
    delta: Annotated[
        float, typer.Option(help="Probability at most that the guarantee fails.")
    ] = 0.1,
    output: OutputOption = None,
    text_column: TextColumn = "text",
    label_column: LabelColumn = "label",
    model: ModelOption = None,
    force: ForceOption = False,
    as_json: JsonOption = False,
) -> None:
    """Find the least confidence to answer at, so that a guaranteed share of answers is right."""
    try:
        check_levels(alpha, delta)
    except SettingsError as error:
        raise typer.BadParameter(str(error)) from error
    check_directory(output, _ABSTENTION_FILES, force)
    directory = load_or_shipped(model)
    splits = [
        answers(probabilities, labels)
        for labels, probabilities in read_splits_of(directory, val, test, text_column, label_column)
    ]
    least = guaranteed_confidence(*splits[0], alpha, delta)
    rows = (
        {name: abstain_at(*data, least) for name, data in zip(SPLITS, splits, strict=True)}
        if least is not None
        else None
    )
    curves = [risk_coverage(*data) for data in splits]
    tables = {
        name: risk_table(*data, _COVERAGES) for name, data in zip(SPLITS, splits, strict=True)
    }
    found = {
        "files": {"validation": str(val), "test": str(test)},
        "alpha": alpha,
        "delta": delta,
        "min_confidence": least,
        **{name: rows and rows[name] for name in SPLITS},
        "area": {name: curve.area for name, curve in zip(SPLITS, curves, strict=True)},
        "coverages": tables,
    }
    if output:
        from gi_classifier.plots.decisions import risk_coverage_figure

        lines = [
            {"split": name, "chosen": row is (rows or {}).get(name), **flat_intervals(row)}
            for name in SPLITS
            for row in [*([rows[name]] if rows else []), *tables[name]]
        ]
        contents = (
            to_json(found),
            csv_for_excel(lines, _RISK_COLUMNS),
            risk_coverage_figure(curves[0], curves[1], rows, alpha),
        )
        write_directory(dict(zip(_ABSTENTION_FILES, contents, strict=True)), output)
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False))
    else:
        _show_abstention(found)
    if output:
        notes.print(f"Written to {output}")


def _show_abstention(found: Mapping[str, Any]) -> None:
    alpha, delta = found["alpha"], found["delta"]
    if found["min_confidence"] is None:
        answered = least_answered(alpha, delta)
        typer.echo(
            f"No least confidence guarantees an error of at most {alpha:g} with confidence "
            f"{1 - delta:g} on these records.\nIt takes {answered:,} answered validation records "
            "without an error, or more with a few. Ask for less, or give more records."
        )
    else:
        typer.echo(
            f"min_confidence {found['min_confidence']!r}\nWith confidence {1 - delta:g}, at most "
            f"{alpha:g} of the answered records are wrong, if records to come are drawn as the\n"
            "validation records were and the model learnt nothing from these."
        )
    headings = ("min_confidence", "coverage", "error among the answered", "answered", "errors")
    table = results_table("", headings)
    for split in SPLITS:
        chosen = [found[split]] if found[split] else []
        for row in (*chosen, *found["coverages"][split]):
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
    typer.echo(f"Area under the risk-coverage curve: {areas}. [low, high]: exact 95% interval.")
