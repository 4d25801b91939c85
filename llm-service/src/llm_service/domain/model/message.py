"""Messages of a conversation with a model, in no vendor's dialect."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import ClassVar, Final

# Characters of a field of a picture or file from which its digest stands for it: a data URL is a URL too.
_DIGESTED: Final = 8192


class Role(StrEnum):
    """The author of a message."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"
    TOOL = "tool"


@dataclass(frozen=True, slots=True, kw_only=True)
class TextPart:
    """Plain text. `cache_ttl` ("", "5m" or "1h") marks the end of a prefix the provider should cache."""

    text: str
    cache_ttl: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ImagePart:
    """A picture: an https or data URL, or raw bytes with their media type."""

    url: str = ""
    data: bytes = b""
    media_type: str = ""
    detail: str = ""
    cache_ttl: str = ""

    def __repr__(self) -> str:
        """Return the fields, a digest in the place of the bytes."""
        return _repr_with_digest(self)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class FilePart:
    """A file such as a PDF, a recording or a film: its bytes with their media type, or a URL."""

    filename: str
    data: bytes
    media_type: str
    cache_ttl: str = ""
    url: str = ""

    def __repr__(self) -> str:
        """Return the fields, a digest in the place of the bytes."""
        return _repr_with_digest(self)


def _repr_with_digest(part: ImagePart | FilePart) -> str:
    """Return the text of a part. Keys of caches and of repeated requests are made of it; megabytes of `\\x89` would
    hold up everything else for their making."""
    values = {field.name: _shown(getattr(part, field.name)) for field in fields(part) if field.name != "data"}
    values["data"] = hashlib.sha256(part.data).hexdigest()
    shown = (f"{name}={text}" for name, text in values.items())
    return f"{type(part).__name__}({', '.join(shown)})"


def _shown(text: str) -> str:
    return repr(text) if len(text) < _DIGESTED else hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class ThinkingPart:
    """A model's reasoning, handed back to it with the vendor's `signature`, or encrypted as `redacted`."""

    text: str = ""
    signature: str = ""
    redacted: str = ""
    cache_ttl: ClassVar[str] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallPart:
    """The place of the message's call with this index; calls without a place stand at the end."""

    index: int
    cache_ttl: ClassVar[str] = ""


Part = TextPart | ImagePart | FilePart | ThinkingPart | CallPart


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """A complete call of a tool as the model made it; `arguments` is JSON text."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message: an assistant's may hold calls, a tool's names the call it answers and whether that failed."""

    role: Role
    parts: tuple[Part, ...] = ()
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str = ""
    name: str = ""
    is_error: bool = False

    @property
    def text(self) -> str:
        """All text parts, joined by blank lines; pictures, files and reasoning are left out."""
        return text_of(self.parts)


def join_texts(texts: Iterable[str]) -> str:
    """Return blocks of text as one text; what one block ends with is never glued to what the next begins with."""
    return "\n\n".join(text for text in texts if text)


def text_of(parts: tuple[Part, ...]) -> str:
    """Return the texts among `parts`, joined by blank lines."""
    if len(parts) == 1 and isinstance(parts[0], TextPart):
        return parts[0].text  # as most are
    return join_texts(part.text for part in parts if isinstance(part, TextPart))


def with_a_turn(messages: Sequence[Message]) -> Sequence[Message]:
    """Return the messages; of instructions alone the last as the user's, for vendors that answer nobody else."""
    if any(message.role is not Role.SYSTEM for message in messages):
        return messages
    return [*messages[:-1], *(replace(message, role=Role.USER) for message in messages[-1:])]


def text_message(role: Role, text: str) -> Message:
    """Return a message of one text part."""
    return Message(role=role, parts=(TextPart(text=text),))
