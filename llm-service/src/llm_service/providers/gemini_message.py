"""A conversation in Gemini's dialect: turns of the user and the model, everything a part, reasoning as signatures."""

import base64
import mimetypes
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
from llm_service.providers.gemini_model import GeminiTraits

Json = dict[str, Any]
# Put before a signature, so that no other vendor is handed it and Gemini none of theirs.
SIGNATURE_MARK: Final = "gemini:"
# What Google has a client send for a call that was made elsewhere and so has no signature.
_UNSIGNED: Final = "skip_thought_signature_validator"
_DATA_URL: Final = re.compile(r"data:([^;,]*);base64,(.*)", re.DOTALL)


def system_of(messages: Sequence[Message]) -> Json | None:
    """Return the system messages as the one instruction Gemini has, None when there is none."""
    texts = [message.text for message in messages if message.role is Role.SYSTEM and message.text]
    return {"parts": [{"text": text} for text in texts]} if texts else None


def contents_of(messages: Sequence[Message], traits: GeminiTraits) -> list[Json]:
    """Return the turns, neighbours of one role joined; for models without instructions those begin the first."""
    names = {call.id: call.name for message in messages for call in message.tool_calls}
    contents: list[Json] = []
    for message in messages:
        if message.role is Role.SYSTEM and traits.system:
            continue
        role = "model" if message.role is Role.ASSISTANT else "user"
        if parts := _parts(message, names, traits):
            if contents and contents[-1]["role"] == role:
                contents[-1]["parts"] += parts
            else:
                contents.append({"role": role, "parts": parts})
    return contents


def _parts(message: Message, names: dict[str, str], traits: GeminiTraits) -> list[Json]:
    match message.role:
        case Role.SYSTEM | Role.USER:
            return _content(message.parts)
        case Role.ASSISTANT:
            return _model_parts(message, traits.signed_calls)
        case Role.TOOL:
            return _result_parts(message, names.get(message.tool_call_id) or message.name or "tool", traits)
        case _:
            assert_never(message.role)


def _model_parts(message: Message, signed_calls: bool) -> list[Json]:
    """The signature belongs to the first call of a turn, or else to its last text."""
    texts, calls = _content(message.parts), [_call(call) for call in message.tool_calls]
    signature = _signature(message.parts)
    if calls and (signature or signed_calls):
        calls[0]["thoughtSignature"] = signature or _UNSIGNED
    elif texts and signature:
        texts[-1]["thoughtSignature"] = signature
    return [*texts, *calls]


def _signature(parts: Iterable[Part]) -> str:
    signatures = [part.signature for part in parts if isinstance(part, ThinkingPart)]
    ours = [text.removeprefix(SIGNATURE_MARK) for text in signatures if text.startswith(SIGNATURE_MARK)]
    return ours[-1] if ours else ""


def _call(call: ToolCall) -> Json:
    try:
        arguments: object = orjson.loads(call.arguments or "{}")
    except orjson.JSONDecodeError:
        arguments = None
    if not isinstance(arguments, dict):
        arguments = {"invalid_arguments": call.arguments}
    return {"functionCall": {"id": call.id, "name": call.name, "args": arguments}}


def _result_parts(message: Message, name: str, traits: GeminiTraits) -> list[Json]:
    """A tool's result; its pictures and files are inside from Gemini 3 on, behind it before."""
    result = _result(message, name)
    media = _content(part for part in message.parts if isinstance(part, ImagePart | FilePart))
    if not media:
        return [{"functionResponse": result}]
    if traits.pictures_in_results:
        return [{"functionResponse": {**result, "parts": media}}]
    return [{"functionResponse": result}, {"text": f"What the tool call {message.tool_call_id} returned:"}, *media]


def _result(message: Message, name: str) -> Json:
    """A tool's result must be an object; one that is none goes into `result`, a failure into `error`."""
    try:
        decoded: object = orjson.loads(message.text)
    except orjson.JSONDecodeError:
        decoded = message.text
    response = decoded
    if message.is_error or not isinstance(decoded, dict):
        response = {"error" if message.is_error else "result": decoded}
    return {"id": message.tool_call_id, "name": name, "response": response}


def _content(parts: Iterable[Part]) -> list[Json]:
    return [made for part in parts if (made := _part(part))]


def _part(part: Part) -> Json | None:
    match part:
        case TextPart():
            return {"text": part.text} if part.text else None
        case ImagePart():
            return _image(part)
        case FilePart() if part.url and not part.data:
            return _linked(part.url, part.media_type)
        case FilePart():
            return _inline(part.media_type or "application/octet-stream", part.data)
        case ThinkingPart() | CallPart():
            return None
        case _:
            assert_never(part)


def _image(part: ImagePart) -> Json:
    if part.data:
        return _inline(part.media_type or "image/png", part.data)
    return _linked(part.url, part.media_type)


def _linked(url: str, media_type: str) -> Json:
    if inline := _DATA_URL.fullmatch(url):
        return {"inlineData": {"mimeType": inline[1], "data": inline[2]}}
    exact = media_type if not media_type.endswith("/*") else ""
    kind = exact or mimetypes.guess_type(url.partition("?")[0])[0] or "image/jpeg"
    return {"fileData": {"fileUri": url, "mimeType": kind}}


def _inline(media_type: str, data: bytes) -> Json:
    return {"inlineData": {"mimeType": media_type, "data": base64.b64encode(data).decode()}}
