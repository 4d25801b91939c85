"""Input items of a Responses request → messages of the Completion proto."""

import base64
from collections.abc import Callable, Mapping
from typing import Any, Final, cast

from penstock.common.v1.common_pb2 import ToolCall
from penstock.llm.v1 import llm_pb2 as pb

from gateway.dialects.responses.output import REDACTED_MARK
from gateway.dialects.responses.tool import ResponseTools, arguments_of
from gateway.http.json import compact
from gateway.model_call.content import audio_from_json, check_url, file_from_json
from gateway.model_call.fields import Fields, reject_field

_ROLES: Final = {
    "system": pb.ROLE_SYSTEM,
    "developer": pb.ROLE_SYSTEM,
    "user": pb.ROLE_USER,
    "assistant": pb.ROLE_ASSISTANT,
}
# How what OpenAI encrypts begins.
_OF_OPENAI: Final = "gAAAAA"
# Items of tools that vendors run and of what vendors keep: nothing here makes them.
_OF_VENDORS: Final = frozenset({"compaction", "context_compaction", "compaction_summary", "mcp_list_tools"})
_OF_VENDORS_ENDS: Final = ("_call", "_call_output", "_approval_request", "_approval_response", "_update", "_snapshot")


def messages_to_proto(instructions: str, given: Any, tools: ResponseTools) -> list[pb.Message]:
    """Return the messages, `instructions` first; raise InvalidArgument naming the item and field that is wrong.

    ReasoningItem, text and calls that the assistant produced one after another are one message again, in their order.
    Tools among the items come to `tools`; items of tools that a vendor runs go no further and are named there.
    """
    messages = [_text(pb.ROLE_SYSTEM, instructions)] if instructions else []
    if isinstance(given, str):
        return [*messages, _text(pb.ROLE_USER, given)]
    if not isinstance(given, list) or not given:
        reject_field("input", "must be a string or an array with at least one item")
    for index, item in enumerate(cast("list[Any]", given)):
        if message := _message(Fields(item, f"input[{index}]"), tools):
            _append(messages, message)
    return messages


def _append(messages: list[pb.Message], message: pb.Message) -> None:
    last = messages[-1] if messages else None
    if last is not None and last.role == message.role == pb.ROLE_ASSISTANT:
        if message.parts:
            _place_calls(last)
        last.parts.extend(message.parts)
        last.tool_calls.extend(message.tool_calls)
    else:
        messages.append(message)


def _place_calls(message: pb.Message) -> None:
    """Say where the calls so far stand, now that something follows them."""
    placed = sum(part.WhichOneof("part") == "tool_call" for part in message.parts)
    for index in range(placed, len(message.tool_calls)):
        message.parts.add(tool_call=index)


def _message(fields: Fields, tools: ResponseTools) -> pb.Message | None:
    """Return the message that an item is (part of), None for one that says nothing to the model."""
    kind = fields.text("type", "message")
    made = _MESSAGES.get(kind)
    if made is not None:
        return made(fields, tools)
    if kind == "additional_tools":
        tools.add(fields.items("tools"), fields.at("tools"))
    elif kind in _OF_VENDORS or kind.endswith(_OF_VENDORS_ENDS):
        tools.dropped.append(f"input.{kind}")
    elif kind == "item_reference":
        reject_field(fields.at("type"), "items are not stored here; send the item itself")
    else:
        known = f"{', '.join(_MESSAGES)} or additional_tools"
        reject_field(fields.at("type"), f"must be {known}, not {kind!r}")
    return None


def _called(fields: Fields, tools: ResponseTools) -> pb.Message:
    return _call(fields, tools, fields.text("arguments", "{}"))


def _called_with_text(fields: Fields, tools: ResponseTools) -> pb.Message:
    return _call(fields, tools, arguments_of(fields.required("input")))


def _call(fields: Fields, tools: ResponseTools, arguments: str) -> pb.Message:
    name = tools.flat_name(fields.text("namespace"), fields.required("name"))
    call = ToolCall(id=fields.required("call_id"), name=name, arguments_json=arguments)
    return pb.Message(role=pb.ROLE_ASSISTANT, tool_calls=[call])


