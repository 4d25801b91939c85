"""Summaries of conversations, in the conversations' own rows."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, and_, select, update

from chat_stream_service.adapters.record import message_of
from chat_stream_service.adapters.table import conversations, messages
from chat_stream_service.domain.memory.summary import ConversationSummary
from chat_stream_service.domain.model.conversation import Owner
from chat_stream_service.domain.model.message import Message
from penstock_kit.database import Database
from penstock_kit.errors import NotFound


class SqlSummaryStore:
    """Keeps the summary of a conversation; see SummaryStore. Two replicas at once: the second changes nothing."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def load(self, owner: Owner, conversation_id: str) -> tuple[ConversationSummary, Sequence[Message]]:
        """Return the summary and the messages after it."""
        query = select(conversations.c.summary, conversations.c.summary_until).where(_one(owner, conversation_id))
        async with self._database.read() as connection:
            row = (await connection.execute(query)).first()
            if row is None:
                raise NotFound(f"there is no conversation {conversation_id!r}", reason="CONVERSATION_NOT_FOUND")
            after = and_(messages.c.conversation_id == conversation_id, messages.c.id > row.summary_until)
            found = (await connection.execute(select(messages).where(after).order_by(messages.c.id))).all()
        return ConversationSummary(summary=row.summary, until=row.summary_until), [message_of(each) for each in found]

    async def save(
        self, owner: Owner, conversation_id: str, summary: ConversationSummary, *, before: ConversationSummary
    ) -> bool:
        """Replace the summary if it is still the one `before`."""
        unchanged = and_(_one(owner, conversation_id), conversations.c.summary_until == before.until)
        values = {"summary": summary.summary, "summary_until": summary.until}
        async with self._database.write() as connection:
            return (await connection.execute(update(conversations).where(unchanged).values(**values))).rowcount > 0


def _one(owner: Owner, conversation_id: str) -> ColumnElement[bool]:
    return and_(
        conversations.c.id == conversation_id,
        conversations.c.tenant_id == owner.tenant_id,
        conversations.c.user_id == owner.user_id,
    )
