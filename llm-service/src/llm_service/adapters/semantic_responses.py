"""Answers to questions that mean the same, in the cache service."""

import sys
from array import array
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any, Final

import grpc.aio
import orjson
from google.protobuf.duration_pb2 import Duration
from penstock.cache.v1 import cache_pb2, cache_pb2_grpc

from llm_service.adapters.event_json import events_from_json, json_from_events
from llm_service.domain.embedding.question_embedder import LONGEST_QUESTION, QuestionEmbedder, QuestionVector
from llm_service.domain.model.event import Event, Finished, Started, TextDelta, ToolCallDelta
from llm_service.domain.reuse.response_cache import SimilarCompletion
from penstock_kit.cache.outage import OUTAGE_KINDS, Outage
from penstock_kit.clock import Clock
from penstock_kit.errors import ErrorKind, PenstockError
from penstock_kit.text.passing import is_passing

_LARGEST: Final = 256 * 1024
_STORE_SECONDS: Final = 0.25
_RETRY_SECONDS: Final = 1.0
# Look-ups in a row that took too long before the service counts as away.
_MOST_LATE: Final = 3
_TEXT_READ: Final = 4_096


class SemanticResponses:
    """Looks up within `seconds`, and stores for `ttl` seconds. Whatever fails or takes longer is a miss."""

    def __init__(
        self, channel: grpc.aio.Channel, embedder: QuestionEmbedder, clock: Clock, *, ttl: float, seconds: float
    ) -> None:
        self._stub: Any = cache_pb2_grpc.CacheServiceStub(channel)
        self._embedder = embedder
        self._seconds = seconds
        self._ttl = Duration()
        self._ttl.FromTimedelta(timedelta(seconds=ttl))
        self._outage = Outage(clock=clock, retry_seconds=_RETRY_SECONDS)
        self._late = 0

    async def near(self, partition: str, text: str, threshold: float) -> SimilarCompletion | None:
        """Return the answer to a question like `text`, which the service's guards let pass."""
        if not _may_be_cached(text) or not self._outage.may_call():
            return None
        if (made := await self._embedder.embed(text)) is None:
            return None
        request = cache_pb2.SemanticLookupRequest(
            partition_key=partition,
            text=text,
            embedding=_numbers(made),
            threshold=threshold,
            embedder=made.embedder,
        )
        found: cache_pb2.SemanticLookupResponse | None = await self._call(
            lambda: self._stub.SemanticLookup(request, timeout=self._seconds)
        )
        if found is None or not found.hit:
            return None
        events = _events(found.value)
        return None if events is None else SimilarCompletion(events=events, similarity=found.similarity)

    async def put_near(
        self, partition: str, text: str, events: Sequence[Event], *, temperature: float | None = None
    ) -> None:
        """Store an answer to `text`; the service decides whether others may be given it."""
        data = orjson.dumps(json_from_events(events))
        if len(data) > _LARGEST or not _may_be_cached(text) or not self._outage.may_call():
            return
        if (made := await self._embedder.embed(text)) is None:
            return
        request = cache_pb2.SemanticStoreRequest(
            partition_key=partition,
            text=text,
            embedding=_numbers(made),
            value=data,
            ttl=self._ttl,
            embedder=made.embedder,
            answer=_answer(events, temperature),
        )
        await self._call(lambda: self._stub.SemanticStore(request, timeout=_STORE_SECONDS))

    async def _call(self, call: Callable[[], Awaitable[Any]]) -> Any:
        """The response; None when there is none to be had."""
        try:
            response = await call()
        except PenstockError as error:
            self._late += 1
            if error.kind in OUTAGE_KINDS and (
                error.kind is not ErrorKind.DEADLINE_EXCEEDED or self._late >= _MOST_LATE
            ):
                self._outage.record_failure(error)
            return None
        self._late = 0
        self._outage.record_success()
        return response


def _may_be_cached(text: str) -> bool:
    """Whether it is worth a vector: the service would refuse the rest."""
    return 0 < len(text) <= LONGEST_QUESTION and not is_passing(text)


def _answer(events: Sequence[Event], temperature: float | None) -> cache_pb2.SemanticAnswer:
    started = next((event for event in events if isinstance(event, Started)), None)
    finished = next((event for event in events if isinstance(event, Finished)), None)
    text = "".join(event.text for event in events if isinstance(event, TextDelta))
    return cache_pb2.SemanticAnswer(
        finish_reason=finished.reason.value if finished else "",
        tool_calls=sum(isinstance(event, ToolCallDelta) for event in events),
        failed=started is None or started.degraded,
        temperature=temperature,
        text=text[:_TEXT_READ],
        model=f"{started.provider}/{started.model}" if started else "",
    )


def _numbers(made: QuestionVector) -> "array[float]":
    values = array("f", made.vector)
    if sys.byteorder == "big":
        values.byteswap()
    return values


def _events(data: bytes) -> list[Event] | None:
    """The events, None when another version stored them in another form."""
    try:
        return events_from_json(orjson.loads(data))
    except ValueError:
        return None
