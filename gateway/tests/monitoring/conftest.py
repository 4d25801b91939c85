"""cache-service in the test's own process."""

from dataclasses import dataclass

import pytest
from penstock.cache.v1 import cache_pb2_grpc

from cache_service.composition.services import build_services
from cache_service.composition.stores import memory_stores
from cache_service.edge.servicer import CacheServicer
from cache_service.settings import CacheSettings
from penstock_kit.clock import SystemClock
from penstock_kit.grpc import GrpcServer


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheService:
    """Where it listens."""

    address: str


@pytest.fixture
async def cache_service():
    clock = SystemClock()
    settings = CacheSettings(_env_file=None, CACHE_SEMANTIC_STORE="memory")
    services = build_services(settings, memory_stores(settings, clock), clock)
    server = GrpcServer(service="cache-service", grace_seconds=0)
    server.add(cache_pb2_grpc.add_CacheServiceServicer_to_server, CacheServicer(services=services, clock=clock))
    yield CacheService(address=f"127.0.0.1:{await server.start(0)}")
    await server.drain()
