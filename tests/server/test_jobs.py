"""Jobs: one at a time, cancelled, failed and forgotten."""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Callable
from typing import Any

import pytest

from gi_classifier.server.jobs import Job, Jobs
from gi_classifier.server.limits import Limits
from gi_classifier.server.problems import Problem


def wait_for(what: Callable[[], bool]) -> None:
    for _ in range(4000):
        if what():
            return
        time.sleep(0.005)
    raise AssertionError


def ended(jobs: Jobs, work: Callable[[Job], None]) -> Job:
    job = jobs.submit("keywords", work)
    wait_for(lambda: not job.is_open)
    return job


def makes(size: int) -> Callable[[Job], None]:
    def work(job: Job) -> None:
        job.files = {"keywords.csv": b"x" * size}

    return work


@pytest.fixture
def opened() -> Any:
    found: list[Jobs] = []

    def opened(**limits: Any) -> Jobs:
        found.append(Jobs(Limits(**limits)))
        return found[-1]

    yield opened
    for jobs in found:
        jobs.stop()


def test_a_running_job_is_cancelled_and_the_next_one_runs(opened: Any) -> None:
    jobs = opened()

    def endless(job: Job) -> None:
        while True:
            job.advance(1)
            time.sleep(0.002)

    job = jobs.submit("keywords", endless)
    next_one = jobs.submit("keywords", makes(1))
    waiting = jobs.submit("keywords", makes(1))
    wait_for(lambda: job.done > 3)
    assert jobs.cancel(waiting.id).state == "cancelled"
    jobs.cancel(job.id)
    wait_for(lambda: not next_one.is_open)
    assert (job.state, next_one.state) == ("cancelled", "done")
    assert waiting.files == {}
    assert waiting.work is None


def test_what_a_cancelled_job_made_all_the_same_is_not_kept(opened: Any) -> None:
    jobs, begun, gate = opened(), threading.Event(), threading.Event()

    def deaf(job: Job) -> None:
        begun.set()
        gate.wait(20)
        job.files = {"keywords.csv": b"x"}

    job = jobs.submit("keywords", deaf)
    begun.wait(20)
    jobs.cancel(job.id)
    gate.set()
    wait_for(lambda: not job.is_open)
    assert (job.state, job.files) == ("cancelled", {})


def test_an_old_result_is_forgotten_though_nobody_asks(
    opened: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gi_classifier.server.jobs._LOOK", 0.01)
    held = weakref.ref(ended(opened(kept_seconds=0.01), makes(1)))
    wait_for(lambda: held() is None)


def test_a_failure_says_nothing_of_its_message(
    opened: Any, caplog: pytest.LogCaptureFixture
) -> None:
    def wrong(job: Job) -> None:
        raise KeyError("秘密")

    job = ended(opened(), wrong)
    assert job.state == "failed"
    assert job.problem["type"] == "urn:gi-classifier:failed"  # type: ignore[index]
    assert "KeyError at" in caplog.text
    assert "秘密" not in caplog.text


def test_no_more_jobs_wait_than_may(opened: Any) -> None:
    gate, jobs = threading.Event(), opened(jobs=1)
    held = [jobs.submit("keywords", lambda job: gate.wait(20) and None) for _ in range(2)]
    with pytest.raises(Problem, match="1 jobs wait already"):
        jobs.submit("keywords", makes(1))
    gate.set()
    wait_for(lambda: not any(job.is_open for job in held))
    assert ended(jobs, makes(1)).state == "done"


def test_old_many_and_large_results_are_forgotten_the_newest_never(opened: Any) -> None:
    jobs = opened(kept=2)
    many = [ended(jobs, makes(1)) for _ in range(3)]
    with pytest.raises(Problem, match="no job of this id"):
        jobs.get(many[0].id)
    assert jobs.get(many[2].id) is many[2]
    jobs = opened(kept_bytes=10)
    large = [ended(jobs, makes(8)) for _ in range(2)]
    with pytest.raises(Problem):
        jobs.get(large[0].id)
    assert jobs.get(large[1].id).size == 8
    jobs = opened(kept_seconds=0.05)
    old = ended(jobs, makes(1))
    time.sleep(0.1)
    with pytest.raises(Problem):
        jobs.get(old.id)
