"""penstock_kit.cache against the real service."""

import asyncio
import io
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from penstock.cache.v1 import cache_pb2 as pb
from penstock.cache.v1 import cache_pb2_grpc

from cache_service.composition.services import build_services
from cache_service.composition.stores import memory_stores
from cache_service.edge.servicer import CacheServicer
from cache_service.settings import CacheSettings
from penstock_kit.cache import CacheClient, CachedValue, JsonCodec, cached
from penstock_kit.cache.local_copies import Copy, LocalCopies
from penstock_kit.clock import SystemClock
from penstock_kit.context import CallContext, Caller, use_context
from penstock_kit.errors import InvalidArgument
from penstock_kit.grpc import GrpcServer, open_channel
from penstock_kit.logging import configure_logging
from penstock_testkit.clock import ManualClock
from penstock_testkit.servers.process import free_port
from penstock_testkit.waiting import HANG_SECONDS, assert_within, until, until_true


@pytest.fixture
async def client(served: Any) -> CacheClient:
    return CacheClient(served.channel, timeout=HANG_SECONDS)


@pytest.fixture
async def absent(clock: ManualClock) -> AsyncIterator[CacheClient]:
    channel = open_channel(f"127.0.0.1:{free_port()}", service="cache-service")
    yield CacheClient(channel, clock=clock)
    await channel.close()


class Cards:
    """Something with cached methods and a count of its real work."""

    def __init__(self, cache: CacheClient | None) -> None:
        self.cache = cache
        self.loads: list[Any] = []
        self.loading = asyncio.Event()
        self.gate = asyncio.Event()
        self.gate.set()

    @cached(ttl=3600, key_prefix="cards:all")
    async def all(self) -> list[dict[str, Any]]:
        self.loads.append("all")
        self.loading.set()
        await self.gate.wait()
        return [{"id": 1, "name": "卡"}]

    @cached(ttl=60, key_prefix="cards:one", tags=["cards"])
    async def one(self, number: int, *, deep: bool = False) -> dict[str, int] | None:
        self.loads.append((number, deep))
        return {"id": number} if number > 0 else None

    @cached(ttl=60, key_prefix="cards:broken")
    async def broken(self) -> None:
        self.loads.append("broken")
        raise LookupError("the store is gone")


async def test_values_round_trip(client: CacheClient) -> None:
    assert await client.get("a") is None
    assert await client.set("a", b"\x00\xff", ttl=60, tags=["t"])
    hit = await client.get("a")
    assert hit is not None
    assert (hit.value, hit.negative) == (b"\x00\xff", False)
    assert await client.set_many({"b": b"1", "c": b"2"}, ttl=60) == 2
    assert await client.get_many(["a", "b", "x"]) == {"a": b"\x00\xff", "b": b"1"}
    assert await client.invalidate(tag="t") == 1
    assert await client.delete("b", "x") == 1
    assert await client.increment("n", 2) == 2
    asked = time.monotonic()
    verdict = await client.take("r", limit=1, window=60)
    assert verdict is not None
    assert verdict.allowed
    refused = await client.take("r", limit=1, window=60)
    assert refused is not None
    assert not refused.allowed
    assert 59.9 - (time.monotonic() - asked) <= refused.retry_after <= 60
    corrected = await client.take("r", limit=1, window=60, cost=1, correction=-1)
    assert corrected is not None
    assert corrected.allowed


async def test_what_the_caller_did_wrong_still_raises(client: CacheClient) -> None:
    with pytest.raises(InvalidArgument):
        await client.get("x" * 513)
    assert not client.is_away


async def test_an_absent_cache_is_a_miss_and_one_log_line(
    absent: CacheClient, clock: ManualClock, log_stream: io.StringIO
) -> None:
    configure_logging("test", "info", "json", stream=log_stream)
    for _ in range(3):
        assert await absent.get("a") is None
        assert await absent.set("a", b"1") is False
        assert await absent.delete("a") == 0
        assert await absent.invalidate(prefix="a") == 0
        assert await absent.increment("n") is None
        assert await absent.take("r", limit=1, window=1) is None
        assert await absent.lease("a", seconds=1, wait=0) is None
        clock.advance(1.5)
    events = [json.loads(line)["event"] for line in log_stream.getvalue().splitlines()]
    assert events == ["cache is away, going on without it"]
    assert absent.is_away


