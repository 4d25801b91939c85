"""LostMessageStore on SQLite or PostgreSQL, through SQLAlchemy Core."""

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import delete, func, select, update

from feature_service.adapters.metadata.table import lost_messages as table
from feature_service.domain.ingest.lost_messages import Loss
from penstock_kit.database import Database
from penstock_kit.database.asynchronous import AsyncConnection

_IN_ALL: Final = 0
"""The minute under which that of all minutes stands."""
_SEEN: Final = "broker_seen"
"""The row of the broker's own count, as it was told last."""
_KEPT_MINUTES: Final = 24 * 60


class SqlLostMessageStore:
    """See :class:`feature_service.domain.ingest.lost_messages.LostMessageStore` for what the methods promise."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, minute: int, lost: Mapping[Loss, int], *, broker: int | None) -> None:
        """Add to the minute and to that of all; minutes of the day before go."""
        async with self._database.write() as connection:
            counts = {loss.value: count for loss, count in lost.items() if count}
            grown = 0 if broker is None else await _broker_growth(connection, broker)
            if grown:
                counts[Loss.BROKER.value] = counts.get(Loss.BROKER.value, 0) + grown
            for loss, count in sorted(counts.items()):
                for place in (_IN_ALL, minute):
                    await _increase(connection, place, loss, count)
            old = (table.c.minute > _IN_ALL, table.c.minute < minute - _KEPT_MINUTES)
            await connection.execute(delete(table).where(*old))

    async def since(self, minute: int) -> Mapping[Loss, int]:
        """Return the sums of the minutes."""
        return await self._sums(table.c.minute >= max(minute, _IN_ALL + 1))

    async def totals(self) -> Mapping[Loss, int]:
        """Return the counts of all minutes."""
        return await self._sums(table.c.minute == _IN_ALL)

    async def _sums(self, where: Any) -> Mapping[Loss, int]:
        named = table.c.loss.in_([loss.value for loss in Loss])
        query = select(table.c.loss, func.sum(table.c.messages)).where(where, named).group_by(table.c.loss)
        async with self._database.read() as connection:
            found = {Loss(loss): int(messages) for loss, messages in await connection.execute(query)}
        return {loss: found.get(loss, 0) for loss in Loss}


async def _broker_growth(connection: AsyncConnection, told: int) -> int:
    """Note the broker's count and return by how much it grew since it was noted last."""
    first = _insert(connection).values(minute=_IN_ALL, loss=_SEEN, messages=told).on_conflict_do_nothing()
    await connection.execute(first)
    where = (table.c.minute == _IN_ALL, table.c.loss == _SEEN)
    known = (await connection.execute(select(table.c.messages).where(*where).with_for_update())).scalar_one()
    if told != known:
        await connection.execute(update(table).where(*where).values(messages=told))
    return told - known if told >= known else told


async def _increase(connection: AsyncConnection, minute: int, loss: str, count: int) -> None:
    statement = _insert(connection).values(minute=minute, loss=loss, messages=count)
    more = {"messages": table.c.messages + statement.excluded.messages}
    await connection.execute(statement.on_conflict_do_update(index_elements=["minute", "loss"], set_=more))


def _insert(connection: AsyncConnection) -> Any:
    if connection.dialect.name == "sqlite":
        from sqlalchemy.dialects.sqlite import insert
    else:
        from sqlalchemy.dialects.postgresql import insert
    return insert(table)
