"""Input items of a Responses request → messages of the Completion proto."""

import base64
import binascii
from typing import Any, Final, cast

from penstock.common.v1.common_pb2 import ToolCall
from penstock.llm.v1 import llm_pb2 as pb

from gateway.json import compact
from gateway.openai.field import Fields, wrong
from gateway.responses.output import REDACTED_MARK

_ROLES: Final = {
    "system": pb.ROLE_SYSTEM,
    "developer": pb.ROLE_SYSTEM,
    "user": pb.ROLE_USER,
    "assistant": pb.ROLE_ASSISTANT,
}


def messages_to_proto(instructions: str, given: Any) -> list[pb.Message]:
    """Return the messages, `instructions` first; raise InvalidArgument naming the item and field that is wrong.

    Reasoning, text and calls that the assistant produced one after another are one message again.
    """
    messages = [_text(pb.ROLE_SYSTEM, instructions)] if instructions else []
    if isinstance(given, str):
        return [*messages, _text(pb.ROLE_USER, given)]
    if not isinstance(given, list) or not given:
        wrong("input", "must be a string or an array with at least one item")
    for index, item in enumerate(cast("list[Any]", given)):
        _append(messages, _message(Fields(item, f"input[{index}]")))
    return messages


def _append(messages: list[pb.Message], message: pb.Message) -> None:
    last = messages[-1] if messages else None
    if last is not None and last.role == message.role == pb.ROLE_ASSISTANT:
        last.parts.extend(message.parts)
        last.tool_calls.extend(message.tool_calls)
    else:
        messages.append(message)


def _message(fields: Fields) -> pb.Message:
    kind = fields.text("type", "message")
    match kind:
        case "message":
            return _said(fields)
        case "function_call":
            arguments = fields.text("arguments", "{}")
            call = ToolCall(id=_required(fields, "call_id"), name=_required(fields, "name"), arguments_json=arguments)
            return pb.Message(role=pb.ROLE_ASSISTANT, tool_calls=[call])
        case "function_call_output":
            return _result(fields)
        case "reasoning":
            return pb.Message(role=pb.ROLE_ASSISTANT, parts=[_reasoning(fields)])
        case "item_reference":
            return wrong(fields.at("type"), "items are not stored here; send the item itself")
        case _:
            known = "message, function_call, function_call_output or reasoning"
            return wrong(fields.at("type"), f"must be {known}, not {kind!r}")


def _said(fields: Fields) -> pb.Message:
    role = fields.text("role")
    if role not in _ROLES:
        wrong(fields.at("role"), f"must be one of {', '.join(_ROLES)}, not {role!r}")
    return pb.Message(role=_ROLES[role], parts=_content(fields.take("content"), fields.at("content")))


def _result(fields: Fields) -> pb.Message:
    output = fields.take("output")
    if isinstance(output, dict):
        output = compact(output, fields.at("output"))
    parts = _content(output, fields.at("output"))
    return pb.Message(role=pb.ROLE_TOOL, parts=parts, tool_call_id=_required(fields, "call_id"))


def _reasoning(fields: Fields) -> pb.Part:
    """Return reasoning as it was handed out: its proof alone when its text is not for us to see."""
    pieces = [*fields.items("summary"), *fields.items("content")]
    text = "\n".join(Fields(piece, fields.at("summary")).text("text") for piece in pieces)
    proof = fields.text("encrypted_content")
    if proof.startswith(REDACTED_MARK):
        return pb.Part(thinking=pb.ThinkingPart(redacted=proof.removeprefix(REDACTED_MARK)))
    return pb.Part(thinking=pb.ThinkingPart(text=text, signature=proof))


def _content(content: Any, path: str) -> list[pb.Part]:
    if isinstance(content, str):
        return [pb.Part(text=content)]
    if not isinstance(content, list):
        wrong(path, "must be a string or an array of parts")
    parts = cast("list[Any]", content)
    return [_part(Fields(part, f"{path}[{index}]")) for index, part in enumerate(parts)]


def _part(fields: Fields) -> pb.Part:
    kind = fields.text("type")
    match kind:
        case "input_text" | "output_text" | "text":
            return pb.Part(text=_required(fields, "text"))
        case "refusal":
            return pb.Part(text=_required(fields, "refusal"))
        case "input_image":
            return pb.Part(image=_image(fields))
        case "input_file":
            return pb.Part(file=_file(fields))
        case _:
            return wrong(fields.at("type"), f"must be input_text, input_image, input_file or output_text, not {kind!r}")


def _image(fields: Fields) -> pb.ImagePart:
    url = fields.text("image_url")
    if not url.startswith(("https://", "http://", "data:")):
        wrong(fields.at("image_url"), "must be an https URL or a data URL; files are not stored here")
    return pb.ImagePart(url=url, detail=fields.choice("detail", ("auto", "low", "high", "original")))


def _file(fields: Fields) -> pb.FilePart:
    data = fields.text("file_data")
    if not data:
        wrong(fields.at("file_data"), "is required: send the file as a data URL, files are not stored here")
    head, _, encoded = data.rpartition(",")
    media_type = head.removeprefix("data:").partition(";")[0]
    try:
        content = base64.b64decode(encoded, validate=True)
    except binascii.Error:
        wrong(fields.at("file_data"), "must be base64 or a data URL")
    return pb.FilePart(filename=fields.text("filename"), data=content, media_type=media_type or "application/pdf")


def _text(role: "pb.Role.ValueType", text: str) -> pb.Message:
    return pb.Message(role=role, parts=(pb.Part(text=text),))


def _required(fields: Fields, name: str) -> str:
    value = fields.take(name)
    if not isinstance(value, str):
        wrong(fields.at(name), "is required and must be a string")
    return value
