"""jieba without its cache: what lies in the temporary folder decides nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import jieba
import pytest

TEXT = "患者因便血入院，结肠镜见乙状结肠息肉"
CODE = f"""
import warnings
warnings.simplefilter("error")
from gi_classifier.attribution.words import cut
print("/".join({TEXT!r}[a:b] for a, b in cut({TEXT!r})))
"""


def words_with(folder: Path) -> str:
    """What a fresh process cuts, whose temporary folder is this one."""
    done = subprocess.run(
        [sys.executable, "-c", CODE],
        env={**os.environ, "TMPDIR": str(folder), "TMP": str(folder), "TEMP": str(folder)},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout.strip()


@pytest.mark.slow
def test_a_poisoned_cache_decides_nothing(tmp_path: Path) -> None:
    import marshal

    clean, poisoned = tmp_path / "clean", tmp_path / "poisoned"
    clean.mkdir()
    poisoned.mkdir()
    table = (dict.fromkeys(TEXT, 1) | {"患者因便": 10**9, "患者": 0, "患者因": 0}, 10**9)
    (poisoned / "jieba.cache").write_bytes(marshal.dumps(table))
    future = 2_000_000_000
    os.utime(poisoned / "jieba.cache", (future, future))
    expected = "患者/因/便血/入院/，/结肠镜/见/乙状结肠/息肉"
    assert words_with(poisoned) == words_with(clean) == expected
    assert not list(clean.iterdir())


@pytest.mark.skipif(os.name != "posix", reason="a FIFO")
def test_a_cache_that_never_ends_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "jieba.cache")
    assert words_with(tmp_path).startswith("患者/因/便血")


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="permissions")
def test_a_temporary_folder_that_is_read_only_is_no_hindrance(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        assert words_with(tmp_path).startswith("患者/因/便血")
        assert words_with(tmp_path / "missing").startswith("患者/因/便血")
    finally:
        tmp_path.chmod(0o700)


@pytest.mark.slow
def test_it_cuts_as_jieba_does() -> None:
    from gi_classifier.segmenter import new_segmenter

    assert list(new_segmenter().cut(TEXT, HMM=False)) == list(jieba.cut(TEXT, HMM=False))
