"""The shared cache behind cache-service."""

from collections.abc import Awaitable, Callable
from typing import Final

from penstock.cache.v1 import cache_pb2, cache_pb2_grpc

from penstock_kit.clock import Clock
from penstock_kit.errors import PenstockError
from penstock_kit.grpc import PenstockChannel
from penstock_kit.logging import get_logger

# Loading from the database takes about a millisecond; waiting longer for the cache makes no sense.
_PATIENCE: Final = 0.1
# After a failure the cache is left alone for so many seconds.
_PAUSE: Final = 5.0

log = get_logger(__name__)


class CacheServiceCache:
    """Reads through cache-service with guarded fills; see Cache."""

    def __init__(self, channel: PenstockChannel, clock: Clock) -> None:
        self._stub = cache_pb2_grpc.CacheServiceStub(channel)
        self._clock = clock
        self._paused_until = 0.0

    async def read(self, key: str, ttl_class: str, load: Callable[[], Awaitable[bytes]]) -> bytes:
        """Return the value of `key`, from the cache or loaded."""
        found = await self._get(key)
        if found is None:
            return await load()
        if found.found:
            return found.value
        value = await load()
        await self._set(cache_pb2.Entry(key=key, value=value, ttl_class=ttl_class), found.generation)
        return value

    async def forget(self, key: str) -> None:
        """Drop a value; tried even while the cache is left alone, because a stale value is worse than a wait."""
        try:
            await self._stub.Delete(cache_pb2.DeleteRequest(keys=[key]), timeout=_PATIENCE)
        except PenstockError as error:
            self._pause(error)

    async def _get(self, key: str) -> cache_pb2.GetResponse | None:
        """Return the cache's answer, None when it has none to give."""
        if self._clock.monotonic() < self._paused_until:
            return None
        try:
            return await self._stub.Get(cache_pb2.GetRequest(key=key), timeout=_PATIENCE)
        except PenstockError as error:
            self._pause(error)
            return None

    async def _set(self, entry: cache_pb2.Entry, generation: int) -> None:
        try:
            await self._stub.Set(cache_pb2.SetRequest(entry=entry, generation=generation), timeout=_PATIENCE)
        except PenstockError as error:
            self._pause(error)

    def _pause(self, error: PenstockError) -> None:
        self._paused_until = self._clock.monotonic() + _PAUSE
        log.warning("cache left alone", seconds=_PAUSE, error=error.message)
