"""Who waits for a lock is told of its release, and what a session keeps while it is replaced."""

import asyncio
from datetime import timedelta

import pytest

from cache_service.composition.services import build_services
from cache_service.composition.stores import Stores, memory_stores
from cache_service.domain.lock import LockGrant
from cache_service.domain.partition import Partition
from cache_service.domain.signals import Signal
from cache_service.edge.servicer import CacheServices
from cache_service.settings import CacheSettings
from penstock_kit.errors import InvalidArgument, PayloadTooLarge
from penstock_testkit.clock import ManualClock
from penstock_testkit.waiting import HANG_SECONDS

HOUR = 3600.0


@pytest.fixture
def stores(clock: ManualClock) -> Stores:
    return memory_stores(CacheSettings(_env_file=None, CACHE_SEMANTIC_STORE="memory"), clock)


@pytest.fixture
def services(stores: Stores, clock: ManualClock) -> CacheServices:
    return build_services(CacheSettings(_env_file=None, CACHE_SEMANTIC_STORE="memory"), stores, clock)


async def test_a_lock_that_is_released_is_told_of_and_one_that_was_lost_is_not(
    stores: Stores, services: CacheServices
) -> None:
    heard: list[Signal] = []
    stores.signals.listen(heard.append)
    grant = await services.locks.acquire("t\0l", ttl=HOUR, wait=0)
    assert isinstance(grant, LockGrant)
    assert not await services.locks.release("t\0l", token="somebody else's")
    assert heard == []
    assert await services.locks.release("t\0l", token=grant.token)
    assert [signal.released for signal in heard] == [("t\0l",)]


async def test_who_waits_for_a_lock_gets_it_although_its_release_was_not_heard_of(
    stores: Stores, services: CacheServices
) -> None:
    """A replica that released it may have died before it told anybody: who waits looks again by itself."""
    held = await stores.locks.acquire("t\0l", HOUR)
    assert isinstance(held, LockGrant)
    waiting = asyncio.create_task(services.locks.acquire("t\0l", ttl=HOUR, wait=HANG_SECONDS / 4))
    await asyncio.sleep(0)
    assert await stores.locks.release("t\0l", held.token)
    async with asyncio.timeout(HANG_SECONDS / 8):
        assert isinstance(await waiting, LockGrant)


async def test_a_session_that_is_replaced_is_as_old_as_before(services: CacheServices, clock: ManualClock) -> None:
    partition = Partition(tenant="acme")
    made = await services.sessions.put(partition, session_id="", user_id="ann", data={"a": b"1"}, ttl=HOUR)
    clock.advance(60)
    put = await services.sessions.put(partition, session_id=made.id, user_id="ann", data={"a": b"2"}, ttl=HOUR)
    assert (put.create_time, put.data) == (made.create_time, {"a": b"2"})
    assert put.expire_time == made.expire_time + timedelta(seconds=60)


async def test_a_session_with_a_life_below_zero_or_a_value_over_8_megabytes_is_refused_and_not_kept(
    services: CacheServices,
) -> None:
    partition, large = Partition(tenant="acme"), {"a": b"1", "b": b"x" * (8 * 1024 * 1024 + 1)}
    with pytest.raises(InvalidArgument) as refused:
        await services.sessions.put(partition, session_id="s", user_id="ann", data={}, ttl=-1.0)
    assert (refused.value.reason, refused.value.metadata["field"]) == ("DURATION_INVALID", "ttl")
    with pytest.raises(PayloadTooLarge) as too_large:
        await services.sessions.put(partition, session_id="s", user_id="ann", data=large, ttl=HOUR)
    assert too_large.value.reason == "VALUE_LIMIT_EXCEEDED"
    assert await services.sessions.get(partition, session_id="s") is None


async def test_a_session_lives_a_day_unless_it_says_otherwise(services: CacheServices, clock: ManualClock) -> None:
    partition, day = Partition(tenant="acme"), 24 * HOUR
    made = await services.sessions.put(partition, session_id="", user_id="ann", data={}, ttl=0)
    assert made.expire_time - made.create_time == timedelta(seconds=day)
    clock.advance(day - 1)
    assert await services.sessions.get(partition, session_id=made.id) == made
    clock.advance(1)
    assert await services.sessions.get(partition, session_id=made.id) is None
