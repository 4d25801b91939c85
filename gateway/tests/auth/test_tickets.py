"""Tickets: one use at whatever gateway, once for each while cache-service is away."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import jwt
import pytest
import pytest_asyncio
from penstock.cache.v1 import cache_pb2, cache_pb2_grpc

from cache_service.composition.services import build_services
from cache_service.composition.stores import memory_stores
from cache_service.edge.servicer import CacheServicer
from cache_service.settings import CacheSettings
from gateway.auth.ticket import Tickets
from gateway.auth.token import AccessTokens
from gateway.auth.used_tickets import ClusterUsedTickets, LocalUsedTickets
from penstock_kit.clock import SystemClock
from penstock_kit.context import Caller
from penstock_kit.errors import Unauthenticated
from penstock_kit.grpc import GrpcServer, open_channel
from penstock_testkit.clock import ManualClock
from penstock_testkit.waiting import HANG_SECONDS

SECRET, OLD = "s" * 32, "o" * 32
ANN = Caller(user_id="ann", tenant_id="acme", key_id="k1", scopes=frozenset({"chat", "models"}))

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.fixture
def clock():
    return ManualClock()


@pytest_asyncio.fixture(loop_scope="session")
async def cache():
    """The real cache-service in this process: the server, and a function that makes a stub of a channel's own."""
    clock = SystemClock()
    cache_settings = CacheSettings(_env_file=None)
    services = build_services(cache_settings, memory_stores(cache_settings, clock), clock)
    server = GrpcServer(service="cache-service", grace_seconds=0)
    server.add(cache_pb2_grpc.add_CacheServiceServicer_to_server, CacheServicer(services=services, clock=clock))
    address = f"127.0.0.1:{await server.start(0)}"
    channels = [open_channel(address, service="cache-service") for _ in range(2)]
    yield server, [cache_pb2_grpc.CacheServiceStub(channel) for channel in channels]
    for channel in channels:
        await channel.close()
    await server.drain()


async def unchanged(caller):
    return caller


def tickets_of(clock, used=None, secrets=(SECRET,), revalidate=unchanged):
    return Tickets(secrets=secrets, used=used or LocalUsedTickets(clock), revalidate=revalidate, clock=clock)


async def test_a_ticket_opens_its_subject_once_and_for_thirty_seconds(clock):
    tickets = tickets_of(clock)
    used, late, foreign = (tickets.issue(ANN, "str_1") for _ in range(3))
    assert await tickets.redeem(used, "str_1") == ANN
    for text, stream in ((used, "str_1"), (foreign, "str_2"), ("ptk_guess", "str_1"), ("", "str_1")):
        with pytest.raises(Unauthenticated, match="ask for a new one"):
            await tickets.redeem(text, stream)
    clock.advance(30)
    with pytest.raises(Unauthenticated):
        await tickets.redeem(late, "str_1")


async def test_what_was_redeemed_stays_used_for_as_long_as_it_would_be_valid(clock):
    tickets = tickets_of(clock)
    text = tickets.issue(ANN, "str_1")
    clock.advance(29)
    assert await tickets.redeem(text, "str_1") == ANN
    clock.advance(0.9)
    await tickets.redeem(tickets.issue(ANN, "str_1"), "str_1")
    with pytest.raises(Unauthenticated):
        await tickets.redeem(text, "str_1")


async def test_a_ticket_that_was_shown_for_another_subject_or_without_its_signature_is_not_used_up(clock):
    tickets = tickets_of(clock)
    text = tickets.issue(ANN, "str_1")
    for shown, subject in ((text, "str_2"), (text, ""), (text.rpartition(".")[0] + ".", "str_1")):
        with pytest.raises(Unauthenticated):
            await tickets.redeem(shown, subject)
    assert await tickets.redeem(text, "str_1") == ANN


async def test_tickets_and_access_tokens_are_not_taken_for_each_other(clock):
    tickets, tokens = tickets_of(clock), AccessTokens(secrets=(SECRET,), lifetime=timedelta(minutes=1), clock=clock)
    ticket = tickets.issue(ANN, "str_1")
    with pytest.raises(Unauthenticated):
        tokens.verify(ticket)
    claims = jwt.decode(ticket, options={"verify_signature": False})
    for key, algorithm, typ in (
        (SECRET, "HS256", "at+jwt"),
        ("x" * 32, "HS256", "ticket+jwt"),
        ("", "none", "ticket+jwt"),
    ):
        forged = jwt.encode(claims, key, algorithm=algorithm, headers={"typ": typ})
        with pytest.raises(Unauthenticated):
            await tickets.redeem(forged, "str_1")


