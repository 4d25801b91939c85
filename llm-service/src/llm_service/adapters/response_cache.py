"""Answers in the cache service, exact and semantic."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

import grpc.aio
import orjson
from google.protobuf.duration_pb2 import Duration
from penstock.cache.v1 import cache_pb2, cache_pb2_grpc

from llm_service.adapters.event_json import events_from_json, json_from_events
from llm_service.domain.model.event import Event
from llm_service.domain.reuse.response_cache import SimilarCompletion
from penstock_kit.cache import CacheClient
from penstock_kit.clock import Clock
from penstock_kit.errors import PenstockError

_LARGEST: Final = 1024 * 1024
_TIMEOUT: Final = 0.25
_REST: Final = 30.0


class CacheServiceResponses:
    """Keeps answers for `seconds`. A cache service that is away, or has no semantic cache, is a miss."""

    def __init__(self, cache: CacheClient, channel: grpc.aio.Channel, clock: Clock, *, seconds: float) -> None:
        self._cache = cache
        self._stub: Any = cache_pb2_grpc.CacheServiceStub(channel)
        self._clock = clock
        self._seconds = seconds
        self._resting_until = 0.0

    async def get(self, key: str) -> Sequence[Event] | None:
        """Return the answer kept under `key`."""
        found = await self._cache.get(key)
        return None if found is None else _events(found.value)

    async def put(self, key: str, events: Sequence[Event]) -> None:
        """Keep an answer under 1 MiB."""
        data = orjson.dumps(json_from_events(events))
        if len(data) <= _LARGEST:
            await self._cache.set(key, data, ttl=self._seconds)

    async def near(self, partition: str, text: str, threshold: float) -> SimilarCompletion | None:
        """Return the answer to a question like `text`, which the service's guards let pass."""
        request = cache_pb2.SemanticLookupRequest(partition_key=partition, text=text, threshold=threshold)
        found: cache_pb2.SemanticLookupResponse | None = await self._call(self._stub.SemanticLookup, request)
        if found is None or not found.hit:
            return None
        events = _events(found.value)
        return None if events is None else SimilarCompletion(events=events, similarity=found.similarity)

    async def put_near(self, partition: str, text: str, events: Sequence[Event]) -> None:
        """Keep an answer to `text`."""
        ttl = Duration()
        ttl.FromTimedelta(timedelta(seconds=self._seconds))
        data = orjson.dumps(json_from_events(events))
        if len(data) <= _LARGEST:
            request = cache_pb2.SemanticStoreRequest(partition_key=partition, text=text, value=data, ttl=ttl)
            await self._call(self._stub.SemanticStore, request)

    async def _call(self, method: Any, request: Any) -> Any:
        """The response; None, and half a minute of rest, when there is none to be had."""
        if self._clock.monotonic() < self._resting_until:
            return None
        try:
            return await method(request, timeout=_TIMEOUT)
        except PenstockError:
            self._resting_until = self._clock.monotonic() + _REST
            return None


def _events(data: bytes) -> list[Event] | None:
    """The events, None when another version kept them in another form."""
    try:
        return events_from_json(orjson.loads(data))
    except ValueError:
        return None
