"""Sessions in the memory of this process."""

from dataclasses import replace
from datetime import timedelta

from cache_service.adapters.memory.expiring_map import ExpiringMap
from cache_service.domain.session import ENDED_SECONDS, Session
from penstock_kit.clock import Clock


class MemorySessionStore:
    """A SessionStore of at most `max_sessions`, the one unused longest out first. Apart from the cache's own bounds."""

    def __init__(self, *, clock: Clock, max_sessions: int) -> None:
        self._clock = clock
        self._monotonic = clock.monotonic
        self._ended: ExpiringMap[bool] = ExpiringMap(max_entries=max_sessions, monotonic=clock.monotonic)
        self._sessions: ExpiringMap[Session] = ExpiringMap(max_entries=max_sessions, monotonic=clock.monotonic)

    async def put(self, key: str, session: Session, ttl: float) -> bool:
        """Create or replace, for `ttl` seconds; False when it was ended before."""
        if self._ended.get(key):
            return False
        self._sessions.put(key, session, self._monotonic() + ttl)
        return True

    async def extend(self, key: str, ttl: float) -> Session | None:
        """Let the live session live `ttl` seconds from now and return it."""
        session = self._sessions.get(key)
        if session is None:
            return None
        extended = replace(session, expire_time=self._clock.now() + timedelta(seconds=ttl))
        self._sessions.put(key, extended, self._monotonic() + ttl)
        return extended

    async def get(self, key: str) -> Session | None:
        """Return the live session."""
        return self._sessions.get(key)

    async def delete(self, key: str) -> bool:
        """End it for good; False when there was none."""
        self._ended.put(key, True, self._monotonic() + ENDED_SECONDS)
        return self._sessions.pop(key) is not None

    def sweep(self, limit: int) -> int:
        """Clear away at most `limit` expired sessions, and return how many it were."""
        return self._sessions.sweep(limit) + self._ended.sweep(limit)
