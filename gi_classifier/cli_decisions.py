"""The commands that choose where to cut: thresholds and abstain."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.table import Table
from rich.text import Text

from gi_classifier.cli_options import (
    ForceOption,
    JsonOption,
    LabelColumn,
    ModelOption,
    TextColumn,
    check_directory,
    check_not_shipped,
    in_chunks,
    label_of,
    notes,
    read,
    results_console,
)
from gi_classifier.errors import RecordsError, SettingsError
from gi_classifier.evaluation.abstention import (
    abstain_at,
    answers,
    check_levels,
    guaranteed_confidence,
    least_answered,
    risk_coverage,
    risk_table,
)
from gi_classifier.evaluation.thresholds import (
    POLICIES,
    Policy,
    compare_policies,
    parse_policy,
    with_threshold,
)
from gi_classifier.model_dir import (
    THRESHOLDS,
    Bundle,
    check_model_output,
    load,
    save,
    shipped,
    to_json,
    write_directory,
)
from gi_classifier.predict import Predictor
from gi_classifier.records import drop_duplicates
from gi_classifier.results import csv_for_excel
from gi_classifier.splitting import BASE, earlier_splits, fingerprint

_SPLITS = ("validation", "test")
_POLICY_FILES = ("policies.json", "policies.csv", "policies.png")
_ABSTENTION_FILES = ("abstention.json", "abstention.csv", "abstention.png")
# Shares answered at which the error is shown.
_COVERAGES = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0)
_POINT_COLUMNS = (
    *("policy", "split", "reason", "threshold", "records", "tp", "fp", "tn", "fn", "tpr"),
    *("tpr_low", "tpr_high", "fpr", "precision_before", "precision_after"),
    *("precision_after_low", "precision_after_high", "share", "work_saved"),
)
_RISK_COLUMNS = (
    *("split", "chosen", "min_confidence", "records", "answered", "errors", "coverage"),
    *("coverage_low", "coverage_high", "error", "error_low", "error_high"),
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
    bundle = load(model or shipped())
    names = bundle.settings.names
    label = label_of(label_name, names)
    splits = [
        (labels == label, probabilities[:, label])
        for labels, probabilities in _read_splits(bundle, val, test, text_column, label_column)
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
        changed = with_threshold(bundle, label, saved.name, row["validation"], row["test"])
        save(changed, model or Path(), force=True)
    if output:
        from gi_classifier.plots_decisions import thresholds_figure

        heading = (
            f"{label} {names[label]}: thresholds chosen on validation, shown on test "
            "门限：验证集选取，测试集检验"
        )
        lines = [
            {"policy": row["policy"], "split": split, "reason": row["reason"]}
            | _flat(row[split] or {})
            for row in rows
            for split in _SPLITS
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
    bundle = load(model or shipped())
    splits = [
        answers(probabilities, labels)
        for labels, probabilities in _read_splits(bundle, val, test, text_column, label_column)
    ]
    least = guaranteed_confidence(*splits[0], alpha, delta)
    rows = (
        {name: abstain_at(*data, least) for name, data in zip(_SPLITS, splits, strict=True)}
        if least is not None
        else None
    )
    curves = [risk_coverage(*data) for data in splits]
    tables = {
        name: risk_table(*data, _COVERAGES) for name, data in zip(_SPLITS, splits, strict=True)
    }
    found = {
        "files": {"validation": str(val), "test": str(test)},
        "alpha": alpha,
        "delta": delta,
        "min_confidence": least,
        **{name: rows and rows[name] for name in _SPLITS},
        "area": {name: curve.area for name, curve in zip(_SPLITS, curves, strict=True)},
        "coverages": tables,
    }
    if output:
        from gi_classifier.plots_decisions import risk_coverage_figure

        lines = [
            {"split": name, "chosen": row is (rows or {}).get(name), **_flat(row)}
            for name in _SPLITS
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


def _policy(name: str) -> Policy:
    """Read a policy; an unknown one is wrong use."""
    try:
        return parse_policy(name)
    except SettingsError as error:
        raise typer.BadParameter(str(error)) from error


def _read_splits(
    bundle: Bundle, val: Path, test: Path, text_column: str, label_column: str
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Labels (n,) and probabilities (n, classes) of both files; notes on what would flatter."""
    known = earlier_splits(bundle.splits)
    if not known:
        notes.print("The model does not say what it was trained on: what is found may flatter.")
    held: set[str] = set()
    splits = []
    for path, flattering in ((val, ("train",)), (test, ("train", "val"))):
        records = drop_duplicates(
            read(
                path,
                text_column=text_column,
                label_column=label_column,
                num_classes=bundle.settings.num_classes,
            )
        )
        marks = [fingerprint(text) for text in records.texts]
        apart = [i for i, mark in enumerate(marks) if mark not in held]
        if len(apart) < len(records):
            notes.print(f"{len(records) - len(apart)} records of {path} are in {val}: left out.")
            records, marks = records.take(apart), [marks[i] for i in apart]
        if not len(records):
            raise RecordsError(
                f"No record is left in {path}. Give test records that are not in {val}."
            )
        base = set(bundle.splits.get(BASE, ()))
        seen = sum(known.get(mark) in flattering or mark in base for mark in marks)
        if seen:
            notes.print(
                f"{seen} of {len(records)} records of {path} were trained on"
                f"{', or chose the weights' if path == test else ''}: what is found there flatters."
            )
        held = set(marks)
        splits.append(records)
    predictor = Predictor.from_bundle(bundle)
    return [
        (np.array(records.labels), in_chunks(predictor.predict_proba, records.texts))
        for records in splits
    ]


