"""Response objects: whole answers, and the frame that streamed ones share."""

from typing import Final

from penstock.common.v1.common_pb2 import Usage
from penstock.llm.v1 import llm_pb2 as pb

from gateway.openai.answer import extras_from_proto
from gateway.openai.field import JsonObject
from gateway.problems import openai_error
from gateway.responses.output import (
    annotation_from_proto,
    call_item,
    message_item,
    proof_of,
    reasoning_item,
    refusal_part,
    text_part,
)
from penstock_kit.errors import ErrorKind, PenstockError

_INCOMPLETE: Final = {
    "length": "max_output_tokens",
    "budget_exceeded": "max_output_tokens",
    "content_filter": "content_filter",
}
_CODES: Final = {ErrorKind.RESOURCE_EXHAUSTED: "rate_limit_exceeded", ErrorKind.INVALID_ARGUMENT: "invalid_prompt"}


def response_from_proto(answer: pb.Answer, echo: JsonObject) -> JsonObject:
    """Return the body of ``/v1/responses``; `echo` is what it repeats of the request."""
    return finished_response(answer.started, answer.finished, _output(answer), echo)


def finished_response(
    started: pb.Started, finished: pb.Finished, output: list[JsonObject], echo: JsonObject
) -> JsonObject:
    """Return the response of an answer that has ended."""
    reason = _INCOMPLETE.get(finished.finish_reason)
    return {
        **response_head(started, "incomplete" if reason else "completed", output, echo),
        "incomplete_details": {"reason": reason} if reason else None,
        "usage": usage_from_proto(finished.usage),
        "x_penstock": extras_from_proto(started, finished),
    }


def failed_response(
    started: pb.Started, error: PenstockError, output: list[JsonObject], echo: JsonObject
) -> JsonObject:
    """Return the response of an answer that broke off."""
    code = _CODES.get(error.kind, "server_error")
    return {
        **response_head(started, "failed", output, echo),
        "error": {"code": code, "message": openai_error(error)["error"]["message"]},
    }


def response_head(started: pb.Started, status: str, output: list[JsonObject], echo: JsonObject) -> JsonObject:
    """Return a response object with everything but how it ended."""
    return {
        "id": response_id(started),
        "object": "response",
        "created_at": started.create_time.seconds,
        "status": status,
        "background": False,
        "error": None,
        "incomplete_details": None,
        "model": started.model,
        "output": output,
        "usage": None,
        **echo,
    }


def response_id(started: pb.Started) -> str:
    """Return our id of the answer in OpenAI's style."""
    return started.id if started.id.startswith("resp_") else f"resp_{started.id}"


def usage_from_proto(usage: Usage) -> JsonObject:
    """Return OpenAI's overlapping counts made from our disjoint ones."""
    given = usage.input_tokens + usage.cache_read_tokens + usage.cache_write_tokens
    made = usage.output_tokens + usage.reasoning_tokens
    return {
        "input_tokens": given,
        "input_tokens_details": {
            "cached_tokens": usage.cache_read_tokens,
            "cache_write_tokens": usage.cache_write_tokens,
        },
        "output_tokens": made,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
        "total_tokens": given + made,
    }


def _thoughts(answer: pb.Answer) -> list[pb.ThinkingPart]:
    """Every block of reasoning, each with its own proof."""
    if answer.parts:
        return [part.thinking for part in answer.parts if part.WhichOneof("part") == "thinking"]
    if answer.thinking or answer.thinking_signature:
        return [pb.ThinkingPart(text=answer.thinking, signature=answer.thinking_signature)]
    return []


def _output(answer: pb.Answer) -> list[JsonObject]:
    identity = answer.started.id
    items: list[JsonObject] = []
    for thought in _thoughts(answer):
        items.append(reasoning_item(f"rs_{identity}_{len(items)}", thought.text, proof_of(thought)))
    parts: list[JsonObject] = []
    if answer.text or not (answer.refusal or answer.tool_calls):
        annotations = [annotation_from_proto(entry) for entry in answer.annotations]
        parts.append(text_part(answer.text, annotations, answer.logprobs_json))
    if answer.refusal:
        parts.append(refusal_part(answer.refusal))
    if parts:
        items.append(message_item(f"msg_{identity}_{len(items)}", parts, "completed"))
    for call in answer.tool_calls:
        identity_of_call = f"fc_{identity}_{len(items)}"
        items.append(call_item(identity_of_call, call.id, call.name, call.arguments_json or "{}", "completed"))
    return items
