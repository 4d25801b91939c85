"""Answers in OpenAI's chat-completions dialect as events: streamed chunks, whole answers, usage, errors."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

import orjson

from llm_service.domain.model.event import (
    Annotation,
    Event,
    Finished,
    FinishReason,
    RefusalDelta,
    TextDelta,
    ThinkingDelta,
    ToolCallDelta,
)
from llm_service.domain.model.usage import Usage
from llm_service.providers.status import VendorError, status_from_code

Json = Mapping[str, Any]

_REASONS: Final = {
    "stop": FinishReason.STOP,
    "length": FinishReason.LENGTH,
    "max_tokens": FinishReason.LENGTH,
    "tool_calls": FinishReason.TOOL_CALLS,
    "function_call": FinishReason.TOOL_CALLS,
    "content_filter": FinishReason.CONTENT_FILTER,
    "sensitive": FinishReason.CONTENT_FILTER,
}
# Reasons for which the vendor gave up: GLM, DeepSeek, OpenRouter.
_GAVE_UP: Final = frozenset({"network_error", "insufficient_system_resource", "error"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported:
    """What a chunk says about the answer as a whole."""

    id: str
    model: str
    created: int


class ChunkReader:
    """Turns the chunks of one answer into events. It remembers which calls have begun and what came for the end."""

    def __init__(self) -> None:
        self._reasons: dict[int, FinishReason] = {}
        self._calls: dict[tuple[int, int], bool] = {}
        self._usage: Usage | None = None
        self._gave_up = ""

    @property
    def finished(self) -> Finished | None:
        """The end of the answer, None while no finish reason came."""
        if not self._reasons:
            return None
        first = self._reasons.get(0) or next(iter(self._reasons.values()))
        others = {index: reason for index, reason in self._reasons.items() if index != 0}
        return Finished(reason=first, usage=self._usage, choice_reasons=others)

    @property
    def gave_up(self) -> str:
        """The reason for which the vendor gave up, or empty."""
        return self._gave_up

    @property
    def usage(self) -> Usage | None:
        """The last counts that came."""
        return self._usage

    def events(self, chunk: Json) -> list[Event]:
        """Return the events of `chunk`, a streamed one (with `delta`) or a whole answer (with `message`)."""
        events: list[Event] = []
        if usage := chunk.get("usage"):
            self._usage = usage_of(usage)
        for choice in chunk.get("choices") or ():
            index = choice.get("index") or 0
            piece: Json = choice.get("delta") or choice.get("message") or {}
            self._piece(events, piece, index, choice.get("logprobs"))
            if reason := choice.get("finish_reason"):
                self._gave_up = reason if reason in _GAVE_UP else self._gave_up
                self._reasons[index] = _REASONS.get(reason, FinishReason.STOP)
        return events

    def _piece(self, events: list[Event], piece: Json, index: int, logprobs: object) -> None:
        if thinking := piece.get("reasoning_content") or piece.get("reasoning"):
            events.append(ThinkingDelta(text=str(thinking), index=index))
        if text := piece.get("content"):
            encoded = orjson.dumps(logprobs).decode() if logprobs else ""
            events.append(TextDelta(text=text, index=index, logprobs_json=encoded))
        if refusal := piece.get("refusal"):
            events.append(RefusalDelta(text=refusal, index=index))
        if calls := piece.get("tool_calls"):
            events.extend(self._tool_calls(calls, index))
        for annotation in piece.get("annotations") or ():
            if cited := annotation.get("url_citation"):
                events.append(_annotation(cited))

    def _tool_calls(self, calls: Sequence[Json], index: int) -> Iterator[Event]:
        """Id and name once per call, with its first piece, whatever the vendor repeats."""
        for call in calls:
            at = self._call_index(call, index)
            function: Json = call.get("function") or {}
            begun = self._calls.setdefault((index, at), False)
            self._calls[index, at] = True
            yield ToolCallDelta(
                index=index,
                call_index=at,
                id="" if begun else str(call.get("id") or ""),
                name="" if begun else str(function.get("name") or ""),
                arguments=_arguments(function.get("arguments")),
            )

    def _call_index(self, call: Json, index: int) -> int:
        """The call's index; a vendor that sends none begins a new call with each id."""
        at = call.get("index")
        if at is not None:
            return int(at)
        begun = sum(1 for choice, _ in self._calls if choice == index)
        return begun if call.get("id") or not begun else begun - 1


def reported(chunk: Json) -> Reported:
    """Return what `chunk` says about the answer."""
    return Reported(
        id=str(chunk.get("id") or ""), model=str(chunk.get("model") or ""), created=int(chunk.get("created") or 0)
    )


def usage_of(usage: Json) -> Usage:
    """Return OpenAI's counts made disjoint: its prompt holds the cached tokens, its completion the reasoning."""
    prompt, completion = _count(usage, "prompt_tokens"), _count(usage, "completion_tokens")
    prompt_details: Json = usage.get("prompt_tokens_details") or {}
    completion_details: Json = usage.get("completion_tokens_details") or {}
    read = min(prompt, _count(prompt_details, "cached_tokens") or _count(usage, "prompt_cache_hit_tokens"))
    written = min(prompt - read, _count(prompt_details, "cache_creation_input_tokens"))
    reasoning = min(completion, _count(completion_details, "reasoning_tokens"))
    return Usage(
        input=prompt - read - written,
        cache_read=read,
        cache_write=written,
        output=completion - reasoning,
        reasoning=reasoning,
    )


def error_of(body: object, status: int = 0) -> VendorError:
    """Return the error in a body in any of the shapes in use; without a `status` it has the one its code stands for."""
    if not isinstance(body, dict):
        return VendorError(status=status, message=body[:300] if isinstance(body, str) else "")
    fields = cast(Json, body)
    inner = fields.get("error", fields)
    if not isinstance(inner, dict):
        return VendorError(status=status, message=str(inner))
    error = cast(Json, inner)
    code, kind = str(error.get("code") or ""), str(error.get("type") or "")
    return VendorError(
        status=status or status_from_code(code) or status_from_code(kind),
        message=str(error.get("message") or error.get("detail") or error.get("msg") or ""),
        code=code,
        kind=kind,
        param=str(error.get("param") or ""),
    )


def _annotation(cited: Json) -> Annotation:
    return Annotation(
        url=str(cited.get("url") or ""),
        title=str(cited.get("title") or ""),
        start_index=_count(cited, "start_index"),
        end_index=_count(cited, "end_index"),
    )


def _arguments(arguments: object) -> str:
    """JSON text in pieces; a vendor that sends an object sends it whole."""
    if arguments is None or isinstance(arguments, str):
        return arguments or ""
    return orjson.dumps(arguments).decode()


def _count(fields: Json, name: str) -> int:
    return max(0, int(fields.get(name) or 0))
