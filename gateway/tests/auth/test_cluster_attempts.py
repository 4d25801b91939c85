"""Failed attempts are counted once for all gateways."""

import asyncio
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from google.protobuf.duration_pb2 import Duration
from penstock.cache.v1 import cache_pb2 as pb

from gateway.auth.cluster_attempts import ClusterAttempts, Tally, attempt
from gateway.auth.login_attempts import AttemptLimiter, LoginAttemptLimiter
from gateway.auth.password import Passwords
from gateway.auth.session import Sessions
from gateway.auth.sql_store import SqlIdentityStore
from gateway.auth.users import UserService
from penstock_kit.errors import ResourceExhausted, Unavailable
from penstock_testkit.clock import ManualClock
from penstock_testkit.waiting import HANG_SECONDS


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


RIGHT = "Correct-horse-8-battery"


def sessions_of(house: Any, counters: Any) -> Sessions:
    """The log-ins of a gateway of its own, on the one database."""
    return Sessions(
        store=SqlIdentityStore(house.database),
        passwords=Passwords(),
        tokens=house.tokens,
        clock=house.clock,
        lifetime=timedelta(days=1),
        attempts=LoginAttemptLimiter(clock=house.clock),
        cluster=ClusterAttempts(counters, house.clock),
    )


def users_of(house: Any, counters: Any) -> UserService:
    return UserService(
        store=SqlIdentityStore(house.database),
        passwords=Passwords(),
        authenticator=house.authenticator,
        delegation=house.users._delegation,
        clock=house.clock,
        cluster=ClusterAttempts(counters, house.clock),
    )


async def outcomes(attempts: list[Any]) -> Counter[str]:
    results = await asyncio.gather(*attempts, return_exceptions=True)
    return Counter(getattr(result, "reason", "in") for result in results)


@pytest.mark.parametrize("name", ["eve", "nobody"])
async def test_guesses_that_come_to_two_gateways_at_one_moment_are_no_more_than_one_allows(
    house: Any, name: str
) -> None:
    await house.user("eve", {"chat"}, password_hash=await Passwords().hash(RIGHT))
    counters = Counters()
    gateways = [sessions_of(house, counters) for _ in range(2)]
    tried = [gateways[number % 2].login(name, f"guess {number}", address="10.0.0.1") for number in range(16)]
    assert await outcomes(tried) == {"LOGIN_FAILED": 5, "ATTEMPTS_LIMIT_EXCEEDED": 11}
    assert [value for key, value in counters.values.items() if key.endswith("under-way")] == [0, 0, 0]


async def test_who_has_failed_too_often_elsewhere_is_refused_before_a_password_is_looked_at(house: Any) -> None:
    await house.user("eve", {"chat"}, password_hash=await Passwords().hash(RIGHT))
    counters = Counters()
    one, other = (sessions_of(house, counters) for _ in range(2))
    assert await outcomes([guess(one, number) for number in range(5)]) == {"LOGIN_FAILED": 5}
    busy = other._passwords._turns
    async with busy.turn("a hash that takes its time"), asyncio.timeout(HANG_SECONDS):
        assert await outcomes([guess(other, 5)]) == {"ATTEMPTS_LIMIT_EXCEEDED": 1}


async def test_who_has_failed_too_often_is_told_the_time_to_wait_and_waits_for_no_attempt_under_way() -> None:
    counters = Counters()
    one, other = Gateway(counters), Gateway(counters)
    for _ in range(5):
        await one.fails()
    counters.values[other.tally.under_way_key] = 4
    with pytest.raises(ResourceExhausted, match="too many failed attempts; wait 60 s"):
        async with attempt(other.cluster, [other.tally], check=lambda: other.limiter.check("eve")):
            pytest.fail("a password was tried")
    assert counters.values[other.tally.under_way_key] == 4


async def test_guesses_at_a_password_change_at_two_gateways_are_no_more_than_one_allows(house: Any) -> None:
    eve = await house.user("eve", {"chat"}, password_hash=await Passwords().hash(RIGHT))
    counters = Counters()
    gateways = [users_of(house, counters) for _ in range(2)]
    tried = [gateways[number % 2].change_password(eve, current=f"guess {number}", new=RIGHT) for number in range(12)]
    assert await outcomes(tried) == {"CURRENT_PASSWORD_INVALID": 5, "ATTEMPTS_LIMIT_EXCEEDED": 7}


async def test_many_right_passwords_at_one_moment_all_get_in(house: Any) -> None:
    await house.user("eve", {"chat"}, password_hash=await Passwords().hash(RIGHT))
    counters = Counters()
    gateways = [sessions_of(house, counters) for _ in range(4)]
    tried = [gateways[number % 4].login("eve", RIGHT, address="10.0.0.1") for number in range(12)]
    assert await outcomes(tried) == {"in": 12}
    assert set(counters.values.values()) == {0}


async def test_a_right_password_forgives_the_failures_before_it_at_all_gateways(house: Any) -> None:
    eve = await house.user("eve", {"chat"}, password_hash=await Passwords().hash(RIGHT))
    counters = Counters()
    one, other = (sessions_of(house, counters) for _ in range(2))
    for gateway in (one, other):
        assert await outcomes([guess(gateway, number) for number in range(4)]) == {"LOGIN_FAILED": 4}
        assert await gateway.login("eve", RIGHT, address="10.0.0.1")
    first, second = (users_of(house, counters) for _ in range(2))
    for users in (first, second):
        tried = [users.change_password(eve, current=f"guess {number}", new=RIGHT) for number in range(4)]
        assert await outcomes(tried) == {"CURRENT_PASSWORD_INVALID": 4}
        await users.change_password(eve, current=RIGHT, new=RIGHT)


def guess(gateway: Sessions, number: int) -> Any:
    return gateway.login("eve", f"guess {number}", address="10.0.0.1")


async def test_attempts_at_a_name_and_an_address_hold_nobody_up_where_he_has_logged_in_before(house: Any) -> None:
    await house.user("eve", {"chat"}, password_hash=await Passwords().hash(RIGHT))
    counters = Counters()
    gateway = sessions_of(house, counters)
    assert await gateway.login("eve", RIGHT, address="10.0.0.1")
    for _, subject, limiter in LoginAttemptLimiter(clock=house.clock).subjects(["user_eve"], "10.0.0.1")[1:]:
        kind = "login-name" if subject == "user_eve" else "login-address"
        counters.values[Tally(kind=kind, subject=subject, limiter=limiter).under_way_key] = 1000
    assert await gateway.login("eve", RIGHT, address="10.0.0.1")
    assert await outcomes([gateway.login("eve", RIGHT, address="10.0.0.2")]) == {"ATTEMPTS_LIMIT_EXCEEDED": 1}


async def test_failures_of_one_kind_are_none_of_another_of_the_same_subject() -> None:
    counters = Counters()
    changes, logins = Gateway(counters), Gateway(counters)
    logins.tally = Tally(kind="login-name", subject="eve", limiter=logins.limiter)
    for _ in range(5):
        await changes.fails()
    for _ in range(5):
        await logins.fails()
    assert list(counters.values.values()) == [5, 5]


async def test_an_attempt_whose_count_ended_before_it_did_leaves_room_for_no_further_guess() -> None:
    counters = Counters()
    gateway = Gateway(counters)
    async with gateway.cluster.attempt([gateway.tally]):
        assert counters.values.pop(gateway.tally.under_way_key) == 1
    assert counters.values[gateway.tally.under_way_key] == 0
