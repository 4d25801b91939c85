"""Answers of the semantic cache in a SQLite file, which outlives the process. One thread, opened at the first call."""

# Parts of statements are put together here; values are always parameters.
# ruff: noqa: S608

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, TypeVar

from cache_service.domain.semantic.entry import SemanticEntry
from cache_service.domain.semantic.store import SemanticLimits, SemanticStoreAway, StoredVector
from penstock_kit.clock import Clock

T = TypeVar("T")
# Milliseconds that a writer waits for another process' transaction.
_BUSY_MS: Final = 200
_SCHEMA: Final = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
CREATE TABLE IF NOT EXISTS semantic_entry (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    tenant TEXT NOT NULL,
    partition TEXT NOT NULL,
    question TEXT NOT NULL,
    folded TEXT NOT NULL,
    vector BLOB NOT NULL,
    value BLOB NOT NULL,
    model TEXT NOT NULL,
    create_time REAL NOT NULL,
    expire_time REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS semantic_entry_partition ON semantic_entry (tenant, partition, sequence);
CREATE INDEX IF NOT EXISTS semantic_entry_expiry ON semantic_entry (expire_time);
PRAGMA user_version = 1;
"""
_COLUMNS: Final = "id, tenant, partition, question, vector, value, model, create_time, expire_time"
_BATCH: Final = 500


class SqliteSemanticStore:
    """A SemanticStore in a file of mode 0600. A file that is locked or broken counts as away."""

    name = "sqlite"

    def __init__(self, path: Path, *, clock: Clock, limits: SemanticLimits) -> None:
        self._path = path
        self._clock = clock
        self._limits = limits
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="semantic")
        self._connection: sqlite3.Connection | None = None

    async def put(self, entry: SemanticEntry, ttl: float) -> int:
        """Store an entry; return how many others had to go for it."""
        return await self._run(lambda connection: self._put(connection, entry))

    async def list_after(self, tenant: str, partition: str, after: int, limit: int) -> Sequence[StoredVector]:
        """Return what was stored in a partition after a sequence."""
        text = """SELECT id, sequence, vector FROM semantic_entry
            WHERE tenant = ? AND partition = ? AND sequence > ? AND expire_time > ? ORDER BY sequence LIMIT ?"""
        values = (tenant, partition, after, self._now(), limit)
        rows = await self._run(lambda connection: connection.execute(text, values).fetchall())
        return [StoredVector(id=row[0], sequence=row[1], vector=row[2]) for row in rows]

    async def read(self, ids: Sequence[str]) -> Sequence[SemanticEntry | None]:
        """Return the live entries in the order of `ids`."""
        marks = ",".join("?" * len(ids))
        text = f"SELECT {_COLUMNS} FROM semantic_entry WHERE id IN ({marks}) AND expire_time > ?"
        rows = await self._run(lambda connection: connection.execute(text, (*ids, self._now())).fetchall())
        found = {row[0]: _entry(row) for row in rows}
        return [found.get(each) for each in ids]

    async def delete(self, tenant: str, ids: Sequence[str]) -> int:
        """Delete entries of the tenant."""
        marks = ",".join("?" * len(ids))
        return await self._delete(f"tenant = ? AND id IN ({marks})", (tenant, *ids))

    async def delete_questions(self, tenant: str, prefix: str) -> int:
        """Delete entries whose question begins so."""
        folded = prefix.casefold()
        return await self._delete("tenant = ? AND substr(folded, 1, ?) = ?", (tenant, len(folded), folded))

    async def sweep(self) -> int:
        """Delete what has expired."""
        return await self._delete("expire_time <= ?", (self._now(),))

    async def close(self) -> None:
        """Close the file."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await asyncio.get_running_loop().run_in_executor(self._thread, connection.close)
        self._thread.shutdown(wait=False)

    async def _delete(self, where: str, values: Sequence[Any]) -> int:
        return await self._run(
            lambda connection: connection.execute(f"DELETE FROM semantic_entry WHERE {where}", values).rowcount
        )

    async def _run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, self._worked, work)
        except (sqlite3.Error, OSError, RuntimeError) as error:
            raise SemanticStoreAway(f"{self._path.name}: {error}") from error

    def _worked(self, work: Callable[[sqlite3.Connection], T]) -> T:
        connection = self._opened()
        with connection:
            return work(connection)

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._path.touch(mode=0o600)
            connection = sqlite3.connect(self._path, timeout=_BUSY_MS / 1000, check_same_thread=False)
            connection.executescript(_SCHEMA)
            self._connection = connection
        return self._connection

    def _put(self, connection: sqlite3.Connection, entry: SemanticEntry) -> int:
        connection.execute("DELETE FROM semantic_entry WHERE id = ?", (entry.id,))
        connection.execute(
            f"INSERT INTO semantic_entry ({_COLUMNS}, folded) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                entry.id, entry.tenant, entry.partition, entry.question, entry.vector, entry.value, entry.model,
                entry.create_time.timestamp(), entry.expire_time.timestamp(), entry.question.casefold(),
            ),
        )  # fmt: skip
        connection.execute(
            """DELETE FROM semantic_entry WHERE sequence IN
            (SELECT sequence FROM semantic_entry WHERE expire_time <= ? LIMIT ?)""",
            (self._now(), _BATCH),
        )
        return self._evict(connection, entry)

    def _evict(self, connection: sqlite3.Connection, entry: SemanticEntry) -> int:
        """Delete the oldest where there are too many, and the partitions stored into least recently."""
        oldest = """DELETE FROM semantic_entry WHERE sequence IN (SELECT sequence FROM semantic_entry
            WHERE tenant = ? {more} ORDER BY sequence DESC LIMIT -1 OFFSET ?)"""
        gone = connection.execute(
            oldest.format(more="AND partition = ?"), (entry.tenant, entry.partition, self._limits.partition_entries)
        ).rowcount
        gone += connection.execute(oldest.format(more=""), (entry.tenant, self._limits.tenant_entries)).rowcount
        gone += connection.execute(
            """DELETE FROM semantic_entry WHERE tenant = ? AND partition IN (SELECT partition FROM semantic_entry
            WHERE tenant = ? GROUP BY partition ORDER BY max(sequence) DESC LIMIT -1 OFFSET ?)""",
            (entry.tenant, entry.tenant, self._limits.tenant_partitions),
        ).rowcount
        return gone

    def _now(self) -> float:
        return self._clock.now().timestamp()


def _entry(row: Sequence[Any]) -> SemanticEntry:
    return SemanticEntry(
        id=row[0],
        tenant=row[1],
        partition=row[2],
        question=row[3],
        vector=row[4],
        value=row[5],
        model=row[6],
        create_time=datetime.fromtimestamp(row[7], UTC),
        expire_time=datetime.fromtimestamp(row[8], UTC),
    )
