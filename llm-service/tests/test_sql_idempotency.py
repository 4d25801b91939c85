"""Answers under idempotency keys in a database that replicas share."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from llm_service.adapters import sql_idempotency
from llm_service.adapters.ledger_row import micros_from_time
from llm_service.adapters.sql_idempotency import SqlIdempotencyStore
from llm_service.adapters.table import kept_answer
from llm_service.domain.reuse.idempotent_execution import ClaimState
from llm_service.main import MIGRATIONS
from penstock_kit.database import Database, open_database, sqlite_url
from penstock_kit.errors import Unavailable
from penstock_testkit.clock import ManualClock
from penstock_testkit.databases import migrated
from penstock_testkit.servers.process import free_port
from penstock_testkit.waiting import HANG_SECONDS, until


@pytest.fixture(params=["sqlite", "postgresql"])
async def database(request: pytest.FixtureRequest, tmp_path: Path, postgres_url: str) -> AsyncIterator[Database]:
    url = sqlite_url(tmp_path / "llm.db") if request.param == "sqlite" else postgres_url
    async with migrated(url, MIGRATIONS) as opened:
        yield opened


@pytest.fixture
def one(database: Database, clock: ManualClock) -> SqlIdempotencyStore:
    return SqlIdempotencyStore(database, clock, owner="one")


@pytest.fixture
def other(database: Database, clock: ManualClock) -> SqlIdempotencyStore:
    return SqlIdempotencyStore(database, clock, owner="other")


async def test_one_replica_makes_the_answer_and_the_other_gets_it(
    one: SqlIdempotencyStore, other: SqlIdempotencyStore
) -> None:
    assert (await one.claim("k", "f")).state is ClaimState.CLAIMED
    assert (await other.claim("k", "f")).state is ClaimState.IN_FLIGHT
    await one.save("k", b"answer")
    kept = await other.claim("k", "g")
    assert (kept.state, kept.fingerprint, kept.value) == (ClaimState.REPLAY, "f", b"answer")


async def test_a_claim_given_up_is_anybodys(one: SqlIdempotencyStore, other: SqlIdempotencyStore) -> None:
    await one.claim("k", "f")
    await one.release("k")
    assert (await other.claim("k", "f")).state is ClaimState.CLAIMED


async def test_the_claim_of_a_replica_that_died_is_anothers_after_its_lease(
    one: SqlIdempotencyStore, other: SqlIdempotencyStore, database: Database, clock: ManualClock
) -> None:
    await one.claim("k", "f")
    clock.advance(14)
    assert (await other.claim("k", "f")).state is ClaimState.IN_FLIGHT
    clock.advance(2)
    assert (await other.claim("k", "f")).state is ClaimState.CLAIMED
    third = SqlIdempotencyStore(database, clock, owner="third")
    assert (await third.claim("k", "f")).state is ClaimState.IN_FLIGHT


async def test_an_answer_is_forgotten_after_a_day(
    one: SqlIdempotencyStore, other: SqlIdempotencyStore, clock: ManualClock
) -> None:
    await one.claim("k", "f")
    await one.save("k", b"answer")
    clock.advance(timedelta(hours=25).total_seconds())
    assert (await other.claim("k", "g")).state is ClaimState.CLAIMED


async def test_the_replica_that_made_an_answer_forgets_it_after_a_day_too(
    one: SqlIdempotencyStore, clock: ManualClock
) -> None:
    await one.claim("k", "f")
    await one.save("k", b"answer")
    assert (await one.claim("k", "f")).state is ClaimState.REPLAY
    clock.advance(timedelta(hours=25).total_seconds())
    assert (await one.claim("k", "g")).state is ClaimState.CLAIMED


@pytest.mark.parametrize(("more", "state"), [(0, ClaimState.REPLAY), (1, ClaimState.CLAIMED)])
async def test_an_answer_of_32_mib_is_kept_and_a_larger_one_is_made_again(
    one: SqlIdempotencyStore, other: SqlIdempotencyStore, more: int, state: ClaimState
) -> None:
    value = bytes(32 * 1024 * 1024 + more)
    await one.claim("k", "f")
    await one.save("k", value)
    found = await other.claim("k", "f")
    assert (found.state, found.value == value) == (state, state is ClaimState.REPLAY)


async def test_while_the_store_is_away_claims_are_granted_and_answers_given_from_memory(clock: ManualClock) -> None:
    away = open_database(f"postgresql://nobody@127.0.0.1:{free_port()}/none")
    answers = SqlIdempotencyStore(away, clock, owner="one")
    assert (await answers.claim("k", "f")).state is ClaimState.CLAIMED
    await answers.save("k", b"answer")
    kept = await answers.claim("k", "f")
    assert (kept.state, kept.fingerprint, kept.value) == (ClaimState.REPLAY, "f", b"answer")
    await answers.claim("failed", "f")
    await answers.release("failed")
    assert (await answers.claim("failed", "f")).state is ClaimState.CLAIMED
    await away.close()


class InterruptedDatabase:
    """A database that can be away; `refused` counts what was asked of it meanwhile."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.is_sqlite = database.is_sqlite
        self.is_away = False
        self.refused = 0

    def read(self) -> Any:
        return self._opened(self._database.read)

    def write(self) -> Any:
        return self._opened(self._database.write)

    def _opened(self, open_connection: Callable[[], Any]) -> Any:
        if self.is_away:
            self.refused += 1
            raise Unavailable("the database is away")
        return open_connection()


