"""Answers in Gemini's dialect as events: each chunk is a whole response of its own, calls come in one piece."""

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
from llm_service.providers.gemini_message import SIGNATURE_MARK
from llm_service.providers.picture import picture_of_base64
from llm_service.providers.surrogate import SplitJson, SurrogateJoiner
from llm_service.providers.tool_names import NO_NAMES
from penstock_kit.half_character import encode_json, without_halves

Json = Mapping[str, Any]

_REASONS: Final = {
    "MAX_TOKENS": FinishReason.LENGTH,
    "SAFETY": FinishReason.CONTENT_FILTER,
    "RECITATION": FinishReason.CONTENT_FILTER,
    "BLOCKLIST": FinishReason.CONTENT_FILTER,
    "PROHIBITED_CONTENT": FinishReason.CONTENT_FILTER,
    "SPII": FinishReason.CONTENT_FILTER,
    "MODEL_ARMOR": FinishReason.CONTENT_FILTER,
    "ESCALATION": FinishReason.CONTENT_FILTER,
    "IMAGE_SAFETY": FinishReason.CONTENT_FILTER,
    "IMAGE_PROHIBITED_CONTENT": FinishReason.CONTENT_FILTER,
    "IMAGE_RECITATION": FinishReason.CONTENT_FILTER,
}
# The model wrote something the vendor could not make an answer of.
BROKEN: Final = frozenset(
    {
        "MALFORMED_FUNCTION_CALL",
        "MALFORMED_RESPONSE",
        "UNEXPECTED_TOOL_CALL",
        "TOO_MANY_TOOL_CALLS",
        "MISSING_THOUGHT_SIGNATURE",
    }
)


class ResponseReader:
    """Turns the responses of one answer into events.

    `new_id` names the calls that come without an id, `names` are what shortened names of tools stand for.
    """

    def __init__(self, new_id: Callable[[str], str], names: Mapping[str, str] = NO_NAMES) -> None:
        self._new_id = new_id
        self._names = names
        self._calls: dict[int, int] = {}
        self._reasons: dict[int, str] = {}
        self._signature = ""
        self._halves: SurrogateJoiner | None = None
        self._usage: Usage | None = None
        self._blocked = ""

    @property
    def broken(self) -> str:
        """The finish reason of an answer that came to nothing, or empty."""
        return next((reason for reason in self._reasons.values() if reason in BROKEN), "")

    def end(self) -> list[Event]:
        """Return the last events, none while no reason to end came."""
        if self._blocked:
            refusal = RefusalDelta(text=f"the prompt was blocked ({self._blocked})")
            finished = Finished(reason=FinishReason.CONTENT_FILTER, usage=self._usage, vendor_reason=self._blocked)
            return [refusal, finished]
        if not self._reasons:
            return []
        reasons = {index: self._reason(index, said) for index, said in sorted(self._reasons.items())}
        first = reasons.pop(0, None) or next(iter(reasons.values()))
        last = [ThinkingDelta(signature=SIGNATURE_MARK + self._signature)] if self._signature else []
        return [
            *(self._halves.rest() if self._halves else ()),
            *last,
            Finished(
                reason=first,
                usage=self._usage,
                choice_reasons=reasons,
                vendor_reason=self._reasons.get(0, ""),
            ),
        ]

    def _reason(self, index: int, said: str) -> FinishReason:
        if said == "STOP" and self._calls.get(index):
            return FinishReason.TOOL_CALLS
        return _REASONS.get(said, FinishReason.STOP)

    def events(self, response: Json) -> Iterable[Event]:
        """Return the events of a response."""
        events = self._events(response)
        if self._halves is None and not isinstance(response, SplitJson):
            return events
        self._halves = self._halves or SurrogateJoiner()
        return self._halves.join(events)

    def _events(self, response: Json) -> Iterator[Event]:
        if usage := response.get("usageMetadata"):
            self._usage = usage_of(usage)
            yield UsageReport(usage=self._usage)
        if blocked := _object(response, "promptFeedback").get("blockReason"):
            self._blocked = without_halves(str(blocked))
        for candidate in response.get("candidates") or ():
            index = int(candidate.get("index") or 0)
            logprobs = _logprobs(_object(candidate, "logprobsResult"))
            for part in _object(candidate, "content").get("parts") or ():
                yield from self._part(part, index, logprobs)
                logprobs = "" if part.get("text") else logprobs
            yield from _citations(candidate)
            if reason := candidate.get("finishReason"):
                self._reasons[index] = without_halves(str(reason))

    def _part(self, part: Json, index: int, logprobs: str) -> Iterator[Event]:
        signature = str(part.get("thoughtSignature") or "")
        if call := part.get("functionCall"):
            yield from self._call(call, index, signature)
            return
        # Kept for the end: a call that follows has the one that must be handed back.
        self._signature = signature or self._signature
        if inline := _object(part, "inlineData"):
            yield from _picture(part, inline, index)
        text = part.get("text")
        if not text:
            return
        if part.get("thought"):
            yield ThinkingDelta(text=text, index=index)
        else:
            yield TextDelta(text=text, index=index, logprobs_json=logprobs)

    def _call(self, call: Json, index: int, signature: str) -> Iterator[Event]:
        at = self._calls.get(index, 0)
        self._calls[index] = at + 1
        if signature and at == 0:
            self._signature = ""
            yield ThinkingDelta(signature=SIGNATURE_MARK + signature, index=index)
        yield ToolCallDelta(
            index=index,
            call_index=at,
            id=str(call.get("id") or "") or self._new_id("call"),
            name=self._names.get(str(call["name"]), str(call["name"])),
            arguments=encode_json(call.get("args") or {}),
        )


