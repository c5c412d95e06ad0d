"""Threads: as many as the processors that the process may use, or as a user says."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gi_classifier import cpus
from gi_classifier.cpus import THREADS, thread_count, usable_cpus
from gi_classifier.errors import SettingsError


@pytest.fixture(autouse=True)
def sixteen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(THREADS, raising=False)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(16)), raising=False)


def system(root: Path, cgroup: str, files: dict[str, str]) -> Path:
    for name, text in {"proc/self/cgroup": cgroup, **files}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="ascii")
    return root


@pytest.mark.parametrize(
    ("cgroup", "files", "wanted"),
    [
        ("0::/\n", {"sys/fs/cgroup/cpu.max": "200000 100000\n"}, 2),
        ("0::/\n", {"sys/fs/cgroup/cpu.max": "150000 100000\n"}, 2),
        ("0::/\n", {"sys/fs/cgroup/cpu.max": "20000 100000\n"}, 1),
        ("0::/\n", {"sys/fs/cgroup/cpu.max": "max 100000\n"}, 16),
        ("0::/a/b\n", {"sys/fs/cgroup/a/cpu.max": "300000 100000\n"}, 3),
        ("0::/host/path\n", {"sys/fs/cgroup/cpu.max": "400000 100000\n"}, 4),
        (
            "4:memory:/\n3:cpu,cpuacct:/docker/x\n",
            {
                "sys/fs/cgroup/cpu/docker/x/cpu.cfs_quota_us": "250000\n",
                "sys/fs/cgroup/cpu/docker/x/cpu.cfs_period_us": "100000\n",
            },
            3,
        ),
        (
            "3:cpu,cpuacct:/docker/x\n",
            {
                "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
                "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
            },
            16,
        ),
        ("0::/\n", {"sys/fs/cgroup/cpu.max": "no number\n"}, 16),
        ("nonsense\n", {}, 16),
    ],
)
def test_the_quota_of_a_container_bounds_the_threads(
    tmp_path: Path, cgroup: str, files: dict[str, str], wanted: int
) -> None:
    assert usable_cpus(system(tmp_path, cgroup, files)) == wanted


def test_affinity_bounds_the_threads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3}, raising=False)
    assert usable_cpus(tmp_path) == 1
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert usable_cpus(tmp_path) == 1


def test_what_is_said_goes_before_the_environment_and_that_before_the_system(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cpus, "usable_cpus", lambda: 5)
    assert thread_count() == 5
    monkeypatch.setenv(THREADS, " 7 ")
    assert thread_count() == 7
    assert thread_count(2) == 2


@pytest.mark.parametrize("given", ["0", "two", "1.5", "-3"])
def test_a_wrong_number_in_the_environment_is_named(
    monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    monkeypatch.setenv(THREADS, given)
    with pytest.raises(SettingsError, match=f"{THREADS} must be an integer of at least 1.*{given}"):
        thread_count()


@pytest.mark.parametrize("given", [0, True, 1.5, "2"])
def test_a_wrong_number_of_threads_is_named(given: object) -> None:
    with pytest.raises(SettingsError, match="threads must be an integer of at least 1"):
        thread_count(given)  # type: ignore[arg-type]


def test_the_command_line_sets_the_threads_of_all_that_it_opens(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from typer.testing import CliRunner

    from gi_classifier.cli.app import app

    monkeypatch.setenv(THREADS, "7")
    done = CliRunner().invoke(app, ["--threads", "3", "predict", "--help"])
    assert done.exit_code == 0, done.output
    assert thread_count() == 3