async def test_during_an_outage_only_one_call_in_a_second_goes_out(absent: CacheClient, clock: ManualClock) -> None:
    await absent.get("a")
    loop = asyncio.get_running_loop()
    begin = loop.time()
    for _ in range(1_000):
        await absent.get("a")
    assert_within(loop.time() - begin, 0.25, "a thousand reads without a cache")


async def test_the_cache_is_used_again_when_it_is_back(clock: ManualClock) -> None:
    port = free_port()
    channel = open_channel(f"127.0.0.1:{port}", service="cache-service")
    client = CacheClient(channel, clock=clock, timeout=HANG_SECONDS)
    assert await client.set("a", b"1") is False
    server = GrpcServer(service="cache-service", grace_seconds=0)
    cache_settings = CacheSettings(_env_file=None)
    services = build_services(cache_settings, memory_stores(cache_settings, clock), clock)
    server.add(cache_pb2_grpc.add_CacheServiceServicer_to_server, CacheServicer(services=services, clock=clock))
    await server.start(port)
    async with asyncio.timeout(HANG_SECONDS):
        while client.is_away:  # the channel reconnects in its own time
            clock.advance(1.5)
            await client.set("a", b"1")
    hit = await client.get("a")
    assert hit is not None
    assert hit.value == b"1"
    await channel.close()
    await server.drain()


async def test_cached_loads_once_and_gives_the_same(client: CacheClient) -> None:
    cards = Cards(client)
    assert [await cards.all() for _ in range(3)] == [[{"id": 1, "name": "卡"}]] * 3
    assert cards.loads == ["all"]


async def test_arguments_are_part_of_the_key(client: CacheClient) -> None:
    cards = Cards(client)
    assert await cards.one(1) == {"id": 1}
    assert await cards.one(2) == {"id": 2}
    assert await cards.one(1, deep=True) == {"id": 1}
    await cards.one(1)
    assert cards.loads == [(1, False), (2, False), (1, True)]


async def test_none_is_remembered_as_known_not_to_exist(client: CacheClient) -> None:
    cards = Cards(client)
    assert [await cards.one(-1) for _ in range(2)] == [None, None]
    assert cards.loads == [(-1, False)]
    hit = await client.get("cards:one:[-1]")
    assert hit is not None
    assert hit.negative


async def test_what_is_known_not_to_exist_is_looked_for_again_after_a_minute_however_long_values_live(
    served_by_clock: Any, clock: ManualClock
) -> None:
    loads: list[int] = []

    @cached(ttl=3600, key_prefix="cards:some", client=CacheClient(served_by_clock.channel, timeout=HANG_SECONDS))
    async def some(number: int) -> str | None:
        loads.append(number)
        return None if number < 0 else "card"

    assert [await some(-1), await some(1)] == [None, "card"]
    clock.advance(47)
    await some(-1)
    assert loads == [-1, 1]
    clock.advance(14)
    assert [await some(-1), await some(1)] == [None, "card"]
    assert loads == [-1, 1, -1]


async def test_a_crowd_in_one_process_loads_once(client: CacheClient) -> None:
    cards = Cards(client)
    cards.gate.clear()
    crowd = [asyncio.ensure_future(cards.all()) for _ in range(100)]
    await asyncio.wait_for(cards.loading.wait(), HANG_SECONDS)
    cards.gate.set()
    assert await asyncio.gather(*crowd) == [[{"id": 1, "name": "卡"}]] * 100
    assert cards.loads == ["all"]


async def test_a_crowd_in_two_processes_loads_once(served: Any) -> None:
    one, two = (
        Cards(CacheClient(served.channel, timeout=HANG_SECONDS)),
        Cards(CacheClient(served.channel, timeout=HANG_SECONDS)),
    )
    crowd = [asyncio.ensure_future(cards.all()) for _ in range(50) for cards in (one, two)]
    await asyncio.gather(*crowd)
    assert len(one.loads) + len(two.loads) == 1


