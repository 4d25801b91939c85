import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from google.protobuf.duration_pb2 import Duration
from penstock.cache.v1 import cache_pb2 as pb

from penstock_kit.context import CallContext, Caller, use_context
from penstock_kit.errors import InvalidArgument, PayloadTooLarge, PermissionDenied, Unimplemented
from penstock_testkit.clock import ManualClock


def as_tenant(tenant: str) -> Any:
    return use_context(CallContext(request_id="req_test", caller=Caller(user_id="u1", tenant_id=tenant)))


def as_operator() -> Any:
    operator = Caller(user_id="root", scopes=frozenset({"operator"}))
    return use_context(CallContext(request_id="req_test", caller=operator))


@pytest.fixture(autouse=True)
def caller() -> Iterator[None]:
    with as_tenant("acme"):
        yield


def entry(key: str, value: bytes = b"v", **options: Any) -> pb.Entry:
    return pb.Entry(key=key, value=value, **options)


async def test_a_value_is_written_read_and_deleted(served_by_clock: Any) -> None:
    stub = served_by_clock.stub
    assert (await stub.Set(pb.SetRequest(entry=entry("a", b"1", ttl=Duration(seconds=10))))).written
    found = await stub.Get(pb.GetRequest(key="a"))
    assert (found.found, found.value, found.tier, found.ttl.seconds) == (True, b"1", "memory", 10)
    assert (await stub.Delete(pb.DeleteRequest(keys=["a", "b"]))).deleted == 1
    missed = await stub.Get(pb.GetRequest(key="a"))
    assert (missed.found, missed.value) == (False, b"")
    assert missed.generation > found.generation


async def test_tenants_do_not_see_each_other_but_share_the_shared_partition(served_by_clock: Any) -> None:
    stub = served_by_clock.stub
    await stub.Set(pb.SetRequest(entry=entry("a", b"acme's")))
    await stub.Set(pb.SetRequest(entry=entry("s", b"all's"), partition=pb.PARTITION_SHARED))
    with as_tenant("other"):
        assert not (await stub.Get(pb.GetRequest(key="a"))).found
        assert (await stub.Get(pb.GetRequest(key="s", partition=pb.PARTITION_SHARED))).value == b"all's"
        assert (await stub.Invalidate(pb.InvalidateRequest(prefix="a"))).deleted == 0
        assert (await stub.Delete(pb.DeleteRequest(keys=["a"]))).deleted == 0
    assert (await stub.Get(pb.GetRequest(key="a"))).found


async def test_what_all_tenants_share_is_dropped_warmed_and_counted_for_operators_alone(served_by_clock: Any) -> None:
    stub = served_by_clock.stub
    await stub.Set(pb.SetRequest(entry=entry("s", b"all's"), partition=pb.PARTITION_SHARED))
    drop = pb.InvalidateRequest(prefix="s", partition=pb.PARTITION_SHARED)
    admin = Caller(user_id="u1", tenant_id="acme", scopes=frozenset({"admin"}))
    with use_context(CallContext(request_id="req_test", caller=admin)):
        for call, request in (
            (stub.Invalidate, drop),
            (stub.GetStats, pb.GetStatsRequest()),
            (stub.Warmup, pb.WarmupRequest()),
        ):
            with pytest.raises(PermissionDenied) as caught:
                await call(request)
            assert caught.value.reason == "OPERATOR_REQUIRED"
    assert (await stub.Get(pb.GetRequest(key="s", partition=pb.PARTITION_SHARED))).found
    with as_operator():
        assert (await stub.Invalidate(drop)).deleted == 1


async def test_many_values_travel_in_one_message_each_way(served_by_clock: Any) -> None:
    stub = served_by_clock.stub
    entries = [entry(f"k{number}", str(number).encode(), tags=["t"]) for number in range(50)]
    assert (await stub.SetMany(pb.SetManyRequest(entries=entries))).written == 50
    found = await stub.GetMany(pb.GetManyRequest(keys=["k7", "nothing", "k3"]))
    assert [(each.key, each.value, list(each.tags)) for each in found.entries] == [
        ("k7", b"7", ["t"]),
        ("k3", b"3", ["t"]),
    ]


@pytest.mark.parametrize(
    ("ttl_class", "seconds"),
    [("catalogue", 3600), ("template", 1800), ("memory", 1800), ("model_config", 86400), ("field_mapping", 21600)],
)
async def test_a_ttl_class_gives_the_life(served_by_clock: Any, ttl_class: str, seconds: int) -> None:
    await served_by_clock.stub.Set(pb.SetRequest(entry=entry("a", ttl_class=ttl_class)))
    assert (await served_by_clock.stub.Get(pb.GetRequest(key="a"))).ttl.seconds == seconds


