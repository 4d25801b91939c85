"""Conversations in SQLite or PostgreSQL."""

from collections.abc import Mapping, Sequence
from dataclasses import make_dataclass
from functools import partial
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Integer,
    Select,
    String,
    and_,
    bindparam,
    delete,
    insert,
    or_,
    outerjoin,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from chat_stream_service.adapters.group_commit import GroupCommit
from chat_stream_service.adapters.page_rows import read_page
from chat_stream_service.adapters.page_token import decode_token, encode_token
from chat_stream_service.adapters.record import (
    AnyRow,
    conversation_of,
    conversation_row,
    message_of,
    picture_of,
    stream_of,
)
from chat_stream_service.adapters.table import conversations, messages, pictures, streams
from chat_stream_service.adapters.turn_write import StreamHasEnd, TurnWrite, turn_begun, turn_ended, write_turns
from chat_stream_service.domain.model.conversation import Conversation, ConversationChanges, Owner, Page
from chat_stream_service.domain.model.conversation_store import StreamRecord, TurnStart
from chat_stream_service.domain.model.event_log import StreamHeader
from chat_stream_service.domain.model.message import Message
from chat_stream_service.domain.model.picture import Picture
from penstock_kit.database import Database, WriteStep
from penstock_kit.database.asynchronous import AsyncConnection
from penstock_kit.errors import NotFound


def _opening() -> Select[Any]:
    """Return the query for a conversation, the stream of a request id, and the newest messages, newest first.

    One statement, made once: a second one, or making it anew, costs about as much as what it does. Without messages
    there is one row.
    """
    conversation_id = bindparam("conversation_id", type_=String)
    earlier = select(streams.c.id).where(
        streams.c.conversation_id == conversation_id, streams.c.request_id == bindparam("request_id", type_=String)
    )
    recent = and_(messages.c.conversation_id == conversation_id, messages.c.id > conversations.c.summary_until)
    query = select(*conversations.c, earlier.scalar_subquery(), *messages.c)
    return (
        query.select_from(outerjoin(conversations, messages, recent))
        .where(
            conversations.c.id == conversation_id,
            conversations.c.tenant_id == bindparam("tenant_id", type_=String),
            conversations.c.user_id == bindparam("user_id", type_=String),
        )
        .order_by(messages.c.id.desc())
        .limit(bindparam("history_limit", type_=Integer))
    )


_CREATE: Final = insert(conversations)
_LONG: Final = (messages.c.content, messages.c.thinking, messages.c.tool_calls_json)
# A row of it is a conversation, the id of an earlier stream, a message.
_OPENING: Final = _opening()
_ConversationRow: Final = make_dataclass("_ConversationRow", conversations.c.keys(), slots=True)
_MessageRow: Final = make_dataclass("_MessageRow", messages.c.keys(), slots=True)
_EARLIER: Final = len(conversations.c)
_MESSAGE_START: Final = _EARLIER + 1


