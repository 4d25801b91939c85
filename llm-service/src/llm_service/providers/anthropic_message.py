"""A conversation in Anthropic's dialect: turns that alternate, content in blocks, cache marks on them."""

import base64
import hashlib
import re
from collections.abc import Iterable, Sequence
from typing import Any, Final, assert_never

import orjson

from llm_service.domain.model.message import (
    CallPart,
    FilePart,
    ImagePart,
    Message,
    Part,
    Role,
    TextPart,
    ThinkingPart,
    ToolCall,
)
from llm_service.providers.dropped import medium_of
from penstock_kit.errors import InvalidArgument

Block = dict[str, Any]
_DATA_URL: Final = re.compile(r"data:([^;,]*);base64,(.*)", re.DOTALL)
_IDENTITY: Final = re.compile(r"[A-Za-z0-9_-]+")
_ODD: Final = re.compile(r"[^A-Za-z0-9_-]")
_PICTURES: Final = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp"})


def system_of(messages: Sequence[Message]) -> list[Block]:
    """Return the blocks of all system messages; Anthropic has one place for them, before the conversation."""
    spoken = [message for message in messages if message.role is Role.SYSTEM]
    return [block for message in spoken for block in _blocks(message.parts)]


def turns_of(messages: Sequence[Message]) -> list[Block]:
    """Return the turns: neighbours of one role joined, results of tools first in a user's turn.

    Raises InvalidArgument for a file or arguments that Anthropic can't be given.
    """
    turns: list[Block] = []
    for message in messages:
        if message.role is Role.SYSTEM:
            continue
        role = "assistant" if message.role is Role.ASSISTANT else "user"
        if blocks := _message_blocks(message):
            if turns and turns[-1]["role"] == role:
                turns[-1]["content"] += blocks
            else:
                turns.append({"role": role, "content": blocks})
    _without_trailing_blanks(turns)
    return turns


def _message_blocks(message: Message) -> list[Block]:
    match message.role:
        case Role.SYSTEM:
            return []
        case Role.USER:
            return _blocks(message.parts)
        case Role.ASSISTANT:
            return _assistant_blocks(message)
        case Role.TOOL:
            return [_tool_result(message)]
        case _:
            assert_never(message.role)


def _assistant_blocks(message: Message) -> list[Block]:
    """The blocks in their order, calls where they have a place; those without one stand at the end."""
    calls = dict(enumerate(message.tool_calls))
    blocks: list[Block] = []
    for part in _thoughts_first(message.parts):
        if isinstance(part, ImagePart):
            blocks.append({"type": "text", "text": "[image left out: this model makes none]"})
        elif not isinstance(part, CallPart):
            blocks += _blocks((part,))
        elif (call := calls.pop(part.index, None)) is not None:
            blocks.append(_tool_use(call))
    return [*blocks, *map(_tool_use, calls.values())]


def _thoughts_first(parts: Sequence[Part]) -> Iterable[Part]:
    """An answer of Anthropic's own is handed back in its order; of others reasoning comes first, or it is refused."""
    known = [part for part in parts if isinstance(part, ThinkingPart | TextPart | ImagePart | CallPart)]
    ordered = any(isinstance(part, CallPart) for part in known)
    if ordered or (known and isinstance(known[0], ThinkingPart)):
        return known
    return sorted(known, key=lambda part: not isinstance(part, ThinkingPart))


def _without_trailing_blanks(turns: list[Block]) -> None:
    """A last turn of the assistant is continued; Anthropic refuses one that ends in white space."""
    if turns and turns[-1]["role"] == "assistant" and turns[-1]["content"][-1]["type"] == "text":
        last = turns[-1]["content"][-1]
        last["text"] = last["text"].rstrip()