async def test_a_value_for_which_no_life_is_named_lives_an_hour(served_by_clock: Any) -> None:
    await served_by_clock.stub.Set(pb.SetRequest(entry=entry("a")))
    assert (await served_by_clock.stub.Get(pb.GetRequest(key="a"))).ttl.seconds == 3600


async def test_a_value_may_live_less_than_a_second_and_have_sixteen_tags(served_by_clock: Any) -> None:
    tags = [str(number) for number in range(16)]
    await served_by_clock.stub.Set(pb.SetRequest(entry=entry("a", ttl=Duration(nanos=500_000_000), tags=tags)))
    found = await served_by_clock.stub.Get(pb.GetRequest(key="a"))
    assert (found.found, found.ttl.seconds, found.ttl.nanos) == (True, 0, 500_000_000)


async def test_a_lease_may_be_shorter_than_a_second_and_is_waited_for_no_negative_time(served_by_clock: Any) -> None:
    lease = pb.AcquireLeaseRequest(key="a", lease=Duration(nanos=500_000_000))
    assert (await served_by_clock.stub.AcquireLease(lease)).lease_token
    for field in ("lease", "wait"):
        request = pb.AcquireLeaseRequest(key="b", lease=Duration(seconds=1))
        getattr(request, field).FromSeconds(-1)
        with pytest.raises(InvalidArgument) as refused:
            await served_by_clock.stub.AcquireLease(request)
        assert (refused.value.reason, refused.value.metadata["field"]) == ("DURATION_INVALID", field)


async def test_a_value_beyond_8_megabytes_is_refused_by_name(served_by_clock: Any) -> None:
    with pytest.raises(PayloadTooLarge) as refused:
        await served_by_clock.stub.Set(pb.SetRequest(entry=entry("a", b"x" * (8 * 1024 * 1024 + 1))))
    assert refused.value.reason == "VALUE_LIMIT_EXCEEDED"


async def test_a_negative_entry_is_found_and_lives_a_minute(served_by_clock: Any, clock: ManualClock) -> None:
    stub = served_by_clock.stub
    await stub.Set(pb.SetRequest(entry=entry("gone", b"", negative=True)))
    found = await stub.Get(pb.GetRequest(key="gone"))
    assert (found.found, found.negative, found.value) == (True, True, b"")
    clock.advance(61)
    assert not (await stub.Get(pb.GetRequest(key="gone"))).found


@pytest.mark.parametrize(
    ("request_", "error", "reason"),
    [
        (pb.SetRequest(entry=entry("")), InvalidArgument, "KEY_INVALID"),
        (pb.SetRequest(entry=entry("ü" * 257)), InvalidArgument, "KEY_INVALID"),
        (pb.SetRequest(entry=entry("a\0b")), InvalidArgument, "KEY_INVALID"),
        (pb.SetRequest(entry=entry("a", ttl_class="eternal")), InvalidArgument, "TTL_CLASS_INVALID"),
        (pb.SetRequest(entry=entry("a", ttl=Duration(seconds=-1))), InvalidArgument, "DURATION_INVALID"),
        (pb.SetRequest(entry=entry("a", tags=[str(n) for n in range(17)])), InvalidArgument, "TAGS_LIMIT_EXCEEDED"),
        (pb.SetRequest(entry=entry("a", b"x", negative=True)), InvalidArgument, "VALUE_CONFLICT"),
        (pb.SetRequest(entry=entry("a"), partition=9), InvalidArgument, "PARTITION_INVALID"),
    ],
)
async def test_a_bad_write_is_refused_by_name(
    served_by_clock: Any, request_: pb.SetRequest, error: type[Exception], reason: str
) -> None:
    with pytest.raises(error) as refused:
        await served_by_clock.stub.Set(request_)
    assert refused.value.reason == reason  # pyright: ignore[reportAttributeAccessIssue]


async def test_a_cache_that_is_to_warm_up_names_who_can(served_by_clock: Any) -> None:
    with as_operator(), pytest.raises(Unimplemented, match="WarmupService"):
        await served_by_clock.stub.Warmup(pb.WarmupRequest())


async def test_invalidating_nothing_in_particular_is_refused(served_by_clock: Any) -> None:
    with pytest.raises(InvalidArgument, match="neither prefix nor tag"):
        await served_by_clock.stub.Invalidate(pb.InvalidateRequest())


