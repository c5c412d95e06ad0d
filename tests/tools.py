"""Programs that some tests need and Python does not bring.

Where one is missing, its tests are skipped by name; in CI (``CI=true``) that skip is a failure
(``conftest.py``), and ``.ci/run`` installs what ``python tests/tools.py`` prints.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

# A program by any of its names, and the Debian packages that bring it.
PROGRAMS: dict[str, tuple[tuple[str, ...], str]] = {
    "git": (("git",), "git"),
    "node": (("node",), "nodejs"),
    "strace": (("strace",), "strace"),
    "chromium": (("chromium", "chromium-browser", "google-chrome"), "chromium fonts-noto-cjk"),
}
NEEDS = "needs "


def program(name: str) -> str | None:
    """The path of a program, or None where the machine lacks it."""
    return next((path for other in PROGRAMS[name][0] if (path := shutil.which(other))), None)


def needs(name: str) -> pytest.MarkDecorator:
    """Skip a test, by name, where the machine lacks a program: ``@needs("node")``."""
    import pytest  # .ci/run asks this file before pytest is there

    return pytest.mark.skipif(program(name) is None, reason=f"{NEEDS}{name}")


if __name__ == "__main__":
    print(*(packages for name, (_, packages) in PROGRAMS.items() if program(name) is None))