def _message_item(fields: Fields, _: ResponseTools) -> pb.Message:
    role = fields.text("role")
    if role not in _ROLES:
        reject_field(fields.at("role"), f"must be one of {', '.join(_ROLES)}, not {role!r}")
    return pb.Message(role=_ROLES[role], parts=_content(fields.take("content"), fields.at("content")))


def _result(fields: Fields, _: ResponseTools) -> pb.Message:
    output = fields.take("output")
    if isinstance(output, dict):
        output = compact(output, fields.at("output"))
    parts = _content(output, fields.at("output"))
    return pb.Message(role=pb.ROLE_TOOL, parts=parts, tool_call_id=fields.required("call_id"))


def _shown(fields: Fields, tools: ResponseTools) -> pb.Message | None:
    """Return the answer that a picture was, None for one without a picture."""
    encoded = fields.text("result")
    if not encoded:
        tools.dropped.append("input.image_generation_call")
        return None
    try:
        data = base64.b64decode(encoded, validate=True)
    except ValueError:
        reject_field(fields.at("result"), "must be base64")
    media_type = f"image/{fields.text('output_format', 'png')}"
    picture = pb.Part(image=pb.ImagePart(data=data, media_type=media_type))
    return pb.Message(role=pb.ROLE_ASSISTANT, parts=[picture])


def _thought(fields: Fields, _: ResponseTools) -> pb.Message:
    return pb.Message(role=pb.ROLE_ASSISTANT, parts=[_reasoning(fields)])


def _reasoning(fields: Fields) -> pb.Part:
    """Return reasoning as it was handed out: its proof alone when its text is not for us to see."""
    pieces = [*fields.items("summary"), *fields.items("content")]
    text = "\n".join(Fields(piece, fields.at("summary")).text("text") for piece in pieces)
    proof = fields.text("encrypted_content")
    if proof.startswith(REDACTED_MARK):
        return pb.Part(thinking=pb.ThinkingPart(redacted=proof.removeprefix(REDACTED_MARK)))
    if proof.startswith(_OF_OPENAI):
        proof = ""  # OpenAI's own, of a time before this gateway: no vendor here can read it
    return pb.Part(thinking=pb.ThinkingPart(text=text, signature=proof))


def _content(content: Any, path: str) -> list[pb.Part]:
    if isinstance(content, str):
        return [pb.Part(text=content)]
    if not isinstance(content, list):
        reject_field(path, "must be a string or an array of parts")
    parts = cast("list[Any]", content)
    return [_part(Fields(part, f"{path}[{index}]")) for index, part in enumerate(parts)]


def _part(fields: Fields) -> pb.Part:
    kind = fields.text("type")
    match kind:
        case "input_text" | "output_text" | "text":
            return pb.Part(text=fields.required("text"))
        case "refusal":
            return pb.Part(text=fields.required("refusal"))
        case "input_image":
            return pb.Part(image=_image(fields))
        case "input_file":
            return pb.Part(file=_file(fields))
        case "input_audio":
            return pb.Part(file=audio_from_json(fields.inner("input_audio")))
        case _:
            known = "input_text, input_image, input_file, input_audio or output_text"
            return reject_field(fields.at("type"), f"must be {known}, not {kind!r}")


def _image(fields: Fields) -> pb.ImagePart:
    url = check_url(fields.text("image_url"), fields.at("image_url"), note="; files are not stored here")
    return pb.ImagePart(url=url, detail=fields.choice("detail", ("auto", "low", "high", "original")))


def _file(fields: Fields) -> pb.FilePart:
    if url := fields.text("file_url"):
        return pb.FilePart(filename=fields.text("filename"), url=url, media_type="application/pdf")
    return file_from_json(fields)


def _text(role: "pb.Role.ValueType", text: str) -> pb.Message:
    return pb.Message(role=role, parts=(pb.Part(text=text),))


_MESSAGES: Final[Mapping[str, Callable[[Fields, ResponseTools], pb.Message | None]]] = {
    "message": _message_item,
    "function_call": _called,
    "custom_tool_call": _called_with_text,
    "function_call_output": _result,
    "custom_tool_call_output": _result,
    "reasoning": _thought,
    "image_generation_call": _shown,
}
