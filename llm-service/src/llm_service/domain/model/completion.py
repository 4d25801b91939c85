"""A whole completion: the fold of its events."""

from dataclasses import dataclass, field
from typing import assert_never

from llm_service.domain.model.event import (
    Annotation,
    AttemptFailed,
    AttemptStarted,
    Event,
    Finished,
    FinishReason,
    Picture,
    RefusalDelta,
    Started,
    TextDelta,
    ThinkingDelta,
    ToolCallDelta,
    UsageReport,
)
from llm_service.domain.model.event_fold import PartFold
from llm_service.domain.model.message import CallPart, TextPart, ThinkingPart, ToolCall
from llm_service.domain.model.provider import EventBatch, EventStream


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One of the answers to a question; most questions have one.

    `parts` are its reasoning, text and calls in their order, only when some reasoning has a proof of its own.
    """

    index: int
    reason: FinishReason
    text: str = ""
    thinking: str = ""
    signature: str = ""
    refusal: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    logprobs_json: tuple[str, ...] = ()
    parts: tuple[TextPart | ThinkingPart | CallPart, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """The response: who answered, every choice by index, the sources cited, the pictures made and how it ended."""

    started: Started
    choices: tuple[Choice, ...]
    finished: Finished
    annotations: tuple[Annotation, ...] = ()
    pictures: tuple[Picture, ...] = ()

    @property
    def first(self) -> Choice:
        """The choice with index 0."""
        return self.choices[0]


@dataclass(slots=True, kw_only=True)
class _OpenCall:
    id: str = ""
    name: str = ""
    arguments: list[str] = field(default_factory=list[str])

    def closed(self) -> ToolCall:
        return ToolCall(id=self.id, name=self.name, arguments="".join(self.arguments))


@dataclass(slots=True, kw_only=True)
class _OpenChoice:
    text: list[str] = field(default_factory=list[str])
    thinking: list[str] = field(default_factory=list[str])
    refusal: list[str] = field(default_factory=list[str])
    logprobs: list[str] = field(default_factory=list[str])
    calls: dict[int, _OpenCall] = field(default_factory=dict[int, _OpenCall])
    signature: str = ""
    parts: PartFold | None = None

    def say(self, event: TextDelta) -> None:
        self.text.append(event.text)
        if self.parts is not None:
            self.parts.say(event.text)

    def think(self, event: ThinkingDelta) -> None:
        self.thinking.append(event.text)
        self.signature = event.signature or self.signature
        if self.parts is None:
            self.parts = PartFold("".join(self.text), self.calls)
        self.parts.think(event)

    def closed(self, index: int, reason: FinishReason) -> Choice:
        return Choice(
            index=index,
            reason=reason,
            text="".join(self.text),
            thinking="".join(self.thinking),
            signature=self.signature,
            refusal="".join(self.refusal),
            logprobs_json=tuple(self.logprobs),
            parts=self.parts.parts() if self.parts else (),
            tool_calls=tuple([self.calls[index].closed() for index in sorted(self.calls)]),
        )


class CompletionFold:
    """Collects events; `completion()` is there once `Finished` came."""

    def __init__(self) -> None:
        self._started: Started | None = None
        self._finished: Finished | None = None
        self._choices: dict[int, _OpenChoice] = {}
        self._annotations: list[Annotation] = []
        self._pictures: list[Picture] = []

    def add(self, batch: EventBatch) -> None:
        """Take the next events."""
        for event in batch:
            self._add(event)

    @property
    def is_complete(self) -> bool:
        """Whether `Finished` came."""
        return self._finished is not None

    def completion(self) -> Completion:
        """Return the whole answer. Before both ends came it is a defect of the provider and raises ValueError."""
        if self._started is None or self._finished is None:
            raise ValueError("the stream ended without a Started or a Finished event")
        indices = sorted({0, *self._choices})
        return Completion(
            started=self._started,
            choices=tuple([self._closed(index, self._finished) for index in indices]),
            finished=self._finished,
            annotations=tuple(self._annotations),
            pictures=tuple(self._pictures),
        )

    def _closed(self, index: int, finished: Finished) -> Choice:
        reason = finished.choice_reasons.get(index, finished.reason)
        return self._choice(index).closed(index, reason)

    def _choice(self, index: int) -> _OpenChoice:
        choice = self._choices.get(index)
        if choice is None:
            choice = self._choices[index] = _OpenChoice()
        return choice

    def _add(self, event: Event) -> None:
        match event:
            case TextDelta():
                choice = self._choice(event.index)
                choice.say(event)
                if event.logprobs_json:
                    choice.logprobs.append(event.logprobs_json)
            case ThinkingDelta():
                self._choice(event.index).think(event)
            case RefusalDelta():
                self._choice(event.index).refusal.append(event.text)
            case ToolCallDelta():
                self._add_call(event)
            case Annotation():
                self._annotations.append(event)
            case Picture():
                self._choice(event.index)
                self._pictures.append(event)
            case Started():
                self._started = event
            case Finished():
                self._finished = event
            case UsageReport() | AttemptStarted() | AttemptFailed():
                pass
            case _:
                assert_never(event)

    def _add_call(self, event: ToolCallDelta) -> None:
        choice = self._choice(event.index)
        call = choice.calls.get(event.call_index)
        if call is None:
            call = choice.calls[event.call_index] = _OpenCall()
            if choice.parts is not None:
                choice.parts.call(event.call_index)
        call.id = call.id or event.id
        call.name = call.name or event.name
        call.arguments.append(event.arguments)


async def fold(stream: EventStream) -> Completion:
    """Return the whole answer of `stream`."""
    collected = CompletionFold()
    async for batch in stream:
        collected.add(batch)
    return collected.completion()
