"""Batches: shared, in order, bounded, and no request spoils another's."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from gi_classifier.server.batching import Batcher
from gi_classifier.server.limits import Limits
from gi_classifier.server.problems import Problem


def lengths(texts: list[str]) -> np.ndarray:
    if "坏" in texts:
        raise ValueError("坏")
    return np.array([[len(text)] for text in texts])


def plain(texts: list[str], rows: np.ndarray) -> list[int]:
    return [int(row[0]) for row in rows]


def running(
    act: Callable[[Batcher], Any],
    work: Callable[[list[str]], np.ndarray] = lengths,
    on_batch: Callable[[int], None] | None = None,
    **limits: Any,
) -> Any:
    """What a coroutine on a running batcher gives."""

    async def run() -> Any:
        batcher = Batcher(work, Limits(**limits), on_batch)
        batcher.start()
        try:
            return await act(batcher)
        finally:
            await batcher.stop()

    return asyncio.run(run())


def test_concurrent_requests_share_batches_and_get_their_own_rows() -> None:
    sizes: list[int] = []
    requests = [["胃" * (i + j + 1) for j in range(3)] for i in range(20)]

    async def act(batcher: Batcher) -> list[Any]:
        return await asyncio.gather(*(batcher.submit(texts, plain) for texts in requests))

    found = running(act, on_batch=sizes.append)
    assert found == [[len(text) for text in texts] for texts in requests]
    assert len(sizes) < 10
    assert max(sizes) <= 64


def test_a_large_request_lets_small_ones_pass() -> None:
    order: list[str] = []

    async def act(batcher: Batcher) -> None:
        async def one(name: str, count: int) -> None:
            assert len(await batcher.submit(["胃"] * count, plain)) == count
            order.append(name)

        await asyncio.gather(one("large", 512), *(one("small", 1) for _ in range(5)))

    running(act)
    assert order == ["small"] * 5 + ["large"]


def test_batches_hold_few_characters_and_a_longer_text_comes_alone() -> None:
    seen: list[list[int]] = []

    def work(texts: list[str]) -> np.ndarray:
        seen.append([len(text) for text in texts])
        return lengths(texts)

    async def act(batcher: Batcher) -> list[Any]:
        mine = (["胃" * 60] * 3, ["肠" * 250, "肠"], ["口" * 30] * 4)
        return await asyncio.gather(*(batcher.submit(texts, plain) for texts in mine))

    assert running(act, work, characters=100) == [[60] * 3, [250, 1], [30] * 4]
    assert sorted(size for batch in seen for size in batch) == [1, 30, 30, 30, 30, 60, 60, 60, 250]
    assert all(sum(batch) <= 100 or batch == [250] for batch in seen)


def test_a_long_text_is_not_put_off_by_short_ones_that_come_later() -> None:
    order: list[str] = []

    async def act(batcher: Batcher) -> None:
        async def one(name: str, texts: list[str]) -> None:
            await batcher.submit(texts, plain)
            order.append(name)

        short = [one(f"short {i}", ["胃" * 40]) for i in range(6)]
        await asyncio.gather(short[0], one("long", ["肠" * 90]), *short[1:])

    running(act, characters=100)
    assert order.index("long") == 1


def test_what_is_made_of_a_large_request_is_made_part_by_part() -> None:
    parts: list[int] = []

    def noted(texts: list[str], rows: np.ndarray) -> list[int]:
        parts.append(len(texts))
        return plain(texts, rows)

    async def act(batcher: Batcher) -> Any:
        return await batcher.submit(["胃" * (i + 1) for i in range(200)], noted)

    assert running(act) == list(range(1, 201))
    assert max(parts) <= 64


def test_a_text_that_cannot_be_read_fails_its_own_request_alone() -> None:
    async def act(batcher: Batcher) -> list[Any]:
        return await asyncio.gather(
            *(batcher.submit([text], plain) for text in ("胃", "坏", "肠道")),
            return_exceptions=True,
        )

    first, bad, last = running(act)
    assert (first, last) == ([1], [2])
    assert isinstance(bad, ValueError)


def test_a_decision_that_fails_fails_its_own_request_alone() -> None:
    def wrong(texts: list[str], rows: np.ndarray) -> Any:
        raise KeyError("秘密")

    async def act(batcher: Batcher) -> list[Any]:
        pair = (batcher.submit(["胃"], plain), batcher.submit(["胃"], wrong))
        return await asyncio.gather(*pair, return_exceptions=True)

    good, bad = running(act)
    assert good == [1]
    assert isinstance(bad, KeyError)


def test_a_full_queue_refuses_and_what_is_in_it_is_answered_at_the_end() -> None:
    async def act(batcher: Batcher) -> Any:
        waiting = [asyncio.ensure_future(batcher.submit(["胃"] * 4, plain)) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(Problem, match="8 texts wait") as caught:
            await batcher.submit(["胃"], plain)
        assert caught.value.status_code == 503
        assert caught.value.headers == {"Retry-After": "1"}
        await batcher.stop()
        return await asyncio.gather(*waiting)

    assert running(act, queue=8, wait=0.5) == [[1] * 4] * 2


def test_what_is_being_computed_when_it_stops_is_answered() -> None:
    begun = threading.Event()

    def slowly(texts: list[str]) -> np.ndarray:
        begun.set()
        time.sleep(0.2)
        return lengths(texts)

    async def act(batcher: Batcher) -> Any:
        waiting = asyncio.ensure_future(batcher.submit(["胃", "胃镜"], plain))
        while not begun.is_set():
            await asyncio.sleep(0.01)
        assert not batcher.queued
        await batcher.stop()
        return await waiting

    assert running(act, slowly, seconds=2) == [1, 2]


def test_who_waits_too_long_is_told_and_no_longer_computed() -> None:
    import threading

    gate, seen = threading.Event(), []

    def slow(texts: list[str]) -> np.ndarray:
        seen.append(list(texts))
        gate.wait(10)
        return lengths(texts)

    async def act(batcher: Batcher) -> None:
        first = asyncio.ensure_future(batcher.submit(["一"], plain))
        while not seen:
            await asyncio.sleep(0.001)
        with pytest.raises(Problem, match="No answer within"):
            await batcher.submit(["二"], plain)
        gate.set()
        with pytest.raises(Problem):
            await first

    running(act, slow, seconds=0.2)
    assert seen == [["一"]]
