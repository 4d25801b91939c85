"""Answers kept for a day: in this process, and in the cache service for the other replicas."""

from collections import OrderedDict
from typing import Final

import orjson

from llm_service.adapters.event_json import events_from_json, json_from_events
from llm_service.domain.idempotency import KeptAnswer
from penstock_kit.cache import CacheClient
from penstock_kit.clock import Clock

_SECONDS: Final = 86_400.0
_LARGEST: Final = 1024 * 1024


class KeptAnswers:
    """Up to `most` answers here, oldest out first; those under 1 MiB in the cache service too."""

    def __init__(self, cache: CacheClient, clock: Clock, *, most: int = 1000) -> None:
        self._cache = cache
        self._clock = clock
        self._most = most
        self._here: OrderedDict[str, tuple[float, KeptAnswer]] = OrderedDict()

    async def get(self, key: str) -> KeptAnswer | None:
        """Return the answer kept under `key`, None when there is none."""
        until, kept = self._here.get(key, (0.0, None))
        if kept is not None and until > self._clock.monotonic():
            return kept
        found = await self._cache.get(key)
        return None if found is None else _answer(found.value)

    async def put(self, key: str, answer: KeptAnswer) -> None:
        """Keep `answer`."""
        self._here[key] = (self._clock.monotonic() + _SECONDS, answer)
        while len(self._here) > self._most:
            self._here.popitem(last=False)
        data = orjson.dumps({"fingerprint": answer.fingerprint, "events": json_from_events(answer.events)})
        if len(data) <= _LARGEST:
            await self._cache.set(key, data, ttl=_SECONDS)


def _answer(data: bytes) -> KeptAnswer | None:
    """The answer, None when an older or newer version kept it in another form."""
    try:
        decoded = orjson.loads(data)
        return KeptAnswer(fingerprint=decoded["fingerprint"], events=events_from_json(decoded["events"]))
    except (ValueError, KeyError, TypeError):
        return None