def _tool_use(call: ToolCall) -> Block:
    try:
        arguments: object = orjson.loads(call.arguments or "{}")
    except orjson.JSONDecodeError:
        arguments = None
    if not isinstance(arguments, dict):
        # What a model once wrote badly is handed back as it was, in the only form there is for it.
        arguments = {"invalid_arguments": call.arguments}
    return {"type": "tool_use", "id": _identity(call.id), "name": call.name, "input": arguments}


def _identity(given: str) -> str:
    """The id of a call as Anthropic takes it, letters, digits, - and _; other vendors have others in theirs."""
    if _IDENTITY.fullmatch(given):
        return given
    mark = hashlib.sha256(given.encode("utf-8", "replace")).hexdigest()[:8]
    return f"{_ODD.sub('_', given)[:40]}_{mark}"


def _tool_result(message: Message) -> Block:
    result: Block = {"type": "tool_result", "tool_use_id": _identity(message.tool_call_id)}
    if blocks := _blocks(message.parts):
        marks = [mark for block in blocks if (mark := block.pop("cache_control", None))]
        plain = len(blocks) == 1 and blocks[0]["type"] == "text"
        result["content"] = blocks[0]["text"] if plain else blocks
        if marks:
            result["cache_control"] = marks[-1]
    if message.is_error:
        result["is_error"] = True
    return result


def _blocks(parts: Iterable[Part]) -> list[Block]:
    return [block for part in parts if (block := _block(part))]


def _block(part: Part) -> Block | None:
    match part:
        case TextPart():
            # Anthropic refuses empty text.
            return _marked({"type": "text", "text": part.text}, part.cache_ttl) if part.text.strip() else None
        case ImagePart():
            return _marked({"type": "image", "source": _image_source(part)}, part.cache_ttl)
        case FilePart():
            return _marked(_file(part), part.cache_ttl)
        case ThinkingPart():
            return _thinking(part)
        case CallPart():
            return None
        case _:
            assert_never(part)


def _thinking(part: ThinkingPart) -> Block | None:
    """Anthropic takes back only what it signed; a signature with a vendor's name before it is another vendor's."""
    if part.redacted:
        return {"type": "redacted_thinking", "data": part.redacted}
    if not part.signature or ":" in part.signature:
        return None
    return {"type": "thinking", "thinking": part.text, "signature": part.signature}


def _image_source(part: ImagePart) -> Block:
    if part.data:
        return _base64(part.media_type or "image/png", part.data)
    if inline := _DATA_URL.fullmatch(part.url):
        return {"type": "base64", "media_type": inline[1], "data": inline[2]}
    return {"type": "url", "url": part.url}


def _file(part: FilePart) -> Block:
    if part.media_type in _PICTURES:
        return {"type": "image", "source": _base64(part.media_type, part.data)}
    if kind := medium_of(part).replace("file", ""):
        return {"type": "text", "text": f"[{kind} left out: this model takes none]"}
    if part.url:
        source: Block = {"type": "url", "url": part.url}
    elif part.media_type == "application/pdf":
        source = _base64(part.media_type, part.data)
    elif part.media_type.startswith("text/") or part.media_type == "application/json":
        source = {"type": "text", "media_type": "text/plain", "data": part.data.decode("utf-8", "replace")}
    else:
        message = f"anthropic takes PDF, text and pictures, not {part.media_type!r} ({part.filename})"
        raise InvalidArgument(message, reason="FILE_TYPE_UNSUPPORTED")
    return {"type": "document", "source": source, **({"title": part.filename} if part.filename else {})}


def _base64(media_type: str, data: bytes) -> Block:
    return {"type": "base64", "media_type": media_type, "data": base64.b64encode(data).decode()}


def _marked(block: Block, ttl: str) -> Block:
    if ttl:
        block["cache_control"] = cache_mark(ttl)
    return block


def cache_mark(ttl: str = "5m") -> Block:
    """Return the mark that ends a cached prefix; 5 minutes is the default, which older servers take unsaid."""
    return {"type": "ephemeral"} if ttl == "5m" else {"type": "ephemeral", "ttl": ttl}
