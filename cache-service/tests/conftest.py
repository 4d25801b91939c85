from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from penstock.cache.v1 import cache_pb2_grpc

from cache_service.composition.services import build_services
from cache_service.composition.stores import Stores, memory_stores, open_stores
from cache_service.domain.entry import EntryInput
from cache_service.domain.partition import Partition
from cache_service.edge.servicer import CacheServicer, CacheServices
from cache_service.settings import CacheSettings
from penstock_kit.clock import Clock, SystemClock
from penstock_kit.grpc import GrpcServer, open_channel
from penstock_testkit.clock import ManualClock
from penstock_testkit.servers.process import free_port
from penstock_testkit.servers.redis import OwnRedis
from penstock_testkit.waiting import HANG_SECONDS, until

TENANT = Partition(tenant="t")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@dataclass(slots=True)
class Served:
    """A cache service in this process, and a way to it."""

    server: GrpcServer
    channel: Any
    stub: Any


def settings_of(**settings: Any) -> CacheSettings:
    """Return settings that no file and no environment of the machine has a part in."""
    made: Any = CacheSettings
    return made(_env_file=None, **settings)


async def serve(clock: Clock, **others: Any) -> Served:
    settings = settings_of(CACHE_SEMANTIC_STORE="memory", **others)
    services = build_services(settings, memory_stores(settings, clock), clock)
    server = GrpcServer(service="cache-service", grace_seconds=0)
    server.add(cache_pb2_grpc.add_CacheServiceServicer_to_server, CacheServicer(services=services, clock=clock))
    port = await server.start(0)
    channel = open_channel(f"127.0.0.1:{port}", service="cache-service", timeout=HANG_SECONDS)
    return Served(server, channel, cache_pb2_grpc.CacheServiceStub(channel))


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    """On the machine's own clock, for what waits."""
    system = await serve(SystemClock())
    yield system
    await system.channel.close()
    await system.server.drain()


@pytest.fixture
async def serve_with() -> AsyncIterator[Callable[..., Any]]:
    """What serves with settings of the test's own, until its end."""
    async with AsyncExitStack() as stack:

        async def start(**settings: Any) -> Served:
            system = await serve(SystemClock(), **settings)
            stack.push_async_callback(system.server.drain)
            stack.push_async_callback(system.channel.close)
            return system

        yield start


@pytest.fixture
async def served_by_clock(clock: ManualClock) -> AsyncIterator[Served]:
    """On the test's clock."""
    system = await serve(clock)
    yield system
    await system.channel.close()
    await system.server.drain()


@dataclass(slots=True)
class Replica:
    """One cache-service over a Redis, without its servicer."""

    stores: Stores
    services: CacheServices

    @property
    def breaker(self) -> str:
        return self.services.cache.state().breaker

    async def value(self, key: str) -> bytes | None:
        lookup = await self.services.cache.get(TENANT, key)
        return None if lookup.entry is None else lookup.entry.value

    async def put(self, key: str, value: bytes, *, ttl: float = 600.0, **options: Any) -> bool:
        return await self.services.cache.set(TENANT, EntryInput(key=key, value=value, ttl=ttl, **options))


@pytest.fixture
def redis() -> Iterator[OwnRedis]:
    """A Redis of the test's own, to be killed and hung."""
    own = OwnRedis(free_port())
    own.start()
    yield own
    own.stop()


@pytest.fixture
def replica() -> Callable[..., Any]:
    """What opens a replica at a URL until the end of a block."""
    return open_replica


@asynccontextmanager
async def open_replica(url: str, *, redis_wait_seconds: float = 1.0, **settings: Any) -> AsyncGenerator[Replica]:
    """Open a replica that waits for Redis as long as it is not known to be away, however slow the machine."""
    clock, configured = SystemClock(), settings_of(REDIS_URL=url, **settings)
    async with open_stores(configured, clock, redis_wait_seconds=redis_wait_seconds) as stores:
        yield Replica(stores=stores, services=build_services(configured, stores, clock))


@pytest.fixture
async def two(redis: OwnRedis) -> AsyncIterator[Sequence[Replica]]:
    """Two replicas that use the test's own Redis."""
    async with AsyncExitStack() as stack:
        both = [await stack.enter_async_context(open_replica(redis.url)) for _ in range(2)]
        await until_closed(*both)
        yield both


@pytest.fixture
def in_use() -> Callable[..., Any]:
    """What waits until replicas use their Redis."""
    return until_closed


@pytest.fixture
def given_up() -> Callable[..., Any]:
    """What waits until replicas have found out that their Redis is away."""
    return until_open


async def until_closed(*replicas: Replica) -> None:
    await until(lambda: all(each.breaker == "closed" for each in replicas))


async def until_open(*replicas: Replica) -> None:
    await until(lambda: all(each.breaker == "open" for each in replicas))