async def test_a_secret_that_is_replaced_lets_its_tickets_in_still(clock):
    ticket = tickets_of(clock, secrets=(OLD,)).issue(ANN, "str_1")
    assert await tickets_of(clock, secrets=(SECRET, OLD)).redeem(ticket, "str_1") == ANN
    with pytest.raises(Unauthenticated):
        await tickets_of(clock).redeem(ticket, "str_1")


async def test_of_many_uses_at_two_gateways_one_gets_in(clock, cache):
    everywhere = [ClusterUsedTickets(stub, clock, timeout=HANG_SECONDS) for stub in cache[1]]
    here, there = (tickets_of(clock, used) for used in everywhere)
    ticket = here.issue(ANN, "conv_1")
    uses = [gateway.redeem(ticket, "conv_1") for gateway in (there, here) * 20]
    results = await asyncio.gather(*uses, return_exceptions=True)
    assert results.count(ANN) == 1
    assert sum(isinstance(result, Unauthenticated) for result in results) == len(uses) - 1


async def test_a_ticket_asks_who_its_caller_is_by_then(clock):
    asked = []

    async def ended(caller):
        asked.append((caller, caller.credential_version))
        raise Unauthenticated("gone", reason="CREDENTIALS_INVALID")

    tickets = tickets_of(clock, revalidate=ended)
    ann = replace(ANN, credential_version=7)
    with pytest.raises(Unauthenticated, match="gone"):
        await tickets.redeem(tickets.issue(ann, "str_1"), "str_1")
    assert asked == [(ann, 7)]


async def test_without_cache_service_a_ticket_is_used_once_at_each_gateway(clock, cache):
    server, stubs = cache
    here, there = (tickets_of(clock, ClusterUsedTickets(stub, clock)) for stub in stubs)
    await server.drain()
    ticket = here.issue(ANN, "conv_1")
    for gateway in (here, there):
        assert await gateway.redeem(ticket, "conv_1") == ANN
        with pytest.raises(Unauthenticated):
            await gateway.redeem(ticket, "conv_1")


async def test_a_cache_service_that_hangs_holds_a_ticket_up_for_a_moment(clock):
    class Hanging(cache_pb2_grpc.CacheServiceServicer):
        async def Set(self, request, context):  # noqa: N802 - the RPC's name
            await asyncio.Event().wait()

    server = GrpcServer(service="cache-service", grace_seconds=0)
    server.add(cache_pb2_grpc.add_CacheServiceServicer_to_server, Hanging())
    channel = open_channel(f"127.0.0.1:{await server.start(0)}", service="cache-service")
    tickets = tickets_of(clock, ClusterUsedTickets(cache_pb2_grpc.CacheServiceStub(channel), clock))
    async with asyncio.timeout(HANG_SECONDS):
        assert await tickets.redeem(tickets.issue(ANN, "conv_1"), "conv_1") == ANN
    await channel.close()
    await server.drain()


async def test_the_tickets_that_are_remembered_are_bounded_and_the_newest_are_kept() -> None:
    used = LocalUsedTickets(ManualClock())
    for number in range(100_001):
        assert await used.mark_used(str(number), 30)
    assert not await used.mark_used("100000", 30)
    assert await used.mark_used("0", 30), "the oldest made room"


@pytest.mark.parametrize("seconds", [0.2, 1.0, 29.9, 30.0])
async def test_a_used_ticket_is_remembered_everywhere_for_all_of_its_life(clock, seconds):
    asked = []

    class Remembering(cache_pb2_grpc.CacheServiceServicer):
        async def Set(self, request, context):  # noqa: N802 - the RPC's name
            asked.append(request)
            return cache_pb2.SetResponse(written=len(asked) == 1)

    server = GrpcServer(service="cache-service", grace_seconds=0)
    server.add(cache_pb2_grpc.add_CacheServiceServicer_to_server, Remembering())
    channel = open_channel(f"127.0.0.1:{await server.start(0)}", service="cache-service")
    stub = cache_pb2_grpc.CacheServiceStub(channel)
    here, there = (ClusterUsedTickets(stub, clock, timeout=HANG_SECONDS) for _ in range(2))
    assert await here.mark_used("t1", seconds)
    assert not await there.mark_used("t1", seconds)
    for request in asked:
        assert request.entry.ttl.ToTimedelta().total_seconds() >= seconds
        assert (request.only_if_absent, request.partition) == (True, cache_pb2.PARTITION_SHARED)
    await channel.close()
    await server.drain()
