"""Answers in the cache service, exact and semantic."""

from collections.abc import Sequence
from typing import Final

import orjson

from llm_service.adapters.event_json import events_from_json, json_from_events
from llm_service.adapters.semantic_responses import SemanticResponses
from llm_service.domain.model.event import Event
from llm_service.domain.reuse.response_cache import SimilarCompletion
from penstock_kit.cache import CacheClient

_LARGEST: Final = 1024 * 1024


class CacheServiceResponses:
    """Keeps answers for `seconds`. A cache service that is away is a miss."""

    def __init__(self, cache: CacheClient, semantic: SemanticResponses, *, seconds: float) -> None:
        self._cache = cache
        self._semantic = semantic
        self._seconds = seconds

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
        """Return the answer to a question like `text`."""
        return await self._semantic.near(partition, text, threshold)

    async def put_near(
        self, partition: str, text: str, events: Sequence[Event], *, temperature: float | None = None
    ) -> None:
        """Keep an answer to `text`."""
        await self._semantic.put_near(partition, text, events, temperature=temperature)


def _events(data: bytes) -> list[Event] | None:
    """The events, None when another version kept them in another form."""
    try:
        return events_from_json(orjson.loads(data))
    except ValueError:
        return None
