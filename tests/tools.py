"""Programs that some tests need and Python does not bring.

Where one is missing, its tests are skipped by name; in CI (``CI=true``) that skip is a failure
(``conftest.py``), and ``.ci/run`` installs what ``python tests/tools.py`` prints.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

# A program by any of its names, or a file by its path, and the Debian packages that bring it.
PROGRAMS: dict[str, tuple[tuple[str, ...], str]] = {
    "git": (("git",), "git"),
    "node": (("node",), "nodejs"),
    "strace": (("strace",), "strace"),
    "java": (("java",), "default-jre-headless"),
    "chromium": (("chromium", "chromium-browser", "google-chrome"), "chromium fonts-noto-cjk"),
    "noto": (("/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc",), "fonts-noto-cjk"),
    "zenhei": (("/usr/share/fonts/truetype/wqy/wqy-zenhei.ttc",), "fonts-wqy-zenhei"),
    "microhei": (("/usr/share/fonts/truetype/wqy/wqy-microhei.ttc",), "fonts-wqy-microhei"),
    "ukai": (("/usr/share/fonts/truetype/arphic/ukai.ttc",), "fonts-arphic-ukai"),
    "uming": (("/usr/share/fonts/truetype/arphic/uming.ttc",), "fonts-arphic-uming"),
}
# What drawn pages are written in.
FONTS = ("noto", "zenhei", "microhei", "ukai", "uming")
NEEDS = "needs "


def program(name: str) -> str | None:
    """The path of a program or a file, or None where the machine lacks it."""
    for other in PROGRAMS[name][0]:
        if path := other if Path(other).is_file() else shutil.which(other):
            return path
    return None


def needs(*names: str) -> pytest.MarkDecorator:
    """Skip a test, by name, where the machine lacks a program: ``@needs("node")``."""
    import pytest  # .ci/run asks this file before pytest is there

    missing = [name for name in names if program(name) is None]
    return pytest.mark.skipif(bool(missing), reason=f"{NEEDS}{', '.join(missing or names)}")


if __name__ == "__main__":
    print(*(packages for name, (_, packages) in PROGRAMS.items() if program(name) is None))
