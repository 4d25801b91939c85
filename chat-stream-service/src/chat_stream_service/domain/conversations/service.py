"""Conversations as their owners use them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final, Protocol

from chat_stream_service.domain.conversations.personality import PersonalityStore
from chat_stream_service.domain.model.conversation import Conversation, ConversationChanges, Owner, Page
from chat_stream_service.domain.model.conversation_store import ConversationStore
from chat_stream_service.domain.model.event_log import EventLog
from chat_stream_service.domain.model.message import Message
from chat_stream_service.domain.model.picture import Picture
from penstock_kit.clock import Clock
from penstock_kit.errors import FieldViolation, InvalidArgument, NotFound

_MAX_LENGTH: Final = 200
_MAX_LABELS: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class NewConversation:
    """What a conversation is created with; an empty title is made from the first question."""

    title: str = ""
    model: str = ""
    personality_id: str = ""
    labels: Mapping[str, str]


class RunningStreams(Protocol):
    """The streams that run in conversations."""

    async def forget_conversation(self, conversation_id: str) -> None:
        """Stop what runs in a conversation, on any replica, and drop its events."""
        ...


class MemoryErasure(Protocol):
    """Makes every memory forget a deleted conversation."""

    async def add(self, owner: Owner, conversation_id: str) -> None:
        """Store what is to be forgotten once the conversation is deleted."""
        ...

    async def begin(self) -> None:
        """Have it forgotten soon."""
        ...


class ConversationService:
    """Creates, shows, renames and deletes conversations, with the stream that runs in them."""

    def __init__(
        self,
        *,
        store: ConversationStore,
        streams: RunningStreams,
        event_log: EventLog,
        personalities: PersonalityStore,
        erasures: MemoryErasure,
        clock: Clock,
        new_id: Callable[[str], str],
    ) -> None:
        self._store = store
        self._streams = streams
        self._log = event_log
        self._personalities = personalities
        self._erasures = erasures
        self._clock = clock
        self._new_id = new_id

    async def create(self, owner: Owner, new: NewConversation) -> Conversation:
        """Create a conversation; NotFound when its personality does not exist."""
        _check_length(title=new.title, model=new.model)
        if len(new.labels) > _MAX_LABELS:
            raise _invalid("labels", f"has {len(new.labels)} entries; at most {_MAX_LABELS} are kept")
        await self._check_personality(owner, new.personality_id)
        now = self._clock.now()
        conversation = Conversation(
            id=self._new_id("conv"),
            owner=owner,
            title=new.title.strip(),
            create_time=now,
            update_time=now,
            model=new.model,
            personality_id=new.personality_id,
            labels=new.labels,
        )
        await self._store.create(conversation)
        return conversation

    async def get(self, owner: Owner, conversation_id: str) -> Conversation:
        """Return a conversation; NotFound unless it is the owner's."""
        return await self._active(await self._store.get(owner, conversation_id))

    async def list_page(self, owner: Owner, *, size: int, token: str) -> Page[Conversation]:
        """Return the owner's conversations, last used first."""
        page = await self._store.list_page(owner, size=size, token=token)
        active = await self._log.active([item.id for item in page.items])
        items = [replace(item, active_stream_id=active.get(item.id, "")) for item in page.items]
        return Page(items=items, next_token=page.next_token)

    async def messages(self, owner: Owner, conversation_id: str, *, size: int, token: str) -> Page[Message]:
        """Return a conversation's messages, oldest first."""
        return await self._store.messages_page(owner, conversation_id, size=size, token=token)

    async def picture(self, owner: Owner, conversation_id: str, picture_id: str) -> Picture:
        """Return a picture with its data; NotFound unless the owner's conversation has it."""
        found = await self._store.pictures(owner, conversation_id, [picture_id])
        if picture_id not in found:
            raise NotFound(
                f"there is no picture {picture_id!r} in conversation {conversation_id!r}", reason="PICTURE_NOT_FOUND"
            )
        return found[picture_id]

    async def update(self, owner: Owner, conversation_id: str, changes: ConversationChanges) -> Conversation:
        """Rename a conversation or change its defaults."""
        _check_length(title=changes.title, model=changes.model)
        await self._check_personality(owner, changes.personality_id or "")
        return await self._active(await self._store.update(owner, conversation_id, changes))

    async def delete(self, owner: Owner, conversation_id: str) -> None:
        """Delete a conversation and everything that belongs to it, a running answer included."""
        await self._store.get(owner, conversation_id)
        await self._streams.forget_conversation(conversation_id)
        await self._erasures.add(owner, conversation_id)
        await self._store.delete(owner, conversation_id)
        await self._erasures.begin()

    async def _active(self, conversation: Conversation) -> Conversation:
        active = await self._log.active([conversation.id])
        return replace(conversation, active_stream_id=active.get(conversation.id, ""))

    async def _check_personality(self, owner: Owner, personality_id: str) -> None:
        if personality_id:
            await self._personalities.get(owner, personality_id)


def _check_length(**texts: str | None) -> None:
    for field, text in texts.items():
        if text and len(text) > _MAX_LENGTH:
            raise _invalid(field, f"has {len(text)} characters; at most {_MAX_LENGTH} are kept")


def _invalid(field: str, description: str) -> InvalidArgument:
    return InvalidArgument(
        f"{field} {description}",
        reason="CONVERSATION_INVALID",
        violations=[FieldViolation(field=field, description=description)],
    )
