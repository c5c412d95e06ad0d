"""What stands beside the package: metadata, a clone on Windows, skips in CI."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tools import needs

from gi_classifier import __version__

ROOT = Path(__file__).resolve().parent.parent
TEXTS = ["胃窦溃疡", "直肠息肉", "右侧股骨颈骨折"]


def test_the_citation_names_this_version() -> None:
    citation = (ROOT / "CITATION.cff").read_text("utf-8")
    assert re.search(r"^version: (.+)$", citation, re.MULTILINE)[1] == __version__


def test_the_changelog_begins_with_what_is_unreleased_and_has_this_version() -> None:
    sections = re.findall(r"^## (.+)$", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    assert sections[0] == "Unreleased"
    assert ".dev" in __version__ or __version__ in [section.split()[0] for section in sections]


@pytest.mark.slow
@needs("git")
def test_a_clone_with_other_line_endings_predicts(tmp_path: Path) -> None:
    here, clone = tmp_path / "here", tmp_path / "clone"
    for name in ("gi_classifier", "weights"):
        shutil.copytree(ROOT / name, here / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / ".gitattributes", here)
    (here / "table.csv").write_bytes("".join(["text\n", *(f"{t}\n" for t in TEXTS)]).encode())
    (here / "image.png").write_bytes(b"\x89PNG\r\n\x1a\n a\n b\n")
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@localhost"]
    for command in ("init -q", "add --all", "commit -qm all"):
        subprocess.run([*git, "-C", here, *command.split()], check=True)
    options = ["-q", "-c", "core.autocrlf=true", "-c", "core.eol=crlf"]
    subprocess.run([*git, "clone", *options, here, clone], check=True)

    for path in [*(here / "weights").iterdir(), here / "image.png"]:
        there = clone / path.relative_to(here)
        assert there.read_bytes() == path.read_bytes(), path.name
    done = subprocess.run(
        [sys.executable, "-m", "gi_classifier", "predict", *TEXTS],
        cwd=clone,
        env={**os.environ, "PYTHONPATH": str(clone)},
        capture_output=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stderr
    assert [line[0] for line in done.stdout.splitlines()[:3]] == ["1", "2", "0"]


@pytest.mark.slow
@pytest.mark.parametrize(("ci", "outcome"), [("true", "1 error"), ("", "1 skipped")])
def test_a_program_that_lacks_is_skipped_by_name_and_fails_in_ci(
    tmp_path: Path, ci: str, outcome: str
) -> None:
    (tmp_path / "test_it.py").write_text(
        "import tools\ntools.PROGRAMS['abacus'] = (('no-such-abacus',), 'abacus')\n"
        "@tools.needs('abacus')\ndef test_it() -> None: ...\n"
    )
    shutil.copy(ROOT / "tests" / "conftest.py", tmp_path)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-rs", "-p", "no:cacheprovider", tmp_path],
        cwd=tmp_path,
        env={**os.environ, "CI": ci, "PYTHONPATH": f"{ROOT / 'tests'}{os.pathsep}{ROOT}"},
        capture_output=True,
        encoding="utf-8",
    )
    assert outcome in done.stdout
    assert "needs abacus" in done.stdout
