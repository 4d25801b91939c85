"""A conversation in OpenAI's chat-completions dialect."""

import base64
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Final, TypeGuard, assert_never

from llm_service.domain.model.message import (
    CallPart,
    FilePart,
    ImagePart,
    Message,
    Part,
    Role,
    TextPart,
    ThinkingPart,
    join_texts,
    text_message,
    text_of,
)
from llm_service.domain.model.profile import Quirks, ThinkingBack
from llm_service.providers.dropped import medium_of

Json = dict[str, Any]
_AUDIO_FORMATS: Final = {"mpeg": "mp3", "x-wav": "wav", "wave": "wav", "x-m4a": "m4a", "mp4": "m4a"}
_RESULT: Final = "What the tool call {} returned:"
_SEE_BELOW: Final = "The result is in the next message."


def messages_of(messages: Sequence[Message], quirks: Quirks, media: frozenset[str], dropped: list[str]) -> list[Json]:
    """Return the messages as the vendor takes them; kinds of content beyond `media` are left out and named."""
    told = messages
    if not all(map(_is_plain, messages)):
        told = _results_in_words([_within(message, media, dropped) for message in messages])
    if quirks.one_system:
        told = _one_system(told)
    made = [_message(message) for message in told]
    if quirks.thinking_back is not ThinkingBack.NEVER:
        for at in _in_tool_turns(told):
            thought = join_texts(part.text for part in told[at].parts if _is_plain_thought(part))
            if thought or quirks.thinking_back is ThinkingBack.REQUIRED:
                made[at]["reasoning_content"] = thought
    return made


def _is_plain(message: Message) -> bool:
    """Whether there is nothing but text in the message, as in most."""
    return all(type(part) is TextPart for part in message.parts)


def _results_in_words(messages: Sequence[Message]) -> Sequence[Message]:
    """Pictures and files of tools' results follow the results in a message of the user: a result is text alone."""
    if not any(message.role is Role.TOOL and any(map(medium_of, message.parts)) for message in messages):
        return messages
    told: list[Message] = []
    waiting: list[Part] = []
    for message in messages:
        if waiting and message.role is not Role.TOOL:
            if message.role is Role.USER:
                told.append(replace(message, parts=(*waiting, *message.parts)))
            else:
                told += [Message(role=Role.USER, parts=tuple(waiting)), message]
            waiting = []
            continue
        shown = [part for part in message.parts if medium_of(part)] if message.role is Role.TOOL else []
        if shown:
            waiting += [TextPart(text=_RESULT.format(message.tool_call_id)), *shown]
            kept = tuple(part for part in message.parts if not medium_of(part)) or (TextPart(text=_SEE_BELOW),)
            message = replace(message, parts=kept)  # noqa: PLW2901 - the same result, its words alone
        told.append(message)
    return [*told, Message(role=Role.USER, parts=tuple(waiting))] if waiting else told


def _within(message: Message, media: frozenset[str], dropped: list[str]) -> Message:
    """The message without kinds of content that the model does not take; in their place it is said that they were."""
    if message.role is Role.ASSISTANT:
        media = frozenset()  # what a model made is handed back to it in words alone
    foreign = [kind for part in message.parts if (kind := medium_of(part)) and kind not in media]
    if not foreign:
        return message
    dropped += [f"messages.{kind}" for kind in foreign]
    parts = tuple(
        TextPart(text=f"[{kind} left out: this model takes none]") if (kind := medium_of(part)) in foreign else part
        for part in message.parts
    )
    return replace(message, parts=parts)


def _one_system(messages: Sequence[Message]) -> Sequence[Message]:
    """All system messages as one, the first."""
    system = [message for message in messages if message.role is Role.SYSTEM]
    if not system or (len(system) == 1 and messages[0].role is Role.SYSTEM):
        return messages
    joined = text_message(Role.SYSTEM, join_texts(message.text for message in system))
    return [joined, *(message for message in messages if message.role is not Role.SYSTEM)]


def _in_tool_turns(messages: Sequence[Message]) -> Iterator[int]:
    """Yield the places of the assistant's messages in turns in which it called tools; a turn begins with the user."""
    turn: list[int] = []
    called = False
    for at, message in enumerate(messages):
        if message.role is Role.USER:
            yield from turn if called else ()
            turn, called = [], False
        elif message.role is Role.ASSISTANT:
            turn.append(at)
            called = called or bool(message.tool_calls)
    yield from turn if called else ()


def _is_plain_thought(part: Part) -> TypeGuard[ThinkingPart]:
    """Whether `part` is reasoning without a proof: one with a proof is another vendor's."""
    return isinstance(part, ThinkingPart) and not part.signature and not part.redacted


def _message(message: Message) -> Json:
    match message.role:
        case Role.SYSTEM:
            made: Json = {"role": "system", "content": message.text}
        case Role.USER:
            made = {"role": "user", "content": _content(message.parts)}
        case Role.ASSISTANT:
            made = {"role": "assistant", "content": message.text or (None if message.tool_calls else "")}
            if message.tool_calls:
                made["tool_calls"] = [
                    {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
                    for call in message.tool_calls
                ]
        case Role.TOOL:
            return {"role": "tool", "tool_call_id": message.tool_call_id, "content": message.text}
        case _:
            assert_never(message.role)
    if message.name:
        made["name"] = message.name
    return made


def _content(parts: tuple[Part, ...]) -> str | list[Json]:
    """Plain text as a string, which every server takes; anything else as parts."""
    if all(type(part) is TextPart for part in parts):
        return text_of(parts)
    return [made for part in parts if (made := _part(part))]


def _part(part: Part) -> Json | None:
    match part:
        case TextPart():
            return {"type": "text", "text": part.text}
        case ImagePart():
            image: Json = {"url": part.url or _data_url(part.media_type, part.data)}
            if part.detail:
                image["detail"] = part.detail
            return {"type": "image_url", "image_url": image}
        case FilePart():
            return _file(part)
        case ThinkingPart() | CallPart():
            return None
        case _:
            assert_never(part)


def _file(part: FilePart) -> Json:
    kind, _, form = part.media_type.partition("/")
    url = part.url or _data_url(part.media_type, part.data)
    match kind:
        case "audio":
            audio = {"data": base64.b64encode(part.data).decode(), "format": _AUDIO_FORMATS.get(form, form)}
            return {"type": "input_audio", "input_audio": audio}
        case "video":
            return {"type": "video_url", "video_url": {"url": url}}
        case "image":
            return {"type": "image_url", "image_url": {"url": url}}
        case _:
            return {"type": "file", "file": {"filename": part.filename, "file_data": url}}


def _data_url(media_type: str, data: bytes) -> str:
    return f"data:{media_type or 'application/octet-stream'};base64,{base64.b64encode(data).decode()}"
