"""The command thresholds: choose a threshold for one class, and check it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.table import Table
from rich.text import Text

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
    check_not_shipped,
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
from gi_classifier.decisions.policies import (
    POLICIES,
    SPLITS,
    Policy,
    compare_policies,
    parse_policy,
)
from gi_classifier.decisions.thresholds import with_threshold
from gi_classifier.errors import RecordsError
from gi_classifier.files import to_json
from gi_classifier.labels import label_number
from gi_classifier.model.directory import THRESHOLDS, ModelDirectory, check_model_output, save
from gi_classifier.model.origin import origin
from gi_classifier.model.shipped import load_or_shipped

_FILES = ("policies.json", "policies.csv")
# A directory of version 0.1.0 holds the picture too, and may be replaced.
_OWNED = (*_FILES, "policies.png")
_COLUMNS = (
    *("policy", "split", "reason", "threshold", "records", "tp", "fp", "tn", "fn", "tpr"),
    *("tpr_low", "tpr_high", "fpr", "precision_before", "precision_after"),
    *("precision_after_low", "precision_after_high", "share", "work_saved"),
)


def thresholds(
    context: typer.Context,
    val: ValArgument,
    test: TestOption,
    label_name: Annotated[
        str,
        typer.Option(
            "--label", metavar="LABEL", help="The label to tell from all others, by number or name."
        ),
    ],
    policy: Annotated[
        list[str] | None,
        typer.Option(
            metavar="POLICY",
            help="How to choose the threshold; may be repeated. "
            f"Without it: {', '.join(POLICIES)}.",
        ),
    ] = None,
    save_policy: Annotated[
        str | None,
        typer.Option(
            "--save",
            metavar="POLICY",
            help="Keep this policy's threshold in the directory of --model, for predict to use.",
        ),
    ] = None,
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
    """Choose from which probability on a record counts as one label, and check it.

    Several policies choose on the validation records, and the test records show what each costs.
    """
    chosen = [parse_policy(one) for one in policy or POLICIES]
    saved = parse_policy(save_policy) if save_policy else None
    _check_saved(saved, model)
    check_engine(engine)
    check_directory(output, _OWNED, force)
    check_file("--plot", plot, (".png",), val, test, force=force)
    directory = load_or_shipped(model)
    label = label_number(label_name, directory.settings.names)
    splits = {
        split: (labels == label, probabilities[:, label])
        for split, (labels, probabilities) in read_validation_and_test(
            directory, val, test, engine=engine, use=use, **form_of(context)
        ).items()
    }
    policies = {one.name: one for one in (*chosen, *([saved] if saved else []))}
    found = {
        "label": label,
        "name": directory.settings.names[label],
        "files": {"validation": str(val), "test": str(test)},
        "policies": compare_policies(policies.values(), *splits.values()),
    }
    made_from = origin(directory, **options_of(context))
    if saved and model:
        _save(directory, model, saved, found, made_from, directory.fusion(use).members)
    write_files(output, _files(found), made_from)
    if plot:
        write_file(plot, _picture(found, splits), made_from)
    if as_json:
        print_json(found)
    else:
        _show(found)


def _check_saved(saved: Policy | None, model: Path | None) -> None:
    """Raise where a threshold may not be kept, before any work is done."""
    if not saved:
        return
    if not model:
        raise typer.BadParameter("--save writes into a model directory: name it with --model.")
    check_not_shipped("--save", model)
    check_model_output(model, force=True)


def _save(
    directory: ModelDirectory,
    model: Path,
    policy: Policy,
    found: Mapping[str, Any],
    made_from: Mapping[str, Any],
    members: Sequence[str],
) -> None:
    """Keep a policy's threshold in the model directory, and say so."""
    row = next(row for row in found["policies"] if row["policy"] == policy.name)
    if row["reason"]:
        raise RecordsError(f"No threshold to save for {policy.name}: {row['reason']}.")
    label = found["label"]
    points = (row["validation"], row["test"])
    changed = with_threshold(directory, label, policy.name, *points, made_from, members=members)
    save(changed, model, force=True)
    notes.print(f"{policy.name} for label {label}: written to {model / THRESHOLDS}")


def _files(found: Mapping[str, Any]) -> dict[str, bytes]:
    """Everything as JSON, and a row for each policy and split as CSV."""
    lines = [
        {"policy": row["policy"], "split": split, "reason": row["reason"]}
        | flat_intervals(row[split] or {})
        for row in found["policies"]
        for split in SPLITS
    ]
    return dict(zip(_FILES, (to_json(found), csv_for_excel(lines, _COLUMNS)), strict=True))


def _picture(
    found: Mapping[str, Any], splits: Mapping[str, tuple[np.ndarray, np.ndarray]]
) -> bytes:
    from gi_classifier.plots.decisions import thresholds_figure

    heading = (
        f"{found['label']} {found['name']}: thresholds chosen on validation, shown on test "
        "门限：验证集选取，测试集检验"
    )
    return thresholds_figure(found["policies"], splits["validation"], splits["test"], heading)


def _show(found: Mapping[str, Any]) -> None:
    screen = results_console()
    for split in SPLITS:
        points = {row["policy"]: row[split] for row in found["policies"] if row[split]}
        if points:
            screen.print(_table(f"{found['label']} {found['name']}", split, points))
            screen.print()
    for row in found["policies"]:
        if row["reason"]:
            say(f"{row['policy']}: {row['reason']}.")
    say(
        "passes: share of the records; saved: precision after / before, the factor of work saved.\n"
        "[low, high]: exact 95% interval."
    )


def _table(label: str, split: str, points: Mapping[str, Mapping[str, Any]]) -> Table:
    """Each policy's point on one split."""
    rates = ("threshold", "TPR", "FPR", "precision", "passes", "saved")
    table = results_table("policy", (*rates, "TP", "FP", "TN", "FN"))
    first = next(iter(points.values()))
    table.title = Text(
        f"{label}, {split} ({'chosen' if split == SPLITS[0] else 'checked'} here), "
        f"{first['records']:,} records, precision before {cell(first, 'precision_before')}"
    )
    # Where it was chosen, a threshold looks better than it is: no interval.
    interval = split != SPLITS[0]
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
    return table
