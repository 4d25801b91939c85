"""Answers in OpenAI's chat-completions dialect as events: streamed chunks, whole answers, usage, errors."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from llm_service.domain.model.event import (
    Annotation,
    Event,
    Finished,
    FinishReason,
    RefusalDelta,
    TextDelta,
    ThinkingDelta,
    UsageReport,
)
from llm_service.domain.model.usage import Usage
from llm_service.providers.openai_call import CallReader
from llm_service.providers.openai_content import content_events, sources_of, thought_of
from llm_service.providers.picture import picture_of_url
from llm_service.providers.status import VendorError, status_from_code
from llm_service.providers.surrogate import SplitJson, SurrogateJoiner
from llm_service.providers.tool_names import NO_NAMES
from penstock_kit.half_character import encode_json, without_halves

Json = Mapping[str, Any]

_REASONS: Final = {
    "stop": FinishReason.STOP,
    "length": FinishReason.LENGTH,
    "max_tokens": FinishReason.LENGTH,
    "model_length": FinishReason.LENGTH,
    "tool_calls": FinishReason.TOOL_CALLS,
    "function_call": FinishReason.TOOL_CALLS,
    "content_filter": FinishReason.CONTENT_FILTER,
    "sensitive": FinishReason.CONTENT_FILTER,
}
# Reasons for which the vendor gave up: GLM, DeepSeek, OpenRouter, vLLM.
_GAVE_UP: Final = frozenset({"network_error", "insufficient_system_resource", "error", "abort"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported:
    """What a chunk says about the answer as a whole."""

    id: str
    model: str
    created: int


class ChunkReader:
    """Turns the chunks of one answer into events. It remembers which calls have begun and what came for the end.

    `new_id` names the calls that come without an id; `names` are what shortened names of tools stand for.
    """

    def __init__(self, new_id: Callable[[str], str], names: Mapping[str, str] = NO_NAMES) -> None:
        self._calls = CallReader(new_id, names)
        self._reasons: dict[int, FinishReason] = {}
        self._halves: SurrogateJoiner | None = None
        self._usage: Usage | None = None
        self._gave_up = ""
        self._word = ""
        self._sources: dict[str, str] = {}

    def end(self) -> list[Event]:
        """Return the last events, none while no finish reason came."""
        if not self._reasons:
            return []
        reasons = {index: self._ended(index, reason) for index, reason in self._reasons.items()}
        first = reasons.get(0) or next(iter(reasons.values()))
        others = {index: reason for index, reason in reasons.items() if index != 0}
        rest = self._halves.rest() if self._halves else ()
        sources = [Annotation(url=url, title=title) for url, title in self._sources.items()]
        finished = Finished(reason=first, usage=self._usage, choice_reasons=others, vendor_reason=self._word)
        return [*rest, *sources, finished]

    def _ended(self, index: int, reason: FinishReason) -> FinishReason:
        """Some vendors say "stop" of an answer that ends in calls."""
        calls = reason is FinishReason.STOP and self._calls.any_of(index)
        return FinishReason.TOOL_CALLS if calls else reason

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
        if told := chunk.get("search_results") or chunk.get("citations"):
            self._sources |= sources_of(told)
        for choice in chunk.get("choices") or ():
            index = choice.get("index") or 0
            if piece := choice.get("delta"):
                self._piece(events, piece, index, choice.get("logprobs"), False)
            elif piece := choice.get("message"):
                self._piece(events, piece, index, choice.get("logprobs"), True)
            if counted := choice.get("usage"):  # Moonshot counts beside the choice
                self._usage = usage_of(counted)
            if reason := choice.get("finish_reason"):
                self._gave_up = reason if reason in _GAVE_UP else self._gave_up
                self._word = self._word if index else without_halves(str(reason))
                self._reasons[index] = _REASONS.get(reason, FinishReason.STOP)
        if usage and not self._reasons:
            # Some vendors count as they go: what came before a cut is what they bill.
            events.append(UsageReport(usage=self._usage or Usage()))
        if self._halves is not None or type(chunk) is SplitJson:
            self._halves = self._halves or SurrogateJoiner()
            return self._halves.join(events)
        return events

    def _piece(self, events: list[Event], piece: Json, index: int, logprobs: object, whole: bool) -> None:
        if thinking := piece.get("reasoning_content") or piece.get("reasoning"):
            events.append(ThinkingDelta(text=thought_of(thinking), index=index))
        if text := piece.get("content"):
            encoded = encode_json(logprobs) if logprobs else ""
            if isinstance(text, str):
                events.append(TextDelta(text=text, index=index, logprobs_json=encoded))
            else:
                events.extend(content_events(text, index, encoded))
        for shown in piece.get("images") or ():
            if picture := picture_of_url(shown.get("image_url"), index):
                events.append(picture)
        if not text and (audio := piece.get("audio")) and (spoken := audio.get("transcript")):
            events.append(TextDelta(text=str(spoken), index=index))
        if not text and (call := piece.get("function_call")):
            events.extend(self._calls.events([{"index": 0, "function": call}], index, whole=whole))
        if refusal := piece.get("refusal"):
            events.append(RefusalDelta(text=refusal, index=index))
        if calls := piece.get("tool_calls"):
            events.extend(self._calls.events(calls, index, whole=whole))
        for annotation in piece.get("annotations") or ():
            if cited := annotation.get("url_citation"):
                events.append(_annotation(cited))
                self._sources.pop(str(cited.get("url")), None)


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
    told = _count(prompt_details, "cache_creation_input_tokens") or _count(prompt_details, "cache_write_tokens")
    written = min(prompt - read, told)
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


def _count(fields: Json, name: str) -> int:
    return max(0, int(fields.get(name) or 0))
