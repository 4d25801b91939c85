"""Answers and events to protobuf."""

import base64
from datetime import datetime
from typing import Final, assert_never

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from penstock.common.v1 import common_pb2
from penstock.llm.v1 import llm_pb2

from llm_service.domain.model.completion import Choice, Completion
from llm_service.domain.model.event import (
    Annotation,
    AttemptFailed,
    AttemptStarted,
    Event,
    Finished,
    Picture,
    RefusalDelta,
    Started,
    TextDelta,
    ThinkingDelta,
    ToolCallDelta,
    UsageReport,
)
from llm_service.domain.model.failure import Attempt
from llm_service.domain.model.message import CallPart, TextPart, ThinkingPart, ToolCall
from llm_service.domain.model.provider import EventBatch
from llm_service.domain.model.usage import Cost, Usage

_FOR_METERING: Final = (UsageReport, AttemptStarted, AttemptFailed)


def batch_to_proto(batch: EventBatch) -> llm_pb2.StreamCompleteResponse:
    """Return the events of `batch` as one message."""
    response = llm_pb2.StreamCompleteResponse()
    for event in batch:
        if not isinstance(event, _FOR_METERING):
            _fill(response.events.add(), event)
    return response


def completion_to_proto(answer: Completion) -> llm_pb2.Completion:
    """Return the whole answer; the first choice is spread out in it."""
    first = answer.first
    proto = llm_pb2.Completion(
        text=first.text,
        thinking=first.thinking,
        thinking_signature=first.signature,
        refusal=first.refusal,
        logprobs_json=_logprobs(first),
    )
    _fill_started(proto.started, answer.started)
    _fill_finished(proto.finished, answer.finished)
    if first.tool_calls:
        proto.tool_calls.extend(map(_tool_call, first.tool_calls))
    if len(answer.choices) > 1:
        proto.more_choices.extend(map(_choice, answer.choices[1:]))
    if answer.annotations:
        proto.annotations.extend(map(_annotation, answer.annotations))
    if answer.pictures:
        proto.pictures.extend(map(_picture, answer.pictures))
    if first.parts:
        proto.parts.extend(map(_part, first.parts))
    return proto


def usage_to_proto(usage: Usage) -> common_pb2.Usage:
    """Return token counts."""
    proto = common_pb2.Usage()
    _fill_usage(proto, usage)
    return proto


def cost_to_proto(cost: Cost) -> common_pb2.Money:
    """Return money; an unknown amount is empty."""
    proto = common_pb2.Money()
    _fill_cost(proto, cost)
    return proto


# Messages inside others are filled in place: one that is built apart is copied, and costs up to three times as much.


def _fill_usage(proto: common_pb2.Usage, usage: Usage) -> None:
    proto.input_tokens = usage.input
    proto.output_tokens = usage.output
    if usage.cache_read or usage.cache_write:
        proto.cache_read_tokens = usage.cache_read
        proto.cache_write_tokens = usage.cache_write
        proto.cache_write_hour_tokens = usage.cache_write_hour
    if usage.reasoning:
        proto.reasoning_tokens = usage.reasoning
    if usage.estimated:
        proto.estimated = True


def _fill_cost(proto: common_pb2.Money, cost: Cost) -> None:
    proto.currency = cost.currency
    proto.source = cost.source
    if cost.amount is not None:
        proto.amount = f"{cost.amount:f}"


def _fill(proto: llm_pb2.CompletionEvent, event: Event) -> None:
    match event:
        case TextDelta():
            text = proto.text
            text.text = event.text
            if event.index:
                text.index = event.index
            if event.logprobs_json:
                text.logprobs_json = event.logprobs_json
        case ThinkingDelta():
            proto.thinking.CopyFrom(_thinking(event))
        case ToolCallDelta():
            proto.tool_call.CopyFrom(_tool_call_delta(event))
        case RefusalDelta():
            proto.refusal.index, proto.refusal.text = event.index, event.text
        case Annotation():
            proto.annotation.CopyFrom(_annotation(event))
        case Picture():
            proto.picture.CopyFrom(_picture(event))
        case Started():
            _fill_started(proto.started, event)
        case Finished():
            _fill_finished(proto.finished, event)
        case UsageReport() | AttemptStarted() | AttemptFailed():
            raise ValueError("what is for metering stays inside the service")
        case _:
            assert_never(event)


