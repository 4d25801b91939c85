"""Conversations that nobody used for longer than they are kept."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

from sqlalchemy import select

from chat_stream_service.adapters.record import to_micros
from chat_stream_service.adapters.table import conversations
from chat_stream_service.domain.model.conversation import Owner
from penstock_kit.database import Database
from penstock_kit.database.retention import delete_in_batches
from penstock_kit.errors import NotFound

_BATCH = 50


async def delete_unused(database: Database, before: datetime, delete: Callable[[Owner, str], Awaitable[None]]) -> int:
    """Have `delete` delete the conversations that were last used before that moment; return how many."""
    deleted = 0
    while found := await _unused(database, before):
        for owner, conversation_id in found:
            try:
                await delete(owner, conversation_id)
            except NotFound:
                continue
            deleted += 1
    return deleted


async def delete_unused_rows(database: Database, before: datetime) -> int:
    """Delete them here alone, with what belongs to them: while no service runs that other memories are told by."""
    old = conversations.c.update_time < to_micros(before)
    return await delete_in_batches(database, conversations, old, batch=_BATCH)


async def _unused(database: Database, before: datetime) -> Sequence[tuple[Owner, str]]:
    columns = conversations.c
    query = select(columns.id, columns.tenant_id, columns.user_id).where(columns.update_time < to_micros(before))
    async with database.read() as connection:
        rows = (await connection.execute(query.order_by(columns.update_time).limit(_BATCH))).all()
    return [(Owner(tenant_id=row.tenant_id, user_id=row.user_id), row.id) for row in rows]
