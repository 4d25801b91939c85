"""The rates of a key over two replicas that share a cache-service."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace

import pytest
from penstock.cache.v1 import cache_pb2_grpc

from cache_service.composition.services import build_services
from cache_service.composition.stores import memory_stores
from cache_service.edge.servicer import CacheServicer
from cache_service.settings import CacheSettings
from llm_service.adapters.cluster_rate_limiter import ClusterRateLimiter
from llm_service.domain.billing.rate_limiter import LocalRateLimiter, Rate
from penstock_kit.cache import CacheClient
from penstock_kit.context import CallContext, Caller, current_context, use_context
from penstock_kit.grpc import GrpcServer, open_channel
from penstock_testkit.clock import ManualClock
from penstock_testkit.servers.process import free_port
from penstock_testkit.waiting import HANG_SECONDS, until_true

TOKENS = Rate(tenant_id="acme", key_id="k1", kind="tokens", limit=60)


@dataclass(frozen=True, slots=True, kw_only=True)
class Replica:
    """A replica's limiter, and what it takes of the cluster's rate without changing it."""

    rates: ClusterRateLimiter
    cache: CacheClient

    async def left(self) -> int:
        """Return what is left of the rate over all replicas."""
        verdict = await self.cache.take("llm:rate:tokens:k1", limit=60, window=60, cost=0)
        assert verdict is not None
        return verdict.remaining


@pytest.fixture(autouse=True)
def acme() -> Iterator[None]:
    with use_context(CallContext(request_id="req_1", caller=Caller(user_id="ann", tenant_id="acme", key_id="k1"))):
        yield


@pytest.fixture
async def replicas(clock: ManualClock) -> AsyncIterator[tuple[Replica, Replica]]:
    settings = CacheSettings(_env_file=None, CACHE_SEMANTIC_STORE="memory")  # type: ignore[call-arg]
    services = build_services(settings, memory_stores(settings, clock), clock)
    server = GrpcServer(service="cache-service", grace_seconds=0)
    server.add(cache_pb2_grpc.add_CacheServiceServicer_to_server, CacheServicer(services=services, clock=clock))
    channel = open_channel(f"127.0.0.1:{await server.start(0)}", service="cache-service")
    cache = CacheClient(channel, timeout=HANG_SECONDS)
    one, other = (Replica(rates=ClusterRateLimiter(cache, LocalRateLimiter(clock)), cache=cache) for _ in range(2))
    yield one, other
    await channel.close()
    await server.drain()


async def test_what_one_replica_took_is_missing_at_the_other(
    replicas: tuple[Replica, Replica], clock: ManualClock
) -> None:
    one, other = replicas
    assert await one.rates.take(TOKENS, 40) == 0
    assert await other.rates.take(TOKENS, 30) == pytest.approx(10, abs=0.1)
    clock.advance(11)
    assert await other.rates.take(TOKENS, 30) == 0


async def test_a_refusal_of_the_cluster_takes_nothing_at_the_replica_either(
    replicas: tuple[Replica, Replica],
) -> None:
    one, other = replicas
    assert await one.rates.take(TOKENS, 30) == 0
    assert await other.rates.take(TOKENS, 40) > 0
    assert await other.rates.take(TOKENS, 30) == 0


async def test_more_than_a_minutes_worth_is_a_debt_of_all_replicas(
    replicas: tuple[Replica, Replica], clock: ManualClock
) -> None:
    one, other = replicas
    assert await one.rates.take(TOKENS, 90) == 0
    # The rest is taken a moment later; until a minute and a half has passed nobody has anything to take.
    clock.advance(60)
    await until_true(lambda: _has_left(other, 30))
    assert await other.rates.take(TOKENS, 31) > 0


@pytest.mark.parametrize(("correction", "left"), [(-20, 30), (20, 0), (40, 0)])
async def test_a_correction_counts_at_all_replicas(
    replicas: tuple[Replica, Replica], correction: int, left: int
) -> None:
    one, other = replicas
    assert await one.rates.take(TOKENS, 50) == 0
    one.rates.correct(TOKENS, correction)
    await until_true(lambda: _has_left(other, left))


async def test_a_call_that_used_up_its_time_is_corrected_all_the_same(
    replicas: tuple[Replica, Replica], clock: ManualClock
) -> None:
    one, other = replicas
    assert await one.rates.take(TOKENS, 50) == 0
    with use_context(replace(current_context(), deadline=0.0)):
        one.rates.correct(TOKENS, -50)
    await until_true(lambda: _has_left(other, 60))


async def test_other_keys_and_kinds_have_rates_of_their_own(replicas: tuple[Replica, Replica]) -> None:
    one, other = replicas
    assert await one.rates.take(TOKENS, 60) == 0
    assert await other.rates.take(replace(TOKENS, kind="requests"), 60) == 0
    assert await other.rates.take(replace(TOKENS, key_id="k2"), 60) == 0
    assert await other.rates.take(TOKENS, 1) > 0
    elsewhere = Caller(user_id="eve", tenant_id="other", key_id="k1")
    with use_context(CallContext(request_id="req_2", caller=elsewhere)):
        assert await other.rates.take(replace(TOKENS, tenant_id="other"), 60) == 0


async def test_without_a_cache_a_replica_goes_on_with_what_it_took_itself(clock: ManualClock) -> None:
    async with open_channel(f"127.0.0.1:{free_port()}", service="cache-service") as channel:
        rates = ClusterRateLimiter(CacheClient(channel), LocalRateLimiter(clock))
        assert await rates.take(TOKENS, 60) == 0
        assert await rates.take(TOKENS, 1) == 1


async def _has_left(replica: Replica, amount: int) -> bool:
    return await replica.left() == amount
