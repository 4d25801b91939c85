"""Answers under idempotency keys when the store goes away, askers come at once, and replicas die."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from sqlalchemy import func, select, text

from llm_service.adapters import sql_idempotency
from llm_service.adapters.sql_idempotency import SqlIdempotencyStore
from llm_service.adapters.table import kept_answer
from llm_service.domain.reuse.idempotent_execution import ClaimState
from llm_service.main import MIGRATIONS
from penstock_kit.database import Database, open_database
from penstock_testkit.clock import ManualClock
from penstock_testkit.databases import migrated
from penstock_testkit.servers.fault_proxy import FaultProxy
from penstock_testkit.waiting import HANG_SECONDS

HOUR = 3600.0


@pytest.fixture
async def database(postgres_url: str) -> AsyncIterator[Database]:
    async with migrated(postgres_url, MIGRATIONS) as opened:
        yield opened


def replica(database: Database, clock: ManualClock, owner: str) -> SqlIdempotencyStore:
    return SqlIdempotencyStore(database, clock, owner=owner)


@asynccontextmanager
async def kept_running(store: SqlIdempotencyStore, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    monkeypatch.setattr(sql_idempotency, "_RENEWAL", 0.01)
    running = asyncio.create_task(store.run())
    yield
    assert not running.done(), "an outage does not end it"
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def rows_become(count: int, database: Database) -> None:
    async with asyncio.timeout(HANG_SECONDS):
        while await rows(database) != count:  # noqa: ASYNC110 - what another connection writes has no event here
            await asyncio.sleep(0.01)


async def rows(database: Database) -> int:
    async with database.read() as connection:
        return (await connection.execute(select(func.count()).select_from(kept_answer))).scalar_one()


async def test_of_replicas_that_claim_a_key_at_once_one_has_it(database: Database, clock: ManualClock) -> None:
    replicas = [replica(database, clock, f"r{number}") for number in range(8)]
    for key in ("a", "b", "c"):
        claims = await asyncio.gather(*(each.claim(key, "f") for each in replicas))
        states = [claim.state for claim in claims]
        assert (states.count(ClaimState.CLAIMED), states.count(ClaimState.IN_FLIGHT)) == (1, 7)


async def test_an_answer_is_given_again_long_after_the_lease_of_its_making(
    database: Database, clock: ManualClock
) -> None:
    one, other = replica(database, clock, "one"), replica(database, clock, "other")
    await one.claim("k", "f")
    await one.save("k", b"answer")
    clock.advance(HOUR)
    kept = await other.claim("k", "f")
    assert (kept.state, kept.value) == (ClaimState.REPLAY, b"answer")


async def test_an_answer_that_another_replica_gave_meanwhile_stays(database: Database, clock: ManualClock) -> None:
    one, other, third = (replica(database, clock, owner) for owner in ("one", "other", "third"))
    await one.claim("k", "f")
    clock.advance(16)
    await other.claim("k", "f")
    await other.save("k", b"first")
    await one.save("k", b"late")
    assert (await third.claim("k", "f")).value == b"first"


async def test_what_an_earlier_process_of_the_same_name_claimed_is_not_renewed(
    database: Database, clock: ManualClock
) -> None:
    await replica(database, clock, "one").claim("k", "f")
    again = replica(database, clock, "one")
    await again.claim("j", "f")
    clock.advance(10)
    await again.renew()
    clock.advance(6)
    other = replica(database, clock, "other")
    assert (await other.claim("k", "f")).state is ClaimState.CLAIMED
    assert (await other.claim("j", "f")).state is ClaimState.IN_FLIGHT


async def test_a_replica_asks_nothing_for_claims_that_are_over_or_another_replicas(
    database: Database, clock: ManualClock
) -> None:
    one, other = replica(database, clock, "one"), replica(database, clock, "other")
    for key in ("saved", "released"):
        await one.claim(key, "f")
        await other.claim(key, "f")
    await one.save("saved", b"answer")
    await one.release("released")
    async with database.write() as connection:
        await connection.execute(text(f"ALTER TABLE {kept_answer.name} RENAME TO gone"))
    await one.renew()
    await other.renew()


async def test_an_answer_that_the_store_did_not_take_is_written_when_it_is_back(
    database: Database, postgres_url: str, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = FaultProxy(postgres_url)
    behind = open_database(proxy.url)
    one, other = replica(behind, clock, "one"), replica(database, clock, "other")
    assert (await one.claim("k", "f")).state is ClaimState.CLAIMED
    await one.save("k", b"answer")
    async with kept_running(one, monkeypatch):
        await proxy.open()
        await rows_become(1, database)
        kept = await other.claim("k", "f")
    assert (kept.state, kept.fingerprint, kept.value) == (ClaimState.REPLAY, "f", b"answer")
    await behind.close()
    await proxy.cut()


async def test_claims_are_renewed_and_answers_whose_day_is_over_go_while_the_replica_runs(
    database: Database, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = replica(database, clock, "one"), replica(database, clock, "other")
    await other.claim("old", "f")
    await other.save("old", b"answer")
    clock.advance(25 * HOUR)
    await one.claim("k", "f")
    clock.advance(14)
    async with kept_running(one, monkeypatch):
        await rows_become(1, database)
    clock.advance(14)
    assert (await other.claim("k", "f")).state is ClaimState.IN_FLIGHT


async def test_of_more_answers_than_memory_has_room_for_in_an_outage_the_newest_are_kept(
    clock: ManualClock, monkeypatch: pytest.MonkeyPatch, postgres_url: str
) -> None:
    monkeypatch.setattr(sql_idempotency, "_UNWRITTEN", 2)
    away = open_database(FaultProxy(postgres_url).url)
    one = replica(away, clock, "one")
    for key in ("a", "b", "c"):
        await one.claim(key, "f")
        await one.save(key, key.encode())
    states = [(await one.claim(key, "f")).state for key in ("a", "b", "c")]
    assert states == [ClaimState.CLAIMED, ClaimState.REPLAY, ClaimState.REPLAY]
    await away.close()