async def test_claims_are_renewed_again_when_the_store_is_back(
    other: SqlIdempotencyStore, database: Database, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sql_idempotency, "_RENEWAL", 0.001)
    interrupted: Any = InterruptedDatabase(database)
    one = SqlIdempotencyStore(interrupted, clock, owner="one")
    await one.claim("k", "f")
    interrupted.is_away = True
    running = asyncio.create_task(one.run())
    try:
        await until(lambda: interrupted.refused >= 3 or running.done())
        assert not running.done(), "an outage of the store does not end the renewals"
        clock.advance(14)
        interrupted.is_away = False
        await one.save("written", b"answer")
        renewed = select(kept_answer.c.lease_until).where(kept_answer.c.key == "k")
        async with asyncio.timeout(HANG_SECONDS):
            while True:
                async with database.read() as connection:
                    lease = (await connection.execute(renewed)).scalar()
                if lease and lease > micros_from_time(clock.now()) + 10_000_000:
                    break
                await asyncio.sleep(0.001)
        clock.advance(10)
        assert (await other.claim("k", "f")).state is ClaimState.IN_FLIGHT
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_the_claim_of_a_replica_that_lives_is_renewed(
    one: SqlIdempotencyStore, other: SqlIdempotencyStore, clock: ManualClock
) -> None:
    await one.claim("k", "f")
    for _ in range(5):
        clock.advance(10)
        await one.renew()
    assert (await other.claim("k", "f")).state is ClaimState.IN_FLIGHT


async def test_a_replica_gives_up_no_claim_that_another_has_by_now(
    one: SqlIdempotencyStore, other: SqlIdempotencyStore, clock: ManualClock
) -> None:
    await one.claim("k", "f")
    clock.advance(16)
    assert (await other.claim("k", "f")).state is ClaimState.CLAIMED
    await one.release("k")
    assert (await one.claim("k", "f")).state is ClaimState.IN_FLIGHT


async def test_a_replica_renews_no_claim_that_another_has_by_now(
    one: SqlIdempotencyStore, other: SqlIdempotencyStore, database: Database, clock: ManualClock
) -> None:
    await one.claim("k", "f")
    clock.advance(16)
    await other.claim("k", "f")
    clock.advance(14)
    await one.renew()
    clock.advance(2)
    third = SqlIdempotencyStore(database, clock, owner="third")
    assert (await third.claim("k", "f")).state is ClaimState.CLAIMED


async def test_an_answer_that_is_there_is_given_up_by_nobody(
    one: SqlIdempotencyStore, other: SqlIdempotencyStore
) -> None:
    await one.claim("k", "f")
    await one.save("k", b"answer")
    await one.release("k")
    kept = await other.claim("k", "f")
    assert (kept.state, kept.value) == (ClaimState.REPLAY, b"answer")
