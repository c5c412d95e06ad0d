"""The worker beside the predicting one: bounded, stopped in time, replaced where it hangs."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import time
from typing import Any

import pytest

from gi_classifier.server import worker as module
from gi_classifier.server.problems import Problem
from gi_classifier.server.worker import Worker, checkpoint


def running(act: Any, **limits: Any) -> Any:
    async def run() -> Any:
        options = {"waiting": 2, "seconds": 20.0, "stuck": 2, **limits}
        worker = Worker("test", **options)
        try:
            return await act(worker)
        finally:
            worker.stop()

    return asyncio.run(run())


def endless() -> None:
    while True:
        checkpoint()
        time.sleep(0.005)


def test_results_and_errors_come_back_and_the_worker_goes_on() -> None:
    def wrong() -> None:
        raise KeyError("秘密")

    async def act(worker: Worker) -> int:
        with pytest.raises(KeyError):
            await worker.run(wrong)
        assert worker.waiting == 0
        return await worker.run(lambda: 7)

    assert running(act) == 7


@pytest.mark.skipif(sys.platform != "linux", reason="priorities of threads")
def test_work_steps_aside_from_wherever_the_process_stands() -> None:
    def priority() -> int:
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    async def act(worker: Worker) -> int:
        return await worker.run(priority)

    assert running(act) == min(priority() + 10, 19)


def test_work_that_asks_is_stopped_in_time() -> None:
    async def act(worker: Worker) -> int:
        with pytest.raises(Problem, match="Not explained within") as caught:
            await worker.run(endless)
        assert caught.value.status_code == 504
        assert worker.stuck == 0
        return await worker.run(lambda: 7)

    assert running(act, seconds=0.1) == 7


def test_work_that_hangs_is_left_behind_and_too_much_of_it_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "_GRACE", 0.05)
    gate = threading.Event()

    async def act(worker: Worker) -> None:
        for _ in range(2):
            with pytest.raises(Problem, match="Not explained within"):
                await worker.run(lambda: gate.wait(60))
        with pytest.raises(Problem, match="2 explanations are stuck"):
            await worker.run(lambda: 7)
        gate.set()
        for _ in range(1000):
            await asyncio.sleep(0.01)
            if not worker.stuck:
                break
        assert await worker.run(lambda: 7) == 7

    running(act, seconds=0.1)


def test_more_than_may_wait_is_refused() -> None:
    gate = threading.Event()

    async def act(worker: Worker) -> list[int]:
        def slow() -> int:
            gate.wait(10)
            return 1

        tasks = [asyncio.ensure_future(worker.run(slow)) for _ in range(3)]
        await asyncio.sleep(0.05)
        with pytest.raises(Problem, match="2 requests wait already") as caught:
            await worker.run(slow)
        assert caught.value.status_code == 503
        gate.set()
        return await asyncio.gather(*tasks)

    assert running(act) == [1, 1, 1]
