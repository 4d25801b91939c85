"""Who tries while the cache is away."""

from typing import Any

import pytest
from penstock.cache.v1 import cache_pb2_grpc
from structlog.testing import capture_logs

from penstock_kit.cache import CacheClient
from penstock_kit.cache.outage import Outage
from penstock_kit.errors import ErrorKind, PenstockError, Unavailable
from penstock_kit.grpc import open_channel
from penstock_testkit.clock import ManualClock
from penstock_testkit.services import serve
from penstock_testkit.waiting import HANG_SECONDS


def away(clock: ManualClock) -> Outage:
    outage = Outage(clock=clock, retry_seconds=1.0)
    outage.record_failure(Unavailable("gone"))
    return outage


def test_in_an_outage_one_of_many_callers_tries() -> None:
    clock = ManualClock()
    outage = away(clock)
    assert not any(outage.may_call() for _ in range(100))
    clock.advance(1.0)
    assert [outage.may_call() for _ in range(100)].count(True) == 1
    clock.advance(0.9)
    assert not any(outage.may_call() for _ in range(100))
    clock.advance(0.1)
    assert [outage.may_call() for _ in range(100)].count(True) == 1


def test_after_an_outage_everybody_calls_again_and_a_second_one_begins_anew() -> None:
    clock = ManualClock()
    outage = away(clock)
    outage.record_success()
    assert all(outage.may_call() for _ in range(100))
    assert not outage.open
    outage.record_failure(Unavailable("gone again"))
    assert outage.open
    assert not outage.may_call()


class FailingCache(cache_pb2_grpc.CacheServiceServicer):
    """A cache-service whose reads fail with errors of one kind."""

    def __init__(self, kind: ErrorKind) -> None:
        self._kind = kind

    async def Get(self, request: Any, context: Any) -> Any:  # noqa: N802 - gRPC's name
        raise PenstockError("it failed", kind=self._kind, reason="SOME_REASON")


@pytest.mark.parametrize("kind", [kind for kind in ErrorKind if kind is not ErrorKind.CANCELLED])
async def test_a_cache_that_is_not_well_is_away_and_a_mistake_of_the_caller_is_told(kind: ErrorKind) -> None:
    outages = {ErrorKind.UNAVAILABLE, ErrorKind.DEADLINE_EXCEEDED, ErrorKind.INTERNAL}
    async with (
        serve((cache_pb2_grpc.add_CacheServiceServicer_to_server, FailingCache(kind))) as address,
        open_channel(address, service="cache-service") as channel,
    ):
        cache = CacheClient(channel, timeout=HANG_SECONDS)
        if kind in outages:
            assert await cache.get("a") is None
        else:
            with pytest.raises(PenstockError, match="it failed"):
                await cache.get("a")
        assert cache.is_away is (kind in outages)


def test_a_failure_of_one_who_called_before_puts_the_next_try_off() -> None:
    clock = ManualClock()
    outage = away(clock)
    clock.advance(0.9)
    outage.record_failure(Unavailable("gone"))
    clock.advance(0.9)
    assert not outage.may_call()
    clock.advance(0.1)
    assert outage.may_call()


def test_an_outage_is_two_lines_of_the_log_its_begin_and_how_long_it_lasted() -> None:
    clock = ManualClock()
    with capture_logs() as logged:
        outage = away(clock)
        outage.record_failure(Unavailable("gone"))
        clock.advance(2.5)
        for _ in range(2):
            outage.record_success()
    assert [(line["log_level"], line["event"], line.get("away_seconds")) for line in logged] == [
        ("warning", "cache is away, going on without it", None),
        ("info", "cache is back", 2.5),
    ]
