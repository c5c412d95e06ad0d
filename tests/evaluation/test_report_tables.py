from __future__ import annotations

import csv
import io
import json
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from gi_classifier.data.records import Records
from gi_classifier.evaluation.evaluation_report import evaluation_report, groups_of
from gi_classifier.evaluation.report_tables import (
    ERRORS_CSV,
    METRICS_CSV,
    METRICS_JSON,
    files,
    terminal_tables,
)

TEXTS = ("=胃\x1b[31m窦", "结肠\n息肉" * 40, "肺\ud800", "胃角")
SHARES = np.array([[0.1, 0.8, 0.1], [0.1, 0.2, 0.7], [0.3, 0.6, 0.1], [0.2, 0.7, 0.1]])
RECORDS = Records(TEXTS, (0, 1, 0, 1), (1, 2, 4, 5), groups=("[a]", "=b", "[a]", "[a]"))


@pytest.fixture
def table() -> dict[str, Any]:
    rule = np.eye(3)[[0, 1, 0, 0]]
    models = {"this model": SHARES, "TF-IDF + logistic regression": rule}
    names = ["neither", "upper 上", "lower"]
    return evaluation_report(
        RECORDS, models, names, groups=groups_of(RECORDS, "kind"), resamples=20
    )


def read(content: bytes) -> list[dict[str, str]]:
    assert content.startswith(b"\xef\xbb\xbf")
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))


def test_json_holds_everything(table: dict[str, Any]) -> None:
    found = json.loads(files(table)[METRICS_JSON])
    assert found["errors"][2].pop("text") == "肺\ufffd"
    assert table["errors"][2].pop("text") == TEXTS[2]
    assert found == table


def test_csv_of_measures_leaves_what_is_undefined_empty(table: dict[str, Any]) -> None:
    rows = read(files(table)[METRICS_CSV])
    absent = [row for row in rows if (row["class"], row["measure"]) == ("2", "roc_auc")]
    assert [(row["value"], row["low"], row["high"]) for row in absent] == [("", "", "")] * 2
    (row,) = (r for r in rows if r["measure"] == "log_loss" and r["model"] == "this model")
    assert float(row["value"]) == table["models"]["this model"]["log_loss"]
    assert {r["group"] for r in rows if "kind" in r["group"]} == {"kind: [a]", "kind: =b"}


def test_csv_of_errors_holds_whole_texts_and_no_formula(table: dict[str, Any]) -> None:
    rows = read(files(table)[ERRORS_CSV])
    assert [row["line"] for row in rows] == ["1", "2", "4"]
    assert rows[0]["text"] == "'=胃\x1b[31m窦"
    assert rows[1]["text"] == TEXTS[1]
    assert float(rows[0]["probability_1"]) == 0.8


def test_csv_of_no_errors_still_has_its_header(table: dict[str, Any]) -> None:
    content = files({**table, "errors": []})[ERRORS_CSV].decode("utf-8-sig")
    assert (
        content
        == "line,truth,predicted,probability,probability_0,probability_1,probability_2,text\r\n"
    )


def shown(table: dict[str, Any], width: int = 80) -> str:
    screen = Console(file=io.StringIO(), width=width, highlight=False)
    for part in terminal_tables(table):
        screen.print(part)
    return screen.file.getvalue()  # type: ignore[attr-defined]


def test_terminal_shows_every_measure_with_its_interval(table: dict[str, Any]) -> None:
    lines = shown(table).splitlines()
    model, rule = table["models"].values()
    for name, title in (("macro_f1", "macro-F1"), ("log_loss", "log loss")):
        cells = [
            f"{t[name]:.3f} [{t[f'{name}_interval'][0]:.3f}, {t[f'{name}_interval'][1]:.3f}]"
            for t in (model, rule)
        ]
        assert any(title in line and all(cell in line for cell in cells) for line in lines)
    for heading in ("1 upper 上", "length in characters", "[a]", "=b", "<=20"):
        assert any(line.startswith(heading) for line in lines), heading
    # Label 2 does not occur.
    assert [line.split() for line in lines if "ROC AUC" in line][-1] == ["ROC", "AUC", "–", "–"]
    assert any(r"=胃\x1b[31m窦" in line for line in lines)


def test_three_models_fit_a_terminal_of_80_columns(table: dict[str, Any]) -> None:
    three = {**table["models"], "keyword rule": table["models"]["this model"]}
    found = shown({**table, "models": three}, 80)
    line = next(line for line in found.splitlines() if "avg. precision" in line)
    assert line.count("]") == 3


def test_errors_are_cut_on_the_terminal(table: dict[str, Any]) -> None:
    lines = shown(table).splitlines()
    (cut,) = (line for line in lines if "结肠" in line)
    assert cut.split()[:6] == ["2", "1", "2", "0.10", "0.20", "0.70"]
    assert cut.rstrip().endswith("…")
    assert not any("surest errors" in line for line in shown({**table, "errors": []}).splitlines())
