"""The command compare: standard classifiers on a user's own records."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text
from tqdm import tqdm

from gi_classifier.cli.inputs import read
from gi_classifier.cli.options import ForceOption, JsonOption, LabelColumn, TextColumn
from gi_classifier.cli.outputs import check_directory, notes, results_console
from gi_classifier.data.fingerprints import known_warning
from gi_classifier.data.writers import csv_for_excel, encode
from gi_classifier.errors import SettingsError
from gi_classifier.files import write_directory, write_whole

COMPARE_JSON, COMPARE_CSV, FOLDS_CSV = "compare.json", "compare.csv", "folds.csv"
COMPARE_MD, FIGURE = "compare.md", "compare.png"
FILES = (COMPARE_JSON, COMPARE_CSV, FOLDS_CSV, COMPARE_MD, FIGURE)
_TITLES = {
    "precision": "precision",
    "recall": "recall",
    "f1": "F1",
    "accuracy": "accuracy",
    "roc_auc": "ROC AUC",
}
_KEYS = ("name", "family", "features", "title")


def compare(
    data: Annotated[Path, typer.Option("--data", help="Records with their labels, any from 0 up.")],
    folds: Annotated[int, typer.Option(min=2, help="Folds of the cross-validation.")] = 3,
    models: Annotated[
        str | None,
        typer.Option(help="Families or names, commas between: rule,logistic,knn-3. Without, all."),
    ] = None,
    features: Annotated[
        str, typer.Option(help="tfidf, embedding, or both with a comma between.")
    ] = "tfidf,embedding",
    label: Annotated[int | None, typer.Option(min=0, help="Tell this label from the rest.")] = None,
    sample: Annotated[
        int | None, typer.Option(min=2, help="Compare on so many records, drawn at random.")
    ] = None,
    albert: Annotated[
        bool,
        typer.Option("--albert/--no-albert", help="Also fine-tune ALBERT-tiny (extra 'train')."),
    ] = False,
    epochs: Annotated[int, typer.Option(min=1, help="Of that, at most.")] = 10,
    encoder: Annotated[
        Path | None,
        typer.Option(help="A model directory for the embeddings; without, the one that ships."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of every random choice.")] = 42,
    output: Annotated[
        Path | None,
        typer.Option(help="A directory to write: JSON, CSV, Markdown, a picture (extra 'plots')."),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on where an interrupted run stood (--output).")
    ] = False,
    text_column: TextColumn = "text",
    label_column: LabelColumn = "label",
    force: ForceOption = False,
    as_json: JsonOption = False,
) -> None:
    """Compare standard classifiers by cross-validation: is a linear model enough?"""
    from gi_classifier.evaluation.comparison import prepare
    from gi_classifier.evaluation.comparison_models import check_wanted
    from gi_classifier.evaluation.comparison_table import tabulate

    if resume and not output:
        raise typer.BadParameter("--resume needs --output, beside which the state is kept.")
    names, kinds = _listed(models), _listed(features) or []
    try:
        check_wanted(names, kinds)
    except SettingsError as error:
        raise typer.BadParameter(str(error)) from error
    check_directory(output, FILES, force)
    records = read(data, text_column=text_column, label_column=label_column)
    comparison = prepare(
        records,
        folds=folds,
        models=names,
        features=kinds,
        albert=albert,
        epochs=epochs,
        label=label,
        sample=sample,
        encoder=encoder,
        seed=seed,
    )
    for key, reason in comparison.left_out.items():
        notes.print(f"{key} is left out: {reason}")
    outcomes = _run(comparison, output, resume)
    table = {"file": str(data), **tabulate(comparison, outcomes)}
    for line in encoder_notes(table):
        notes.print(line)
    if output:
        write_directory(files(table), output)
        _drop(_state(output))
    if as_json:
        typer.echo(json.dumps(table, ensure_ascii=False))
        return
    screen = results_console()
    for part in terminal_tables(table):
        screen.print(part)
        screen.print()
    for line in conclusions(table):
        typer.echo(line)
    if output:
        typer.echo(f"Written to {output}")


def _listed(value: str | None) -> list[str] | None:
    return None if value is None else [part.strip() for part in value.split(",") if part.strip()]


def _state(output: Path) -> Path:
    output = output.absolute()
    return output.with_name(f".{output.name}.state")


def _drop(state: Path) -> None:
    if state.is_dir():
        shutil.rmtree(state)


def _run(comparison: Any, output: Path | None, resume: bool) -> dict[tuple[str, int], Any]:
    """The outcome of each rival on each fold; beside an output, what is done is kept."""
    from gi_classifier.evaluation.comparison import Outcome

    state = _state(output) if output else None
    found: dict[tuple[str, int], Any] = {}

    def place(key: str, fold: int) -> Path:
        return (state or Path()) / f"{key}.{fold}.npz"

    if state and resume:
        for rival, fold in comparison.jobs:
            path = place(rival.key, fold)
            if path.is_file():
                content = path.read_bytes()
                found[rival.key, fold] = Outcome.from_bytes(content, comparison.mark, str(path))
        notes.print(f"Going on after {len(found)} of {len(comparison.jobs)} fits.")
    elif state:
        _drop(state)
    if state:
        state.mkdir(parents=True, exist_ok=True)
    total = len(comparison.jobs)
    with tqdm(total=total, initial=len(found), unit="fit", disable=None, leave=False) as bar:
        for rival, fold, outcome in comparison.run(set(found)):
            found[rival.key, fold] = outcome
            if state:
                write_whole(place(rival.key, fold), outcome.to_bytes(comparison.mark))
            bar.set_postfix_str(f"{rival.key} {fold + 1}", refresh=False)
            bar.update()
    return found


def encoder_notes(table: Mapping[str, Any]) -> list[str]:
    """What must be said of the encoder, in English and Chinese."""
    used = any(
        row["features"] == "embedding" or row["family"] == "albert" for row in table["models"]
    )
    if not used:
        return []
    seen, records = table["trained_on"], table["records"]
    unknown = table["trained_on_is_unknown"]
    warning = known_warning(None if unknown else seen, records, "the file")
    if warning is None:
        return [
            f"The encoder was trained on none of the {records} records.",
            f"编码器未用这 {records} 条病历中的任何一条训练。",
        ]
    chinese = (
        "编码器没有记录用哪些病历训练：向量和 ALBERT-tiny 的成绩可能偏高，结论不计入它们。"
        if unknown
        else f"编码器的训练或选择用过这 {records} 条病历中的 {seen} 条："
        "向量和 ALBERT-tiny 的成绩偏高，结论不计入它们。"
    )
    return [f"{warning} The verdict leaves embeddings and ALBERT-tiny out.", chinese]


def conclusions(table: Mapping[str, Any]) -> list[str]:
    """Whether a linear model is enough, and what the intervals are."""
    said = [part[name] for part in table["verdicts"] for name in ("text", "text_zh")]
    which = "the classes' means" if table["label"] is None else f"those of label {table['label']}"
    none = "No verdict: it needs a linear model and another one."
    if table["trained_on"]:
        none += " Those on the encoder do not count here."
    return [
        *(said or [none]),
        f"Means of {table['folds']} folds; precision, recall and F1 are {which}. [low, high]: 95% "
        f"interval of {table['resamples']} bootstrap resamples of groups of near-duplicates.",
        *(f"Left out: {key} {reason}" for key, reason in table["left_out"].items()),
    ]


def _cell(row: Mapping[str, Any], name: str) -> str:
    if row[f"{name}_interval"] is None:
        return "–"
    low, high = row[f"{name}_interval"]
    return f"{row[name]:.3f} [{low:.3f}, {high:.3f}]"


def _score_rows(table: Mapping[str, Any]) -> Iterator[list[str]]:
    for row in table["models"]:
        yield [
            row["title"],
            row["features"],
            _cell(row, "f1"),
            *(f"{row[name]:.3f}" for name in ("precision", "recall", "accuracy", "roc_auc")),
            f"{row['fit_seconds']:.2f}",
            f"{row['predict_milliseconds']:.2f}",
            "; ".join(row["remarks"]),
        ]


_SCORE_COLUMNS = (
    "model",
    "features",
    "F1",
    "prec.",
    "recall",
    "acc.",
    "AUC",
    "fit, s",
    "predict, ms",
    "remarks",
)
_CHINESE = {
    "model": "模型",
    "features": "特征",
    "prec.": "精确率",
    "recall": "召回率",
    "acc.": "准确率",
    "fit, s": "训练",
    "predict, ms": "预测",
    "remarks": "备注",
    "group": "模型组",
    "models": "个数",
    "the best": "最佳",
}
_GROUP_COLUMNS = ("group", "features", "models", "the best", "F1")


def _group_rows(table: Mapping[str, Any]) -> Iterator[list[str]]:
    """The best of each family on each kind of features, the best family first."""
    from gi_classifier.evaluation.comparison_models import FAMILIES

    families = dict.fromkeys(row["family"] for row in table["models"])
    for family in families:
        rows = [row for row in table["models"] if row["family"] == family]
        for features in dict.fromkeys(row["features"] for row in rows):
            part = [row for row in rows if row["features"] == features]
            best = part[0]
            yield [
                FAMILIES[family],
                features,
                str(len(part)),
                best["title"],
                _cell(best, "f1"),
            ]


def terminal_tables(table: Mapping[str, Any]) -> Iterator[Table]:
    """The table by score, and by group."""
    parts = ((_SCORE_COLUMNS, _score_rows(table)), (_GROUP_COLUMNS, _group_rows(table)))
    for columns, rows in parts:
        shown = Table(box=None, pad_edge=False)
        for column in columns:
            shown.add_column(column, no_wrap=column in ("model", "F1"))
        for row in rows:
            shown.add_row(*map(Text, row))
        yield shown


def _markdown(columns: Sequence[str], rows: Iterator[list[str]]) -> list[str]:
    heads = [f"{column} {_CHINESE.get(column, '')}".strip() for column in columns]
    lines = [heads, ["---"] * len(columns), *rows]
    return ["| " + " | ".join(line) + " |" for line in lines]


def files(table: Mapping[str, Any]) -> dict[str, bytes]:
    """Content of the five files, by name."""
    from gi_classifier.plots.comparison import compare_figure

    spread = [f"{name}{end}" for name in _TITLES for end in ("", "_low", "_high")]
    rows = []
    for row in table["models"]:
        flat = {key: row[key] for key in (*_KEYS, "fit_seconds", "predict_milliseconds")}
        for name in _TITLES:
            low, high = row[f"{name}_interval"] or (None, None)
            flat |= {name: row[name], f"{name}_low": low, f"{name}_high": high}
        rows.append({**flat, "remarks": "; ".join(row["remarks"])})
    by_fold = [
        {**{key: row[key] for key in _KEYS}, **part, "remarks": "; ".join(part["remarks"])}
        for row in table["models"]
        for part in row["folds"]
    ]
    spent = ("fit_seconds", "predict_milliseconds", "remarks")
    fold_columns = ("fold", "records", *_TITLES, "fit_seconds", "predict_seconds", "remarks")
    counts = "，".join(f"{entry['label']}: {entry['records']}" for entry in table["classes"])
    page = [
        "# Models compared 模型比较",
        "",
        f"{table['records']} records 病历 ({counts}), {table['groups']} groups of near-duplicates "
        f"近似重复组, {table['folds']} folds 折, seed 种子 {table['seed']}.",
        "",
        *(f"{line}\n" for line in (*conclusions(table), *encoder_notes(table))),
        "## By score 按得分",
        "",
        *_markdown(_SCORE_COLUMNS, _score_rows(table)),
        "",
        "## By group 按模型组",
        "",
        *_markdown(_GROUP_COLUMNS, _group_rows(table)),
    ]
    return {
        COMPARE_JSON: encode(json.dumps(table, ensure_ascii=False, indent=2) + "\n"),
        COMPARE_CSV: csv_for_excel(rows, (*_KEYS, *spread, *spent)),
        FOLDS_CSV: csv_for_excel(by_fold, (*_KEYS, *fold_columns)),
        COMPARE_MD: encode("\n".join(page) + "\n"),
        FIGURE: compare_figure(table),
    }
