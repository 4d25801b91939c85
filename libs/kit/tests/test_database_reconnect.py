"""A PostgreSQL that goes away and comes back: who waits for it, and who does not."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import pytest
from sqlalchemy import event, text

from penstock_kit.database import Database, open_database
from penstock_kit.database.engine import postgresql
from penstock_kit.database.reconnect_window import ReconnectWindow
from penstock_kit.database.url import driver_url
from penstock_kit.errors import Unavailable
from penstock_testkit.servers.fault_proxy import FaultProxy
from penstock_testkit.waiting import HANG_SECONDS


@pytest.fixture
async def proxy(postgres_url: str) -> AsyncGenerator[FaultProxy]:
    proxy = FaultProxy(postgres_url)
    await proxy.open()
    yield proxy
    await proxy.cut()


@pytest.fixture
async def database(proxy: FaultProxy) -> AsyncGenerator[Database]:
    database = open_database(proxy.url, reconnect_seconds=HANG_SECONDS)
    await database.ping()
    yield database
    await database.close()


async def test_statements_wait_for_a_server_that_restarts(database: Database, proxy: FaultProxy) -> None:
    await proxy.cut()
    async with asyncio.timeout(HANG_SECONDS), asyncio.TaskGroup() as group:
        reading = [group.create_task(_read(database)) for _ in range(3)]
        writing = group.create_task(_written(database))
        await asyncio.sleep(0.3)  # some attempts fail
        assert not any(task.done() for task in (*reading, writing))
        await proxy.open()
    assert [task.result() for task in (*reading, writing)] == [1, 1, 1, 1]


async def test_a_connection_that_breaks_while_it_is_prepared_is_made_again(proxy: FaultProxy) -> None:
    engine = postgresql(driver_url(proxy.url), connections=1)
    prepared: list[str] = []

    async def break_the_first(driver: Any) -> None:
        prepared.append("once more")
        if len(prepared) == 1:
            await driver.close()
        await driver.execute("SELECT 1")

    event.listen(engine.sync_engine, "connect", lambda connection, _: connection.run_async(break_the_first))
    async with asyncio.timeout(HANG_SECONDS), ReconnectWindow(HANG_SECONDS).connect(engine) as connection:
        assert (await connection.execute(text("SELECT 1"))).scalar_one() == 1
    assert len(prepared) == 2
    await engine.dispose()


async def test_a_ping_says_at_once_that_the_server_is_away(database: Database, proxy: FaultProxy) -> None:
    await proxy.cut()
    async with asyncio.timeout(HANG_SECONDS):
        with pytest.raises(Unavailable):
            await database.ping()


async def _read(database: Database) -> int:
    async with database.read() as connection:
        return int((await connection.execute(text("SELECT 1"))).scalar_one())


async def _written(database: Database) -> int:
    async with database.write() as connection:
        return int((await connection.execute(text("SELECT 1"))).scalar_one())


async def test_when_the_patience_is_over_statements_fail_at_once(proxy: FaultProxy) -> None:
    database = open_database(proxy.url, reconnect_seconds=0.2)
    await _read(database)
    await proxy.cut()
    with pytest.raises(Unavailable):
        await _read(database)
    async with asyncio.timeout(HANG_SECONDS):  # half of what they took if each had the patience anew
        for _ in range(50):
            with pytest.raises(Unavailable):
                await _read(database)
    await proxy.open()
    assert await _read(database) == 1
    await database.close()


async def test_a_database_that_is_not_there_is_not_waited_for(postgres_url: str) -> None:
    database = open_database(f"{postgres_url}_nowhere", reconnect_seconds=HANG_SECONDS)
    async with asyncio.timeout(HANG_SECONDS):
        with pytest.raises(Unavailable, match="no such database"):
            await _read(database)
    await database.close()
