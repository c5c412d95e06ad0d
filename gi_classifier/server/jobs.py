"""Long work: one job at a time in a thread of its own, in memory only; they end with the process.

In: work that reports how far it is. Out: jobs by their ids, with the files that they made.
"""

from __future__ import annotations

import itertools
import queue
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from gi_classifier.errors import GIClassifierError
from gi_classifier.server.guard import log_failure
from gi_classifier.server.limits import Limits
from gi_classifier.server.problems import Problem, failed, problem_of
from gi_classifier.server.worker import StoppedError, checkpoint, step_aside, with_check

Kind = Literal["predictions", "keywords", "report", "pictures"]
Work = Callable[["Job"], None]
_RETRY = {"Retry-After": "10"}
# Seconds after which an idle service looks for jobs to forget.
_LOOK = 60.0


@dataclass(eq=False)
class Job:
    """One piece of long work.

    Attributes
    ----------
    kind : str
    work : callable, optional
        What is to be done, with the upload in it; None from its beginning on.
    id : str
        Not to be guessed.
    state : {"waiting", "running", "done", "failed", "cancelled"}
    done, total : int
        Records.
    notes : list of str
        How the upload was read.
    files : dict of str to bytes
        What it made, by name.
    problem : dict, optional
        Problem details, where it failed.
    """

    kind: Kind
    work: Work | None = None
    id: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    state: Literal["waiting", "running", "done", "failed", "cancelled"] = "waiting"
    done: int = 0
    total: int | None = None
    notes: list[str] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    problem: dict[str, Any] | None = None
    ended: float | None = None
    cancelled: threading.Event = field(default_factory=threading.Event)

    @property
    def is_open(self) -> bool:
        """Whether it waits or runs."""
        return self.ended is None

    @property
    def size(self) -> int:
        """Bytes of what it made."""
        return sum(map(len, self.files.values()))

    def advance(self, count: int) -> None:
        """Say that records are done; raise StoppedError where the job was cancelled."""
        self.done += count
        checkpoint()

    def to_dict(self) -> dict[str, Any]:
        """What the service says of it."""
        return {
            "id": self.id,
            "kind": self.kind,
            "state": self.state,
            "done": self.done,
            "total": self.total,
            "files": list(self.files),
            "notes": self.notes,
            "problem": self.problem,
        }


class Jobs:
    """The jobs of one service.

    Parameters
    ----------
    limits : Limits
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._jobs: dict[str, Job] = {}
        self._queue: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self.thread = threading.Thread(target=self._run, name="jobs", daemon=True)
        self.thread.start()

    @property
    def waiting(self) -> int:
        """Jobs that wait or run."""
        with self._lock:
            return sum(job.is_open for job in self._jobs.values())

    def check_room(self) -> None:
        """Raise Problem where no further job may wait."""
        if self.waiting > self._limits.jobs:
            raise Problem(
                503,
                "jobs-full",
                f"{self._limits.jobs} jobs wait already. Send it again later.",
                headers=_RETRY,
            )

    def submit(self, kind: Kind, work: Work) -> Job:
        """Begin a job once those before it are done."""
        self.check_room()
        job = Job(kind, work)
        with self._lock:
            self._jobs[job.id] = job
        self._forget()
        self._queue.put(job)
        return job

    def get(self, name: str) -> Job:
        """The job of an id; Problem where there is none."""
        self._forget()
        with self._lock:
            job = self._jobs.get(name)
        if job is None:
            raise Problem(
                404,
                "no-such-job",
                "There is no job of this id: it ended more than "
                f"{self._limits.kept_seconds / 60:g} minutes ago, others took its place, or the "
                "service was started anew. Send the upload again.",
            )
        return job

    def cancel(self, name: str) -> Job:
        """Stop a job, and forget what it made."""
        job = self.get(name)
        self._cancel(job)
        job.files = {}
        return job

    def stop(self) -> None:
        """Cancel all that is open; the thread ends."""
        with self._lock:
            open_jobs = [job for job in self._jobs.values() if job.is_open]
        for job in open_jobs:
            self._cancel(job)
        self._queue.put(None)

    def _cancel(self, job: Job) -> None:
        job.cancelled.set()
        with self._lock:
            # It stays in the queue until its turn; what it holds does not.
            waiting, job.work = job.work is not None, None
        if waiting:
            self._end(job, "cancelled")

    def _forget(self) -> None:
        """Drop finished jobs that are old, or too many, or too large; the oldest first."""
        now, limits = time.monotonic(), self._limits
        with self._lock:
            ended = sorted(
                (job for job in self._jobs.values() if job.ended is not None),
                key=lambda job: job.ended or 0.0,
                reverse=True,
            )
            sizes = itertools.accumulate(job.size for job in ended)
            for place, (job, size) in enumerate(zip(ended, sizes, strict=True)):
                old = now - (job.ended or now) > limits.kept_seconds
                # The newest is kept, however large it is: somebody waits for it.
                if old or place >= limits.kept or (place and size > limits.kept_bytes):
                    del self._jobs[job.id]

    def _end(self, job: Job, state: Literal["done", "failed", "cancelled"]) -> None:
        if state != "done":
            job.files = {}
        job.state, job.ended = state, time.monotonic()

    def _run(self) -> None:
        step_aside()
        while True:
            try:
                job = self._queue.get(timeout=_LOOK)
            except queue.Empty:
                # What is old goes even if nobody asks.
                self._forget()
                continue
            if job is None:
                return
            with self._lock:
                work, job.work = job.work, None
            if work is not None:
                self._do(job, work)
            # The upload is in the work: nothing here may hold it once the job is done.
            del work, job

    def _do(self, job: Job, work: Work) -> None:
        job.state = "running"
        try:
            with_check(job.cancelled.is_set, lambda: work(job))
        except StoppedError:
            self._end(job, "cancelled")
        except Problem as problem:
            job.problem = problem.to_dict()
            self._end(job, "failed")
        except GIClassifierError as error:
            job.problem = problem_of(error).to_dict()
            self._end(job, "failed")
        except Exception as error:
            log_failure(error)
            job.problem = failed().to_dict()
            self._end(job, "failed")
        else:
            self._end(job, "cancelled" if job.cancelled.is_set() else "done")
