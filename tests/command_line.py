"""Runs the command line, in this process or in one of its own."""

from __future__ import annotations

import io
import re
import subprocess
import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout

import pytest
import typer
from typer.testing import CliRunner

from gi_classifier.cli.app import main
from gi_classifier.errors import GIClassifierError

ENTRY = [sys.executable, "-m", "gi_classifier"]


def run(*arguments: object, code: int = 0, stdin: bytes = b"") -> subprocess.CompletedProcess[str]:
    """Run the command line in this process, to an expected exit code.

    Models, pandas and scikit-learn are loaded once for all tests; whatever is no error of ours
    reaches the test as it was raised.
    """
    command = ["gi-classifier", *map(str, arguments)]
    written, said = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for _ in range(2))
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(written), redirect_stderr(said):
        patch.setattr(sys, "argv", command)
        patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin), encoding="utf-8"))
        patch.setenv("COLUMNS", "80")  # the width where there is no terminal
        try:
            main()
            ended: object = 0
        except SystemExit as end:
            ended = end.code or 0
    return _checked(command, ended, _text(written), _text(said), code)


def run_alone(*arguments: object, code: int = 0) -> subprocess.CompletedProcess[str]:
    """Run the command line in a process of its own, to an expected exit code."""
    command = [*ENTRY, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, encoding="utf-8")
    return _checked(command, done.returncode, done.stdout, done.stderr, code)


def call_command(
    command: Callable[..., None], *arguments: object, code: int = 0
) -> tuple[str, str]:
    """Standard output and error of one command by itself; an error of ours is raised."""
    app = typer.Typer()
    app.command()(command)
    result = CliRunner().invoke(app, [str(a) for a in arguments])
    if isinstance(result.exception, (GIClassifierError, OSError)):
        raise result.exception
    assert result.exit_code == code, result.output
    return result.stdout, re.sub(r"\s+│?\s*", " ", result.stderr)


def _text(stream: io.TextIOWrapper) -> str:
    stream.flush()
    return stream.buffer.getvalue().decode("utf-8")  # type: ignore[attr-defined]


def _checked(
    command: list[str], ended: object, written: str, said: str, code: int
) -> subprocess.CompletedProcess[str]:
    assert ended == code, written + said
    assert "Traceback" not in said
    return subprocess.CompletedProcess(command, code, written, said)
