"""Whole answers in Anthropic's shape, and what they share with streamed ones: ids, usage, stop reasons."""

from typing import Any, Final

import orjson
from penstock.common.v1.common_pb2 import ToolCall, Usage
from penstock.llm.v1 import llm_pb2 as pb

from gateway.model_call.fields import JsonObject
from gateway.model_call.options import extras_from_proto
from gateway.model_call.picture import in_words

_STOP: Final = {
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "content_filter": "refusal",
    "budget_exceeded": "max_tokens",
}
# Anthropic's own words that say more than ours, each with that of ours for which it stands.
_FINER: Final = {"pause_turn": "stop", "compaction": "stop", "model_context_window_exceeded": "length"}


def message_from_proto(answer: pb.Completion) -> JsonObject:
    """Return the body of ``/v1/messages``."""
    finished = answer.finished
    content = _ordered(answer) if answer.parts else _blocks(answer)
    content += [{"type": "text", "text": in_words(picture)} for picture in answer.pictures if not picture.index]
    if cited := [citation_from_proto(annotation) for annotation in answer.annotations]:
        text = next((block for block in reversed(content) if block["type"] == "text"), None)
        if text is not None:
            text["citations"] = cited
    return {
        **message_head(answer.started),
        "content": content,
        **stop_from_proto(finished, refused=bool(answer.refusal)),
        "usage": usage_from_proto(finished.usage),
        "x_penstock": extras_from_proto(answer.started, finished),
    }


def thinking_block(part: pb.ThinkingPart) -> JsonObject:
    """Return a block of reasoning, or of what is encrypted instead."""
    if part.redacted:
        return {"type": "redacted_thinking", "data": part.redacted}
    return {"type": "thinking", "thinking": part.text, "signature": part.signature}


def citation_from_proto(annotation: pb.Annotation) -> JsonObject:
    """Return a cited page. What Anthropic would want to see again of its own search is not known of others."""
    return {
        "type": "web_search_result_location",
        "url": annotation.url,
        "title": annotation.title or None,
        "cited_text": "",
        "encrypted_index": "",
    }


def message_head(started: pb.Started) -> JsonObject:
    """Return the fields with which every message begins."""
    identity = started.id if started.id.startswith("msg_") else f"msg_{started.id}"
    return {"id": identity, "type": "message", "role": "assistant", "model": started.model}


def stop_from_proto(finished: pb.Finished, *, refused: bool) -> JsonObject:
    """Return why the answer ended, in Anthropic's words; what Anthropic itself says of it goes on as it is."""
    details = {"stop_details": orjson.Fragment(finished.stop_details_json)} if finished.stop_details_json else {}
    return {**_reason(finished, refused=refused), **details}


def _reason(finished: pb.Finished, *, refused: bool) -> JsonObject:
    if refused:
        return {"stop_reason": "refusal", "stop_sequence": None}
    if _FINER.get(finished.vendor_finish_reason) == finished.finish_reason:
        return {"stop_reason": finished.vendor_finish_reason, "stop_sequence": None}
    reason = _STOP.get(finished.finish_reason, "end_turn")
    if reason == "end_turn" and finished.stop_sequence:
        return {"stop_reason": "stop_sequence", "stop_sequence": finished.stop_sequence}
    return {"stop_reason": reason, "stop_sequence": None}


def usage_from_proto(usage: Usage) -> JsonObject:
    """Return Anthropic's counts: the classes of input disjoint, reasoning within the output."""
    return {
        "input_tokens": usage.input_tokens,
        "cache_creation_input_tokens": usage.cache_write_tokens,
        "cache_read_input_tokens": usage.cache_read_tokens,
        "cache_creation": {
            "ephemeral_5m_input_tokens": usage.cache_write_tokens - usage.cache_write_hour_tokens,
            "ephemeral_1h_input_tokens": usage.cache_write_hour_tokens,
        },
        "output_tokens": usage.output_tokens + usage.reasoning_tokens,
    }


def _blocks(answer: pb.Completion) -> list[JsonObject]:
    content: list[JsonObject] = []
    if answer.thinking or answer.thinking_signature:
        content.append(thinking_block(pb.ThinkingPart(text=answer.thinking, signature=answer.thinking_signature)))
    text = answer.text + answer.refusal
    if text or not (answer.tool_calls or answer.pictures):
        content.append({"type": "text", "text": text})
    return [*content, *map(_tool_use, answer.tool_calls)]


def _ordered(answer: pb.Completion) -> list[JsonObject]:
    """The blocks in the order in which the model made them; calls without a place stand at the end."""
    calls = dict(enumerate(answer.tool_calls))
    content: list[JsonObject] = []
    for part in answer.parts:
        match part.WhichOneof("part"):
            case "thinking":
                content.append(thinking_block(part.thinking))
            case "tool_call":
                if call := calls.pop(part.tool_call, None):
                    content.append(_tool_use(call))
            case _:
                content.append({"type": "text", "text": part.text})
    if answer.refusal:
        content.append({"type": "text", "text": answer.refusal})
    return [*content, *map(_tool_use, calls.values())]


def _tool_use(call: ToolCall) -> JsonObject:
    return {"type": "tool_use", "id": call.id, "name": call.name, "input": _input(call.arguments_json)}


def _input(arguments: str) -> Any:
    """Return the arguments as JSON; a model that wrote none that parse gets its text passed on."""
    try:
        return orjson.loads(arguments) if arguments.strip() else {}
    except orjson.JSONDecodeError:
        return {"_unparsed": arguments}
