"""SQLite's log stays small beside readers that overlap without end, and the file shrinks after maintenance."""

import asyncio
import re
import sqlite3
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import text

from penstock_kit.database import Database, open_database, sqlite_url
from penstock_testkit.waiting import assert_within

MEGABYTE = 1024 * 1024
ROW = 64 * 1024
ROWS = 3_000  # 190 MB
INSERT = text("INSERT INTO things VALUES (:id, zeroblob(:size))")


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    opened = open_database(sqlite_url(tmp_path / "some.db"))
    async with opened.write() as connection:
        await connection.execute(text("CREATE TABLE things (id INTEGER PRIMARY KEY, content BLOB)"))
    yield opened
    await opened.close()


def read_without_end(file: Path, done: threading.Event) -> None:
    """Read so that there is always a reader: each begins before the other ends."""
    readers = [sqlite3.connect(file, isolation_level=None, check_same_thread=False) for _ in range(2)]
    turn = 0
    readers[1].execute("BEGIN")
    while not done.is_set():
        readers[turn].execute("BEGIN")
        readers[turn].execute("SELECT count(*), max(length(content)) FROM things WHERE id % 10 = 0").fetchall()
        readers[1 - turn].execute("COMMIT")
        turn = 1 - turn
    for reader in readers:
        reader.close()


async def test_the_log_is_bounded_beside_readers_that_overlap_and_the_file_shrinks(
    database: Database, tmp_path: Path
) -> None:
    file, log, done = tmp_path / "some.db", tmp_path / "some.db-wal", threading.Event()
    reader = threading.Thread(target=read_without_end, args=(file, done))
    reader.start()
    largest, longest = 0, 0.0
    for number in range(ROWS):
        begun = time.monotonic()
        async with database.write() as connection:
            await connection.execute(INSERT, {"id": number, "size": ROW})
        longest = max(longest, time.monotonic() - begun)
        largest = max(largest, log.stat().st_size)
    done.set()
    reader.join()
    assert largest <= 64 * MEGABYTE
    # Beside other work on the machine: a write waits for one checkpoint of some megabytes at most.
    assert_within(longest, 5)
    assert database.counts.wal_bytes is not None
    assert database.counts.wal_bytes() == log.stat().st_size
    before = file.stat().st_size
    assert before > ROWS * ROW * 0.5
    async with database.write() as connection:
        await connection.execute(text("DELETE FROM things WHERE id >= 100"))
    await database.maintain()
    assert file.stat().st_size < before / 10
    assert log.stat().st_size == 0


async def test_a_reader_that_never_ends_is_not_waited_for(database: Database, tmp_path: Path) -> None:
    reader = sqlite3.connect(tmp_path / "some.db")
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM things").fetchall()
    begun = time.monotonic()
    for number in range(400):
        async with database.write() as connection:
            await connection.execute(INSERT, {"id": number, "size": ROW})
    took = time.monotonic() - begun
    reader.close()
    assert_within(took, 20)
    async with database.write() as connection:
        await connection.execute(text("INSERT INTO things VALUES (9999, zeroblob(10))"))
    await database.maintain()
    assert (tmp_path / "some.db-wal").stat().st_size == 0


def written_by_threads() -> dict[int, int]:
    """How many bytes each thread of this process has written so far."""
    tasks = Path("/proc/self/task")
    if not tasks.exists():
        pytest.skip("the kernel counts no bytes of threads here")
    counted = {int(task.name): re.search(r"wchar: (\d+)", (task / "io").read_text()) for task in tasks.iterdir()}
    return {thread: int(found[1]) for thread, found in counted.items() if found is not None}


async def test_the_connection_that_writes_leaves_copying_the_log_to_another(database: Database, tmp_path: Path) -> None:
    before, written, largest = written_by_threads(), 1_000 * ROW, 0
    for number in range(written // ROW):
        async with database.write() as connection:
            await connection.execute(INSERT, {"id": number, "size": ROW})
        largest = max(largest, (tmp_path / "some.db-wal").stat().st_size)
        await asyncio.sleep(0.001)
    since = sorted(count - before.get(thread, 0) for thread, count in written_by_threads().items())
    *_, copier, writer = since
    # The log's frames once, and what is left to copy where the log is begun anew.
    assert written < writer < 1.5 * written
    assert copier > 0.5 * written
    assert largest <= 64 * MEGABYTE
