"""What is asked of a database is counted: reads, transactions, slow and failed ones, those under way."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import text

from penstock_kit.database import Database, open_database, sqlite_url
from penstock_kit.database.counts import SLOW_SECONDS, DatabaseCounts
from penstock_kit.database.metrics import DatabaseMetrics
from penstock_kit.errors import Unavailable


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    opened = open_database(sqlite_url(tmp_path / "some.db"))
    yield opened
    await opened.close()


def shown(counts: DatabaseCounts) -> dict[str, float]:
    registry = CollectorRegistry()
    DatabaseMetrics(registry, "echo", counts)
    samples = [sample for metric in registry.collect() for sample in metric.samples]
    return {f"{sample.name} {sample.labels.get('kind', '')}".strip(): sample.value for sample in samples}


async def test_reads_and_transactions_are_counted_and_a_connection_in_use_is_seen(
    database: Database, tmp_path: Path
) -> None:
    async with database.write() as connection:
        await connection.execute(text("CREATE TABLE things (id INTEGER)"))
        assert shown(database.counts)["penstock_database_connections_in_use"] == 1
    async with database.read() as connection:
        await connection.execute(text("SELECT * FROM things"))
    await database.rows(text("SELECT * FROM things"), {})
    await database.ping()
    assert shown(database.counts) == {
        "penstock_database_queries_total read": 2,
        "penstock_database_queries_total write": 1,
        "penstock_database_slow_queries_total": 0,
        "penstock_database_failures_total": 0,
        "penstock_database_connections_in_use": 0,
        "penstock_database_wal_bytes": (tmp_path / "some.db-wal").stat().st_size,
    }


async def test_what_the_store_cannot_answer_is_counted_and_gives_its_connection_back(tmp_path: Path) -> None:
    (tmp_path / "damaged.db").write_text("this is no database, and long enough to be taken for one" * 100)
    damaged = open_database(sqlite_url(tmp_path / "damaged.db"))
    with pytest.raises(Unavailable, match="not a SQLite database"):
        async with damaged.read() as connection:
            await connection.execute(text("SELECT 1 FROM things"))
    await damaged.close()
    assert (damaged.counts.failures, damaged.counts.reads, damaged.counts.under_way) == (1, 1, 0)


async def test_an_error_of_the_caller_is_no_failure_of_the_store(database: Database) -> None:
    with pytest.raises(KeyError):
        async with database.read():
            raise KeyError
    assert (database.counts.failures, database.counts.reads, database.counts.under_way) == (0, 1, 0)


def test_more_than_half_a_second_is_slow() -> None:
    counts = DatabaseCounts(under_way=2)
    counts.end(SLOW_SECONDS, is_write=False)
    counts.end(SLOW_SECONDS + 0.01, is_write=True)
    assert (counts.slow, counts.reads, counts.writes, counts.under_way) == (1, 1, 1, 0)