async def test_more_than_a_thousand_keys_are_refused(served_by_clock: Any) -> None:
    with pytest.raises(InvalidArgument, match="1001 keys"):
        await served_by_clock.stub.GetMany(pb.GetManyRequest(keys=["k"] * 1001))


async def test_statistics_count_reads_by_prefix(served_by_clock: Any, clock: ManualClock) -> None:
    stub = served_by_clock.stub
    await stub.Set(pb.SetRequest(entry=entry("cards:1", b"12345")))
    for key in ("cards:1", "cards:1", "cards:2", "users:1"):
        await stub.Get(pb.GetRequest(key=key))
    clock.advance(3)
    with as_operator():
        stats = await stub.GetStats(pb.GetStatsRequest())
    assert (stats.backend, stats.breaker_state) == ("memory", "none")
    assert (stats.hits, stats.misses, stats.sets, stats.entries, stats.bytes) == (2, 2, 1, 1, 5)
    assert stats.hit_rate == 0.5
    assert [(row.prefix, row.hits, row.misses) for row in stats.prefixes] == [("cards", 2, 1), ("users", 0, 1)]
    assert stats.uptime.seconds == 3


async def test_one_caller_gets_the_lease_and_the_others_its_value(served: Any) -> None:
    stub = served.stub
    request = pb.AcquireLeaseRequest(key="a", lease=Duration(seconds=240), wait=Duration(seconds=240))
    first = await stub.AcquireLease(request)
    assert first.lease_token
    others = [asyncio.ensure_future(stub.AcquireLease(request)) for _ in range(20)]
    eager = await stub.AcquireLease(pb.AcquireLeaseRequest(key="a", lease=Duration(seconds=240)))
    assert (eager.lease_token, eager.HasField("value")) == ("", False)
    written = await stub.Set(
        pb.SetRequest(entry=entry("a", b"filled"), generation=first.generation, lease_token=first.lease_token)
    )
    assert written.written
    answers = await asyncio.gather(*others)
    assert {(answer.lease_token, answer.value.value) for answer in answers} == {("", b"filled")}


async def test_a_lease_given_up_goes_to_one_who_waits(served: Any) -> None:
    stub = served.stub
    request = pb.AcquireLeaseRequest(key="a", lease=Duration(seconds=240), wait=Duration(seconds=240))
    await stub.AcquireLease(request)
    second = asyncio.ensure_future(stub.AcquireLease(request))
    await stub.Delete(pb.DeleteRequest(keys=["a"]))
    assert (await second).lease_token


async def test_a_lease_that_ran_out_goes_to_one_who_waits(served: Any) -> None:
    stub = served.stub
    short = pb.AcquireLeaseRequest(key="a", lease=Duration(nanos=30_000_000), wait=Duration(seconds=240))
    first = await stub.AcquireLease(short)
    second = await stub.AcquireLease(short)
    assert second.lease_token not in {"", first.lease_token}


async def test_counters_add_and_end(served_by_clock: Any, clock: ManualClock) -> None:
    stub = served_by_clock.stub
    hit = pb.IncrementRequest(key="n", delta=5, ttl=Duration(seconds=10))
    assert [(await stub.Increment(hit)).value for _ in range(2)] == [5, 10]
    assert (await stub.Increment(pb.IncrementRequest(key="n", delta=-3))).value == 7
    assert (await stub.Increment(pb.IncrementRequest(key="n"))).value == 7
    clock.advance(10)
    assert (await stub.Increment(pb.IncrementRequest(key="n"))).value == 0


async def test_a_counter_does_not_wrap_around(served_by_clock: Any) -> None:
    stub = served_by_clock.stub
    await stub.Increment(pb.IncrementRequest(key="n", delta=2**63 - 1))
    with pytest.raises(InvalidArgument) as refused:
        await stub.Increment(pb.IncrementRequest(key="n", delta=1))
    assert refused.value.reason == "COUNTER_LIMIT_EXCEEDED"
    assert (await stub.Increment(pb.IncrementRequest(key="n"))).value == 2**63 - 1


async def test_a_rate_limit_says_when_to_come_back(served_by_clock: Any, clock: ManualClock) -> None:
    stub = served_by_clock.stub
    take = pb.TakeRateLimitRequest(key="r", cost=1, limit=2, window=Duration(seconds=10))
    verdicts = [await stub.TakeRateLimit(take) for _ in range(3)]
    assert [(verdict.allowed, verdict.remaining) for verdict in verdicts] == [(True, 1), (True, 0), (False, 0)]
    assert (verdicts[2].retry_after.seconds, verdicts[2].reset_after.seconds) == (5, 10)
    clock.advance(5)
    assert (await stub.TakeRateLimit(take)).allowed


