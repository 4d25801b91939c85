"""What is older than its time goes, in small batches, so that no writer waits long for its turn."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Table, delete, select, tuple_

from penstock_kit.clock import Clock
from penstock_kit.database.counts import DatabaseCounts
from penstock_kit.database.database import Database
from penstock_kit.errors import PenstockError
from penstock_kit.logging import get_logger
from penstock_kit.supervision import supervise

_BATCH: Final = 200
# Services that start have other things to do.
_FIRST_SECONDS: Final = 60.0

Rule = Callable[[], Awaitable[int]]
"""Deletes what is older than its time and returns how many there were."""

log = get_logger(__name__)


async def delete_in_batches(database: Database, table: Table, old: ColumnElement[bool], *, batch: int = _BATCH) -> int:
    """Delete the rows of `table` that are `old`; return how many there were.

    They are looked for by readers; each batch is a short transaction by their keys, between which others write.
    """
    columns = list(table.primary_key.columns)
    key: Any = tuple_(*columns) if len(columns) > 1 else columns[0]
    deleted = 0
    while True:
        async with database.read() as connection:
            found = (await connection.execute(select(*columns).where(old).limit(batch))).all()
        if found:
            values = [tuple(row) if len(columns) > 1 else row[0] for row in found]
            async with database.write() as connection:
                deleted += (await connection.execute(delete(table).where(key.in_(values), old))).rowcount
        if len(found) < batch:
            return deleted


class Retention:
    """Applies rules by name, every `every` seconds, and counts in `counts` what they deleted."""

    def __init__(self, rules: Mapping[str, Rule], counts: DatabaseCounts, *, every: float) -> None:
        self._rules = rules
        self._counts = counts
        self._every = every

    async def apply(self) -> dict[str, int]:
        """Apply every rule; one that can't be is told in the log, and the others are."""
        deleted: dict[str, int] = {}
        for name, rule in self._rules.items():
            try:
                deleted[name] = await rule()
            except PenstockError as error:
                log.warning("what is old stays until the store answers", kind=name, detail=error.message)
                continue
            self._counts.deleted[name] = self._counts.deleted.get(name, 0) + deleted[name]
            if deleted[name]:
                log.info("what was old is deleted", kind=name, rows=deleted[name])
        return deleted

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Apply the rules now and then while the block lasts."""
        task = asyncio.create_task(supervise("retention", self._run)) if self._rules else None
        try:
            yield
        finally:
            if task is not None:
                task.cancel()
                await asyncio.wait([task])

    async def _run(self) -> None:
        await asyncio.sleep(min(self._every, _FIRST_SECONDS))
        while True:
            await self.apply()
            await asyncio.sleep(self._every)


def days_before(clock: Clock, days: float) -> datetime:
    """Return the moment `days` days ago."""
    return clock.now() - timedelta(days=days)
