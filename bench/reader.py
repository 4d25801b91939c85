"""Look-ups by key on SQLite: the quick reader beside SQLAlchemy's asynchronous engine, which it is read past."""

import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Column, Integer, MetaData, String, Table, bindparam, insert, select

from bench.measure import Figure, Report, interleaved
from penstock_kit.database import Database, open_database, sqlite_url

ROUNDS: Final = 5
ROWS: Final = 10_000
LOOKUPS: Final = 400
READERS: Final = 8

_METADATA: Final = MetaData()
_MESSAGES: Final = Table(
    "messages", _METADATA, Column("id", Integer, primary_key=True), Column("role", String), Column("content", String)
)
_BY_KEY: Final = select(_MESSAGES).where(_MESSAGES.c.id == bindparam("wanted"))

Lookup = Callable[[int], Awaitable[Sequence[Any]]]


async def run() -> Report:
    """Measure both ways in interleaved rounds, on one file."""
    report = Report(
        title="A look-up by key on SQLite",
        note=f"One row of {ROWS:,} by its key, through Database.rows (our reader) beside Database.read (SQLAlchemy).",
    )
    with tempfile.TemporaryDirectory() as folder:
        database = open_database(sqlite_url(Path(folder) / "bench.db"))
        try:
            await fill(database)
            await measure(report, quick(database), engine(database))
        finally:
            await database.close()
    return report


async def fill(database: Database) -> None:
    """Make the table and its rows."""
    async with database.write() as connection:
        await connection.run_sync(_METADATA.create_all)
        rows = [{"id": number, "role": "user", "content": f"message {number} " * 20} for number in range(ROWS)]
        await connection.execute(insert(_MESSAGES), rows)


def quick(database: Database) -> Lookup:
    """Look up past the engine."""
    return lambda number: database.rows(_BY_KEY, {"wanted": number})


def engine(database: Database) -> Lookup:
    """Look up through the engine."""

    async def lookup(number: int) -> Sequence[Any]:
        async with database.read() as connection:
            return (await connection.execute(_BY_KEY, {"wanted": number})).all()

    return lookup


async def latencies(lookup: Lookup) -> Sequence[float]:
    """Milliseconds of look-ups one after another."""
    taken: list[float] = []
    for number in range(LOOKUPS):
        began = time.perf_counter()
        rows = await lookup(number * 7 % ROWS)
        taken.append((time.perf_counter() - began) * 1000)
        assert len(rows) == 1
    return taken


async def cpu(lookup: Lookup) -> float:
    """Microseconds of CPU of a look-up, on all threads, while several readers look up at once."""

    async def read(reader: int) -> None:
        for number in range(LOOKUPS):
            await lookup((number + reader * LOOKUPS) % ROWS)

    before = time.process_time()
    await asyncio.gather(*(read(reader) for reader in range(READERS)))
    return (time.process_time() - before) / (READERS * LOOKUPS) * 1e6


async def measure(report: Report, ours: Lookup, theirs: Lookup) -> None:
    """Fill the report."""
    await latencies(ours)
    await latencies(theirs)
    (our_p50, _), (their_p50, _) = await interleaved(ROUNDS, lambda: latencies(ours), lambda: latencies(theirs))
    used = [(await cpu(ours), await cpu(theirs)) for _ in range(ROUNDS)]
    our_cpu, their_cpu = (statistics.median(pair[at] for pair in used) for at in (0, 1))
    rows = (
        ("look-up p50", our_p50 * 1000, our_p50 / their_p50),
        (f"CPU a look-up, {READERS} readers", our_cpu, our_cpu / their_cpu),
    )
    report.figures += [
        Figure(name=name, value=value, unit="µs", beside="SQLAlchemy's engine", ratio=ratio)
        for name, value, ratio in rows
    ]
