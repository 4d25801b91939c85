"""Reads and writes of many keys, and of many tenants, at once."""

import asyncio
from typing import Any

from google.protobuf.duration_pb2 import Duration
from penstock.cache.v1 import cache_pb2 as pb

from penstock_kit.cache import CacheClient, cached
from penstock_kit.context import CallContext, Caller, current_context, use_context
from penstock_testkit.clock import ManualClock
from penstock_testkit.waiting import HANG_SECONDS


def as_tenant(tenant: str) -> Any:
    return use_context(CallContext(request_id="req_test", caller=Caller(user_id="u1", tenant_id=tenant)))


def entry(key: str, seconds: int) -> pb.Entry:
    return pb.Entry(key=key, value=b"v", ttl=Duration(seconds=seconds))


async def test_setting_many_tells_the_watchers_of_each_key(served: Any) -> None:
    with as_tenant("acme"):
        async with served.stub.WatchInvalidations(pb.WatchInvalidationsRequest(prefix="cards:")) as watching:
            assert (await watching.read()).reset
            await served.stub.SetMany(pb.SetManyRequest(entries=[entry("cards:1", 9), entry("cards:2", 9)]))
            heard: set[str] = set()
            async with asyncio.timeout(HANG_SECONDS):
                while len(heard) < 2:
                    heard.update((await watching.read()).keys)
    assert heard == {"cards:1", "cards:2"}


async def test_reading_many_gives_the_life_that_is_left(served_by_clock: Any, clock: ManualClock) -> None:
    with as_tenant("acme"):
        await served_by_clock.stub.SetMany(pb.SetManyRequest(entries=[entry("a", 60), entry("b", 30)]))
        clock.advance(20)
        found = (await served_by_clock.stub.GetMany(pb.GetManyRequest(keys=["a", "b", "x"]))).entries
        assert {each.key: each.ttl.seconds for each in found} == {"a": 40, "b": 10}
        clock.advance(15)
        found = (await served_by_clock.stub.GetMany(pb.GetManyRequest(keys=["a", "b"]))).entries
        assert {each.key: each.ttl.seconds for each in found} == {"a": 25}


class Names:
    """Loads the name of whoever asks, once `gate` is open."""

    def __init__(self, cache: CacheClient) -> None:
        self.cache = cache
        self.loads: list[str] = []
        self.both = asyncio.Event()
        self.gate = asyncio.Event()

    @cached(ttl=60, key_prefix="names:mine")
    async def mine(self) -> str:
        tenant = current_context().caller.tenant_id
        self.loads.append(tenant)
        if len(self.loads) == 2:
            self.both.set()
        await self.gate.wait()
        return tenant


async def test_two_tenants_loading_one_key_at_once_get_their_own_values(served: Any) -> None:
    names = Names(CacheClient(served.channel, timeout=HANG_SECONDS))

    async def ask(tenant: str) -> str:
        with as_tenant(tenant):
            return await names.mine()

    asking = [asyncio.create_task(ask(tenant)) for tenant in ("acme", "other", "acme")]
    async with asyncio.timeout(HANG_SECONDS):
        await names.both.wait()
    names.gate.set()
    assert await asyncio.gather(*asking) == ["acme", "other", "acme"]
    assert sorted(names.loads) == ["acme", "other"]


async def test_a_lease_lasts_five_minutes_at_most_however_long_is_asked_for(
    served_by_clock: Any, clock: ManualClock
) -> None:
    asked = pb.AcquireLeaseRequest(key="k", lease=Duration(seconds=86_400))
    with as_tenant("acme"):
        first = (await served_by_clock.stub.AcquireLease(asked)).lease_token
        clock.advance(299)
        assert (first, (await served_by_clock.stub.AcquireLease(asked)).lease_token) == (first, "")
        clock.advance(1)
        assert (await served_by_clock.stub.AcquireLease(asked)).lease_token not in {"", first}


async def test_a_filler_whose_value_is_not_taken_lets_the_next_in_line_fill(served: Any) -> None:
    with as_tenant("acme"):
        mine = await served.stub.AcquireLease(pb.AcquireLeaseRequest(key="k", lease=Duration(seconds=240)))
        waiting = pb.AcquireLeaseRequest(key="k", lease=Duration(seconds=240), wait=Duration(seconds=240))
        next_in_line = asyncio.ensure_future(served.stub.AcquireLease(waiting))
        await served.stub.Invalidate(pb.InvalidateRequest(prefix="k"))
        for _ in range(5):
            await served.stub.Get(pb.GetRequest(key="other"))
        refused = pb.SetRequest(entry=entry("k", 9), generation=mine.generation, lease_token=mine.lease_token)
        begun = asyncio.get_running_loop().time()
        assert not (await served.stub.Set(refused)).written
        assert (await next_in_line).lease_token not in {"", mine.lease_token}
        assert asyncio.get_running_loop().time() - begun < HANG_SECONDS / 2
