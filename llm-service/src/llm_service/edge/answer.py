"""Answers and events to protobuf."""

from datetime import datetime
from typing import assert_never

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from penstock.common.v1 import common_pb2
from penstock.llm.v1 import llm_pb2

from llm_service.domain.answer import Answer, Choice
from llm_service.domain.event import (
    Annotation,
    Event,
    Finished,
    RefusalDelta,
    Started,
    TextDelta,
    ThinkingDelta,
    ToolCallDelta,
    UsageReport,
)
from llm_service.domain.failure import Attempt
from llm_service.domain.message import TextPart, ThinkingPart, ToolCall
from llm_service.domain.provider import EventBatch
from llm_service.domain.usage import Cost, Usage


def batch_to_proto(batch: EventBatch) -> llm_pb2.StreamCompleteResponse:
    """Return the events of `batch` as one message."""
    response = llm_pb2.StreamCompleteResponse()
    for event in batch:
        if not isinstance(event, UsageReport):
            _fill(response.events.add(), event)
    return response


def answer_to_proto(answer: Answer) -> llm_pb2.Answer:
    """Return the whole answer; the first choice is spread out in it."""
    first = answer.first
    return llm_pb2.Answer(
        started=_started(answer.started),
        text=first.text,
        thinking=first.thinking,
        thinking_signature=first.signature,
        tool_calls=[_tool_call(call) for call in first.tool_calls],
        refusal=first.refusal,
        finished=_finished(answer.finished),
        more_choices=[_choice(choice) for choice in answer.choices[1:]],
        logprobs_json=_logprobs(first),
        annotations=[_annotation(annotation) for annotation in answer.annotations],
        parts=[_part(part) for part in first.parts],
    )


def usage_to_proto(usage: Usage) -> common_pb2.Usage:
    """Return token counts."""
    return common_pb2.Usage(
        input_tokens=usage.input,
        cache_read_tokens=usage.cache_read,
        cache_write_tokens=usage.cache_write,
        output_tokens=usage.output,
        reasoning_tokens=usage.reasoning,
        estimated=usage.estimated,
    )


def cost_to_proto(cost: Cost) -> common_pb2.Money:
    """Return money; an unknown amount is empty."""
    amount = "" if cost.amount is None else f"{cost.amount:f}"
    return common_pb2.Money(currency=cost.currency, amount=amount, source=cost.source.value)


def _fill(proto: llm_pb2.CompletionEvent, event: Event) -> None:
    """Fill `proto` in place: building pieces of text apart would cost three times as much."""
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
        case Started():
            proto.started.CopyFrom(_started(event))
        case Finished():
            proto.finished.CopyFrom(_finished(event))
        case UsageReport():
            raise ValueError("usage reports stay inside the service")
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


def _started(event: Started) -> llm_pb2.Started:
    return llm_pb2.Started(
        id=event.id,
        provider=event.provider,
        model=event.model,
        dropped_params=event.dropped_params,
        cache=event.cache,
        similarity=event.similarity,
        failed_attempts=[_attempt(attempt) for attempt in event.failed_attempts],
        degraded=event.degraded,
        create_time=_timestamp(event.create_time),
    )


def _timestamp(time: datetime) -> Timestamp:
    """Return a time; FromDatetime costs five times as much."""
    return Timestamp(seconds=int(time.timestamp() // 1), nanos=time.microsecond * 1000)


def _duration(seconds: float | None) -> Duration | None:
    """Return a length of time, None for none."""
    if seconds is None:
        return None
    whole = int(seconds)
    return Duration(seconds=whole, nanos=int((seconds - whole) * 1e9))


def _attempt(attempt: Attempt) -> llm_pb2.Attempt:
    return llm_pb2.Attempt(
        provider=attempt.provider,
        model=attempt.model,
        error_kind=attempt.failure.value,
        duration=_duration(attempt.duration),
    )


def _finished(event: Finished) -> llm_pb2.Finished:
    return llm_pb2.Finished(
        finish_reason=event.reason.value,
        usage=usage_to_proto(event.usage or Usage(estimated=True)),
        cost=cost_to_proto(event.cost),
        stop_sequence=event.stop_sequence,
        choice_finish_reasons={index: reason.value for index, reason in event.choice_reasons.items()},
        ledger_id=event.ledger_id,
        cache_savings=cost_to_proto(event.cache_savings),
        time_to_first_token=_duration(event.time_to_first_token),
        duration=_duration(event.duration),
    )


def _part(part: TextPart | ThinkingPart) -> llm_pb2.AnswerPart:
    if isinstance(part, TextPart):
        return llm_pb2.AnswerPart(text=part.text)
    thinking = llm_pb2.ThinkingPart(text=part.text, signature=part.signature, redacted=part.redacted)
    return llm_pb2.AnswerPart(thinking=thinking)


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


def _logprobs(choice: Choice) -> str:
    """Whole answers have one piece; of a streamed one the pieces can't be joined without knowing their form."""
    return choice.logprobs_json[0] if len(choice.logprobs_json) == 1 else ""
