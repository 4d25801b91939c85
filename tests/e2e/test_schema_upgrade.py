"""Schemas of earlier revisions are brought up to date with what is in them, and serve the code of that revision."""

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Boolean, MetaData, Table, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from penstock_cli.migrate.record_set import NAMES, RecordSet, load_record_set
from penstock_kit.database import Database, migrate, open_database, sqlite_url
from penstock_kit.grpc import open_channel
from penstock_testkit.sample_rows import row_of
from penstock_testkit.servers.process import free_ports
from penstock_testkit.waiting import HANG_SECONDS

SERVICES = {name: load_record_set(name) for name in NAMES}
EARLIER = [
    (name, path.stem.partition("_")[0])
    for name, records in SERVICES.items()
    for path in sorted((records.migrations / "versions").glob("*.py"))[:-1]
]
OUR_OWN = ("_schema", "_compatible")


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return sqlite_url(tmp_path / "some.db")
    return str(request.getfixturevalue("postgres_url"))


def migrations_until(records: RecordSet, revision: str, folder: Path) -> Path:
    """Return migrations of the service as they were when `revision` was the newest."""
    target = folder / records.migrations.parent.name / "migrations"
    (target / "versions").mkdir(parents=True)
    shutil.copy(records.migrations / "env.py", target)
    for path in sorted((records.migrations / "versions").glob("*.py")):
        if path.stem.partition("_")[0] <= revision:
            shutil.copy(path, target / "versions")
    return target


async def tables_of(database: Database) -> list[Table]:
    """Return the tables there are, parents first."""
    metadata = MetaData()
    async with database.write() as connection:
        await connection.run_sync(lambda sync: metadata.reflect(sync, only=_is_a_services))
    return metadata.sorted_tables


def _is_a_services(name: str, _: MetaData) -> bool:
    return not name.endswith(OUR_OWN) and not name.startswith("memory_index")


async def fill(database: Database, tables: Sequence[Table], numbers: range) -> None:
    """Insert a row for each number into each table."""
    async with database.write() as connection:
        for table in tables:
            await connection.execute(insert(table), [values_of(table, number) for number in numbers])


def values_of(table: Table, number: int) -> dict[str, Any]:
    row = zip(table.columns, row_of(table, number), strict=True)
    return {c.name: bool(value) if isinstance(c.type, Boolean) else value for c, value in row}


async def rows_of(connection: AsyncConnection, table: Table) -> list[tuple[Any, ...]]:
    found = await connection.execute(select(table).order_by(*table.primary_key.columns))
    return [tuple(row) for row in found]


async def everything(database: Database, tables: Sequence[Table]) -> dict[str, list[tuple[Any, ...]]]:
    async with database.read() as connection:
        return {table.name: await rows_of(connection, table) for table in tables}


@pytest.mark.parametrize(("name", "revision"), EARLIER)
async def test_an_earlier_schema_keeps_its_rows_and_serves_its_code_and_the_newest(
    url: str, tmp_path: Path, name: str, revision: str
) -> None:
    records = SERVICES[name]
    assert await migrate(url, migrations_until(records, revision, tmp_path / "old"))
    database = open_database(url, schema=records.schema)
    old_tables = await tables_of(database)
    await fill(database, old_tables, range(20))
    before = await everything(database, old_tables)
    assert await migrate(url, records.migrations, schema=records.schema)
    assert await everything(database, old_tables) == before
    # The code of that revision goes on writing, and the newest reads what both wrote, and writes too.
    await fill(database, old_tables, range(100, 110))
    new_tables = list(records.tables)
    await fill(database, new_tables, range(200, 205))
    found = await everything(database, new_tables)
    assert {table.name: len(found[table.name]) for table in old_tables} == {table.name: 35 for table in old_tables}
    # And an old process that starts on the newest schema is served.
    assert not await migrate(url, tmp_path / "old" / records.migrations.parent.name / "migrations")
    await database.close()


@pytest.mark.parametrize("begins", ["empty", "old"])
async def test_five_services_that_start_at_once_migrate_once_and_all_serve(
    url: str, tmp_path: Path, begins: str
) -> None:
    records = SERVICES["llm-service"]
    if begins == "old":
        await migrate(url, migrations_until(records, "0001", tmp_path / "old"))
    ports, logs = free_ports(10), [tmp_path / f"{number}.log" for number in range(5)]
    processes = [_start_llm(tmp_path / f"home-{n}", url, (ports[2 * n], ports[2 * n + 1]), logs[n]) for n in range(5)]
    try:
        async with asyncio.timeout(HANG_SECONDS):
            for number in range(5):
                async with open_channel(f"127.0.0.1:{ports[2 * number]}", service="llm-service") as channel:
                    await channel.channel_ready()
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(timeout=HANG_SECONDS)
    said = "".join(log.read_text(errors="replace") for log in logs)
    assert said.count("schema migrated") == 1
    assert [process.returncode for process in processes] == [0] * 5, said


def _start_llm(home: Path, url: str, ports: tuple[int, int], log: Path) -> "subprocess.Popen[bytes]":
    home.mkdir()
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    settings = {"PENSTOCK_HOME": str(home), "DATABASE_URL": url}
    numbers = {"LLM_SERVICE_PORT": str(ports[0]), "LLM_SERVICE_METRICS_PORT": str(ports[1])}
    with log.open("wb") as sink:
        command = [sys.executable, "-m", "llm_service"]
        return subprocess.Popen(command, env=kept | settings | numbers, stdout=sink, stderr=sink, cwd=home)