class SqlConversationStore:
    """Conversations, messages and stream records through the kit's Database; see ConversationStore."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._turns: GroupCommit[TurnWrite] = GroupCommit(partial(write_turns, database))

    async def create(self, conversation: Conversation) -> None:
        """Store a new conversation."""
        await self._database.execute_all([WriteStep(statement=_CREATE, rows=[conversation_row(conversation)])])

    async def get(self, owner: Owner, conversation_id: str) -> Conversation:
        """Return a conversation; NotFound unless it is the owner's."""
        async with self._database.read() as connection:
            return conversation_of(await _conversation(connection, owner, conversation_id))

    async def list_page(self, owner: Owner, *, size: int, token: str) -> Page[Conversation]:
        """Return conversations, last used first."""
        query = select(conversations).where(_owned(owner))
        if token:
            time, last = decode_token(token, int, str)
            older = and_(conversations.c.update_time == time, conversations.c.id < last)
            query = query.where(or_(conversations.c.update_time < time, older))
        query = query.order_by(conversations.c.update_time.desc(), conversations.c.id.desc()).limit(size + 1)
        async with self._database.read() as connection:
            rows = (await connection.execute(query)).all()
        more = encode_token(rows[size - 1].update_time, rows[size - 1].id) if len(rows) > size else ""
        return Page(items=[conversation_of(row) for row in rows[:size]], next_token=more)

    async def update(self, owner: Owner, conversation_id: str, changes: ConversationChanges) -> Conversation:
        """Change what is set and return the conversation."""
        wanted = {"title": changes.title, "model": changes.model, "personality_id": changes.personality_id}
        values = {name: value for name, value in wanted.items() if value is not None}
        async with self._database.write() as connection:
            await _conversation(connection, owner, conversation_id)
            if values:
                await connection.execute(
                    update(conversations).where(conversations.c.id == conversation_id).values(**values)
                )
            return conversation_of(await _conversation(connection, owner, conversation_id))

    async def delete(self, owner: Owner, conversation_id: str) -> None:
        """Delete a conversation; its messages and streams go with it."""
        query = delete(conversations).where(_owned(owner), conversations.c.id == conversation_id)
        async with self._database.write() as connection:
            if (await connection.execute(query)).rowcount == 0:
                raise _no_conversation(conversation_id)

    async def messages_page(self, owner: Owner, conversation_id: str, *, size: int, token: str) -> Page[Message]:
        """Return messages, oldest first."""
        query = select(messages).where(messages.c.conversation_id == conversation_id)
        if token:
            query = query.where(messages.c.id > decode_token(token, str)[0])
        async with self._database.read() as connection:
            await _conversation(connection, owner, conversation_id)
            page = await read_page(connection, query, messages.c.id, _LONG, size=size)
        more = encode_token(page.rows[-1].id) if page.has_more else ""
        return Page(items=[message_of(row) for row in page.rows], next_token=more)

    async def pictures(self, owner: Owner, conversation_id: str, ids: Sequence[str]) -> Mapping[str, Picture]:
        """Return those of the conversation's pictures that there are, by id."""
        query = (
            select(pictures)
            .join(conversations, conversations.c.id == pictures.c.conversation_id)
            .where(_owned(owner), conversations.c.id == conversation_id, pictures.c.id.in_(ids))
        )
        async with self._database.read() as connection:
            return {row.id: picture_of(row) for row in (await connection.execute(query)).all()}

    async def open_turn(self, owner: Owner, conversation_id: str, *, request_id: str, history_limit: int) -> TurnStart:
        """Return the conversation, its newest messages and the earlier stream of the request id."""
        asked = {
            "conversation_id": conversation_id,
            "tenant_id": owner.tenant_id,
            "user_id": owner.user_id,
            "request_id": request_id,
            "history_limit": max(history_limit, 1),
        }
        rows = await self._database.rows(_OPENING, asked)
        if not rows:
            raise _no_conversation(conversation_id)
        newest: list[Any] = [_MessageRow(*row[_MESSAGE_START:]) for row in rows[:history_limit]]
        first: Any = _ConversationRow(*rows[0][:_EARLIER])
        return TurnStart(
            conversation=conversation_of(first),
            history=tuple(message_of(row) for row in reversed(newest) if row.id is not None),
            earlier_stream_id=rows[0][_EARLIER] or "",
            summary=first.summary,
        )

    async def begin_stream(self, header: StreamHeader, question: Message, *, title: str) -> None:
        """Record a stream as running, with its question."""
        try:
            await self._write_turn(turn_begun(header, question, title=title))
        except IntegrityError:
            # Begun before, or its conversation was deleted meanwhile: either way there is nothing to add.
            return

    async def end_stream(self, record: StreamRecord, added: Sequence[Message]) -> None:
        """Record the end of a stream and its messages, unless it has one; NotFound when the conversation is gone."""
        try:
            await self._write_turn(turn_ended(record, added))
        except StreamHasEnd:
            await self._check_stream(record.header)
        except IntegrityError:
            raise _no_conversation(record.header.conversation_id) from None

    async def _write_turn(self, turn: TurnWrite) -> None:
        # PostgreSQL has many writers, and gathers their commits itself.
        if self._database.is_sqlite:
            await self._turns.add(turn)
        else:
            await write_turns(self._database, [turn])

    async def _check_stream(self, header: StreamHeader) -> None:
        """Raise NotFound unless the stream is there."""
        query = select(streams.c.id).where(streams.c.id == header.stream_id)
        async with self._database.read() as connection:
            if (await connection.execute(query)).first() is None:
                raise _no_conversation(header.conversation_id)

    async def stream(self, owner: Owner, stream_id: str) -> StreamRecord:
        """Return the record of the owner's stream."""
        owned = and_(streams.c.tenant_id == owner.tenant_id, streams.c.user_id == owner.user_id)
        async with self._database.read() as connection:
            row = (await connection.execute(select(streams).where(streams.c.id == stream_id, owned))).first()
        if row is None:
            raise NotFound(f"there is no stream {stream_id!r}", reason="STREAM_NOT_FOUND")
        return stream_of(row)


def _owned(owner: Owner) -> ColumnElement[bool]:
    return and_(conversations.c.tenant_id == owner.tenant_id, conversations.c.user_id == owner.user_id)


async def _conversation(connection: AsyncConnection, owner: Owner, conversation_id: str) -> AnyRow:
    query = select(conversations).where(conversations.c.id == conversation_id, _owned(owner))
    row = (await connection.execute(query)).first()
    if row is None:
        raise _no_conversation(conversation_id)
    return row


def _no_conversation(conversation_id: str) -> NotFound:
    return NotFound(f"there is no conversation {conversation_id!r}", reason="CONVERSATION_NOT_FOUND")
