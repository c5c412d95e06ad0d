"""Concurrent requests share batches: a bounded queue, one thread that computes.

In: the texts of many requests. Out: to each what is made of its own. A large request, of many texts
or of long ones, is computed in parts, in turn with the others, so that a small one never waits for
all of it.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gi_classifier.server.limits import Limits
from gi_classifier.server.problems import RETRY, Problem

# Texts of one request in a batch, while others wait.
_PART = 32
# What is made of some texts and their rows: something for each.
Finish = Callable[[list[str], np.ndarray], list[Any]]


@dataclass(eq=False)
class _Request:
    texts: Sequence[str]
    finish: Finish
    future: asyncio.Future[Any]
    taken: int = 0
    done: list[Any] = field(default_factory=list)

    @property
    def left(self) -> int:
        return len(self.texts) - self.taken


@dataclass(frozen=True)
class _Part:
    request: _Request
    texts: list[str]


class Batcher:
    """Gathers texts for a few milliseconds and computes them together.

    Parameters
    ----------
    work : callable
        From texts to an array with a row for each; runs in a thread of its own.
    limits : Limits
    on_batch : callable, optional
        Told the number of texts of each batch.
    """

    def __init__(
        self,
        work: Callable[[list[str]], np.ndarray],
        limits: Limits,
        on_batch: Callable[[int], None] | None = None,
    ) -> None:
        self._work, self._limits, self._on_batch = work, limits, on_batch
        self._waiting: deque[_Request] = deque()
        self._thread = ThreadPoolExecutor(1, "predict")
        self._more = asyncio.Event()
        self._running: asyncio.Task[None] | None = None
        self._stopping = False

    @property
    def queued(self) -> int:
        """Texts that wait."""
        return sum(request.left for request in self._waiting)

    @property
    def alive(self) -> bool:
        """Whether it computes."""
        return self._running is not None and not self._running.done()

    async def submit(self, texts: Sequence[str], finish: Finish) -> list[Any]:
        """Wait for what ``finish`` makes of the texts' rows, part by part in the computing thread.

        Raises
        ------
        Problem
            The queue is full, or it took too long.
        """
        if self.queued + len(texts) > self._limits.queue:
            raise Problem(
                503,
                "queue-full",
                f"{self._limits.queue} texts wait already. Send them again in a moment.",
                headers=RETRY,
            )
        request = _Request(texts, finish, asyncio.get_running_loop().create_future())
        self._waiting.append(request)
        self._more.set()
        try:
            return await asyncio.wait_for(request.future, self._limits.seconds)
        except TimeoutError:
            raise Problem(
                503,
                "too-slow",
                f"No answer within {self._limits.seconds:g} seconds: too much waits. Send it "
                "again in a moment.",
                headers=RETRY,
            ) from None

    def start(self) -> None:
        """Begin to compute, in the running loop."""
        self._running = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        """Stop; what waits and what is being computed is answered before."""
        self._stopping = True
        self._more.set()
        if self._running is not None:
            with contextlib.suppress(asyncio.CancelledError):
                await self._running
        self._thread.shutdown(wait=True)

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting or not self._stopping:
            await self._more.wait()
            if self.queued < self._limits.batch and not self._stopping:
                await asyncio.sleep(self._limits.wait)
            if not (batch := self._take()):
                self._more.clear()
                continue
            done = await loop.run_in_executor(self._thread, self._compute, batch)
            for request, outcome in done:
                if request.future.done():
                    continue
                if isinstance(outcome, BaseException):
                    request.future.set_exception(outcome)
                    # Retrieved: if nobody waits any more, asyncio would log it, and its message.
                    request.future.exception()
                else:
                    request.future.set_result(outcome[0])

    def _take(self) -> list[_Part]:
        """The next parts of those that wait, in turn; given up ones are dropped.

        Together they have few texts and few characters, but for one text that is longer.
        """
        found: list[_Part] = []
        room, characters = self._limits.batch, self._limits.characters
        while self._waiting and room and characters > 0:
            request = self._waiting.popleft()
            if request.future.done():
                continue
            most = min(room, _PART if self._waiting else room)
            texts = request.texts[request.taken : request.taken + most]
            part = _fitting(texts, characters, least=0 if found else 1)
            request.taken += len(part)
            room -= len(part)
            characters = characters - sum(map(len, part)) if len(part) == len(texts) else 0
            if not part:
                # Too long for what is left of this batch: the first of the next.
                self._waiting.appendleft(request)
                break
            found.append(_Part(request, part))
            if request.left:
                self._waiting.append(request)
        return found

    def _compute(self, batch: list[_Part]) -> list[tuple[_Request, Any]]:
        """In the thread: what each request that is whole gets, (result,) or an exception."""
        if self._on_batch:
            self._on_batch(sum(len(part.texts) for part in batch))
        done: list[tuple[_Request, Any]] = []
        for part, rows in self._rows(batch):
            request = part.request
            made = rows
            if not isinstance(rows, BaseException):
                made = _tried(request.finish, part.texts, rows)
            if isinstance(made, BaseException):
                done.append((request, made))
                continue
            request.done += made[0]
            if len(request.done) == len(request.texts):
                done.append((request, (request.done,)))
        return done

    def _rows(self, batch: list[_Part]) -> list[tuple[_Part, Any]]:
        found = _tried(self._work, [text for part in batch for text in part.texts])
        if isinstance(found, tuple):
            ends = np.cumsum([len(part.texts) for part in batch])[:-1]
            return list(zip(batch, np.split(found[0], ends), strict=True))
        if len(batch) == 1:
            return [(batch[0], found)]
        # One of them spoils it for the others: each by itself.
        return [pair for part in batch for pair in self._rows([part])]


def _fitting(texts: Sequence[str], characters: int, *, least: int) -> list[str]:
    """The first texts that together have so many characters at most; so many of them at least."""
    fit = sum(total <= characters for total in itertools.accumulate(map(len, texts)))
    return list(texts[: max(fit, least)])


def _tried(call: Callable[..., Any], *given: Any) -> Any:
    """What a call gives, in a tuple, or the exception that it raises."""
    try:
        return (call(*given),)
    except Exception as error:
        return error
