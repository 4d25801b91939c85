"""Answers in Anthropic's Messages dialect as events: streamed ones, whole messages, usage."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from llm_service.domain.model.event import (
    Annotation,
    Event,
    Finished,
    FinishReason,
    RefusalDelta,
    TextDelta,
    ThinkingDelta,
    ToolCallDelta,
    UsageReport,
)
from llm_service.domain.model.usage import Usage
from llm_service.providers.anthropic_request import ANSWER_TOOL
from llm_service.providers.surrogate import SplitJson, SurrogateJoiner
from llm_service.providers.tool_names import NO_NAMES
from penstock_kit.half_character import encode_json, without_halves

Json = Mapping[str, Any]

_REASONS: Final = {
    "end_turn": FinishReason.STOP,
    "stop_sequence": FinishReason.STOP,
    "pause_turn": FinishReason.STOP,
    "compaction": FinishReason.STOP,
    "tool_use": FinishReason.TOOL_CALLS,
    "max_tokens": FinishReason.LENGTH,
    "model_context_window_exceeded": FinishReason.LENGTH,
    "refusal": FinishReason.CONTENT_FILTER,
}
# Ends that mean what they say though calls came before them.
_ENDS_BESIDE_CALLS: Final = frozenset({"stop_sequence", "pause_turn", "compaction"})


class MessageReader:
    """Turns the events of one answer into ours.

    `new_id` names the calls that come without an id, `answers_by_tool` says that one tool's argument is the text,
    `names` what shortened names of tools stand for.
    """

    def __init__(
        self,
        new_id: Callable[[str], str],
        *,
        answers_by_tool: bool = False,
        names: Mapping[str, str] = NO_NAMES,
    ) -> None:
        self._new_id = new_id
        self._names = names
        self._answers_by_tool = answers_by_tool
        self._calls: dict[int, int] = {}
        self._empty_calls: set[int] = set()
        self._texts: set[int] = set()
        self._usage: dict[str, Any] = {}
        self._reason = ""
        self._stop_sequence = ""
        self._details = ""
        self._halves: SurrogateJoiner | None = None
        self.stopped = False

    def end(self) -> list[Event]:
        """Return the last events, none while no stop reason came."""
        if not self._reason:
            return []
        reason = _REASONS.get(self._reason, FinishReason.STOP)
        if self._calls and reason is FinishReason.STOP and self._reason not in _ENDS_BESIDE_CALLS:
            reason = FinishReason.TOOL_CALLS  # some who speak the dialect end a turn of calls like any other
        if self._answers_by_tool and reason is FinishReason.TOOL_CALLS:
            reason = FinishReason.STOP
        finished = Finished(
            reason=reason,
            usage=usage_of(self._usage),
            stop_sequence=self._stop_sequence,
            vendor_reason=without_halves(str(self._reason)),
            details_json=self._details,
        )
        return [*(self._halves.rest() if self._halves else ()), finished]

    def events(self, event: Json) -> Iterable[Event]:
        """Return what a streamed event means; kinds that are not known mean nothing, as the vendor asks."""
        return self._sound(event, self._events(event))

    def whole(self, message: Json) -> Iterable[Event]:
        """Return the events of a message that came at once."""
        return self._sound(message, self._whole(message))

    def _sound(self, given: Json, events: Iterator[Event]) -> Iterable[Event]:
        if self._halves is None and not isinstance(given, SplitJson):
            return events
        self._halves = self._halves or SurrogateJoiner()
        return self._halves.join(events)

    def _events(self, event: Json) -> Iterator[Event]:
        match event.get("type"):
            case "message_start":
                yield from self._count(event["message"].get("usage"))
            case "content_block_start":
                yield from self._begin(int(event["index"]), event["content_block"])
            case "content_block_delta":
                yield from self._delta(int(event["index"]), event["delta"])
            case "content_block_stop":
                yield from self._end(int(event["index"]))
            case "message_delta":
                yield from self._count(event.get("usage"))
                yield from self._stop(event.get("delta") or {})
            case "message_stop":
                self.stopped = True
            case _:
                pass

    def _whole(self, message: Json) -> Iterator[Event]:
        for index, block in enumerate(message.get("content") or ()):
            yield from self._begin(index, block)
            yield from self._end(index)
        yield from self._count(message.get("usage"))
        yield from self._stop(message)

    def _begin(self, index: int, block: Json) -> Iterator[Event]:
        match block.get("type"):
            case "text":
                if text := block.get("text"):
                    yield TextDelta(text=text)
                for cited in block.get("citations") or ():
                    yield from _citation(cited)
            case "thinking":
                thinking, signature = block.get("thinking") or "", block.get("signature") or ""
                if thinking or signature:
                    yield ThinkingDelta(text=thinking, signature=signature)
            case "redacted_thinking":
                yield ThinkingDelta(redacted=str(block["data"]))
            case "tool_use":
                yield from self._begin_call(index, block)
            case _:
                pass

    def _begin_call(self, index: int, block: Json) -> Iterator[Event]:
        given = encode_json(block["input"]) if block.get("input") else ""
        if self._answers_by_tool and block["name"] == ANSWER_TOOL:
            self._texts.add(index)
            if given:
                yield TextDelta(text=given)
            return
        at = self._calls[index] = len(self._calls)
        if not given:
            self._empty_calls.add(index)
        name = str(block["name"])
        identity = str(block.get("id") or "") or self._new_id("toolu")
        yield ToolCallDelta(call_index=at, id=identity, name=self._names.get(name, name), arguments=given)

    def _delta(self, index: int, delta: Json) -> Iterator[Event]:
        match delta.get("type"):
            case "text_delta":
                if text := delta["text"]:
                    yield TextDelta(text=text)
            case "thinking_delta":
                if text := delta["thinking"]:
                    yield ThinkingDelta(text=text)
            case "signature_delta":
                yield ThinkingDelta(signature=str(delta["signature"]))
            case "input_json_delta":
                yield from self._arguments(index, delta["partial_json"])
            case "citations_delta":
                yield from _citation(delta["citation"])
            case _:
                pass

    def _arguments(self, index: int, piece: str) -> Iterator[Event]:
        if not piece:
            return
        if index in self._texts:
            yield TextDelta(text=piece)
        elif index in self._calls:
            self._empty_calls.discard(index)
            yield ToolCallDelta(call_index=self._calls[index], arguments=piece)

    def _end(self, index: int) -> Iterator[Event]:
        """A call without arguments sends none at all; its JSON text is an empty object."""
        if index in self._empty_calls:
            self._empty_calls.discard(index)
            yield ToolCallDelta(call_index=self._calls[index], arguments="{}")

    def _stop(self, delta: Json) -> Iterator[Event]:
        self._reason = delta.get("stop_reason") or self._reason
        self._stop_sequence = delta.get("stop_sequence") or self._stop_sequence
        details: Json = delta.get("stop_details") or {}
        self._details = encode_json(details) if details else self._details
        if explanation := details.get("explanation"):
            yield RefusalDelta(text=str(explanation))

    def _count(self, usage: Json | None) -> Iterator[Event]:
        """Counts are cumulative; those that a later event leaves out stay as they were."""
        if usage:
            self._usage |= {name: value for name, value in usage.items() if value is not None}
            yield UsageReport(usage=usage_of(self._usage))


def usage_of(usage: Json) -> Usage:
    """Return Anthropic's counts: its prompt classes are disjoint already, its output holds the thinking."""
    output = _count(usage, "output_tokens")
    reasoning = min(output, _count(usage.get("output_tokens_details") or {}, "thinking_tokens"))
    written = _count(usage, "cache_creation_input_tokens")
    return Usage(
        input=_count(usage, "input_tokens"),
        cache_read=_count(usage, "cache_read_input_tokens"),
        cache_write=written,
        cache_write_hour=min(written, _count(usage.get("cache_creation") or {}, "ephemeral_1h_input_tokens")),
        output=output - reasoning,
        reasoning=reasoning,
    )


def _citation(cited: Json) -> Iterator[Event]:
    if url := cited.get("url"):
        yield Annotation(url=str(url), title=str(cited.get("title") or ""))


def _count(fields: Json, name: str) -> int:
    return max(0, int(fields.get(name) or 0))
