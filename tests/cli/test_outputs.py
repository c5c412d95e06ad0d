"""What commands print: nothing from outside acts on a terminal, and nothing of it vanishes."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import termios
from pathlib import Path

import pytest
import typer
from command_line import ENTRY, run
from rich.cells import cell_len
from rich.table import Table

from gi_classifier.cli.app import app
from gi_classifier.cli.outputs import (
    Screen,
    notes,
    options_of,
    print_json,
    results_console,
    say,
    say_columns,
)

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


LONG = "患者男，\x1b[2J六十岁，\x1b]0;x\x07上腹痛三月余，胃镜示胃窦黏膜充血糜烂，" * 5


def on_terminal(width: int, *arguments: object) -> list[str]:
    """Lines that the command line prints on a terminal of this width."""
    leader, follower = pty.openpty()
    termios.tcsetwinsize(follower, (24, width))
    kept = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    command = [*ENTRY, *map(str, arguments)]
    with subprocess.Popen(command, stdout=follower, stderr=subprocess.DEVNULL, env=kept) as running:
        os.close(follower)
        found = b""
        try:
            while block := os.read(leader, 4096):
                found += block
        except OSError:
            pass
    os.close(leader)
    assert running.returncode == 0
    return found.decode("utf-8").splitlines()


@pytest.mark.parametrize("width", [40, 80])
def test_the_answer_is_never_cut_on_a_terminal_but_the_text_is(width: int, trained: Path) -> None:
    head, long, short, *_ = on_terminal(width, "predict", LONG, "胃溃疡", "--model", trained)
    assert head.split()[:3] == ["label", "name", "probability"]
    for line in (long, short):
        assert re.match(
            r" +[012]  (neither 均非|upper 上消化道|lower 下消化道) +[01]\.\d{4}  ", line
        )
        assert cell_len(line) <= width
    assert long.endswith("…")
    assert "\x1b" not in long
    assert width - 2 <= cell_len(long)


@pytest.mark.parametrize("width", [40, 80])
def test_a_score_is_never_cut_on_a_terminal(width: int, trained: Path) -> None:
    lines = on_terminal(width, "explain", LONG, "--unit", "sentence", "--model", trained)
    rows = [line for line in lines if re.match(r" *[+-]\d\.\d{3}", line)]
    assert len(rows) >= 3
    assert all(cell_len(line) <= width for line in rows)


@pytest.mark.parametrize("width", [10, 40])
def test_columns_stand_whole_where_there_is_no_room(
    width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("gi_classifier.cli.outputs.results_console", lambda: Screen(width=width))
    name = "上消化道" * 6
    say_columns(("label", "name", "record"), [("1", name, "胃" * 40)], left=("name",))
    row = capsys.readouterr().out.splitlines()[1]
    assert row == f"    1  {name}  胃 …"


@pytest.mark.parametrize(
    "arguments",
    [
        ["predict", "胃癌", "--output", "[/]x\x1b[2J\u202e"],
        ["predict", "胃癌", "--prior", "\x1b[2J\u202e"],
        ["predict", "[/]\x1b[2J\u202e.csv"],
        ["predict", "--\x1b[2J\u202e"],
        ["head", "label", "a.csv", "--head", "h.npz", "--output", "\x1b[2J\u202e.x"],
        ["head", "\x1b[2J\u202e"],
        ["\x1b[2J\u202e"],
    ],
)
def test_wrong_use_repeats_nothing_that_acts(arguments: list[str]) -> None:
    done = run(*arguments, code=2)
    assert not re.search("[\x1b\u202e]", done.stdout + done.stderr)
    assert "\\x1b[2J\\u202e" in re.sub(r"[\s│]", "", done.stderr)


def test_a_text_that_begins_with_a_dash_gets_a_hint_at_two_dashes(trained: Path) -> None:
    for command in ("predict", "explain"):
        said = " ".join(run(command, "-患者胃痛", code=2).stderr.replace("│", " ").split())
        assert "No such option: -患 A text that begins with - goes behind --: " in said
        assert f"gi-classifier {command} -- -…" in said
    assert "goes behind" not in run("evaluate", "-x", code=2).stderr
    assert "-患者胃痛" in run("predict", "--model", trained, "--", "-患者胃痛").stdout


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


@pytest.mark.parametrize(
    "command", [["head", "train"], ["head", "label"], ["predict"], ["fit-novelty"]]
)
def test_an_origin_names_the_command_as_it_is_typed(
    command: list[str],
) -> None:
    root = typer.main.get_command(app)
    context = root.context_class(root, info_name="/usr/bin/gi-classifier")
    for name in command:
        found = context.command.get_command(context, name)
        context = found.context_class(found, parent=context, info_name=name)
    assert options_of(context) == {"command": " ".join(command)}
