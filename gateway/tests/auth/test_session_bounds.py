"""How many sessions a user has, how often each is refreshed, and that none outlives its end by a refresh under way."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, insert, select, text, update

from gateway.auth import session
from gateway.auth.identity import RefreshToken
from gateway.auth.login_attempts import LoginAttemptLimiter
from gateway.auth.password import Passwords
from gateway.auth.row import token_to_row
from gateway.auth.secret import digest
from gateway.auth.session import Sessions
from gateway.auth.sql_store import SqlIdentityStore
from gateway.auth.table import refresh_tokens
from gateway.auth.token import AccessTokens
from gateway.main import MIGRATIONS
from penstock_kit.database import open_database
from penstock_kit.errors import Unauthenticated
from penstock_testkit.clock import ManualClock
from penstock_testkit.databases import lay_out
from penstock_testkit.waiting import HANG_SECONDS

DAY = timedelta(days=1)


@pytest.fixture
async def database(url: Any) -> Any:
    await lay_out(url, MIGRATIONS)
    database = open_database(url, readers=1)
    yield database
    await database.close()


@pytest.fixture
def store(database: Any) -> Any:
    return SqlIdentityStore(database)


@pytest.fixture
def clock() -> Any:
    return ManualClock()


@pytest.fixture
def sessions(store: Any, clock: Any) -> Any:
    return Sessions(
        store=store, passwords=Passwords(), clock=clock, lifetime=DAY, attempts=LoginAttemptLimiter(clock=clock),
        tokens=AccessTokens(secrets=("s" * 32,), lifetime=timedelta(hours=6), clock=clock),
    )  # fmt: skip


@pytest.fixture
async def people(store: Any, someone: Any) -> Any:
    found = [someone(name, "default") for name in ("ann", "bob")]
    for user in found:
        assert await store.add_user(user)
    return found


async def counted(database: Any) -> Any:
    async with database.read() as connection:
        return (await connection.execute(select(func.count()).select_from(refresh_tokens))).scalar_one()


async def test_one_session_too_many_ends_the_one_that_was_refreshed_longest_ago_and_nobody_elses(
    sessions: Any, people: Any, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "MOST_SESSIONS", 3)
    ann, bob = people
    beside = await sessions.open(bob, lifetime=DAY)
    pairs: list[Any] = []
    for _ in range(3):
        clock.advance(1)
        pairs.append(await sessions.open(ann, lifetime=DAY))
    clock.advance(1)
    pairs[0] = await sessions.refresh(pairs[0].refresh_token)
    clock.advance(1)
    pairs.append(await sessions.open(ann, lifetime=DAY))
    with pytest.raises(Unauthenticated):
        await sessions.refresh(pairs[1].refresh_token)
    for pair in (pairs[0], pairs[2], pairs[3], beside):
        assert (await sessions.refresh(pair.refresh_token)).access_token


async def test_a_user_who_only_ever_logs_in_leaves_no_more_rows_than_sessions(
    sessions: Any, people: Any, database: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "MOST_SESSIONS", 5)
    for _ in range(20):
        await sessions.open(people[0], lifetime=DAY)
    assert await counted(database) == 5


async def test_a_session_that_is_refreshed_without_end_is_ended(
    sessions: Any, people: Any, database: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "_LEAST_REFRESHES", 4)
    monkeypatch.setattr(session, "_REFRESHES_PER_END", 2)  # of tokens that end four times in the life of a session
    pair = await sessions.open(people[0], lifetime=DAY)
    other = await sessions.open(people[0], lifetime=DAY)
    for _ in range(7):
        pair = await sessions.refresh(pair.refresh_token)
    with pytest.raises(Unauthenticated) as caught:
        await sessions.refresh(pair.refresh_token)
    assert caught.value.reason == "REFRESH_TOKEN_INVALID"
    assert await counted(database) == 1, "the session has ended, with all its tokens"
    assert (await sessions.refresh(other.refresh_token)).access_token


async def test_a_logout_ends_a_session_also_when_it_crosses_its_refresh(
    sessions: Any, people: Any, url: Any, store: Any, database: Any
) -> None:
    pair = await sessions.open(people[0], lifetime=DAY)
    first = await store.token(digest(pair.refresh_token))
    following = replace(first, digest=digest("prt_following"))
    beside = open_database(url, readers=1)
    try:
        async with database.write() as connection:  # a refresh, of which the logout sees nothing yet
            used = update(refresh_tokens).where(refresh_tokens.c.digest == first.digest).values(used=True)
            await connection.execute(used)
            leaving = asyncio.create_task(SqlIdentityStore(beside).revoke_family(first.family_id))
            if not database.is_sqlite:
                await until_one_waits(database)
            await connection.execute(insert(refresh_tokens).values(**token_to_row(following)))
        await leaving
    finally:
        await beside.close()
    assert await store.token(following.digest) is None
    assert not await store.replace_token(first.digest, a_token(first, "prt_late"))
    assert await counted(database) == 0


async def until_one_waits(database: Any) -> None:
    """Return when somebody waits for a lock of another transaction's."""
    waiting = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    async with asyncio.timeout(HANG_SECONDS):
        while True:
            async with database.read() as connection:
                if (await connection.execute(waiting)).scalar_one():
                    return


def a_token(like: RefreshToken, shown: str) -> RefreshToken:
    return replace(like, digest=digest(shown))