async def test_a_caller_who_leaves_does_not_take_the_load_from_the_others(client: CacheClient) -> None:
    cards = Cards(client)
    cards.gate.clear()
    first, second = asyncio.ensure_future(cards.all()), asyncio.ensure_future(cards.all())
    await asyncio.wait_for(cards.loading.wait(), HANG_SECONDS)
    first.cancel()
    cards.gate.set()
    assert await second == [{"id": 1, "name": "卡"}]
    assert first.cancelled()
    assert cards.loads == ["all"]


async def test_when_all_have_left_the_load_ends_and_the_next_begins_anew(client: CacheClient) -> None:
    cards = Cards(client)
    cards.gate.clear()
    only = asyncio.ensure_future(cards.all())
    await asyncio.wait_for(cards.loading.wait(), HANG_SECONDS)
    only.cancel()
    with pytest.raises(asyncio.CancelledError):
        await only
    cards.gate.set()
    assert await asyncio.wait_for(cards.all(), HANG_SECONDS) == [{"id": 1, "name": "卡"}]
    assert cards.loads == ["all", "all"]


async def test_a_failure_is_raised_and_not_kept(client: CacheClient) -> None:
    cards = Cards(client)
    for _ in range(2):
        with pytest.raises(LookupError, match="the store is gone"):
            await asyncio.wait_for(cards.broken(), HANG_SECONDS)
    assert cards.loads == ["broken", "broken"]


async def test_an_invalidation_during_the_load_keeps_the_old_value_out(client: CacheClient) -> None:
    cards = Cards(client)
    cards.gate.clear()
    loading = asyncio.ensure_future(cards.all())
    await asyncio.wait_for(cards.loading.wait(), HANG_SECONDS)
    await client.invalidate(prefix="cards:")
    cards.gate.set()
    await loading
    assert await client.get("cards:all") is None


async def test_an_invalidated_value_is_loaded_again(client: CacheClient) -> None:
    cards = Cards(client)
    await cards.one(1)
    await client.invalidate(tag="cards")
    await cards.one(1)
    assert cards.loads == [(1, False), (1, False)]


async def test_a_service_that_hangs_costs_a_caller_a_moment_and_the_next_nothing() -> None:
    class Hanging(cache_pb2_grpc.CacheServiceServicer):
        async def Get(self, request: pb.GetRequest, context: Any) -> pb.GetResponse:  # noqa: N802 - the RPC's name
            await asyncio.Event().wait()
            return pb.GetResponse()

    server = GrpcServer(service="cache-service", grace_seconds=0)
    server.add(cache_pb2_grpc.add_CacheServiceServicer_to_server, Hanging())
    channel = open_channel(f"127.0.0.1:{await server.start(0)}", service="cache-service")
    client = CacheClient(channel, retry_seconds=600)
    async with asyncio.timeout(HANG_SECONDS):
        assert await client.get("k") is None
        assert client.is_away
        assert [await client.get("k") for _ in range(100)] == [None] * 100
    await channel.close()
    await server.drain()


async def test_tenants_do_not_share_what_is_not_shared(client: CacheClient) -> None:
    cards = Cards(client)
    for tenant in ("acme", "other"):
        with use_context(CallContext(request_id="r", caller=Caller(user_id="u", tenant_id=tenant))):
            await cards.all()
    assert cards.loads == ["all", "all"]


async def test_without_a_cache_the_function_is_simply_called(absent: CacheClient) -> None:
    for cards in (Cards(None), Cards(absent)):
        assert [await cards.all() for _ in range(2)] == [[{"id": 1, "name": "卡"}]] * 2
        assert cards.loads == ["all", "all"]


async def test_a_value_of_another_format_counts_as_missing(client: CacheClient) -> None:
    cards = Cards(client)
    await client.set("cards:all", b"\x80pickle", ttl=60)
    assert await cards.all() == [{"id": 1, "name": "卡"}]
    assert cards.loads == ["all"]
    assert await cards.all() == [{"id": 1, "name": "卡"}]
    assert cards.loads == ["all"]


