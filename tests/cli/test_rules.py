"""The command rules, as a user runs it."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from command_line import run


@pytest.mark.slow
def test_rules_refuse_keywords_that_speak_against(corpus: Path, trained: Path) -> None:
    table = corpus.with_name("against.csv")
    picture = table.with_suffix(".png")
    run(
        *("keywords", corpus, "--model", trained, "--against", "--output", table),
        *("--plot", picture),
    )
    assert (pd.read_csv(table)["total"] < 0).all()
    stderr = run("rules", corpus, "--keywords", table, code=1).stderr
    assert "These keywords speak against their labels" in stderr


def test_a_table_saved_anew_in_another_encoding_is_read(corpus: Path, trained: Path) -> None:
    table = corpus.with_name("table.csv")
    run("keywords", corpus, "--model", trained, "--output", table)
    before = run("rules", corpus, "--keywords", table).stdout
    table.write_text(table.read_text(encoding="utf-8-sig"), encoding="gb18030")
    assert run("rules", corpus, "--keywords", table).stdout == before


def test_labels_may_be_names(corpus: Path, trained: Path) -> None:
    table, named = corpus.with_name("table.csv"), corpus.with_name("named.csv")
    run("keywords", corpus, "--model", trained, "--output", table)
    numbered = corpus.with_name("numbered.csv")
    numbered.write_text("text,label\n胃炎,1\n肠炎,2\n", encoding="utf-8")
    named.write_text("text,label\n胃炎,upper\n肠炎,下消化道\n", encoding="utf-8")
    found = run("rules", named, "--keywords", table).stdout
    assert found == run("rules", numbered, "--keywords", table).stdout
    named.write_text("text,label\n胃炎,上\n", encoding="utf-8")
    stderr = run("rules", named, "--keywords", table, code=2).stderr
    assert "line 2: the label is not an integer from 0 up or one of" in stderr


def test_a_missing_table_is_said(corpus: Path) -> None:
    stderr = run("rules", corpus, "--keywords", "nowhere.csv", code=1).stderr
    assert "No keyword table at nowhere.csv" in stderr


def test_what_is_no_table_is_said_without_its_content(corpus: Path, tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    table.write_text('a,b\n1,2\n"胃癌,3,4,5\n', encoding="utf-8")
    stderr = run("rules", corpus, "--keywords", table, code=1).stderr
    assert "is no keyword table" in stderr
    assert "胃癌" not in stderr
