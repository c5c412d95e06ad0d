"""What commands print: nothing from outside acts on a terminal, and nothing of it vanishes."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from command_line import run
from rich.table import Table

from gi_classifier.cli.outputs import notes, print_json, results_console, say

NAME = "阳性[/]:x:\x1b[2J\u202e"
SHOWN = "阳性[/]:x:\\x1b[2J\\u202e"


def test_lines_notes_and_cells_show_what_would_act(capsys: pytest.CaptureFixture[str]) -> None:
    table = Table(title=NAME, box=None)
    table.add_column(NAME)
    table.add_row(NAME)
    results_console().print(table)
    notes.print(NAME)
    say(NAME)
    out, err = capsys.readouterr()
    assert out.count(SHOWN) == 4
    assert err == f"{SHOWN}\n"


def test_json_loses_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    print_json([NAME, "\ud800"])
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "\u202e" not in out
    assert json.loads(out) == [NAME, "\ud800"]


@pytest.fixture(scope="module")
def named(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The trained model, its labels under names that would act."""
    from gi_classifier.model.directory import SETTINGS, ModelDirectory, load, save

    directory = load(trained)
    settings = directory.settings.to_dict() | {"label_names": [f"{name}{NAME}" for name in "abc"]}
    files = {**directory.files, SETTINGS: json.dumps(settings).encode()}
    output = tmp_path_factory.mktemp("named") / "model"
    return save(ModelDirectory(files, directory.metadata), output)


@pytest.mark.parametrize(
    "command",
    ["predict --input", "evaluate", "explain --input", "keywords", "prior", "inspect", "info"],
)
def test_a_label_name_acts_in_no_command(command: str, named: Path, records_file: Path) -> None:
    arguments = [named] if command == "info" else [records_file, "--model", named]
    done = run(*command.split(), *arguments)
    assert not re.search("[\x1b\u202e]", done.stdout + done.stderr)
    assert SHOWN in re.sub(r"\s+", "", done.stdout + done.stderr)
