"""Sessions in Redis, as JSON: written by one release and read by another, and never pickled."""

import base64
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

import orjson

from cache_service.adapters.redis.key import ended_session_key, session_key
from cache_service.adapters.redis.script_runner import ScriptRunner
from cache_service.domain.session import ENDED_SECONDS, Session
from penstock_kit.clock import Clock
from penstock_kit.redis.link import RedisLink
from penstock_kit.redis.script import Script

# KEYS session ended  ARGV value ttl_ms  → 1 unless it was ended
_PUT: Final = Script("""
if redis.call('EXISTS', KEYS[2]) == 1 then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
""")

# KEYS session  ARGV known value ttl_ms  → 1 when the session was still the known one
_EXTEND: Final = Script("""
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1
""")

# KEYS session ended  ARGV ended_ms  → 1 when there was one
_DELETE: Final = Script("""
redis.call('SET', KEYS[2], '1', 'PX', ARGV[1])
return redis.call('DEL', KEYS[1])
""")

_MOST_TRIES: Final = 10


class RedisSessionStore:
    """A SessionStore that replicas share. Every method raises RedisUnavailable when Redis is away."""

    def __init__(self, link: RedisLink, *, clock: Clock) -> None:
        self._link = link
        self._scripts = ScriptRunner(link)
        self._clock = clock

    async def put(self, key: str, session: Session, ttl: float) -> bool:
        """Create or replace, for `ttl` seconds; False when it was ended before."""
        keys = [session_key(key), ended_session_key(key)]
        return bool(await self._scripts.run(_PUT, keys, _encoded(session), _milliseconds(ttl)))

    async def get(self, key: str) -> Session | None:
        """Return the live session; what can't be read is none."""
        (value,) = await self._link.run([("GET", session_key(key))])
        return None if value is None else _decoded(value)

    async def extend(self, key: str, ttl: float) -> Session | None:
        """Let the live session live `ttl` seconds from now and return it; what was put meanwhile stays as it is."""
        session = None
        for _ in range(_MOST_TRIES):
            (value,) = await self._link.run([("GET", session_key(key))])
            session = None if value is None else _decoded(value)
            if session is None:
                return None
            session = replace(session, expire_time=self._clock.now() + timedelta(seconds=ttl))
            if await self._scripts.run(_EXTEND, [session_key(key)], value, _encoded(session), _milliseconds(ttl)):
                return session
        return session

    async def delete(self, key: str) -> bool:
        """End it for good; False when there was none."""
        keys = [session_key(key), ended_session_key(key)]
        return bool(await self._scripts.run(_DELETE, keys, _milliseconds(ENDED_SECONDS)))


def _milliseconds(seconds: float) -> int:
    return max(1, round(seconds * 1000))


def _encoded(session: Session) -> bytes:
    return orjson.dumps(
        {
            "id": session.id,
            "user_id": session.user_id,
            "data": {name: base64.b64encode(value).decode() for name, value in session.data.items()},
            "create_time": session.create_time.isoformat(),
            "expire_time": session.expire_time.isoformat(),
        }
    )


def _decoded(value: bytes) -> Session | None:
    try:
        known: dict[str, Any] = orjson.loads(value)
        return Session(
            id=known["id"],
            user_id=known["user_id"],
            data={name: base64.b64decode(text, validate=True) for name, text in known["data"].items()},
            create_time=datetime.fromisoformat(known["create_time"]),
            expire_time=datetime.fromisoformat(known["expire_time"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
