"""The quick driver does what SQLAlchemy expects of aiosqlite's own."""

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from sqlalchemy import column, insert, table, text
from sqlalchemy.exc import IntegrityError

from penstock_kit.database import Database, WriteStep, open_database, sqlite_url
from penstock_kit.database.sqlite_driver import connect
from penstock_kit.errors import Unavailable
from penstock_testkit.waiting import HANG_SECONDS


@pytest.fixture
async def database(tmp_path: Path) -> AsyncGenerator[Database]:
    opened = open_database(sqlite_url(tmp_path / "quick.db"))
    async with opened.write() as connection:
        await connection.execute(text("CREATE TABLE pump (id INTEGER PRIMARY KEY, name TEXT UNIQUE)"))
        for name in ("a", "b", "c"):
            await connection.execute(text("INSERT INTO pump (name) VALUES (:name)"), {"name": name})
    yield opened
    await opened.close()


async def test_rows_come_whole_in_parts_and_one_by_one(database: Database) -> None:
    async with database.read() as connection:
        everything = await connection.execute(text("SELECT id, name FROM pump ORDER BY id"))
        assert [tuple(row) for row in everything] == [(1, "a"), (2, "b"), (3, "c")]
        parts = await connection.execute(text("SELECT name FROM pump ORDER BY id"))
        assert [row.name for row in parts.fetchmany(2)] == ["a", "b"]
        assert (parts.scalar_one(), parts.first() if not parts.closed else None) == ("c", None)
        async with connection.stream(text("SELECT name FROM pump ORDER BY id")) as streamed:
            assert [row.name async for row in streamed] == ["a", "b", "c"]
        assert (await connection.execute(text("SELECT name FROM pump WHERE id = 9"))).first() is None


async def test_changes_are_counted_and_returned(database: Database) -> None:
    async with database.write() as connection:
        changed = await connection.execute(text("UPDATE pump SET name = name || '!' WHERE id > 1"))
        assert changed.rowcount == 2
        back = await connection.execute(text("INSERT INTO pump (name) VALUES ('d') RETURNING id"))
        assert back.scalar_one() == 4
        many = await connection.execute(text("INSERT INTO pump (name) VALUES (:name)"), [{"name": "e"}, {"name": "f"}])
        assert many.rowcount == 2


async def test_a_statement_that_fails_leaves_the_connection_usable(database: Database) -> None:
    with pytest.raises(IntegrityError):
        async with database.write() as connection:
            await connection.execute(text("INSERT INTO pump (name) VALUES ('a')"))
    async with database.write() as connection:
        await connection.execute(text("INSERT INTO pump (name) VALUES ('z')"))
    async with database.read() as connection:
        assert (await connection.execute(text("SELECT count(*) FROM pump"))).scalar_one() == 4


async def test_a_transaction_whose_beginning_was_left_is_rolled_back_all_the_same(tmp_path: Path) -> None:
    path = str(tmp_path / "left.db")
    held = await connect(path, isolation_level=None)
    await held.run("BEGIN IMMEDIATE")
    left = await connect(path, isolation_level=None, lock_seconds=HANG_SECONDS)
    begin = asyncio.ensure_future(left.run("BEGIN IMMEDIATE"))
    await asyncio.sleep(0)  # it waits for the lock on its thread
    begin.cancel()
    undone = asyncio.ensure_future(left.rollback())
    await asyncio.sleep(0)
    await held.rollback()
    async with asyncio.timeout(HANG_SECONDS):
        await undone
        await left.run("SELECT 1")  # what was left is over by now
        await held.run("BEGIN IMMEDIATE")  # nobody holds the lock
    await held.close()
    await left.close()


async def test_transactions_behind_a_lock_that_outlasts_the_wait_do_not_wait_one_after_another(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path / "locked.db")
    database, seconds, writes = open_database(url, lock_seconds=0.5), 0.5, 60
    note = text("INSERT INTO note VALUES (1)")
    async with database.write() as connection:
        await connection.execute(text("CREATE TABLE note (id INTEGER)"))
    steps = [WriteStep(statement=insert(table("note", column("id"))), rows=[{"id": 1}])]

    async def write() -> None:
        async with database.write() as connection:
            await connection.execute(note)

    held = await connect(str(tmp_path / "locked.db"), isolation_level=None)
    await held.run("BEGIN IMMEDIATE")
    began = asyncio.get_running_loop().time()
    tasks = [write() if number % 2 else database.execute_all(steps) for number in range(writes)]
    refused = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), HANG_SECONDS)
    assert asyncio.get_running_loop().time() - began < writes * seconds / 2
    assert [type(each) for each in refused] == [Unavailable] * writes
    await held.rollback()
    await write()
    await database.execute_all(steps)
    async with database.write() as connection:  # as patient as before
        assert (await connection.execute(text("PRAGMA busy_timeout"))).scalar_one() == 500
    await held.close()
    await database.close()