async def test_a_waiting_locker_gets_the_lock_with_a_greater_fencing_token(served: Any) -> None:
    stub = served.stub
    take = pb.AcquireLockRequest(name="l", ttl=Duration(seconds=30), wait=Duration(seconds=240))
    first = await stub.AcquireLock(take)
    waiting = asyncio.ensure_future(stub.AcquireLock(take))
    assert not (await stub.AcquireLock(pb.AcquireLockRequest(name="l", ttl=Duration(seconds=1)))).acquired
    assert (await stub.ReleaseLock(pb.ReleaseLockRequest(name="l", token=first.token))).released
    second = await waiting
    assert second.acquired
    assert second.fencing_token > first.fencing_token
    assert not (await stub.ReleaseLock(pb.ReleaseLockRequest(name="l", token=first.token))).released
    assert not (await stub.RenewLock(pb.RenewLockRequest(name="l", token=first.token, ttl=Duration(seconds=9)))).held


async def test_a_lock_ends_by_itself_and_a_renewed_one_later(served_by_clock: Any, clock: ManualClock) -> None:
    stub = served_by_clock.stub
    take = pb.AcquireLockRequest(name="l", ttl=Duration(seconds=10))
    first = await stub.AcquireLock(take)
    clock.advance(9)
    renew = pb.RenewLockRequest(name="l", token=first.token, ttl=Duration(seconds=10))
    assert (await stub.RenewLock(renew)).held
    clock.advance(9)
    assert not (await stub.AcquireLock(take)).acquired
    clock.advance(2)
    assert (await stub.AcquireLock(take)).acquired
    assert not (await stub.RenewLock(renew)).held


async def test_a_lock_without_a_life_is_refused(served_by_clock: Any) -> None:
    with pytest.raises(InvalidArgument, match="must end by itself"):
        await served_by_clock.stub.AcquireLock(pb.AcquireLockRequest(name="l"))


async def test_a_session_slides_and_keeps_its_birth(served_by_clock: Any, clock: ManualClock) -> None:
    stub = served_by_clock.stub
    made = (
        await stub.PutSession(pb.PutSessionRequest(session=pb.Session(data={"a": b"1"}), ttl=Duration(seconds=60)))
    ).session
    assert made.id.startswith("sess_")
    assert made.user_id == "u1"
    clock.advance(50)
    read = await stub.GetSession(pb.GetSessionRequest(id=made.id, extend=Duration(seconds=60)))
    assert read.session.create_time == made.create_time
    assert read.session.expire_time.seconds == made.expire_time.seconds + 50
    clock.advance(50)
    assert dict((await stub.GetSession(pb.GetSessionRequest(id=made.id))).session.data) == {"a": b"1"}
    with as_tenant("other"):
        assert not (await stub.GetSession(pb.GetSessionRequest(id=made.id))).found
    clock.advance(11)
    assert not (await stub.GetSession(pb.GetSessionRequest(id=made.id))).found
    assert not (await stub.DeleteSession(pb.DeleteSessionRequest(id=made.id))).deleted


async def test_a_watcher_hears_what_concerns_it_after_a_first_reset(served: Any) -> None:
    stub = served.stub
    with as_tenant("other"):
        foreign = stub.WatchInvalidations(pb.WatchInvalidationsRequest())
        assert (await foreign.read()).reset
    async with stub.WatchInvalidations(pb.WatchInvalidationsRequest(prefix="cards:")) as watching:
        assert (await watching.read()).reset
        await stub.Set(pb.SetRequest(entry=entry("users:1")))
        await stub.Delete(pb.DeleteRequest(keys=["users:1"]))
        await stub.Set(pb.SetRequest(entry=entry("cards:1")))
        heard = await watching.read()
        assert (list(heard.keys), list(heard.prefixes), heard.reset) == (["cards:1"], [], False)
        await stub.Invalidate(pb.InvalidateRequest(prefix="car"))
        assert list((await watching.read()).prefixes) == ["car"]
        await stub.Invalidate(pb.InvalidateRequest(tag="red"))
        assert (await watching.read()).reset
    foreign.cancel()


async def test_a_cache_in_memory_says_that_it_is_well_and_alone(served_by_clock: Any) -> None:
    status = await served_by_clock.stub.GetStatus(pb.GetStatusRequest())
    assert [(each.name, each.state) for each in status.components] == [("memory", "ok")]
    assert (status.backend, status.breaker_state, status.replicas) == ("memory", "none", 1)