def _picture(part: Json, inline: Json, index: int) -> Iterator[Event]:
    """A picture of the answer; sketches that belong to the reasoning, and sounds, have no place in one."""
    media_type = str(inline.get("mimeType") or "")
    if media_type.startswith("image/") and not part.get("thought"):
        yield picture_of_base64(inline["data"], media_type, index)


def usage_of(usage: Json) -> Usage:
    """Return Gemini's counts made disjoint: its prompt holds the cached tokens, its answer no thoughts."""
    prompt = _count(usage, "promptTokenCount") + _count(usage, "toolUsePromptTokenCount")
    read = min(prompt, _count(usage, "cachedContentTokenCount"))
    return Usage(
        input=prompt - read,
        cache_read=read,
        output=_count(usage, "candidatesTokenCount"),
        reasoning=_count(usage, "thoughtsTokenCount"),
    )


def _citations(candidate: Json) -> Iterator[Event]:
    for chunk in _object(candidate, "groundingMetadata").get("groundingChunks") or ():
        page = _object(chunk, "web")
        if url := page.get("uri"):
            yield Annotation(url=str(url), title=str(page.get("title") or ""))


def _logprobs(result: Json) -> str:
    """Gemini's log probabilities in OpenAI's form."""
    chosen = result.get("chosenCandidates") or ()
    if not chosen:
        return ""
    top = [each.get("candidates") or () for each in result.get("topCandidates") or ()]
    content = [
        {**_token(token), "top_logprobs": [_token(other) for other in (top[at] if at < len(top) else ())]}
        for at, token in enumerate(chosen)
    ]
    return encode_json({"content": content})


def _token(token: Json) -> dict[str, object]:
    text = str(token.get("token") or "")
    return {
        "token": text,
        "logprob": float(token.get("logProbability") or 0.0),
        "bytes": list(text.encode("utf-8", "replace")),
    }


def _object(fields: Json, name: str) -> Json:
    return fields.get(name) or {}


def _count(fields: Json, name: str) -> int:
    return max(0, int(fields.get(name) or 0))
