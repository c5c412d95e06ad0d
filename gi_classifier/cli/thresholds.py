"""The commands that choose where to cut: thresholds and abstain."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from gi_classifier.cli.inputs import label_of, read_splits_of
from gi_classifier.cli.options import ForceOption, JsonOption, LabelColumn, ModelOption, TextColumn
from gi_classifier.cli.outputs import check_directory, check_not_shipped, notes, results_console
from gi_classifier.data.writers import csv_for_excel
from gi_classifier.decisions.policies import POLICIES, Policy, compare_policies, parse_policy
from gi_classifier.decisions.thresholds import with_threshold
from gi_classifier.errors import RecordsError, SettingsError
from gi_classifier.files import to_json, write_directory
from gi_classifier.model.directory import (
    THRESHOLDS,
    check_model_output,
    save,
)
from gi_classifier.model.shipped import load_or_shipped

SPLITS = ("validation", "test")
_POLICY_FILES = ("policies.json", "policies.csv", "policies.png")
_POINT_COLUMNS = (
    *("policy", "split", "reason", "threshold", "records", "tp", "fp", "tn", "fn", "tpr"),
    *("tpr_low", "tpr_high", "fpr", "precision_before", "precision_after"),
    *("precision_after_low", "precision_after_high", "share", "work_saved"),
)

ValArgument = Annotated[
    Path, typer.Argument(help="Validation records with their true labels, not trained on.")
]
TestOption = Annotated[
    Path, typer.Option("--test", help="Test records with their true labels, to check on.")
]
OutputOption = Annotated[
    Path | None,
    typer.Option(help="A directory to write: JSON, CSV and a picture (extra 'plots')."),
]


def thresholds(
    val: ValArgument,
    test: TestOption,
    label_name: Annotated[
        str, typer.Option("--label", help="The class, by number or name, against the rest.")
    ],
    policy: Annotated[
        list[str] | None,
        typer.Option(help=f"How to choose; may be repeated. Without: {', '.join(POLICIES)}."),
    ] = None,
    save_policy: Annotated[
        str | None,
        typer.Option(
            "--save",
            metavar="POLICY",
            help="Write this policy's threshold into --model, for predict to use.",
        ),
    ] = None,
    output: OutputOption = None,
    text_column: TextColumn = "text",
    label_column: LabelColumn = "label",
    model: ModelOption = None,
    force: ForceOption = False,
    as_json: JsonOption = False,
) -> None:
    """Choose a threshold for one class on validation records, and check it on test records."""
    chosen = {one.name: one for one in map(_policy, policy or POLICIES)}
    saved = _policy(save_policy) if save_policy else None
    if saved and not model:
        raise typer.BadParameter("--save writes into a model directory: name it with --model.")
    if saved and model:
        check_not_shipped("--save", model)
    if saved:
        chosen.setdefault(saved.name, saved)
    check_directory(output, _POLICY_FILES, force)
    if saved and model:
        check_model_output(model, force=True)
    directory = load_or_shipped(model)
    names = directory.settings.names
    label = label_of(label_name, names)
    splits = [
        (labels == label, probabilities[:, label])
        for labels, probabilities in read_splits_of(directory, val, test, text_column, label_column)
    ]
    rows = compare_policies(chosen.values(), *splits)
    found = {
        "label": label,
        "name": names[label],
        "files": {"validation": str(val), "test": str(test)},
        "policies": rows,
    }
    if saved:
        row = next(row for row in rows if row["policy"] == saved.name)
        if row["reason"]:
            raise RecordsError(f"No threshold to save for {saved.name}: {row['reason']}.")
        changed = with_threshold(directory, label, saved.name, row["validation"], row["test"])
        save(changed, model or Path(), force=True)
    if output:
        from gi_classifier.plots.decisions import thresholds_figure

        heading = (
            f"{label} {names[label]}: thresholds chosen on validation, shown on test "
            "门限：验证集选取，测试集检验"
        )
        lines = [
            {"policy": row["policy"], "split": split, "reason": row["reason"]}
            | flat_intervals(row[split] or {})
            for row in rows
            for split in SPLITS
        ]
        contents = (
            to_json(found),
            csv_for_excel(lines, _POINT_COLUMNS),
            thresholds_figure(rows, splits[0], splits[1], heading),
        )
        write_directory(dict(zip(_POLICY_FILES, contents, strict=True)), output)
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False))
    else:
        _show_policies(rows, label, names[label])
    if saved:
        notes.print(f"{saved.name} for label {label}: written to {model}/{THRESHOLDS}")
    if output:
        notes.print(f"Written to {output}")


def _policy(name: str) -> Policy:
    """Read a policy; an unknown one is wrong use."""
    try:
        return parse_policy(name)
    except SettingsError as error:
        raise typer.BadParameter(str(error)) from error


def flat_intervals(row: Mapping[str, Any]) -> dict[str, Any]:
    """Each NAME_interval as NAME_low and NAME_high."""
    flat: dict[str, Any] = {}
    for name, value in row.items():
        if name.endswith("_interval"):
            stem = name.removesuffix("_interval")
            flat[f"{stem}_low"], flat[f"{stem}_high"] = value or (None, None)
        else:
            flat[name] = value
    return flat


def cell(row: Mapping[str, Any], name: str, *, interval: bool = False, form: str = ".3f") -> str:
    """Show a value with its interval, or a dash."""
    if row[name] is None:
        return "–"
    if not interval:
        return f"{row[name]:{form}}"
    low, high = row[f"{name}_interval"]
    return f"{row[name]:{form}} [{low:{form}}, {high:{form}}]"


def results_table(first: str, headings: Sequence[str]) -> Table:
    """An empty table whose columns but the first are numbers."""
    table = Table(box=None, pad_edge=False, title_justify="left")
    table.add_column(first, no_wrap=True)
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True)
    return table


def _show_policies(rows: Sequence[Mapping[str, Any]], label: int, name: str) -> None:
    rates = ("threshold", "TPR", "FPR", "precision", "passes", "saved")
    screen = results_console()
    for split in SPLITS:
        points = {row["policy"]: row[split] for row in rows if row[split]}
        if not points:
            continue
        table = results_table("policy", (*rates, "TP", "FP", "TN", "FN"))
        first = next(iter(points.values()))
        before = cell(first, "precision_before")
        table.title = Text(
            f"{label} {name}, {split} ({'chosen' if split == SPLITS[0] else 'checked'} here), "
            f"{first['records']:,} records, precision before {before}"
        )
        # Where it was chosen, a threshold looks better than it is: no interval.
        interval = split == "test"
        for policy, point in points.items():
            table.add_row(
                policy,
                f"{point['threshold']:.4g}",
                cell(point, "tpr", interval=interval),
                cell(point, "fpr"),
                cell(point, "precision_after", interval=interval),
                cell(point, "share"),
                "–" if point["work_saved"] is None else f"{point['work_saved']:.2f}x",
                *(str(point[count]) for count in ("tp", "fp", "tn", "fn")),
            )
        screen.print(table)
        screen.print()
    for row in rows:
        if row["reason"]:
            typer.echo(f"{row['policy']}: {row['reason']}.")
    typer.echo(
        "passes: share of the records; saved: precision after / before, the factor of work saved.\n"
        "[low, high]: exact 95% interval."
    )
