"""Runs the command line in a process of its own."""

from __future__ import annotations

import subprocess
import sys

ENTRY = [sys.executable, "-m", "gi_classifier"]


def run(*arguments: object, code: int = 0) -> subprocess.CompletedProcess[str]:
    """Run the command line in a process of its own, to an expected exit code."""
    done = subprocess.run([*ENTRY, *map(str, arguments)], capture_output=True, text=True)
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done
