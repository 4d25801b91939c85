"""Response caches: an answer that was given before, to the same question or to one that means the same."""

import hashlib
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Protocol

from llm_service.domain.billing.metering import CompletionSource
from llm_service.domain.model.event import Event, Finished, FinishReason, Picture, Started, ToolCallDelta
from llm_service.domain.model.message import Role, TextPart
from llm_service.domain.model.provider import EventBatch
from llm_service.domain.model.request import CachePolicy, CompletionRequest, route_of
from llm_service.domain.model.route import FALLBACK, Route
from penstock_kit.aside import run_aside
from penstock_kit.context import current_context


@dataclass(frozen=True, slots=True, kw_only=True)
class SimilarCompletion:
    """An answer to a question that means the same, and how similar it is (0 to 1)."""

    events: Sequence[Event]
    similarity: float


class ResponseCache(Protocol):
    """Where answers are cached, for each tenant apart. Without a store everything is a miss."""

    async def get(self, key: str) -> Sequence[Event] | None:
        """Return the answer kept under `key`."""
        ...

    async def put(self, key: str, events: Sequence[Event]) -> None:
        """Keep an answer."""
        ...

    async def near(self, partition: str, text: str, threshold: float) -> SimilarCompletion | None:
        """Return the answer to a question like `text` within `partition`."""
        ...

    async def put_near(
        self, partition: str, text: str, events: Sequence[Event], *, temperature: float | None = None
    ) -> None:
        """Keep an answer to `text`, for which the caller asked at this temperature."""
        ...


class ResponseCaching:
    """Answers from the cache where the request (or the operator, with `exact_for_all`) allows it.

    The caller must be allowed what it asks for: the route is made first. Kept are whole answers of models
    only: no failures, no tool calls, nothing cut short, nothing of the offline provider. Within a tenant users share
    answers, except those that are cached without anybody having asked for it (`own`).
    """

    def __init__(
        self,
        inner: CompletionSource,
        *,
        cache: ResponseCache,
        route: Callable[[CompletionRequest], Route],
        allows_semantic: Callable[[], bool],
        exact_for_all: bool,
    ) -> None:
        self._inner = inner
        self._cache = cache
        self._route = route
        self._allows_semantic = allows_semantic
        self._exact_for_all = exact_for_all

    def stream(self, request: CompletionRequest) -> AsyncGenerator[EventBatch]:
        """Return the answer; `Started.cache` says how the cache took part."""
        exact, semantic = self._wanted(request)
        if exact or semantic:
            return self._cached(request, exact, semantic)
        return self._bypassed(request) if request.cache.bypass else self._inner.stream(request)

    def _wanted(self, request: CompletionRequest) -> tuple[bool, bool]:
        if request.cache.bypass:
            return False, False
        semantic = request.cache.semantic and _is_single_turn(request) and self._allows_semantic()
        return request.cache.exact or self._exact_for_all, semantic

    async def _bypassed(self, request: CompletionRequest) -> AsyncGenerator[EventBatch]:
        async with aclosing(self._inner.stream(request)) as batches:
            async for batch in batches:
                yield _marked(batch, "bypass")

    async def _cached(self, request: CompletionRequest, exact: bool, semantic: bool) -> AsyncGenerator[EventBatch]:
        places = sorted({f"{each.provider}/{each.model}" for each in route_of(request, self._route).candidates})
        whose = current_context().caller.user_id if request.cache.own and not self._exact_for_all else ""
        key, partition = await run_aside(
            request.size, lambda: (_digest("exact", places, request, whose), _partition(places, request))
        )
        text = _question(request)
        if exact and (found := await self._cache.get(key)) is not None:
            yield _marked(found, "hit")
            return
        if semantic and (near := await self._cache.near(partition, text, request.cache.threshold)) is not None:
            yield _marked(near.events, "semantic_hit", near.similarity)
            return
        events: list[Event] = []
        async with aclosing(self._inner.stream(request)) as batches:
            async for batch in batches:
                events += batch
                yield _marked(batch, "miss")
        if _is_worth_keeping(events):
            if exact:
                await self._cache.put(key, events)
            if semantic:
                await self._cache.put_near(partition, text, events, temperature=request.sampling.temperature)


def _is_worth_keeping(events: Sequence[Event]) -> bool:
    started = next((event for event in events if isinstance(event, Started)), None)
    finished = next((event for event in events if isinstance(event, Finished)), None)
    if started is None or finished is None or started.provider == FALLBACK or started.degraded:
        return False
    return finished.reason is FinishReason.STOP and not any(
        isinstance(event, ToolCallDelta | Picture) for event in events
    )


def _marked(batch: EventBatch, verdict: str, similarity: float = 0.0) -> EventBatch:
    return [
        replace(event, cache=verdict, similarity=similarity) if isinstance(event, Started) else event for event in batch
    ]


def _is_single_turn(request: CompletionRequest) -> bool:
    """Whether the question is one user's message of text alone: what it means depends on nothing beside it."""
    others = [message for message in request.messages if message.role is not Role.SYSTEM]
    if len(others) != 1 or others[0].role is not Role.USER:
        return False
    return len(others[0].text) > 0 and all(isinstance(part, TextPart) for part in others[0].parts)


def _question(request: CompletionRequest) -> str:
    """The user's message; of several the last."""
    return next((each.text for each in reversed(request.messages) if each.role is Role.USER), "")


def _partition(places: Sequence[str], request: CompletionRequest) -> str:
    """Everything but the question itself: answers never cross it. Tools are in it."""
    rest = tuple(message for message in request.messages if message.role is Role.SYSTEM)
    return _digest("semantic", places, replace(request, messages=rest))


def _digest(kind: str, places: Sequence[str], request: CompletionRequest, whose: str = "") -> str:
    """A key over everything that shapes an answer: where it may go, the messages, tools and knobs; and whose it is."""
    asked = replace(
        request, idempotency_key="", end_user="", surface="", labels={}, streaming=True, cache=CachePolicy()
    )
    text = repr((kind, places, asked, whose))
    return f"answer:{kind}:{hashlib.sha256(text.encode()).hexdigest()}"
