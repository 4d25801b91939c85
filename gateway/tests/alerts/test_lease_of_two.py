"""The evaluator's lease when two gateways reach for it at once, on a database whose transactions overlap."""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gateway.alerts.lease import LeaseStore
from gateway.main import MIGRATIONS
from penstock_kit.database import Database
from penstock_testkit.databases import migrated

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
LATER = NOW + timedelta(seconds=61)


class Overlapped:
    """A database in whose next transaction `meanwhile` happens elsewhere, once its first statement was answered."""

    def __init__(self, database: Database, meanwhile: Callable[[], Awaitable[object]]) -> None:
        self._database = database
        self._meanwhile = meanwhile

    @asynccontextmanager
    async def write(self) -> AsyncGenerator[Any]:
        async with self._database.write() as connection:
            yield _Connection(connection, self._meanwhile)


class _Connection:
    def __init__(self, connection: Any, meanwhile: Callable[[], Awaitable[object]]) -> None:
        self._connection = connection
        self._meanwhile: Callable[[], Awaitable[object]] | None = meanwhile

    def begin_nested(self) -> Any:
        return self._connection.begin_nested()

    async def execute(self, statement: Any) -> Any:
        result = await self._connection.execute(statement)
        meanwhile, self._meanwhile = self._meanwhile, None
        if meanwhile is not None:
            await meanwhile()
        return result


@pytest.fixture
async def database(postgres_url: str) -> AsyncIterator[Database]:
    async with migrated(postgres_url, MIGRATIONS) as opened:
        yield opened


def overlapped(database: Database, meanwhile: Callable[[], Awaitable[object]]) -> LeaseStore:
    store: Any = Overlapped(database, meanwhile)
    return LeaseStore(store)


async def test_of_two_that_find_no_lease_one_gets_it(database: Database) -> None:
    leases = LeaseStore(database)
    late = overlapped(database, lambda: leases.acquire("gw_a", seconds=60, now=NOW))
    assert await late.acquire("gw_b", seconds=60, now=NOW) is None
    kept = await leases.acquire("gw_a", seconds=60, now=NOW)
    assert kept is not None
    assert kept.fence == 1


async def test_of_two_that_find_an_ended_lease_one_gets_it(database: Database) -> None:
    leases = LeaseStore(database)
    await leases.acquire("gw_a", seconds=60, now=NOW)
    late = overlapped(database, lambda: leases.acquire("gw_b", seconds=60, now=LATER))
    assert await late.acquire("gw_c", seconds=60, now=LATER) is None
    assert await leases.acquire("gw_c", seconds=60, now=LATER) is None
    kept = await leases.acquire("gw_b", seconds=60, now=LATER)
    assert kept is not None
    assert kept.fence == 2


async def test_who_lost_the_lease_and_took_it_back_meanwhile_is_not_the_holder_that_was_seen(
    database: Database,
) -> None:
    leases = LeaseStore(database)
    await leases.acquire("gw_a", seconds=60, now=NOW)

    async def to_and_fro() -> None:
        assert await leases.acquire("gw_b", seconds=60, now=LATER) is not None
        await leases.release("gw_b", now=LATER)
        assert await leases.acquire("gw_a", seconds=60, now=LATER) is not None

    late = overlapped(database, to_and_fro)
    assert await late.acquire("gw_c", seconds=60, now=LATER) is None
    kept = await leases.acquire("gw_a", seconds=60, now=LATER)
    assert kept is not None
    assert kept.fence == 3
