"""The history of a turn as its prompt holds it, with the newest pictures in it."""

from collections.abc import Iterator, Mapping, Sequence

from chat_stream_service.domain.model.conversation import Owner
from chat_stream_service.domain.model.conversation_store import ConversationStore
from chat_stream_service.domain.model.event import Status
from chat_stream_service.domain.model.message import Message, PromptMessage, Role, prompt_of
from chat_stream_service.domain.model.picture import Picture, pictures_for_prompt, total_bytes
from chat_stream_service.domain.stream.picture_memory import PictureReservation


async def load_history(
    store: ConversationStore,
    owner: Owner,
    messages: Sequence[Message],
    *,
    question: PromptMessage,
    reservation: PictureReservation,
) -> tuple[PromptMessage, ...]:
    """Return the prompt messages of a conversation's newest `messages`.

    Bytes of pictures are read only when there are pictures to show beside those of the question, and memory for them.
    """
    wanted = pictures_for_prompt(_shown_before(messages), question=question.pictures)
    loaded: Mapping[str, Picture] = {}
    if wanted and reservation.try_grow(total_bytes(wanted)):
        conversation_id = messages[0].conversation_id
        loaded = await store.pictures(owner, conversation_id, [picture.id for picture in wanted])
    return tuple(prompt_of(message, loaded) for message in messages if _has_content(message))


def _shown_before(messages: Sequence[Message]) -> Iterator[Picture]:
    """Yield the pictures of earlier questions, the newest first.

    Left out are those of a question whose answer failed before its first word: they may be why, and would make every
    later answer of the conversation fail. Asked again, the question brings them itself.
    """
    failed = False
    for message in reversed(messages):
        if not failed:
            yield from reversed(message.pictures)
        failed = message.role is Role.ASSISTANT and message.status == Status.ERROR and not _has_content(message)


def _has_content(message: Message) -> bool:
    """An answer that failed before its first word tells a model nothing, and some refuse an empty message."""
    return bool(message.content or message.tool_calls or message.pictures)
