"""Chat completions as OpenAI writes them, and what they share with streamed chunks: ids, usage, finish reasons."""

from typing import Any, Final

import orjson
from penstock.common.v1.common_pb2 import Usage
from penstock.llm.v1 import llm_pb2 as pb

from gateway.model_call.fields import JsonObject
from gateway.model_call.options import extras_from_proto
from gateway.model_call.picture import url_of

_FINISH: Final = {"budget_exceeded": "length", "": "stop"}


def chat_completion_from_proto(answer: pb.Completion, *, older_calls: bool = False) -> JsonObject:
    """Return the body of ``chat.completion``; `older_calls` for a caller that speaks of functions, not of tools."""
    finished = answer.finished
    first = _choice(answer, 0, finished.finish_reason, older_calls)
    others = [_choice(choice, choice.index, choice.finish_reason, older_calls) for choice in answer.more_choices]
    for choice in (first, *others):
        if images := [image_from_proto(each) for each in answer.pictures if each.index == choice["index"]]:
            choice["message"]["images"] = images
    if answer.annotations:
        first["message"]["annotations"] = [annotation_from_proto(entry) for entry in answer.annotations]
    if answer.logprobs_json:
        first["logprobs"] = orjson.Fragment(answer.logprobs_json)
    return {
        "id": answer_id(answer.started),
        "object": "chat.completion",
        "created": answer.started.create_time.seconds,
        "model": answer.started.model,
        "choices": [first, *others],
        "usage": usage_from_proto(finished.usage),
        "x_penstock": extras_from_proto(answer.started, finished),
    }


def answer_id(started: pb.Started) -> str:
    """Return our id of the answer in OpenAI's style."""
    return started.id if started.id.startswith("chatcmpl-") else f"chatcmpl-{started.id}"


def finish_reason(reason: str, *, older_calls: bool = False) -> str:
    """Return a finish reason that OpenAI's clients know; ours beyond those is in ``x_penstock``."""
    if older_calls and reason == "tool_calls":
        return "function_call"
    return _FINISH.get(reason, reason)


def usage_from_proto(usage: Usage) -> JsonObject:
    """Return OpenAI's overlapping counts made from our disjoint ones."""
    prompt = usage.input_tokens + usage.cache_read_tokens + usage.cache_write_tokens
    completion = usage.output_tokens + usage.reasoning_tokens
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": usage.cache_read_tokens, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning_tokens, "audio_tokens": 0},
    }


def image_from_proto(picture: pb.Picture) -> JsonObject:
    """Return a picture in the form that gateways to several vendors have for it; OpenAI's chats have none."""
    return {"type": "image_url", "image_url": {"url": url_of(picture)}}


def annotation_from_proto(annotation: pb.Annotation) -> JsonObject:
    """Return a cited source."""
    return {
        "type": "url_citation",
        "url_citation": {
            "url": annotation.url,
            "title": annotation.title,
            "start_index": annotation.start_index,
            "end_index": annotation.end_index,
        },
    }


def _choice(choice: pb.Completion | pb.Choice, index: int, reason: str, older_calls: bool) -> dict[str, Any]:
    """Return a choice; the first one is spread out in the answer."""
    tool_calls = [
        {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments_json}}
        for call in choice.tool_calls
    ]
    message: JsonObject = {
        "role": "assistant",
        "content": choice.text if choice.text or not tool_calls else None,
        "refusal": choice.refusal or None,
    }
    if choice.thinking:
        message["reasoning_content"] = choice.thinking
    if tool_calls and older_calls:
        message["function_call"] = tool_calls[0]["function"]
    elif tool_calls:
        message["tool_calls"] = tool_calls
    said = finish_reason(reason, older_calls=older_calls)
    return {"index": index, "message": message, "logprobs": None, "finish_reason": said}
