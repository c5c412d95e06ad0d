"""A thread for slow work beside the predicting one: bounded, in the background, given up if stuck.

In: calls. Out: their results, or an error that says to try again. Work asks :func:`checkpoint`
whether it shall go on, so that a time limit and a cancelled job stop it soon; what does not ask
is left behind, and another thread takes its place.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import queue
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

from gi_classifier.model.gradient import Gradient
from gi_classifier.server.problems import RETRY, Problem

T = TypeVar("T")

_here = threading.local()
# Of the scheduler: a tenth of the share that a thread which predicts gets.
_NICE = 10
# Seconds that work has to notice that its time is over.
_GRACE = 5.0


class StoppedError(Exception):
    """The work shall not go on."""


def checkpoint() -> None:
    """Raise StoppedError where the work of this thread shall not go on."""
    check = getattr(_here, "check", None)
    if check is not None and check():
        raise StoppedError


def with_check(check: Callable[[], bool], call: Callable[[], T]) -> T:
    """Run a call whose checkpoints ask ``check``, true meaning stop."""
    _here.check = check
    try:
        return call()
    finally:
        _here.check = None


def step_aside() -> None:
    """Let this thread wait for more urgent ones, where the system can do that."""
    with contextlib.suppress(AttributeError, OSError):
        thread = threading.get_native_id()
        lower = min(os.getpriority(os.PRIO_PROCESS, thread) + _NICE, 19)
        os.setpriority(os.PRIO_PROCESS, thread, lower)


class StoppableGradient:
    """A gradient that asks before each computation whether it shall go on."""

    def __init__(self, gradient: Gradient) -> None:
        self._gradient = gradient

    def run(self, *arguments: Any) -> Any:
        """See :meth:`Gradient.run`."""
        checkpoint()
        return self._gradient.run(*arguments)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._gradient, name)


class _Lane:
    """One thread and what it is to do."""

    def __init__(self, name: str) -> None:
        self.calls: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        # A thread that hangs must not keep the process from ending.
        self.thread = threading.Thread(target=self._run, name=name, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        step_aside()
        while (call := self.calls.get()) is not None:
            call()


class Worker:
    """Runs calls one at a time in a thread.

    Parameters
    ----------
    name : str
    waiting : int
        Calls that may wait.
    seconds : float
        That a call may wait, and that it may take.
    stuck : int
        Calls left behind from which on none is begun.
    """

    def __init__(self, name: str, waiting: int, seconds: float, stuck: int) -> None:
        self.name = name
        self._limits = (waiting, seconds, stuck)
        self._turn = asyncio.Lock()
        self._lane = _Lane(name)
        self.waiting = 0
        self.stuck = 0

    async def run(self, call: Callable[[], T]) -> T:
        """The result of a call.

        Raises
        ------
        Problem
            Too many wait, the time is over, or too many calls are stuck.
        """
        waiting, seconds, stuck = self._limits
        if self.stuck >= stuck:
            raise self._busy(f"{self.stuck} explanations are stuck")
        if self.waiting > waiting:
            raise self._busy(f"{waiting} requests wait already")
        self.waiting += 1
        try:
            async with asyncio.timeout(seconds):
                await self._turn.acquire()
        except TimeoutError:
            self.waiting -= 1
            raise self._busy(f"no turn within {seconds:g} seconds") from None
        except BaseException:
            self.waiting -= 1
            raise
        try:
            return await self._call(call, seconds)
        finally:
            self._turn.release()
            self.waiting -= 1

    @property
    def thread(self) -> threading.Thread:
        """The thread that works now; those left behind are counted in ``stuck``."""
        return self._lane.thread

    def stop(self) -> None:
        """Let the thread end once it has nothing to do."""
        self._lane.calls.put(None)

    def _busy(self, why: str) -> Problem:
        said = f"Explaining is busy: {why}. Send it again in a moment; predicting goes on."
        return Problem(503, "explaining-busy", said, headers=RETRY)

    async def _call(self, call: Callable[[], T], seconds: float) -> T:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        end = time.monotonic() + seconds
        left_behind = False

        def settle(result: Any, error: BaseException | None) -> None:
            if left_behind:
                self.stuck -= 1
            elif future.done():
                return
            elif error is None:
                future.set_result(result)
            else:
                future.set_exception(error)
                # Retrieved: if nobody waits any more, asyncio would log it, and its message.
                future.exception()

        def work() -> None:
            result, error = None, None
            try:
                result = with_check(lambda: time.monotonic() > end, call)
            except BaseException as caught:
                error = caught
            with contextlib.suppress(RuntimeError):  # the loop is closed
                loop.call_soon_threadsafe(settle, result, error)

        self._lane.calls.put(work)
        try:
            return await asyncio.wait_for(asyncio.shield(future), seconds + _GRACE)
        except (StoppedError, TimeoutError):
            if not future.done():
                left_behind = True
                self.stuck += 1
                self._lane.calls.put(None)
                self._lane = _Lane(self.name)
            raise Problem(
                504,
                "explaining-too-slow",
                f"Not explained within {seconds:g} seconds. Send fewer or shorter texts, or the "
                "same when less is asked; a text too long for that is explained by "
                "`gi-classifier explain` on its file. Predicting goes on.",
                headers=RETRY,
            ) from None
