"""Messages of a conversation, in the form of the store and in the form of a model's prompt."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from chat_stream_service.domain.model.event import ToolCall
from chat_stream_service.domain.model.usage import NO_USAGE, Usage
from penstock_kit.token_estimate import estimate_tokens

# What a message costs a model beside its text, in tokens.
_OVERHEAD_TOKENS: Final = 4


# Sets what a later model call of a turn says off from what the earlier ones said.
PARAGRAPH: Final = "\n\n"


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
    """One message of a model's prompt. `tool_call_id`, `name` and `is_error` go with the role TOOL."""

    role: Role
    content: str
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str = ""
    name: str = ""
    is_error: bool = False
    thoughts: tuple[Thought, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A stored message. `status` is how an assistant's message ended (``completed``, ``stopped``, ``error`` …)."""

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


def prompt_of(message: Message) -> PromptMessage:
    """Return the prompt message of a stored message for a later turn; past reasoning is left out."""
    return PromptMessage(
        role=message.role,
        content=message.content,
        tool_calls=message.tool_calls,
        tool_call_id=message.tool_call_id,
        name=message.name,
        is_error=message.is_error,
    )


def message_tokens(message: PromptMessage) -> int:
    """Return about how many tokens a message costs."""
    calls = sum(estimate_tokens(call.arguments_json) for call in message.tool_calls)
    return _OVERHEAD_TOKENS + estimate_tokens(message.content) + calls
