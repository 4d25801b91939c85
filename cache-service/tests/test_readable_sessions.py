"""Sessions while Redis is away: readable where they passed through, changed nowhere; what was ended stays so."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest

from cache_service.adapters.degrading.leases import ReadableSessions
from cache_service.adapters.memory.session import MemorySessionStore
from cache_service.domain.session import Session
from penstock_kit.errors import Unavailable
from penstock_kit.redis.link import RedisUnavailable
from penstock_testkit.clock import ManualClock
from penstock_testkit.waiting import until_true

NOW = datetime(2026, 1, 1, tzinfo=UTC)
KEY = "t\0s1"
SESSION = Session(id="s1", user_id="u", data={"a": b"1"}, create_time=NOW, expire_time=NOW + timedelta(hours=1))


class SharedSessions(MemorySessionStore):
    """The store that replicas share. It can be away, for everything or for ending alone."""

    is_away = False
    ends_nothing = False

    async def put(self, key: str, session: Session, ttl: float) -> bool:
        self._require()
        return await super().put(key, session, ttl)

    async def extend(self, key: str, ttl: float) -> Session | None:
        self._require()
        return await super().extend(key, ttl)

    async def get(self, key: str) -> Session | None:
        self._require()
        return await super().get(key)

    async def delete(self, key: str) -> bool:
        self._require()
        if self.ends_nothing:
            raise RedisUnavailable("away")
        return await super().delete(key)

    def _require(self) -> None:
        if self.is_away:
            raise RedisUnavailable("away")


@pytest.fixture
def shared(clock: ManualClock) -> SharedSessions:
    return SharedSessions(clock=clock, max_sessions=100)


@pytest.fixture
async def sessions(shared: SharedSessions, clock: ManualClock) -> AsyncIterator[ReadableSessions]:
    made = ReadableSessions(redis=shared, memory=MemorySessionStore(clock=clock, max_sessions=100))
    yield made
    await made.close()


async def refused(call: Awaitable[object]) -> None:
    with pytest.raises(Unavailable) as caught:
        await call
    assert (caught.value.reason, caught.value.retry_after) == ("SESSIONS_UNAVAILABLE", 1.0)


async def test_what_passed_through_is_readable_for_its_life_and_nothing_is_changed(
    sessions: ReadableSessions, shared: SharedSessions, clock: ManualClock
) -> None:
    assert await sessions.put(KEY, SESSION, 60.0)
    shared.is_away = True
    assert await sessions.get(KEY) == SESSION
    await refused(sessions.put("t\0s2", SESSION, 60.0))
    await refused(sessions.extend(KEY, 600.0))
    assert await sessions.get("t\0s2") is None
    clock.advance(61)
    assert await sessions.get(KEY) is None, "what was refused has not made it last longer"


async def test_a_session_that_was_extended_is_readable_for_its_longer_life(
    sessions: ReadableSessions, shared: SharedSessions, clock: ManualClock
) -> None:
    await sessions.put(KEY, SESSION, 60.0)
    assert await sessions.extend(KEY, 600.0)
    shared.is_away = True
    clock.advance(599)
    assert await sessions.get(KEY)
    clock.advance(2)
    assert await sessions.get(KEY) is None


USES: list[Callable[[ReadableSessions], Awaitable[object]]] = [
    lambda sessions: sessions.get(KEY),
    lambda sessions: sessions.extend(KEY, 60.0),
    lambda sessions: sessions.put(KEY, SESSION, 60.0),
]


@pytest.mark.parametrize("use", USES, ids=["get", "extend", "put"])
async def test_a_session_whose_end_still_waits_for_redis_is_used_by_nobody(
    sessions: ReadableSessions, shared: SharedSessions, use: Callable[[ReadableSessions], Awaitable[object]]
) -> None:
    await sessions.put(KEY, SESSION, 60.0)
    shared.ends_nothing = True
    await refused(sessions.delete(KEY))
    assert not await use(sessions), "Redis is there again, and has not been told yet"


async def test_an_end_that_was_refused_is_carried_out_as_soon_as_redis_is_back(
    sessions: ReadableSessions, shared: SharedSessions
) -> None:
    await sessions.put(KEY, SESSION, 60.0)
    shared.is_away = True
    await refused(sessions.delete(KEY))
    shared.is_away = False

    async def is_gone() -> bool:
        return await shared.get(KEY) is None

    await until_true(is_gone)
    assert not await sessions.put(KEY, SESSION, 60.0), "it was ended for good"


async def test_an_end_that_was_carried_out_is_told_as_it_was(sessions: ReadableSessions) -> None:
    await sessions.put(KEY, SESSION, 60.0)
    assert await sessions.delete(KEY)
    assert not await sessions.delete(KEY)
    assert await sessions.get(KEY) is None
