"""Response objects: whole answers, and the frame that streamed ones share."""

from typing import Final

from penstock.common.v1.common_pb2 import Usage
from penstock.llm.v1 import llm_pb2 as pb

from gateway.dialects.responses.echo import ResponseEcho, response_head
from gateway.dialects.responses.output import (
    annotation_from_proto,
    message_item,
    picture_item,
    proof_of,
    reasoning_item,
    refusal_part,
    text_part,
)
from gateway.dialects.responses.tool import ResponseTools
from gateway.http.problems import openai_error
from gateway.model_call.fields import JsonObject
from gateway.model_call.options import extras_from_proto
from gateway.model_call.picture import in_words
from penstock_kit.errors import ErrorKind, PenstockError

_INCOMPLETE: Final = {
    "length": "max_output_tokens",
    "budget_exceeded": "max_output_tokens",
    "content_filter": "content_filter",
}
# Codes by which clients know what to do.
_OWN_CODES: Final = frozenset({"context_length_exceeded", "insufficient_quota"})
_CODES: Final = {ErrorKind.RESOURCE_EXHAUSTED: "rate_limit_exceeded", ErrorKind.INVALID_ARGUMENT: "invalid_prompt"}


def response_from_proto(answer: pb.Completion, form: ResponseEcho) -> JsonObject:
    """Return the body of ``/v1/responses``; `form` is what it repeats of the request and its tools."""
    return finished_response(answer.started, answer.finished, _output(answer, form.tools), form)


def finished_response(
    started: pb.Started, finished: pb.Finished, output: list[JsonObject], form: ResponseEcho
) -> JsonObject:
    """Return the response of an answer that has ended."""
    reason = _INCOMPLETE.get(finished.finish_reason)
    return {
        **response_head(started, "incomplete" if reason else "completed", output, form),
        "completed_at": None if reason else _completed_at(started, finished),
        "incomplete_details": {"reason": reason} if reason else None,
        "usage": usage_from_proto(finished.usage),
        "x_penstock": extras_from_proto(started, finished),
    }


def _completed_at(started: pb.Started, finished: pb.Finished) -> int:
    """Return when an answer ended, by what it says itself: one that is told again ended when it did the first time."""
    began = started.create_time.ToNanoseconds()
    return (began + finished.duration.ToNanoseconds()) // 1_000_000_000


def failed_response(
    started: pb.Started, error: PenstockError, output: list[JsonObject], form: ResponseEcho
) -> JsonObject:
    """Return the response of an answer that broke off."""
    shown = openai_error(error)["error"]
    code = shown["code"] if shown["code"] in _OWN_CODES else _CODES.get(error.kind, "server_error")
    return {
        **response_head(started, "failed", output, form),
        "error": {"code": code, "message": shown["message"]},
    }


def usage_from_proto(usage: Usage) -> JsonObject:
    """Return OpenAI's overlapping counts made from our disjoint ones."""
    given = usage.input_tokens + usage.cache_read_tokens + usage.cache_write_tokens
    made = usage.output_tokens + usage.reasoning_tokens
    return {
        "input_tokens": given,
        "input_tokens_details": {
            "cached_tokens": usage.cache_read_tokens,
            "cache_write_tokens": usage.cache_write_tokens,
            "cache_write_tokens_details": None,
        },
        "output_tokens": made,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
        "total_tokens": given + made,
    }


def _output(answer: pb.Completion, tools: ResponseTools) -> list[JsonObject]:
    """The items in the order in which the model made them; calls without a place stand at the end."""
    items = _Items(answer, tools)
    for part in answer.parts or _parts(answer):
        match part.WhichOneof("part"):
            case "thinking":
                items.think(part.thinking)
            case "tool_call":
                items.call(part.tool_call)
            case _:
                items.say(part.text)
    for picture in answer.pictures:
        if not picture.index:
            items.show(picture)
    return items.ended()


def _parts(answer: pb.Completion) -> list[pb.CompletionPart]:
    """An answer without an order of its own: reasoning, then text."""
    parts: list[pb.CompletionPart] = []
    if answer.thinking or answer.thinking_signature:
        thought = pb.ThinkingPart(text=answer.thinking, signature=answer.thinking_signature)
        parts.append(pb.CompletionPart(thinking=thought))
    if answer.text or not (answer.refusal or answer.tool_calls or answer.pictures):
        parts.append(pb.CompletionPart(text=answer.text))
    return parts


class _Items:
    """The output items of a whole answer."""

    def __init__(self, answer: pb.Completion, tools: ResponseTools) -> None:
        self._answer = answer
        self._tools = tools
        self._calls = dict(enumerate(answer.tool_calls))
        self._items: list[JsonObject] = []
        self._message: JsonObject | None = None

    def think(self, thought: pb.ThinkingPart) -> None:
        """Add a block of reasoning with its proof."""
        self._items.append(reasoning_item(self._identity("rs"), thought.text, proof_of(thought)))

    def say(self, text: str) -> None:
        """Add a text; the first carries the sources and the log probabilities of the whole."""
        annotations = [] if self._message else [annotation_from_proto(entry) for entry in self._answer.annotations]
        logprobs = "" if self._message else self._answer.logprobs_json
        self._say(text_part(text, annotations, logprobs))

    def show(self, picture: pb.Picture) -> None:
        """Add a picture, or in words where it lies."""
        if picture.url:
            self.say(in_words(picture))
        else:
            self._items.append(picture_item(self._identity("ig"), picture))

    def _say(self, part: JsonObject) -> None:
        self._message = message_item(self._identity("msg"), [part], "completed")
        self._items.append(self._message)

    def call(self, index: int) -> None:
        """Add the call with this index."""
        call = self._calls.pop(index, None)
        if call is None:
            return
        call.arguments_json = call.arguments_json or "{}"
        mark = "ctc" if self._tools.is_custom(call.name) else "fc"
        self._items.append(self._tools.call_item(self._identity(mark), call, "completed"))

    def ended(self) -> list[JsonObject]:
        """Return all items, the refusal and the calls without a place at the end."""
        if self._answer.refusal:
            part = refusal_part(self._answer.refusal)
            if self._message is not None:
                self._message["content"].append(part)
            else:
                self._say(part)
        for index in list(self._calls):
            self.call(index)
        return self._items

    def _identity(self, mark: str) -> str:
        return f"{mark}_{self._answer.started.id}_{len(self._items)}"
