"""How many processors this process may use: by affinity, by a container's quota, by its user.

In: the system's own files. Out: a number of threads, at least 1.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path

from gi_classifier.errors import SettingsError
from gi_classifier.option_checks import integer_problem

THREADS = "GI_CLASSIFIER_THREADS"


def thread_count(threads: int | None = None) -> int:
    """How many threads to compute with.

    Parameters
    ----------
    threads : int, optional
        Without, the environment variable ``GI_CLASSIFIER_THREADS``; without that, as many as the
        processors that this process may use.

    Raises
    ------
    SettingsError
        It is no integer from 1 up.
    """
    name, given = "threads", threads
    if given is None:
        text = os.environ.get(THREADS, "").strip()
        if not text:
            return usable_cpus()
        name = THREADS
        try:
            given = int(text)
        except ValueError:
            raise SettingsError(
                f"{THREADS} must be an integer of at least 1. Received: {text!r}"
            ) from None
    problem = integer_problem(name, given, 1)
    if problem:
        raise SettingsError(problem)
    return int(given)


def usable_cpus(root: Path = Path("/")) -> int:
    """Processors that this process may use, at least 1.

    Parameters
    ----------
    root : Path
        Where ``proc`` and ``sys`` are.
    """
    affinity = getattr(os, "sched_getaffinity", None)
    count = len(affinity(0)) if affinity else os.cpu_count() or 1
    return max(1, min([count, *(math.ceil(quota) for quota in _quotas(root))]))


def _quotas(root: Path) -> Iterator[float]:
    """Processors that the process's control groups grant, of both versions of the system."""
    for line in _read(root / "proc/self/cgroup").splitlines():
        _, _, rest = line.partition(":")
        controllers, _, group = rest.partition(":")
        if controllers and "cpu" not in controllers.split(","):
            continue
        base = root / "sys/fs/cgroup" / (controllers and "cpu")
        # Inside a container the group's path is often that of its host: only its root is there.
        place = base / group.lstrip("/")
        for folder in (place, *place.parents):
            yield from _quota(folder)
            if folder == base:
                break


def _quota(folder: Path) -> Iterator[float]:
    limits = _read(folder / "cpu.max").split() or [
        *_read(folder / "cpu.cfs_quota_us").split(),
        *_read(folder / "cpu.cfs_period_us").split(),
    ]
    # Without a limit it says "max", or -1.
    if len(limits) == 2 and all(limit.isdigit() and int(limit) for limit in limits):
        yield int(limits[0]) / int(limits[1])


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii")
    except (OSError, ValueError):
        return ""
