"""Nobody waits for another's fill or lock for longer than half a minute, whatever he asks for."""

import asyncio
from typing import Any

from google.protobuf.duration_pb2 import Duration
from penstock.cache.v1 import cache_pb2 as pb

from penstock_kit.context import CallContext, Caller, use_context
from penstock_testkit.clock import ManualClock
from penstock_testkit.waiting import HANG_SECONDS

MINUTES, DAY = Duration(seconds=300), Duration(seconds=86_400)


async def wait_in_line(served: Any, clock: ManualClock, acquire: Any, held: Any, waiting: Any) -> Any:
    """Return what who asks to wait for a day is told after thirty seconds."""
    with use_context(CallContext(request_id="req_test", caller=Caller(user_id="u1", tenant_id="acme"))):
        assert (await acquire(held)).ListFields()
        in_line = asyncio.ensure_future(acquire(waiting, timeout=60))
        for _ in range(5):
            await served.stub.Get(pb.GetRequest(key="other"))
        clock.advance(29)
        done, _ = await asyncio.wait([in_line], timeout=1.5)
        assert not done
        clock.advance(1)
        async with asyncio.timeout(HANG_SECONDS):
            return await in_line


async def test_a_wait_for_a_fill_is_over_after_half_a_minute(served_by_clock: Any, clock: ManualClock) -> None:
    held = pb.AcquireLeaseRequest(key="k", lease=MINUTES)
    waiting = pb.AcquireLeaseRequest(key="k", lease=MINUTES, wait=DAY)
    told = await wait_in_line(served_by_clock, clock, served_by_clock.stub.AcquireLease, held, waiting)
    assert (told.lease_token, told.value.found) == ("", False)


async def test_a_wait_for_a_lock_is_over_after_half_a_minute(served_by_clock: Any, clock: ManualClock) -> None:
    held = pb.AcquireLockRequest(name="k", ttl=MINUTES)
    waiting = pb.AcquireLockRequest(name="k", ttl=MINUTES, wait=DAY)
    told = await wait_in_line(served_by_clock, clock, served_by_clock.stub.AcquireLock, held, waiting)
    assert (told.acquired, told.token) == (False, "")
