"""The pages show commands, imports and links that are there."""

from __future__ import annotations

import ast
import importlib
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main

from gi_classifier.cli.app import app

ROOT = Path(__file__).resolve().parent.parent
PAGES = [
    *sorted(path for path in ROOT.glob("*.md") if path.name != "CHANGELOG.md"),
    *sorted((ROOT / "docs").glob("*.md")),
    ROOT / "data" / "README.md",
]
PROGRAM = "gi-classifier"


def blocks(page: Path, *languages: str) -> Iterator[str]:
    """The code blocks of a page in any of these languages ("" is a block without one)."""
    for language, code in re.findall(
        r"^```(\w*)\n(.*?)^```$", page.read_text("utf-8"), re.M | re.S
    ):
        if language in languages:
            yield code


def commands(page: Path) -> Iterator[list[str]]:
    """The words of each line of ours, in blocks for a shell and behind a ``$`` elsewhere."""
    for code in blocks(page, "sh", "bash", "console", "text", ""):
        for line in code.replace("\\\n", " ").splitlines():
            shown = line.strip().removeprefix("$ ").removeprefix(".venv/bin/")
            if shown.startswith(f"{PROGRAM} "):
                words = shlex.split(shown, comments=True)
                ends = [i for i, word in enumerate(words) if word in ("|", ">", ">>", "&&", ";")]
                yield words[1 : min(ends, default=len(words))]


def mentions(page: Path) -> Iterator[list[str]]:
    """The words of commands in running text, which may leave out what they need."""
    prose = re.sub(r"^```.*?^```$", "", page.read_text("utf-8"), flags=re.M | re.S)
    for shown in re.findall(rf"`({PROGRAM} [^`]+)`", prose):
        yield shlex.split(shown)[1:]


def command_of(words: list[str]) -> tuple[Any, list[str]]:
    """The command that words begin with, and the words behind its name.

    Raises
    ------
    LookupError
        There is none.
    """
    command: Any = typer.main.get_command(app)
    while hasattr(command, "commands"):
        name, *words = words or [""]
        if name not in command.commands:
            raise LookupError(f"no command {name!r}")
        command = command.commands[name]
    return command, words


def refusal(words: list[str], whole: bool = True) -> str:
    """Why the command line would not take these words, without running them; else "".

    Of a mention (not ``whole``) the command and the names of its options are looked up alone.
    """
    if words[0] in ("--help", "--version"):
        return ""
    try:
        command, rest = command_of(words)
    except LookupError as error:
        return str(error)
    if not whole:
        options = {name for option in command.params for name in option.opts}
        unknown = {word.split("=")[0] for word in rest if word.startswith("--")} - options
        return f"no option {', '.join(sorted(unknown))}" if unknown else ""
    try:
        command.make_context(command.name, rest).close()
    except Exception as error:
        name = getattr(getattr(error, "param", None), "name", "")
        return f"{type(error).__name__} {name} {getattr(error, 'message', error)}"
    return ""


def by_name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def test_pages_show_commands() -> None:
    assert sum(len(list(commands(page))) for page in PAGES) > 40


@pytest.mark.parametrize("page", PAGES, ids=by_name)
def test_the_command_line_takes_what_a_page_shows(page: Path) -> None:
    found = [(words, refusal(words)) for words in commands(page)]
    found += [(words, refusal(words, whole=False)) for words in mentions(page)]
    wrong = [f"{PROGRAM} {shlex.join(words)}: {why}" for words, why in found if why]
    assert not wrong, "\n  ".join([by_name(page), *wrong])


@pytest.mark.parametrize(
    ("words", "whole", "why"),
    [
        ("predict 胃溃疡 --output a.csv", True, ""),
        ("predict 胃溃疡 --outptu a.csv", True, "No such option"),
        ("no-such-command", True, "no command"),
        ("evaluate --json", True, "MissingParameter"),
        ("evaluate --json", False, ""),
        ("evaluate --jsno", False, "no option --jsno"),
    ],
)
def test_what_the_command_line_does_not_take_is_found(words: str, whole: bool, why: str) -> None:
    found = refusal(shlex.split(words), whole)
    assert (why in found) if why else not found


@pytest.mark.parametrize("page", PAGES, ids=by_name)
def test_python_on_a_page_imports_what_is_there(page: Path) -> None:
    for code in blocks(page, "python"):
        for node in ast.walk(ast.parse(code)):
            if isinstance(node, ast.ImportFrom) and str(node.module).startswith("gi_classifier"):
                module = importlib.import_module(str(node.module))
                for alias in node.names:
                    assert hasattr(module, alias.name), f"{node.module} has no {alias.name}"


@pytest.mark.parametrize("page", PAGES, ids=by_name)
def test_links_and_scripts_on_a_page_are_there(page: Path) -> None:
    text = page.read_text("utf-8")
    links = [link.split("#")[0] for link in re.findall(r"\]\(([^)\s]+)\)", text)]
    missing = [
        link for link in links if link and "://" not in link and not (page.parent / link).exists()
    ]
    scripts = re.findall(r"\bscripts/\w+\.py", text)
    missing += [script for script in scripts if not (ROOT / script).exists()]
    assert not missing, f"{page.relative_to(ROOT)}: {missing}"
