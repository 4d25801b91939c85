"""Sessions: a user's small state under an unguessable id, with a sliding life."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol

from cache_service.domain.limit import require_not_negative, require_positive, require_value_size
from cache_service.domain.partition import Partition
from penstock_kit.clock import Clock
from penstock_kit.errors import FailedPrecondition

DEFAULT_TTL: Final = 24 * 3600.0
ENDED_SECONDS: Final = 24 * 3600.0
"""How long it is remembered that an id was ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """`id` is the caller's own id within its partition; times are UTC."""

    id: str
    user_id: str
    data: Mapping[str, bytes]
    create_time: datetime
    expire_time: datetime


class SessionStore(Protocol):
    """Sessions by full key."""

    async def put(self, key: str, session: Session, ttl: float) -> bool:
        """Create or replace, for `ttl` seconds; False, and nothing is written, when it was ended before."""
        ...

    async def extend(self, key: str, ttl: float) -> Session | None:
        """Let the live session live `ttl` seconds from now and return it; its data stay as they are stored."""
        ...

    async def get(self, key: str) -> Session | None:
        """Return the live session."""
        ...

    async def delete(self, key: str) -> bool:
        """End it for good: the id can't be put again for a day. False when there was none."""
        ...


class Sessions:
    """Creates, reads, extends and ends sessions."""

    def __init__(self, *, store: SessionStore, clock: Clock, new_id: Callable[[], str]) -> None:
        self._store = store
        self._clock = clock
        self._new_id = new_id

    async def put(
        self, partition: Partition, *, session_id: str, user_id: str, data: Mapping[str, bytes], ttl: float
    ) -> Session:
        """Create a session (an empty id gets one) or replace it, keeping its creation time; 0 for 24 hours.

        Raises FailedPrecondition SESSION_CONFLICT for an id that was deleted: a request under way when its user
        left would bring the session back.
        """
        require_not_negative(ttl, "ttl")
        for value in data.values():
            require_value_size(value)
        session_id = session_id or self._new_id()
        key = partition.full(session_id, "session id")
        known = await self._store.get(key)
        now = self._clock.now()
        session = Session(
            id=session_id,
            user_id=user_id,
            data=dict(data),
            create_time=known.create_time if known is not None else now,
            expire_time=now + timedelta(seconds=ttl or DEFAULT_TTL),
        )
        if not await self._store.put(key, session, ttl or DEFAULT_TTL):
            message = f"session {session_id[:60]!r} was ended; leave the id empty for a new one"
            raise FailedPrecondition(message, reason="SESSION_CONFLICT")
        return session

    async def get(self, partition: Partition, *, session_id: str, extend: float = 0.0) -> Session | None:
        """Return the live session; with `extend` above 0 its life is that many seconds from now."""
        require_not_negative(extend, "extend")
        key = partition.full(session_id, "session id")
        if extend == 0:
            return await self._store.get(key)
        require_positive(extend, "extend", "leave it out to only read")
        return await self._store.extend(key, extend)

    async def delete(self, partition: Partition, *, session_id: str) -> bool:
        """End a session; False when there was none."""
        return await self._store.delete(partition.full(session_id, "session id"))