async def test_a_long_value_is_stored_smaller_than_it_is(client: CacheClient) -> None:
    @cached(ttl=60, key_prefix="long", client=client)
    async def long() -> str:
        return "weld " * 10_000

    assert await long() == await long() == "weld " * 10_000
    hit = await client.get("long")
    assert hit is not None
    assert len(hit.value) < 1_000


async def test_a_value_too_large_for_the_cache_is_still_returned(client: CacheClient) -> None:
    @cached(ttl=60, key_prefix="huge", client=client, codec=Raw())
    async def huge() -> bytes:
        return b"x" * (8 * 1024 * 1024 + 1)

    assert len(await huge()) == 8 * 1024 * 1024 + 1
    assert await client.get("huge") is None


class Raw:
    def encode(self, value: bytes) -> bytes:
        return value

    def decode(self, data: bytes) -> bytes:
        return data


async def test_a_value_near_its_end_is_renewed_behind_its_readers(served_by_clock: Any, clock: ManualClock) -> None:
    client = CacheClient(served_by_clock.channel, timeout=HANG_SECONDS)
    watching = served_by_clock.stub.WatchInvalidations(pb.WatchInvalidationsRequest(prefix="soon"))
    loads: list[int] = []

    @cached(ttl=100, key_prefix="soon", client=client)
    async def soon() -> int:
        loads.append(len(loads))
        if len(loads) == 1:
            clock.advance(1)  # so long takes the load
        return loads[-1]

    assert await soon() == 0
    assert (await watching.read()).reset
    clock.advance(99.99)  # with 0.01 s left and a load of 1 s, a renewal is advised 99 times in 100
    while len(loads) == 1:
        assert await soon() in {0, 1}
    assert list((await asyncio.wait_for(watching.read(), HANG_SECONDS)).keys) == ["soon"]
    assert await soon() == 1
    assert loads == [0, 1]
    watching.cancel()


async def test_what_was_dropped_while_the_cache_was_away_is_never_read_again() -> None:
    clock, port = SystemClock(), free_port()
    cache_settings = CacheSettings(_env_file=None)
    services = build_services(cache_settings, memory_stores(cache_settings, clock), clock)

    async def serve() -> GrpcServer:
        server = GrpcServer(service="cache-service", grace_seconds=0)
        server.add(cache_pb2_grpc.add_CacheServiceServicer_to_server, CacheServicer(services=services, clock=clock))
        await server.start(port)
        return server

    server = await serve()
    channel = open_channel(f"127.0.0.1:{port}", service="cache-service")
    client = CacheClient(channel, timeout=HANG_SECONDS, retry_seconds=0.02)
    with use_context(CallContext(request_id="r", caller=Caller(user_id="u", tenant_id="acme"))):
        assert await client.set("model:1", b"old")
        assert await client.set("model:2", b"kept")
        await server.drain()
        assert await client.invalidate(prefix="model:1") == 0
        assert await client.get("model:2") is None
        server = await serve()
        await until(lambda: not client.is_away)
        assert await client.get("model:1") is None
        assert (await client.get("model:2") or CachedValue(value=b"")).value == b"kept"
    await channel.close()
    await server.drain()


async def test_a_drop_whose_caller_left_is_sent_again() -> None:
    class Slow(cache_pb2_grpc.CacheServiceServicer):
        def __init__(self) -> None:
            self.heard: list[str] = []
            self.first = asyncio.Event()

        async def Invalidate(self, request: pb.InvalidateRequest, context: Any) -> pb.InvalidateResponse:  # noqa: N802
            if not self.first.is_set():
                self.first.set()
                await asyncio.Event().wait()
            self.heard.append(request.prefix)
            return pb.InvalidateResponse(deleted=1)

    slow, server = Slow(), GrpcServer(service="cache-service", grace_seconds=0)
    server.add(cache_pb2_grpc.add_CacheServiceServicer_to_server, slow)
    channel = open_channel(f"127.0.0.1:{await server.start(0)}", service="cache-service")
    client = CacheClient(channel, timeout=HANG_SECONDS, retry_seconds=0.02)
    leaving = asyncio.create_task(client.invalidate(prefix="model"))
    await asyncio.wait_for(slow.first.wait(), HANG_SECONDS)
    leaving.cancel()
    await until(lambda: slow.heard == ["model"] and not client.is_away)
    await channel.close()
    await server.drain()


