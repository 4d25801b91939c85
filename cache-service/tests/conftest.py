from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
from penstock.cache.v1 import cache_pb2_grpc

from cache_service.composition.services import build_services
from cache_service.composition.stores import memory_stores
from cache_service.edge.servicer import CacheServicer
from cache_service.settings import CacheSettings
from penstock_kit.clock import Clock, SystemClock
from penstock_kit.grpc import GrpcServer, open_channel
from penstock_testkit.clock import ManualClock


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@dataclass(slots=True)
class Served:
    """A cache service in this process, and a way to it."""

    server: GrpcServer
    channel: Any
    stub: Any


async def serve(clock: Clock) -> Served:
    settings = CacheSettings(_env_file=None, CACHE_SEMANTIC_STORE="memory")
    services = build_services(settings, memory_stores(settings, clock), clock)
    server = GrpcServer(service="cache-service", grace_seconds=0)
    server.add(cache_pb2_grpc.add_CacheServiceServicer_to_server, CacheServicer(services=services, clock=clock))
    port = await server.start(0)
    channel = open_channel(f"127.0.0.1:{port}", service="cache-service", timeout=5)
    return Served(server, channel, cache_pb2_grpc.CacheServiceStub(channel))


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    """On the machine's own clock, for what waits."""
    system = await serve(SystemClock())
    yield system
    await system.channel.close()
    await system.server.drain()


@pytest.fixture
async def served_by_clock(clock: ManualClock) -> AsyncIterator[Served]:
    """On the test's clock."""
    system = await serve(clock)
    yield system
    await system.channel.close()
    await system.server.drain()
