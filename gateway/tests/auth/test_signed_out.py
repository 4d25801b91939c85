"""A session that has ended takes its access tokens, its tickets and what they opened along, at every gateway."""

from datetime import timedelta
from functools import partial
from typing import Any

import httpx
import pytest

from gateway.auth.authenticator import Authenticator
from gateway.auth.identity import User
from gateway.auth.scope import MEMBER_SCOPES
from gateway.auth.session_monitor import SessionMonitor
from gateway.auth.ticket import Tickets
from gateway.auth.token import AccessTokens
from gateway.auth.used_tickets import LocalUsedTickets
from gateway.workers.generation import Generation
from penstock_kit.errors import Unauthenticated

DAY = timedelta(days=1)


@pytest.fixture
async def ann(house: Any) -> User:
    return await house.store.user((await house.user("ann", MEMBER_SCOPES)).user_id)


async def is_recognised(authenticator: Authenticator, pair: Any) -> bool:
    try:
        await authenticator.recognise(pair.access_token)
    except Unauthenticated:
        return False
    return True


async def test_a_logout_ends_the_access_tokens_of_its_session_alone_at_once(house: Any, ann: User) -> None:
    here, there = [await house.sessions.open(ann, lifetime=DAY) for _ in range(2)]
    following = await house.sessions.refresh(here.refresh_token)
    pairs = (here, following, there)
    assert [await is_recognised(house.authenticator, pair) for pair in pairs] == [True, True, True]
    await house.sessions.logout(following.refresh_token)
    assert [await is_recognised(house.authenticator, pair) for pair in pairs] == [False, False, True]


async def test_a_refresh_token_that_was_stolen_ends_the_access_tokens_of_its_session(house: Any, ann: User) -> None:
    first = await house.sessions.open(ann, lifetime=DAY)
    second = await house.sessions.refresh(first.refresh_token)
    assert await is_recognised(house.authenticator, second)
    with pytest.raises(Unauthenticated):
        await house.sessions.refresh(first.refresh_token)
    assert not await is_recognised(house.authenticator, second)


async def test_other_gateways_of_a_machine_know_at_once_and_those_of_others_within_what_they_remember(
    house: Any, ann: User, tmp_path: Any
) -> None:
    def gateway(generation: Generation | None) -> Authenticator:
        return Authenticator(store=house.store, tokens=house.tokens, clock=house.clock, generation=generation)

    here, beside, elsewhere = gateway(Generation(tmp_path)), gateway(Generation(tmp_path)), gateway(None)
    house.sessions._on_end = here.forget
    pair = await house.sessions.open(ann, lifetime=DAY)
    assert [await is_recognised(each, pair) for each in (here, beside, elsewhere)] == [True, True, True]
    await house.sessions.logout(pair.refresh_token)
    assert [await is_recognised(each, pair) for each in (here, beside, gateway(None))] == [False, False, False]
    house.clock.advance(15)
    assert not await is_recognised(elsewhere, pair)


async def test_what_a_session_opened_and_its_tickets_end_with_its_logout(house: Any, ann: User) -> None:
    monitor = SessionMonitor(store=house.store, clock=house.clock, every=3600)
    tickets = Tickets(
        secrets=("s" * 32,), used=LocalUsedTickets(house.clock), revalidate=house.authenticator.revalidate,
        clock=house.clock,
    )  # fmt: skip
    here, there = [await house.sessions.open(ann, lifetime=DAY) for _ in range(2)]
    callers = [await house.authenticator.recognise(pair.access_token) for pair in (here, there)]
    ticket, other = [tickets.issue(caller, "str_1") for caller in callers]
    over: list[str] = []
    with (
        monitor.watch(callers[0], "chat", partial(over.append, "here")),
        monitor.watch(callers[1], "chat", partial(over.append, "there")),
    ):
        await monitor.check()
        assert over == []
        await house.sessions.logout(here.refresh_token)
        await monitor.check()
        assert over == ["here"]
    assert await tickets.redeem(other, "str_1") == callers[1]
    with pytest.raises(Unauthenticated) as caught:
        await tickets.redeem(ticket, "str_1")
    assert caught.value.reason == "CREDENTIALS_INVALID"


async def test_an_access_token_lives_no_longer_than_its_session_and_says_so(house: Any, ann: User) -> None:
    pair = await house.sessions.open(ann, lifetime=timedelta(seconds=60))
    assert pair.expires_in == 60
    assert await is_recognised(house.authenticator, pair)
    house.clock.advance(60)
    assert not await is_recognised(house.authenticator, pair)


async def test_a_token_of_the_version_before_that_names_no_session_counts_until_its_time(house: Any, ann: User) -> None:
    tokens: AccessTokens = house.tokens
    assert (await house.authenticator.recognise(tokens.issue(ann))).user_id == ann.id


@pytest.mark.asyncio(loop_scope="session")
async def test_over_http_a_logout_at_one_gateway_is_one_at_the_other(start_gateway: Any) -> None:
    first, second = await start_gateway(), await start_gateway()

    async def me(gateway: Any, data: Any) -> httpx.Response:
        return await gateway.client.get("/api/v2/auth/me", headers=gateway.auth(data["access_token"]))

    login = {"username": "admin", "password": first.password}
    left, stays = [(await first.client.post("/api/v2/auth/login", json=login)).json()["data"] for _ in range(2)]
    assert [(await me(first, data)).status_code for data in (left, stays)] == [200, 200]
    answer = await first.client.post("/api/v2/auth/logout", json={"refresh_token": left["refresh_token"]})
    assert answer.status_code == 200
    for gateway in (first, second):
        refused = await me(gateway, left)
        assert (refused.status_code, refused.json()["reason"]) == (401, "CREDENTIALS_INVALID")
        assert (await me(gateway, stays)).status_code == 200
