"""Who shares a load, who ends it, and which invalidations are sent again while the cache is away."""

import asyncio
from collections.abc import Awaitable, Callable
from itertools import pairwise
from typing import Any

import pytest
from penstock.cache.v1 import cache_pb2

from penstock_kit.cache.flight import SingleFlight
from penstock_kit.cache.pending_invalidations import PendingInvalidations
from penstock_kit.context import CallContext, Caller, current_context, use_context
from penstock_testkit.waiting import HANG_SECONDS, until


class Load:
    """A load that waits to be let go, and counts how often it began and was cancelled."""

    def __init__(self) -> None:
        self.begun = self.cancelled = 0
        self.go_on = asyncio.Event()

    async def __call__(self) -> str:
        self.begun += 1
        try:
            await self.go_on.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return "loaded"


async def test_who_leaves_a_shared_load_takes_it_from_nobody_and_the_last_one_ends_it() -> None:
    flight, load = SingleFlight(), Load()
    callers = [asyncio.create_task(flight.run("key", load)) for _ in range(3)]
    await until(lambda: load.begun == 1)
    callers[0].cancel()
    await asyncio.wait([callers[0]])
    assert (load.begun, load.cancelled, len(flight)) == (1, 0, 1)
    load.go_on.set()
    async with asyncio.timeout(HANG_SECONDS):
        assert await asyncio.gather(*callers[1:]) == ["loaded", "loaded"]
    alone = Load()
    last = asyncio.create_task(flight.run("other", alone))
    await until(lambda: alone.begun == 1)
    last.cancel()
    await asyncio.wait([last])
    await until(lambda: alone.cancelled == 1)
    assert len(flight) == 0


async def test_a_load_that_failed_is_raised_to_all_that_share_it_and_made_anew_for_the_next() -> None:
    flight, attempts = SingleFlight(), list[int]()

    async def load() -> str:
        attempts.append(1)
        await asyncio.sleep(0)
        raise ValueError("no value")

    results = await asyncio.gather(*(flight.run("key", load) for _ in range(3)), return_exceptions=True)
    assert ([str(each) for each in results], len(attempts), len(flight)) == (["no value"] * 3, 1, 0)
    with pytest.raises(ValueError, match="no value"):
        await flight.run("key", load)
    assert len(attempts) == 2


class Cache:
    """Takes requests in its own time; each is answered as the test says."""

    def __init__(self, *answers: bool) -> None:
        self.answers = list(answers)
        self.sent: list[tuple[str, str]] = []
        self.takes = asyncio.Event()

    async def send(self, _: Callable[..., Awaitable[Any]], request: Any) -> bool:
        self.sent.append((current_context().caller.tenant_id, request.prefix))
        await self.takes.wait()
        return self.answers.pop(0) if self.answers else True


async def invalidate(request: Any) -> None:
    """Stand for the call that is sent again."""


def asked(prefix: str) -> Any:
    return cache_pb2.InvalidateRequest(prefix=prefix)


async def test_what_changes_again_while_its_invalidation_is_under_way_is_sent_once_more() -> None:
    cache = Cache()
    pending = PendingInvalidations(cache.send, retry_seconds=0)
    pending.add(invalidate, asked("a"))
    await until(lambda: len(cache.sent) == 1)
    pending.add(invalidate, asked("a"))
    cache.takes.set()
    await until(lambda: not len(pending))
    assert [prefix for _, prefix in cache.sent] == ["a", "a"]


async def test_a_cache_that_is_away_is_asked_no_more_often_than_agreed() -> None:
    loop, asked_at = asyncio.get_running_loop(), list[float]()

    async def send(method: Any, request: Any) -> bool:
        asked_at.append(loop.time())
        return len(asked_at) == 4

    pending = PendingInvalidations(send, retry_seconds=0.05)
    pending.add(invalidate, asked("a"))
    await until(lambda: not len(pending))
    assert len(asked_at) == 4
    assert all(later - earlier > 0.045 for earlier, later in pairwise(asked_at))


async def test_an_invalidation_is_sent_until_it_is_answered_in_order_and_in_its_callers_name() -> None:
    cache = Cache(False, True)
    cache.takes.set()
    pending = PendingInvalidations(cache.send, retry_seconds=0)
    for tenant in ("acme", "other"):
        with use_context(CallContext(request_id="r", caller=Caller(user_id="u", tenant_id=tenant))):
            pending.add(invalidate, asked("a"))
    await until(lambda: not len(pending))
    assert cache.sent == [("acme", "a"), ("acme", "a"), ("other", "a")]