async def test_a_local_copy_spares_the_call_and_is_gone_after_a_second(
    served_by_clock: Any, clock: ManualClock
) -> None:
    client, reads = CacheClient(served_by_clock.channel, clock=clock, timeout=HANG_SECONDS), Reads()

    @cached(ttl=60, key_prefix="copy", client=client, local_seconds=5)
    async def load() -> list[int]:
        return reads.load()

    assert [await load() for _ in range(3)] == [[1], [1], [1]]
    (await load()).append(2)
    assert await load() == [1], "who alters a value alters no copy"
    before = await shared_reads(served_by_clock)
    assert [await load() for _ in range(5)] == [[1]] * 5
    assert await shared_reads(served_by_clock) == before
    clock.advance(1.01)
    await load()
    assert await shared_reads(served_by_clock) == before + 1
    await client.close()


async def test_a_frozen_value_is_made_once_for_all_readers_of_a_copy(served: Any) -> None:
    client = CacheClient(served.channel, clock=ManualClock(), timeout=HANG_SECONDS)

    class TupleCodec(JsonCodec):
        def decode(self, data: bytes) -> Any:
            return tuple(super().decode(data))

    @cached(ttl=60, key_prefix="copy", client=client, codec=TupleCodec(), local_seconds=1, frozen=True)
    async def load() -> Any:
        return (1, 2)

    await load()
    first = await load()  # read from the cache, and kept here once invalidations are heard
    assert first == (1, 2)
    async with asyncio.timeout(HANG_SECONDS):
        while (again := await load()) is not first:
            first = again
    await client.invalidate(prefix="copy")
    assert await load() == (1, 2)
    await client.close()


async def test_a_local_copy_ends_when_another_process_changes_its_value(served: Any) -> None:
    reads, other = Reads(), CacheClient(served.channel, timeout=HANG_SECONDS)
    client = CacheClient(served.channel, clock=ManualClock(), timeout=HANG_SECONDS)

    @cached(ttl=60, key_prefix="copy", client=client, local_seconds=1)
    async def load() -> list[int]:
        return reads.load()

    async def is_new() -> bool:
        return await load() == [2]

    assert [await load() for _ in range(2)] == [[1], [1]]  # on a clock that stands still
    await other.invalidate(prefix="copy")
    await until_true(is_new)
    await client.close()


@pytest.mark.parametrize("change", ["delete", "invalidate", "tag", "set"])
async def test_what_a_process_changes_it_reads_at_once_past_its_own_copies(served: Any, change: str) -> None:
    client, reads = CacheClient(served.channel, clock=ManualClock(), timeout=HANG_SECONDS), Reads()

    @cached(ttl=60, key_prefix="copy", client=client, local_seconds=1, tags=["t"])
    async def load() -> list[int]:
        return reads.load()

    assert [await load() for _ in range(3)] == [[1]] * 3
    match change:
        case "delete":
            await client.delete("copy")
        case "invalidate":
            await client.invalidate(prefix="co")
        case "tag":
            await client.invalidate(tag="t")
        case _:
            await client.set("copy", b"j[2]")
    assert await load() == [2]
    await client.close()


async def test_a_copy_that_was_read_before_a_change_is_not_kept_after_it(clock: ManualClock) -> None:
    copies = LocalCopies(None, clock=clock)
    copy = Copy(end=clock.monotonic() + 1, data=b"old", negative=False, value=None)
    begun = 0
    copies.drop("acme", keys=("k",))
    copies.take("acme", "k", copy, begun)
    assert copies.get("acme", "k") is None


class Reads:
    """Counts loads: each gives its number."""

    def __init__(self) -> None:
        self.count = 0

    def load(self) -> list[int]:
        self.count += 1
        return [self.count]


async def shared_reads(served: Any) -> int:
    operator = Caller(user_id="o", scopes=frozenset({"operator"}))
    with use_context(CallContext(request_id="r", caller=operator)):
        stats = await served.stub.GetStats(pb.GetStatsRequest())
    return stats.hits + stats.misses