def _thinking(event: ThinkingDelta) -> llm_pb2.ThinkingDelta:
    return llm_pb2.ThinkingDelta(index=event.index, text=event.text, signature=event.signature, redacted=event.redacted)


def _tool_call_delta(event: ToolCallDelta) -> llm_pb2.ToolCallDelta:
    return llm_pb2.ToolCallDelta(
        index=event.index,
        call_index=event.call_index,
        id=event.id,
        name=event.name,
        arguments=event.arguments,
    )


def _fill_started(proto: llm_pb2.Started, event: Started) -> None:
    proto.id = event.id
    proto.provider = event.provider
    proto.model = event.model
    _fill_time(proto.create_time, event.create_time)
    if event.dropped_params:
        proto.dropped_params.extend(event.dropped_params)
    if event.cache:
        proto.cache = event.cache
        proto.similarity = event.similarity
    if event.failed_attempts:
        proto.failed_attempts.extend(map(_attempt, event.failed_attempts))
    if event.degraded:
        proto.degraded = True


def _fill_finished(proto: llm_pb2.Finished, event: Finished) -> None:
    proto.finish_reason = event.reason
    proto.ledger_id = event.ledger_id
    _fill_usage(proto.usage, event.usage or Usage(estimated=True))
    _fill_cost(proto.cost, event.cost)
    _fill_cost(proto.cache_savings, event.cache_savings)
    if event.duration is not None:
        _fill_duration(proto.duration, event.duration)
    if event.time_to_first_token is not None:
        _fill_duration(proto.time_to_first_token, event.time_to_first_token)
    if event.stop_sequence:
        proto.stop_sequence = event.stop_sequence
    if event.vendor_reason:
        proto.vendor_finish_reason = event.vendor_reason
    if event.details_json:
        proto.stop_details_json = event.details_json
    for index, reason in event.choice_reasons.items():
        proto.choice_finish_reasons[index] = reason


def _fill_time(proto: Timestamp, time: datetime) -> None:
    """Set a time; FromDatetime costs five times as much."""
    proto.seconds = int(time.timestamp() // 1)
    proto.nanos = time.microsecond * 1000


def _fill_duration(proto: Duration, seconds: float) -> None:
    whole = int(seconds)
    proto.seconds = whole
    proto.nanos = int((seconds - whole) * 1e9)


def _attempt(attempt: Attempt) -> llm_pb2.Attempt:
    proto = llm_pb2.Attempt(provider=attempt.provider, model=attempt.model, error_kind=attempt.failure)
    _fill_duration(proto.duration, attempt.duration)
    return proto


def _part(part: TextPart | ThinkingPart | CallPart) -> llm_pb2.CompletionPart:
    if isinstance(part, TextPart):
        return llm_pb2.CompletionPart(text=part.text)
    if isinstance(part, CallPart):
        return llm_pb2.CompletionPart(tool_call=part.index)
    thinking = llm_pb2.ThinkingPart(text=part.text, signature=part.signature, redacted=part.redacted)
    return llm_pb2.CompletionPart(thinking=thinking)


def _choice(choice: Choice) -> llm_pb2.Choice:
    return llm_pb2.Choice(
        index=choice.index,
        text=choice.text,
        tool_calls=[_tool_call(call) for call in choice.tool_calls],
        finish_reason=choice.reason.value,
        thinking=choice.thinking,
        refusal=choice.refusal,
    )


def _tool_call(call: ToolCall) -> common_pb2.ToolCall:
    return common_pb2.ToolCall(id=call.id, name=call.name, arguments_json=call.arguments)


def _annotation(annotation: Annotation) -> llm_pb2.Annotation:
    return llm_pb2.Annotation(
        url=annotation.url,
        title=annotation.title,
        start_index=annotation.start_index,
        end_index=annotation.end_index,
    )


def _picture(picture: Picture) -> llm_pb2.Picture:
    return llm_pb2.Picture(
        index=picture.index,
        data=base64.b64decode(picture.base64),
        media_type=picture.media_type,
        url=picture.url,
    )


def _logprobs(choice: Choice) -> str:
    """Whole answers have one piece; of a streamed one the pieces can't be joined without knowing their form."""
    return choice.logprobs_json[0] if len(choice.logprobs_json) == 1 else ""
