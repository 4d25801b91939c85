"""Messages of an Anthropic request → messages of the Completion proto."""

from typing import Any, Final

from penstock.common.v1.common_pb2 import ToolCall
from penstock.llm.v1 import llm_pb2 as pb

from gateway.dialects.anthropic.content import blocks_of, cache_ttl, is_foreign, part_to_proto, parts_to_proto
from gateway.http.json import compact
from gateway.model_call.fields import Fields, reject_field

_ROLES: Final = {"user": pb.ROLE_USER, "assistant": pb.ROLE_ASSISTANT, "system": pb.ROLE_SYSTEM}


def messages_to_proto(system: Any, items: list[Any], dropped: list[str]) -> list[pb.Message]:
    """Return the messages, the system prompt first; raise InvalidArgument naming what is wrong.

    Anthropic carries tool results inside a user message; each becomes a message of its own. What has no place in a
    message is named in `dropped`.
    """
    if not items:
        reject_field("messages", "must be an array with at least one message")
    messages: list[pb.Message] = []
    if system:
        messages.append(pb.Message(role=pb.ROLE_SYSTEM, parts=parts_to_proto(system, "system", dropped)))
    for index, item in enumerate(items):
        messages.extend(_messages(Fields(item, f"messages[{index}]"), dropped))
    return messages


def _messages(fields: Fields, dropped: list[str]) -> list[pb.Message]:
    role = fields.text("role")
    if role not in _ROLES:
        reject_field(fields.at("role"), f"must be one of {', '.join(_ROLES)}, not {role!r}")
    message = pb.Message(role=_ROLES[role])
    results: list[pb.Message] = []
    for block in blocks_of(fields.take("content"), fields.at("content")):
        kind = block.text("type")
        if kind == "tool_result":
            _only(block, role, "user")
            results.append(_result(block, dropped))
        elif kind == "tool_use":
            _only(block, role, "assistant")
            message.parts.add(tool_call=len(message.tool_calls))
            message.tool_calls.append(_call(block))
        elif is_foreign(kind):
            dropped.append(f"messages.{kind}")
        else:
            message.parts.append(part_to_proto(block, kind, dropped))
    _without_last_places(message)
    # Vendors want the answers to a call right behind it, what the person says after them.
    if message.parts or message.tool_calls or not results:
        return [*results, message]
    return results


def _without_last_places(message: pb.Message) -> None:
    """Calls that nothing follows stand at the end anyway."""
    while message.parts and message.parts[-1].WhichOneof("part") == "tool_call":
        del message.parts[-1]


def _only(block: Fields, role: str, right: str) -> None:
    if role != right:
        reject_field(block.at("type"), f"belongs into a message of role {right!r}, not {role!r}")


def _result(block: Fields, dropped: list[str]) -> pb.Message:
    content = block.take("content")
    parts = [] if content is None else parts_to_proto(content, block.at("content"), dropped)
    ttl = cache_ttl(block)
    if ttl and parts:
        parts[-1].cache_ttl = ttl
    return pb.Message(
        role=pb.ROLE_TOOL,
        parts=parts,
        tool_call_id=block.required("tool_use_id"),
        is_error=bool(block.flag("is_error")),
    )


def _call(block: Fields) -> ToolCall:
    arguments = block.inner("input").rest()
    return ToolCall(
        id=block.required("id"), name=block.required("name"), arguments_json=compact(arguments, block.at("input"))
    )
