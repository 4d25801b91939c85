"""Failed attempts are counted once for all gateways."""

import asyncio
from typing import Any

import pytest
from google.protobuf.duration_pb2 import Duration
from penstock.cache.v1 import cache_pb2 as pb

from gateway.auth.cluster_attempts import ClusterAttempts, Tally
from gateway.auth.login_attempts import AttemptLimiter
from penstock_kit.errors import ResourceExhausted, Unavailable
from penstock_testkit.clock import ManualClock


class Counters:
    """The counters of cache-service; away when told so."""

    def __init__(self) -> None:
        self.values: dict[str, int] = {}
        self.lives: list[Duration] = []
        self.away = False

    async def Increment(self, request: pb.IncrementRequest, *, timeout: float) -> pb.IncrementResponse:  # noqa: N802
        if self.away:
            raise Unavailable("away", reason="CACHE_UNAVAILABLE")
        self.values[request.key] = self.values.get(request.key, 0) + request.delta
        if request.delta > 0:
            self.lives.append(request.ttl)
        return pb.IncrementResponse(value=self.values[request.key])


class Gateway:
    def __init__(self, counters: Any) -> None:
        clock = ManualClock()
        self.limiter = AttemptLimiter(clock=clock, limit=5)
        self.cluster = ClusterAttempts(counters, clock)
        self.tally = Tally(kind="login", subject="eve", limiter=self.limiter)

    async def fails(self) -> None:
        await self.cluster.learn([self.tally])
        self.limiter.check("eve")
        self.limiter.record_failure("eve")
        await self.cluster.record_failure([self.tally])


async def test_three_gateways_together_allow_as_many_failures_as_one() -> None:
    counters = Counters()
    gateways = [Gateway(counters) for _ in range(3)]
    for number in range(5):
        await gateways[number % 3].fails()
    for gateway in gateways:
        with pytest.raises(ResourceExhausted):
            await gateway.fails()
    assert set(counters.values.values()) == {5}
    assert {life.seconds for life in counters.lives} == {60}
    assert all("eve" not in key for key in counters.values)


async def test_a_success_is_known_to_all() -> None:
    counters = Counters()
    one, other = Gateway(counters), Gateway(counters)
    for _ in range(4):
        await one.fails()
    one.limiter.record_success("eve")
    await one.cluster.record_success(one.tally)
    await asyncio.gather(*(other.fails() for _ in range(3)))
    other.limiter.check("eve")


async def test_while_cache_service_is_away_each_gateway_counts_for_itself() -> None:
    counters = Counters()
    counters.away = True
    gateway = Gateway(counters)
    for _ in range(5):
        await gateway.fails()
    with pytest.raises(ResourceExhausted):
        await gateway.fails()
