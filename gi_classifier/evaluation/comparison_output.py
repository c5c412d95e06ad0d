"""A comparison of models on the terminal, and as files.

In: what :func:`gi_classifier.evaluation.comparison_table.tabulate` returned, with its ``file``.
Out: tables for rich and lines, or the content of four files.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from gi_classifier.data.fingerprints import known_warning
from gi_classifier.data.writers import csv_for_excel
from gi_classifier.display import shown
from gi_classifier.files import encode, to_json

COMPARE_JSON, COMPARE_CSV, FOLDS_CSV = "compare.json", "compare.csv", "folds.csv"
COMPARE_MD = "compare.md"
# A directory of version 0.1.0 holds the picture too, and may be replaced.
OWNED = (COMPARE_JSON, COMPARE_CSV, FOLDS_CSV, COMPARE_MD, "compare.png")
# Groups of near-duplicates below which a bootstrap's intervals hold too seldom.
_FEW_GROUPS = 300
_MEASURES = ("precision", "recall", "f1", "accuracy", "roc_auc")
_KEYS = ("name", "family", "features", "title")
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
    "warnings",
)
_GROUP_COLUMNS = ("group", "features", "models", "the best", "F1")
_CHINESE = {
    "model": "模型",
    "features": "特征",
    "prec.": "精确率",
    "recall": "召回率",
    "acc.": "准确率",
    "fit, s": "训练",
    "predict, ms": "预测",
    "warnings": "警告",
    "group": "模型组",
    "models": "个数",
    "the best": "最佳",
}


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


def name_of(table: Mapping[str, Any]) -> str:
    """The label that is told from the rest, as the file calls it."""
    return next(shown(part["name"]) for part in table["classes"] if part["label"] == table["label"])


def conclusions(table: Mapping[str, Any]) -> list[str]:
    """Whether a linear model is enough, and what the intervals are."""
    said = [part[name] for part in table["verdicts"] for name in ("text", "text_zh")]
    which = "the classes' means" if table["label"] is None else f"those of label {name_of(table)}"
    none = "No verdict: it needs a linear model and another one."
    if table["trained_on"]:
        none += " Those on the encoder do not count here."
    return [
        *(said or [none]),
        f"Means of {table['folds']} folds; precision, recall and F1 are {which}. [low, high]: 95% "
        f"interval of {table['resamples']} bootstrap resamples of groups of near-duplicates.",
        *_few(table["groups"]),
        *(f"Left out: {key} {reason}" for key, reason in table["left_out"].items()),
    ]


def _few(groups: int) -> list[str]:
    """What is to be said of intervals of few groups, of which a bootstrap says too much."""
    if groups >= _FEW_GROUPS:
        return []
    return [
        f"{groups} groups are few: these intervals are too short.",
        f"仅 {groups} 组病历，这些区间偏窄。",
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
            "; ".join(row["warnings"]),
        ]


def _group_rows(table: Mapping[str, Any]) -> Iterator[list[str]]:
    """The best of each family on each kind of features, the best family first."""
    families = dict.fromkeys(row["family"] for row in table["models"])
    for family in families:
        rows = [row for row in table["models"] if row["family"] == family]
        for features in dict.fromkeys(row["features"] for row in rows):
            part = [row for row in rows if row["features"] == features]
            best = part[0]
            yield [
                best["family_title"],
                features,
                str(len(part)),
                best["title"],
                _cell(best, "f1"),
            ]


def terminal_tables(table: Mapping[str, Any], width: int) -> Iterator[Table]:
    """The table by score, with as many columns as fit into a width, and by group."""
    rows = list(_score_rows(table))
    kept = _fitting(_SCORE_COLUMNS, rows, width)
    scores = Table(box=None, pad_edge=False)
    for place in kept:
        scores.add_column(_SCORE_COLUMNS[place], no_wrap=True)
    for row in rows:
        scores.add_row(*(Text(shown(row[place])) for place in kept))
    yield scores
    groups = Table(box=None, pad_edge=False)
    for column in _GROUP_COLUMNS:
        groups.add_column(column, no_wrap=column == "F1")
    for row in _group_rows(table):
        groups.add_row(*(Text(shown(cell)) for cell in row))
    yield groups


def _fitting(columns: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> list[int]:
    """The columns that fit side by side, uncut, the most important first chosen."""
    widths = [max(map(cell_len, column)) for column in zip(columns, *rows, strict=True)]
    order = ("model", "F1", "features", "warnings", *columns)
    kept: list[int] = []
    for place in dict.fromkeys(columns.index(name) for name in order):
        empty = not any(row[place] for row in rows)
        if not empty and sum(widths[k] + 2 for k in (*kept, place)) - 2 <= width:
            kept.append(place)
    return sorted(kept)


def _markdown(columns: Sequence[str], rows: Iterator[list[str]]) -> list[str]:
    heads = [f"{column} {_CHINESE.get(column, '')}".strip() for column in columns]
    lines = [heads, ["---"] * len(columns), *rows]
    return ["| " + " | ".join(line) + " |" for line in lines]


def files(table: Mapping[str, Any]) -> dict[str, bytes]:
    """Content of the four files, by name."""
    return {
        COMPARE_JSON: to_json(table),
        COMPARE_CSV: _models_csv(table),
        FOLDS_CSV: _folds_csv(table),
        COMPARE_MD: encode("\n".join(_page(table)) + "\n"),
    }


def _models_csv(table: Mapping[str, Any]) -> bytes:
    spent = ("fit_seconds", "predict_milliseconds")
    rows = []
    for row in table["models"]:
        flat = {key: row[key] for key in (*_KEYS, *spent)}
        for name in _MEASURES:
            low, high = row[f"{name}_interval"] or (None, None)
            flat |= {name: row[name], f"{name}_low": low, f"{name}_high": high}
        rows.append({**flat, "warnings": "; ".join(row["warnings"])})
    measures = [f"{name}{end}" for name in _MEASURES for end in ("", "_low", "_high")]
    return csv_for_excel(rows, (*_KEYS, *measures, *spent, "warnings"))


def _folds_csv(table: Mapping[str, Any]) -> bytes:
    rows = [
        {**{key: row[key] for key in _KEYS}, **part, "warnings": "; ".join(part["warnings"])}
        for row in table["models"]
        for part in row["folds"]
    ]
    spent = ("fit_seconds", "predict_seconds", "warnings")
    return csv_for_excel(rows, (*_KEYS, "fold", "records", *_MEASURES, *spent))


def _page(table: Mapping[str, Any]) -> list[str]:
    """The lines of the page in Markdown."""
    counts = "，".join(f"{shown(entry['name'])}: {entry['records']}" for entry in table["classes"])
    return [
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
