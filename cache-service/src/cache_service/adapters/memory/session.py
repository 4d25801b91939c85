"""Sessions in the memory of this process."""

from cache_service.adapters.memory.expiring_map import ExpiringMap
from cache_service.domain.session import Session
from penstock_kit.clock import Clock


class MemorySessionStore:
    """A SessionStore of at most `max_sessions`, the one unused longest out first. Apart from the cache's own bounds."""

    def __init__(self, *, clock: Clock, max_sessions: int) -> None:
        self._monotonic = clock.monotonic
        self._sessions: ExpiringMap[Session] = ExpiringMap(max_entries=max_sessions, monotonic=clock.monotonic)

    async def put(self, key: str, session: Session, ttl: float) -> None:
        """Create or replace, for `ttl` seconds."""
        self._sessions.put(key, session, self._monotonic() + ttl)

    async def get(self, key: str) -> Session | None:
        """Return the live session."""
        return self._sessions.get(key)

    async def delete(self, key: str) -> bool:
        """End it; False when there was none."""
        return self._sessions.pop(key) is not None

    def sweep(self, limit: int) -> int:
        """Clear away at most `limit` expired sessions, and return how many it were."""
        return self._sessions.sweep(limit)
