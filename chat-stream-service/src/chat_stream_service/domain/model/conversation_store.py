"""The port to stored conversations, their messages and the records of their streams."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from chat_stream_service.domain.model.conversation import Conversation, ConversationChanges, Owner, Page
from chat_stream_service.domain.model.event import EventBody
from chat_stream_service.domain.model.event_log import StreamHeader
from chat_stream_service.domain.model.message import Message
from chat_stream_service.domain.model.picture import Picture


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnStart:
    """What is needed to begin a turn. `earlier_stream_id` is the stream that answered the same request id before.

    `summary` tells in short what was said before `history` begins, empty when that is the beginning.
    """

    conversation: Conversation
    history: tuple[Message, ...]
    earlier_stream_id: str = ""
    summary: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamRecord:
    """A stream as the store has it, for when the log holds it no longer.

    `terminal_event` is None while it runs, or when it was lost.
    """

    header: StreamHeader
    last_sequence: int = 0
    terminal_event: EventBody | None = None
    end_time: datetime | None = None


class ConversationStore(Protocol):
    """Conversations by owner. Everything that is asked for another owner's id is NotFound."""

    async def create(self, conversation: Conversation) -> None:
        """Store a new conversation."""
        ...

    async def get(self, owner: Owner, conversation_id: str) -> Conversation:
        """Return a conversation; NotFound (CONVERSATION_NOT_FOUND) otherwise."""
        ...

    async def list_page(self, owner: Owner, *, size: int, token: str) -> Page[Conversation]:
        """Return conversations, last used first. InvalidArgument (PAGE_TOKEN_INVALID) for a token not ours."""
        ...

    async def update(self, owner: Owner, conversation_id: str, changes: ConversationChanges) -> Conversation:
        """Change what is set in `changes` and return the conversation."""
        ...

    async def delete(self, owner: Owner, conversation_id: str) -> None:
        """Delete a conversation, its messages and the records of its streams."""
        ...

    async def messages_page(self, owner: Owner, conversation_id: str, *, size: int, token: str) -> Page[Message]:
        """Return messages, oldest first."""
        ...

    async def pictures(self, owner: Owner, conversation_id: str, ids: Sequence[str]) -> Mapping[str, Picture]:
        """Return those of the conversation's pictures that there are, with their data, by id."""
        ...

    async def open_turn(self, owner: Owner, conversation_id: str, *, request_id: str, history_limit: int) -> TurnStart:
        """Return the conversation, its newest messages (oldest of them first), and the earlier stream of the
        non-empty `request_id`."""
        ...

    async def begin_stream(self, header: StreamHeader, question: Message, *, title: str) -> None:
        """Record a stream as running with its question and its pictures, in one transaction; `title` is set when
        there is none.

        A second call for the same stream changes nothing.
        """
        ...

    async def end_stream(self, record: StreamRecord, added: Sequence[Message]) -> None:
        """Record the end of a stream with the messages it made, in one transaction.

        The first end counts: a second one, of a replica that was taken for dead, changes nothing.
        """
        ...

    async def stream(self, owner: Owner, stream_id: str) -> StreamRecord:
        """Return the record of a stream; NotFound (STREAM_NOT_FOUND) otherwise."""
        ...
