"""Messages of a conversation, in the form of the store and in the form of a model's prompt."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from chat_stream_service.domain.model.event import ToolCall
from chat_stream_service.domain.model.picture import PICTURE_TOKENS, Picture
from chat_stream_service.domain.model.usage import NO_USAGE, Usage
from penstock_kit.token_estimate import estimate_tokens

# What a message costs a model beside its text, in tokens.
_OVERHEAD_TOKENS: Final = 4


# Sets what a later model call of a turn says off from what the earlier ones said.
PARAGRAPH: Final = "\n\n"

_NO_PICTURES: Final[Mapping[str, Picture]] = {}
_LEFT_OUT: Final = " of then, not shown again"


class Role(StrEnum):
    """The author of a message."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"
    TOOL = "tool"


@dataclass(frozen=True, slots=True, kw_only=True)
class Thought:
    """A block of reasoning that is sent back to its vendor: with a signature, encrypted, or plain."""

    text: str = ""
    signature: str = ""
    redacted: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptMessage:
    """One message of a model's prompt. `tool_call_id`, `name` and `is_error` go with the role TOOL.

    `pictures` have their data, and go with the role USER.
    """

    role: Role
    content: str
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str = ""
    name: str = ""
    is_error: bool = False
    thoughts: tuple[Thought, ...] = ()
    pictures: tuple[Picture, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A stored message. `status` is how an assistant's message ended (``completed``, ``stopped``, ``error`` …).

    `pictures` have their data when the message is to be stored, and not when it was read.
    """

    id: str
    conversation_id: str
    role: Role
    content: str
    create_time: datetime
    stream_id: str = ""
    model: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str = ""
    name: str = ""
    is_error: bool = False
    thinking: str = ""
    usage: Usage = NO_USAGE
    status: str = ""
    pictures: tuple[Picture, ...] = ()


def prompt_of(message: Message, loaded: Mapping[str, Picture] = _NO_PICTURES) -> PromptMessage:
    """Return the prompt message of a stored message for a later turn; past reasoning is left out.

    Pictures that are not among the `loaded` ones are named as left out, so that the model knows of them.
    """
    shown = tuple(loaded[picture.id] for picture in message.pictures if picture.id in loaded)
    return PromptMessage(
        role=message.role,
        content=_with_note(message.content, len(message.pictures) - len(shown), _LEFT_OUT),
        pictures=shown,
        tool_calls=message.tool_calls,
        tool_call_id=message.tool_call_id,
        name=message.name,
        is_error=message.is_error,
    )


def message_tokens(message: PromptMessage) -> int:
    """Return about how many tokens a message costs."""
    calls = sum(estimate_tokens(call.arguments_json) for call in message.tool_calls)
    return _OVERHEAD_TOKENS + estimate_tokens(message.content) + calls + PICTURE_TOKENS * len(message.pictures)


def stored_tokens(message: Message) -> int:
    """Return about how many tokens a stored message costs with all its pictures."""
    return message_tokens(prompt_of(message)) + PICTURE_TOKENS * len(message.pictures)


def words_of(message: PromptMessage | Message) -> str:
    """Return what a message says in words alone, with how many pictures it shows."""
    return _with_note(message.content, len(message.pictures), "")


def _with_note(content: str, pictures: int, note: str) -> str:
    if not pictures:
        return content
    marked = f"[{pictures} picture{'s' if pictures > 1 else ''}{note}]"
    return f"{content}\n{marked}" if content else marked
