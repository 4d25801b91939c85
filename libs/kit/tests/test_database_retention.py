"""What is older than its time goes in small batches, beside what others write."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import Column, Integer, MetaData, String, Table, insert, select, update

from penstock_kit.database import Database, open_database
from penstock_kit.database.metrics import DatabaseMetrics
from penstock_kit.database.retention import Retention, delete_in_batches
from penstock_kit.errors import Unavailable
from penstock_testkit.waiting import HANG_SECONDS

metadata = MetaData()
one_key = Table("one_key", metadata, Column("id", String(8), primary_key=True), Column("time", Integer))
two_keys = Table(
    "two_keys",
    metadata,
    Column("tenant", String(8), primary_key=True),
    Column("id", Integer, primary_key=True),
    Column("time", Integer),
)


@pytest.fixture
async def database(store_url: str) -> AsyncIterator[Database]:
    opened = open_database(store_url)
    async with opened.write() as connection:
        await connection.run_sync(metadata.create_all)
        await connection.execute(insert(one_key), [{"id": f"{n:04}", "time": n} for n in range(1000)])
        await connection.execute(insert(two_keys), [{"tenant": f"t{n % 3}", "id": n, "time": n} for n in range(1000)])
    yield opened
    await opened.close()


async def times(database: Database, table: Table) -> list[int]:
    async with database.read() as connection:
        return sorted((await connection.execute(select(table.c.time))).scalars())


async def test_old_rows_go_in_short_transactions_and_the_others_stay(database: Database) -> None:
    for table in (one_key, two_keys):
        before = database.counts.writes
        assert await delete_in_batches(database, table, table.c.time < 350, batch=100) == 350
        assert database.counts.writes - before == 4
        assert await times(database, table) == list(range(350, 1000))
        assert await delete_in_batches(database, table, table.c.time < 350, batch=100) == 0
        assert database.counts.writes - before == 4


class UsedMeanwhile:
    """A database in which one of the old rows is used again after it was found and before it is deleted."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.read = database.read

    @asynccontextmanager
    async def write(self) -> AsyncGenerator[Any]:
        async with self._database.write() as connection:
            await connection.execute(update(one_key).where(one_key.c.id == "0005").values(time=2000))
        async with self._database.write() as connection:
            yield connection


async def test_a_row_that_is_used_again_while_it_is_about_to_go_stays(database: Database) -> None:
    used: Any = UsedMeanwhile(database)
    assert await delete_in_batches(used, one_key, one_key.c.time < 10) == 9
    assert 2000 in await times(database, one_key)


async def test_a_rule_that_fails_is_told_and_the_others_are_applied_and_counted(database: Database) -> None:
    async def fail() -> int:
        raise Unavailable("the store is away", reason="STORAGE_UNAVAILABLE")

    rules = {"first": fail, "second": lambda: delete_in_batches(database, one_key, one_key.c.time < 10)}
    retention = Retention(rules, database.counts, every=3600)
    assert await retention.apply() == {"second": 10}
    assert await retention.apply() == {"second": 0}
    registry = CollectorRegistry()
    DatabaseMetrics(registry, "echo", database.counts)
    labels = {"service": "echo", "kind": "second"}
    assert registry.get_sample_value("penstock_retention_deleted_total", labels) == 10


async def test_rules_are_applied_again_and_again_while_the_service_runs(tmp_path: Path) -> None:
    twice = asyncio.Event()
    applied: list[int] = []

    async def rule() -> int:
        applied.append(1)
        if len(applied) == 2:
            twice.set()
        return 0

    database = open_database(f"sqlite:///{tmp_path / 'some.db'}")
    async with Retention({"kind": rule}, database.counts, every=0.01).running():
        await asyncio.wait_for(twice.wait(), HANG_SECONDS)
    count = len(applied)
    await asyncio.sleep(0)
    assert len(applied) == count
    await database.close()
