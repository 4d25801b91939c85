"""Messages of an OpenAI chat request → messages of the Completion proto."""

from typing import Any, Final, cast

from penstock.common.v1.common_pb2 import ToolCall
from penstock.llm.v1 import llm_pb2 as pb

from gateway.model_call.content import audio_from_json, check_url, file_from_json
from gateway.model_call.fields import Fields, reject_field

_ROLES: Final = {
    "system": pb.ROLE_SYSTEM,
    "developer": pb.ROLE_SYSTEM,
    "user": pb.ROLE_USER,
    "assistant": pb.ROLE_ASSISTANT,
    "tool": pb.ROLE_TOOL,
    "function": pb.ROLE_TOOL,
}
_TTL: Final = "5m"
_PLAIN: Final = 2


def messages_to_proto(items: list[Any]) -> list[pb.Message]:
    """Return the messages; raise InvalidArgument naming the message and field that is wrong."""
    if not items:
        reject_field("messages", "must be an array with at least one message")
    messages = [_plain(item) or _message(Fields(item, f"messages[{at}]"), at) for at, item in enumerate(items)]
    if any(message.role == pb.ROLE_TOOL and not message.tool_call_id for message in messages):
        _name_calls(messages)
    return messages


def _name_calls(messages: list[pb.Message]) -> None:
    """Say which call each result is of, where results name the function alone, as before there were tools."""
    waiting: list[ToolCall] = []
    for at, message in enumerate(messages):
        waiting += message.tool_calls
        if message.role != pb.ROLE_TOOL:
            continue
        if not message.tool_call_id:
            named = [call for call in waiting if call.name == message.name] or (waiting if len(waiting) == 1 else [])
            if not named:
                reject_field(f"messages[{at}].name", f"no call of {message.name!r} waits for this result")
            message.tool_call_id = named[0].id
        waiting = [call for call in waiting if call.id != message.tool_call_id]


def _plain(item: Any) -> pb.Message | None:
    """Return a message of role and text alone, which most are; None for any other."""
    if not isinstance(item, dict):
        return None
    message = cast("dict[str, Any]", item)
    role, content = message.get("role"), message.get("content")
    if len(message) != _PLAIN or not isinstance(role, str) or not isinstance(content, str) or role not in _ROLES:
        return None
    return pb.Message(role=_ROLES[role], parts=(pb.Part(text=content),))


def _message(fields: Fields, at: int) -> pb.Message:
    role = fields.text("role")
    if role not in _ROLES:
        reject_field(fields.at("role"), f"must be one of {', '.join(_ROLES)}, not {role!r}")
    parts: list[pb.Part] = []
    thinking = fields.text("reasoning_content")
    if thinking:
        parts.append(pb.Part(thinking=pb.ThinkingPart(text=thinking)))
    content = fields.take("content")
    parts.extend(_content(content, fields.at("content")))
    for index, item in enumerate(fields.items("images")):
        # Of an answer: what it showed.
        parts.append(pb.Part(image=_image(Fields(item, f"{fields.at('images')}[{index}]"))))
    calls = [
        _tool_call(Fields(item, f"{fields.at('tool_calls')}[{index}]"))
        for index, item in enumerate(fields.items("tool_calls"))
    ]
    if older := fields.take("function_call"):
        calls.append(_older_call(Fields(older, fields.at("function_call")), f"function_call_{at}"))
    if content is None and not calls and not parts and role != "assistant":
        reject_field(fields.at("content"), f"is required for role {role!r}")
    return pb.Message(
        role=_ROLES[role],
        parts=parts,
        tool_calls=calls,
        tool_call_id=fields.text("tool_call_id"),
        name=fields.text("name"),
    )


def _content(content: Any, path: str) -> list[pb.Part]:
    if content is None:
        return []
    if isinstance(content, str):
        return [pb.Part(text=content)]
    if not isinstance(content, list):
        reject_field(path, "must be a string or an array of parts")
    items: list[Any] = content  # pyright: ignore[reportUnknownVariableType]
    return [_part(Fields(item, f"{path}[{index}]")) for index, item in enumerate(items)]


def _part(fields: Fields) -> pb.Part:
    kind = fields.text("type")
    match kind:
        case "text" | "input_text" | "output_text":
            part = pb.Part(text=fields.required("text"))
        case "refusal":
            part = pb.Part(text=fields.required("refusal"))
        case "image_url" | "input_image":
            part = pb.Part(image=_image(fields))
        case "file":
            part = pb.Part(file=file_from_json(fields.inner("file")))
        case "input_audio":
            part = pb.Part(file=audio_from_json(fields.inner("input_audio")))
        case "video_url":
            part = pb.Part(file=_video(fields))
        case _:
            reject_field(fields.at("type"), f"must be text, image_url, input_audio, video_url or file, not {kind!r}")
    mark = fields.inner("cache_control")
    if mark.text("type") == "ephemeral":
        part.cache_ttl = mark.text("ttl", _TTL)
    return part


def _image(fields: Fields) -> pb.ImagePart:
    value = fields.take("image_url")
    inner = Fields({"url": value} if isinstance(value, str) else value, fields.at("image_url"))
    url = check_url(inner.required("url"), inner.at("url"))
    return pb.ImagePart(url=url, detail=inner.choice("detail", ("auto", "low", "high")))


def _video(fields: Fields) -> pb.FilePart:
    value = fields.take("video_url")
    inner = Fields({"url": value} if isinstance(value, str) else value, fields.at("video_url"))
    url = check_url(inner.required("url"), inner.at("url"))
    return pb.FilePart(url=url, media_type=url[5:].partition(";")[0] if url.startswith("data:") else "video/*")


def _older_call(fields: Fields, identity: str) -> ToolCall:
    """Return the one call that a message had before there were tools; it has no id of its own."""
    return ToolCall(id=identity, name=fields.required("name"), arguments_json=fields.text("arguments", "{}"))


def _tool_call(fields: Fields) -> ToolCall:
    function = fields.inner("function")
    return ToolCall(
        id=fields.required("id"), name=function.required("name"), arguments_json=function.text("arguments", "{}")
    )
