"""Minutes of the last day: over restarts and several gateways, through the real cache-service."""

from contextlib import asynccontextmanager
from itertools import pairwise

import pytest
from penstock.cache.v1.cache_pb2_grpc import CacheServiceStub

from gateway.monitoring.dashboard import Dashboard, View
from gateway.monitoring.history_store import HistoryStore
from gateway.monitoring.minutes import minute_from_json, minute_to_json
from gateway.monitoring.sampler import Sampler
from gateway.monitoring.traffic import Traffic
from penstock_kit.grpc import open_channel
from penstock_testkit.clock import ManualClock

ALL, ACME = View(tenant_id=None), View(tenant_id="acme")


class Gateway:
    """One gateway's figures, without the gateway."""

    def __init__(self, cache, clock, replica):
        self.clock, self.traffic = clock, Traffic(clock)
        store = HistoryStore(cache, replica)
        self.sampler = Sampler(traffic=self.traffic, cache=cache, store=store, clock=clock)
        self.dashboard = Dashboard(sampler=self.sampler, traffic=self.traffic, clock=clock)

    def serve(self, count, tenant="acme", status=200, seconds=0.2):
        for _ in range(count):
            self.traffic.record(
                tenant_id=tenant, method="GET", endpoint="/v1/models", status=status, seconds=seconds, request_id="r"
            )

    def total(self, view=ALL):
        return self.dashboard.realtime(view)["statistics"]["summary"]["total_requests"]


@asynccontextmanager
async def cache_clients(address):
    channel = open_channel(address, service="cache-service")
    yield CacheServiceStub(channel)
    await channel.close()


async def next_minute(clock, *gateways):
    clock.advance(60)
    for gateway in gateways:
        gateway.sampler.sample()
    for gateway in gateways:
        await gateway.sampler.save()
    for gateway in gateways:
        await gateway.sampler.save()


@pytest.mark.parametrize("tenant", [ALL, ACME])
async def test_a_restarted_gateway_goes_on_from_what_it_counted(cache_service, tenant):
    clock = ManualClock()
    async with cache_clients(cache_service.address) as cache:
        before = Gateway(cache, clock, "gw_1")
        before.serve(5)
        await next_minute(clock, before)
        after = Gateway(cache, clock, "gw_2")
        assert after.total(tenant) == 0
        await after.sampler.save()
        assert after.total(tenant) == 5
        after.serve(2)
        after.sampler.sample()
        assert after.total(tenant) == 7


async def test_two_gateways_add_up_and_nobody_counts_twice(cache_service):
    clock = ManualClock()
    async with cache_clients(cache_service.address) as cache:
        one, two = Gateway(cache, clock, "gw_1"), Gateway(cache, clock, "gw_2")
        one.serve(5)
        two.serve(3)
        two.serve(4, tenant="other", status=500)
        await next_minute(clock, one, two)
        await next_minute(clock, one, two)
        assert (one.total(), two.total()) == (12, 12)
        assert (one.total(ACME), two.total(ACME)) == (8, 8)
        columns = one.dashboard.history(ALL, "1h")
        assert sum(columns["requests_per_second"]) * 60 == pytest.approx(12, abs=0.1)
        assert sum(one.dashboard.history(ACME, "24h")["server_errors_per_second"]) == 0


async def test_the_minute_that_runs_is_each_tenants_own(cache_service):
    async with cache_clients(cache_service.address) as cache:
        one = Gateway(cache, ManualClock(), "gw_1")
        one.serve(5)
        one.serve(4, tenant="other")
        one.sampler.sample()
        assert (one.total(), one.total(ACME)) == (9, 5)


async def test_latencies_of_the_own_gateway_count_once_beside_those_of_others(cache_service):
    clock = ManualClock()
    async with cache_clients(cache_service.address) as cache:
        one, two = Gateway(cache, clock, "gw_1"), Gateway(cache, clock, "gw_2")
        for gateway in (one, two):
            gateway.sampler.sample()
        one.serve(3, seconds=0.2)
        two.serve(3, seconds=0.6)
        await next_minute(clock, one, two)
        for gateway in (one, two):
            assert gateway.dashboard.realtime(ALL)["statistics"]["total_time"]["avg"] == "0.400s"


async def test_minutes_without_a_gateway_are_left_out_and_quiet_ones_are_not(cache_service):
    clock = ManualClock()
    async with cache_clients(cache_service.address) as cache:
        one = Gateway(cache, clock, "gw_1")
        one.serve(1)
        await next_minute(clock, one)
        await next_minute(clock, one)
        clock.advance(600)
        again = Gateway(cache, clock, "gw_2")
        await next_minute(clock, again)
        times = again.dashboard.history(ALL, "1h")["time"]
        assert [later - earlier for earlier, later in pairwise(times)] == [60, 660]
        assert again.dashboard.history(ALL, "1h")["avg"] == [0.2, None, None]


async def test_what_is_older_than_a_day_is_gone(cache_service):
    clock = ManualClock()
    async with cache_clients(cache_service.address) as cache:
        one = Gateway(cache, clock, "gw_1")
        one.serve(5)
        await next_minute(clock, one)
        clock.advance(24 * 3600)
        await next_minute(clock, one)
        await next_minute(clock, one)
        assert one.total() == 0


async def test_without_cache_service_the_own_minutes_are_shown_all_the_same(cache_service):
    clock = ManualClock()
    async with cache_clients("127.0.0.1:9") as cache:
        one = Gateway(cache, clock, "gw_1")
        one.serve(5)
        await next_minute(clock, one)
        assert one.total() == 5


async def test_a_minute_is_read_as_it_was_written():
    traffic = Traffic(ManualClock())
    traffic.record(tenant_id="a", method="GET", endpoint="/x", status=404, seconds=3.0, request_id="r")
    assert minute_from_json(minute_to_json(traffic.totals())) == traffic.totals()
    assert minute_from_json({"a": [1, 2]}) == {}
