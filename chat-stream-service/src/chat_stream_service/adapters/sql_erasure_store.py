"""Erasures that wait, in SQLite or PostgreSQL."""

from collections.abc import Sequence

from sqlalchemy import delete, exists, insert, select

from chat_stream_service.adapters.record import to_micros
from chat_stream_service.adapters.table import conversations, erasures
from chat_stream_service.domain.memory.erasure import Erasure
from chat_stream_service.domain.model.conversation import Owner
from penstock_kit.clock import Clock
from penstock_kit.database import Database


class SqlErasureStore:
    """Keeps erasures through the kit's Database; see ErasureStore."""

    def __init__(self, database: Database, *, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def add(self, noted: Sequence[Erasure]) -> None:
        """Store erasures."""
        now = to_micros(self._clock.now())
        rows = [
            {
                "id": erasure.id,
                "memory": erasure.memory,
                "tenant_id": erasure.owner.tenant_id,
                "user_id": erasure.owner.user_id,
                "conversation_id": erasure.conversation_id,
                "create_time": now,
            }
            for erasure in noted
        ]
        async with self._database.write() as connection:
            await connection.execute(insert(erasures), rows)

    async def list_pending(self, *, most: int) -> Sequence[Erasure]:
        """Return the oldest erasures whose conversation is gone."""
        there = exists().where(conversations.c.id == erasures.c.conversation_id)
        query = select(erasures).where(~there).order_by(erasures.c.id).limit(most)
        async with self._database.read() as connection:
            rows = (await connection.execute(query)).all()
        return [
            Erasure(
                id=row.id,
                memory=row.memory,
                owner=Owner(tenant_id=row.tenant_id, user_id=row.user_id),
                conversation_id=row.conversation_id,
            )
            for row in rows
        ]

    async def remove(self, erasure_id: str) -> None:
        """Delete an erasure."""
        async with self._database.write() as connection:
            await connection.execute(delete(erasures).where(erasures.c.id == erasure_id))