def _flat(row: Mapping[str, Any]) -> dict[str, Any]:
    """Each NAME_interval as NAME_low and NAME_high."""
    flat: dict[str, Any] = {}
    for name, value in row.items():
        if name.endswith("_interval"):
            stem = name.removesuffix("_interval")
            flat[f"{stem}_low"], flat[f"{stem}_high"] = value or (None, None)
        else:
            flat[name] = value
    return flat


def _cell(row: Mapping[str, Any], name: str, *, interval: bool = False, form: str = ".3f") -> str:
    if row[name] is None:
        return "–"
    if not interval:
        return f"{row[name]:{form}}"
    low, high = row[f"{name}_interval"]
    return f"{row[name]:{form}} [{low:{form}}, {high:{form}}]"


def _table(first: str, headings: Sequence[str]) -> Table:
    table = Table(box=None, pad_edge=False, title_justify="left")
    table.add_column(first, no_wrap=True)
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True)
    return table


def _show_policies(rows: Sequence[Mapping[str, Any]], label: int, name: str) -> None:
    rates = ("threshold", "TPR", "FPR", "precision", "passes", "saved")
    screen = results_console()
    for split in _SPLITS:
        points = {row["policy"]: row[split] for row in rows if row[split]}
        if not points:
            continue
        table = _table("policy", (*rates, "TP", "FP", "TN", "FN"))
        first = next(iter(points.values()))
        before = _cell(first, "precision_before")
        table.title = Text(
            f"{label} {name}, {split} ({'chosen' if split == _SPLITS[0] else 'checked'} here), "
            f"{first['records']:,} records, precision before {before}"
        )
        # Where it was chosen, a threshold looks better than it is: no interval.
        interval = split == "test"
        for policy, point in points.items():
            table.add_row(
                policy,
                f"{point['threshold']:.4g}",
                _cell(point, "tpr", interval=interval),
                _cell(point, "fpr"),
                _cell(point, "precision_after", interval=interval),
                _cell(point, "share"),
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
    table = _table("", headings)
    for split in _SPLITS:
        chosen = [found[split]] if found[split] else []
        for row in (*chosen, *found["coverages"][split]):
            is_chosen = row is found[split]
            table.add_row(
                f"{split}, chosen" if is_chosen else split,
                f"{row['min_confidence']:.4f}",
                # That of the others was asked for.
                _cell(row, "coverage", interval=is_chosen),
                _cell(row, "error", interval=True, form=".4f"),
                f"{row['answered']:,}",
                f"{row['errors']:,}",
            )
    results_console().print(table)
    areas = ", ".join(f"{name} {area:.4f}" for name, area in found["area"].items())
    typer.echo(f"Area under the risk-coverage curve: {areas}. [low, high]: exact 95% interval.")
