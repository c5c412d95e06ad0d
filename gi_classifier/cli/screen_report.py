"""The command ``screen report``: several scores as one filter, and what it saves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from gi_classifier.cli.options import (
    DirectoryOption,
    ForceOption,
    HeaderRow,
    JsonOption,
    PlotOption,
    SeedOption,
    SheetOption,
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
from gi_classifier.cli.two_splits import cell, flat_intervals, results_table
from gi_classifier.data.score_tables import ScoreTable, read_scores
from gi_classifier.data.writers import csv_for_excel
from gi_classifier.decisions.composite_filter import POLICY
from gi_classifier.decisions.policies import SPLITS, parse_policy
from gi_classifier.display import shown
from gi_classifier.files import to_json
from gi_classifier.model.origin import origin

if TYPE_CHECKING:
    from gi_classifier.evaluation.filter_study import FilterStudy

_FILES = ("filter.json", "filter.csv", "rows.csv")
_POINT = (
    *("reason", "records", "tp", "fp", "tn", "fn", "tpr", "tpr_low", "tpr_high", "fpr"),
    *("precision_before", "precision_after", "precision_after_low", "precision_after_high"),
    *("share", "work_saved"),
)
_COLUMNS = ("filter", "score", "threshold", "split", "group", *_POINT)


def report(
    context: typer.Context,
    table: Annotated[
        Path,
        typer.Argument(
            metavar="TABLE", help="Validation rows: columns of scores, and whether each is valid."
        ),
    ],
    test: Annotated[
        Path,
        typer.Option("--test", metavar="TABLE", help="Other such rows, to check what was chosen."),
    ],
    score: Annotated[
        list[str] | None,
        typer.Option(metavar="COLUMN", help="A score of which high is good; may be repeated."),
    ] = None,
    low_score: Annotated[
        list[str] | None,
        typer.Option(metavar="COLUMN", help="A score of which low is good, such as novelty."),
    ] = None,
    valid_column: Annotated[
        str, typer.Option(metavar="NAME", help="The column that says whether a row is valid.")
    ] = "valid",
    by: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="Also show each value of this column.")
    ] = None,
    policy: Annotated[
        str, typer.Option(metavar="POLICY", help="How to choose thresholds; see `thresholds`.")
    ] = POLICY,
    seed: SeedOption = 42,
    output: DirectoryOption = None,
    plot: PlotOption = None,
    skip_blank: Annotated[
        bool,
        typer.Option(
            "--skip-blank", help="Leave out rows without a score, which are bad rows else."
        ),
    ] = False,
    sheet: SheetOption = None,
    header_row: HeaderRow = None,
    force: ForceOption = False,
    as_json: JsonOption = False,
) -> None:
    """Filter by several scores at once, and compare with one model of what is valid.

    Thresholds are chosen on the validation rows, for each score by itself and for all jointly; the
    test rows show what passes, and how much less work what passes is.
    """
    names = _names(score, low_score, valid_column, by)
    rule = parse_policy(policy)
    if table.resolve() == test.resolve():
        raise typer.BadParameter("--test is the table to choose on; name other rows to check on.")
    check_directory(output, _FILES, force)
    check_file("--plot", plot, (".png",), table, test, force=force)
    tables = {
        split: read_scores(
            path,
            names,
            valid_column=valid_column,
            group_column=by,
            skip_blank=skip_blank,
            sheet=sheet,
            header_row=header_row,
        )
        for split, path in zip(SPLITS, (table, test), strict=True)
    }
    _say_read(tables)
    from gi_classifier.evaluation.filter_study import study_filters

    study = study_filters(*tables.values(), low=low_score or (), policy=rule, seed=seed)
    _say_turned(study.table["scores"])
    files = {"validation": str(table), "test": str(test)}
    found = {"files": files, "by": by, **study.table}
    made_from = origin(**options_of(context))
    write_files(output, _contents(found, study, tables), made_from)
    if plot:
        write_file(plot, _picture(study, tables["test"]), made_from)
    if as_json:
        print_json(found)
    else:
        _show(found)


def _names(
    high: Sequence[str] | None, low: Sequence[str] | None, valid: str, by: str | None
) -> list[str]:
    names = [*(high or ()), *(low or ())]
    if not names:
        raise typer.BadParameter("Name the scores: --score COLUMN or --low-score COLUMN, repeated.")
    if len({*names, valid}) <= len(names) or by in (*names, valid):
        raise typer.BadParameter("A column is named twice among scores, --valid-column and --by.")
    return names


def _say_read(tables: Mapping[str, ScoreTable]) -> None:
    """Note how the tables were read, and rows of test that stand in validation too."""
    for rows in tables.values():
        left = f", {rows.left_out} rows without a score left out" if rows.left_out else ""
        notes.print(shown(f"{rows.source}: {len(rows)} rows, read as {rows.encoding}{left}"))
    held, tested = (
        [(*row, valid) for row, valid in zip(rows.scores.tolist(), rows.valid, strict=True)]
        for rows in tables.values()
    )
    known = set(held)
    if same := sum(row in known for row in tested):
        notes.print(
            f"{same} test rows have the scores of a validation row: if they are the same, figures "
            "on test flatter."
        )


def _say_turned(scores: Sequence[Mapping[str, Any]]) -> None:
    """Note scores that are better the other way round."""
    for row in scores:
        if row["auc"] < 0.5:
            other = "--score" if row["low_is_good"] else "--low-score"
            notes.print(
                shown(
                    f"{row['score']}: on validation it is better the other way round (ROC AUC "
                    f"{row['auc']:.3f}): is it a {other}?"
                )
            )


def _flat(found: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """A row for each score, filter and group, on each split."""
    for row in (*found["scores"], *found["filters"]):
        for split in SPLITS:
            told = {name: row.get(name) for name in ("filter", "score", "threshold", "reason")}
            yield {**told, "split": split, **flat_intervals(row[split] or {})}
    for row in found["groups"]:
        yield flat_intervals(row)


def _contents(
    found: Mapping[str, Any], study: FilterStudy, tables: Mapping[str, ScoreTable]
) -> dict[str, bytes]:
    """Everything as JSON, every figure as CSV, and what each filter says of every row."""
    rows = [line for split, part in tables.items() for line in _judged_rows(study, split, part)]
    return {
        "filter.json": to_json(found),
        "filter.csv": csv_for_excel(list(_flat(found)), _COLUMNS),
        "rows.csv": csv_for_excel(rows, list(rows[0])),
    }


def _judged_rows(study: FilterStudy, split: str, rows: ScoreTable) -> Iterator[dict[str, Any]]:
    """Each row: where it stood, its normalised scores by each composite filter, what passes it."""
    normalised = {
        one.name: one.composite.normalised(rows.scores)
        for one in study.filters
        if one.composite is not None
    }
    for place, line in enumerate(rows.lines):
        row: dict[str, Any] = {
            "split": split,
            "line": line,
            "group": rows.groups[place] if rows.groups else None,
            "valid": int(rows.valid[place]),
        }
        row |= {one.name: int(one.passes[split][place]) for one in study.filters}
        for name, scores in normalised.items():
            row |= {
                f"{name}: {score}": round(float(value), 6)
                for score, value in zip(rows.names, scores[place], strict=True)
            }
        yield row


def _picture(study: FilterStudy, test: ScoreTable) -> bytes:
    from gi_classifier.plots.filter_report import ALL, filter_figure

    rows = [
        {"group": ALL, "filter": row["filter"], **row["test"]}
        for row in study.table["filters"]
        if row["test"]
    ]
    rows += [row for row in study.table["groups"] if row["split"] == "test"]
    scores = {one.name: one.scores["test"] for one in study.filters}
    return filter_figure(rows, test.valid, scores, study.tree, test.names)


def _show(found: Mapping[str, Any]) -> None:
    from gi_classifier.evaluation.comparison_output import terminal_tables

    screen = results_console()
    for split in SPLITS:
        screen.print(_table(found, split))
        screen.print()
    if found["by"] is not None:
        screen.print(_groups(found))
        screen.print()
    if found["compared"]:
        compared = {"models": found["compared"]}
        screen.print("test, as in `compare`; precision, recall and F1 are those of valid rows")
        screen.print(next(terminal_tables(compared, screen.width)))
        screen.print()
    for row in (*found["scores"], *found["filters"]):
        if row["reason"]:
            say(f"{shown(row.get('score') or row['filter'])}: {shown(row['reason'])}.")
    say(
        "passes: share of the rows; saved: precision after / before, the factor of work saved.\n"
        "[low, high]: 95% interval, exact above, of a bootstrap in the last table."
    )


def _table(found: Mapping[str, Any], split: str) -> Table:
    """Each score and each filter on one split."""
    table = results_table("", ("threshold", *_RATES))
    first = next((row[split] for row in found["filters"] if row[split]), None)
    table.title = Text(
        f"{split} ({'chosen' if split == SPLITS[0] else 'checked'} here), {found['policy']}"
        + (
            f", {first['records']:,} rows, precision before {cell(first, 'precision_before')}"
            if first
            else ""
        )
    )
    for row in found["scores"]:
        if row[split]:
            sign = "<=" if row["low_is_good"] else ">="
            cells = (f"{sign} {row['threshold']:.4g}", *_cells(row[split], split))
            table.add_row(Text(shown(row["score"])), *cells)
    for row in found["filters"]:
        if row[split]:
            table.add_row(row["title"], "", *_cells(row[split], split))
    return table


def _groups(found: Mapping[str, Any]) -> Table:
    """Each filter on each group of test."""
    table = results_table("group", ("filter", "rows", "before", *_RATES))
    table.title = Text(f"test by {shown(found['by'])}")
    before = None
    for row in found["groups"]:
        if row["split"] == "test":
            same = row["group"] == before
            before = row["group"]
            table.add_row(
                Text("" if same else shown(before)),
                row["filter"],
                "" if same else f"{row['records']:,}",
                "" if same else cell(row, "precision_before"),
                *_cells(row, SPLITS[0]),
            )
    return table


_RATES = ("TPR", "FPR", "precision", "passes", "saved")


def _cells(point: Mapping[str, Any], split: str) -> list[str]:
    # Where it was chosen, a threshold looks better than it is: no interval.
    interval = split != SPLITS[0]
    return [
        cell(point, "tpr", interval=interval and point["tpr"] is not None),
        cell(point, "fpr"),
        cell(point, "precision_after", interval=interval and point["precision_after"] is not None),
        cell(point, "share"),
        "–" if point["work_saved"] is None else f"{point['work_saved']:.2f}x",
    ]
